//! The tests on real servers, in one binary. Modules mirror the rooms of `src`.

mod app;
mod entities;
mod entries;
mod keys;
mod laws;
mod reads;
mod support;
mod telemetry;
mod writes;
