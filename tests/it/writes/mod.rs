//! Writing: what saves and deletes leave in the cache.

mod computed;
mod failed;
mod hooks;
mod plain;
mod routines;
mod saves;
mod siblings;
mod spelling;
mod whose;
