//! What the Redis user must be allowed: without it nothing would be cached, and no error say why.

use super::node::Node;
use super::wire::{Request, RespValue, WireError};
use crate::store::{StoreError, StoreErrorKind};
use bytes::Bytes;
use std::time::Duration;

/// All that the store sends, and what its scripts call, as a rule of `ACL SETUSER`.
pub(super) const RULE: &str =
    "+get +mget +set +del +getrange +strlen +time +scan +info +evalsha +script|load";

/// What a Cluster needs besides.
const CLUSTER_RULE: &str = " +cluster|slots +cluster|nodes +asking";

/// A key of no row.
pub(super) const KEY: &str = ":permissions";

/// Answers which of the commands that scripts call it may not call. The key is no key of the script: a user whose keys
/// are others may run it, and Redis looks at the command before it looks at the key.
const INNER: &str = "
local lacks = {}
local function try(name, ...)
  local reply = redis.pcall(name, ...)
  local said = type(reply) == 'table' and reply.err or ''
  -- The first up to Redis 7.0, the second since 7.2 and in Valkey.
  if string.find(said, \"can't run\") or string.find(said, 'no permissions to run') then table.insert(lacks, name) end
end
try('TIME')
try('GET', ARGV[1])
try('MGET', ARGV[1])
try('GETRANGE', ARGV[1], '0', '1')
try('STRLEN', ARGV[1])
try('SET', ARGV[1], '', 'PX', '1')
try('DEL', ARGV[1])
return lacks";

/// Asks the server for each command once. `loaded` is what `SCRIPT LOAD` came to. What cannot be found out, because
/// the server is away, counts as allowed.
///
/// # Errors
/// The user lacks some of them.
pub(super) async fn check(
    node: &Node,
    is_cluster: bool,
    prefix: &str,
    loaded: &Result<(), WireError>,
    limit: Duration,
) -> Result<(), StoreError> {
    let key = [prefix, KEY].concat();
    let mut lacks: Vec<String> = Vec::new();
    let mut note = |name: &str, error: Option<&WireError>| {
        if error.is_some_and(WireError::is_forbidden) && !lacks.iter().any(|lack| lack == name) {
            lacks.push(name.to_owned());
        }
    };
    note("SCRIPT LOAD", loaded.as_ref().err());
    for (name, arguments) in [
        ("INFO", vec!["server"]),
        ("GET", vec![&key]),
        ("MGET", vec![&key]),
        ("SCAN", vec!["0", "MATCH", &key, "COUNT", "1"]),
    ] {
        note(name, ask(node, name, arguments, limit).await.err().as_ref());
    }
    if is_cluster {
        for (name, section) in [("CLUSTER SLOTS", "SLOTS"), ("CLUSTER NODES", "NODES")] {
            note(name, ask(node, "CLUSTER", vec![section], limit).await.err().as_ref());
        }
        note("ASKING", ask(node, "ASKING", Vec::new(), limit).await.err().as_ref());
    }
    if loaded.is_ok() {
        let sha = ask(node, "SCRIPT", vec!["LOAD", INNER], limit).await.ok().and_then(RespValue::into_text);
        let inner = ask(node, "EVALSHA", vec![sha.as_deref().unwrap_or_default(), "0", &key], limit).await;
        note("EVALSHA", inner.as_ref().err());
        if let Ok(RespValue::Array(names)) = inner {
            lacks.extend(names.into_iter().filter_map(RespValue::into_text));
            lacks.sort_unstable();
            lacks.dedup();
        }
    }
    if lacks.is_empty() {
        return Ok(());
    }
    let of_cluster = if is_cluster { CLUSTER_RULE } else { "" };
    let message = format!(
        "the Redis user may not run {}. The store needs `ACL SETUSER <user> {RULE}{of_cluster} ~{prefix}*`",
        lacks.join(", ")
    );
    Err(StoreError::new(StoreErrorKind::Config, message))
}

async fn ask(
    node: &Node,
    name: &'static str,
    arguments: Vec<&str>,
    limit: Duration,
) -> Result<RespValue, WireError> {
    let arguments = arguments.into_iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
    node.ask(Request::new(name, arguments), limit).await
}
