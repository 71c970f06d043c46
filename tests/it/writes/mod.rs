//! Writing: what saves and deletes leave in the cache.

mod failed;
mod hooks;
mod plain;
mod saves;
mod spelling;
