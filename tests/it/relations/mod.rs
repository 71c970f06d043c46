//! Indexes, related objects, cascades.

mod cascades;
mod faults;
mod fresh;
mod loaders;
mod lookups;
mod nested;
mod races;
mod related;
mod stock;
