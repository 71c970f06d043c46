//! Indexes, related objects, cascades.

mod cascades;
mod fresh;
mod loaders;
mod lookups;
mod races;
mod related;
mod stock;
