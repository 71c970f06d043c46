//! The tests on real servers, in one binary. Modules mirror the rooms of `src`.

#![allow(clippy::large_futures)]

mod answers;
mod app;
mod bulk;
mod cancellation;
mod cluster;
mod coherence;
mod connection;
mod entities;
mod entries;
mod guard;
mod identity;
mod keys;
mod laws;
mod outage;
mod reach;
mod reads;
mod refusals;
mod relations;
mod runtimes;
mod savepoints;
mod sentinel;
mod stores;
mod supervised;
mod support;
mod telemetry;
mod testing;
#[cfg(feature = "tls-rustls-ring")]
mod tls;
mod transactions;
mod writes;
