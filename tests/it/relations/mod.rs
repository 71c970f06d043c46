//! Indexes, related objects, cascades.

mod cascades;
mod composite;
mod conversions;
mod dense;
mod faults;
mod fresh;
mod loaders;
mod lookups;
mod nested;
mod races;
mod related;
mod scattered;
mod seeds;
mod stock;
