//! The tests on real servers, in one binary. Modules mirror the rooms of `src`.

mod coherence;
mod entities;
mod outage;
mod reads;
mod stores;
mod support;
mod transactions;
