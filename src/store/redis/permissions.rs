//! What the Redis user must be allowed: without it nothing would be cached, and no error say why.

use super::faults::is_about_a_command;
use crate::store::{StoreError, StoreErrorKind};
use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::prelude::{FredResult, Value};
use fred::types::{ClusterHash, CustomCommand};

/// All that the store sends, and what its scripts call, as a rule of `ACL SETUSER`.
pub(super) const RULE: &str =
    "+get +mget +set +del +getrange +strlen +time +scan +info +evalsha +script|load";

/// A key of no row.
const KEY: &str = ":permissions";

/// Answers which of the commands that scripts call it may not call. The key is no key of the script: a user whose keys
/// are others may run it, and Redis looks at the command before it looks at the key.
const INNER: &str = "
local lacks = {}
local function try(name, ...)
  local reply = redis.pcall(name, ...)
  if type(reply) == 'table' and reply.err and string.find(reply.err, \"can't run\") then table.insert(lacks, name) end
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
    client: &WithOptions<Client>,
    prefix: &str,
    loaded: &FredResult<()>,
) -> Result<(), StoreError> {
    let key = [prefix, KEY].concat();
    let mut lacks: Vec<String> = Vec::new();
    let mut note = |name: &str, error: Option<&Error>| {
        if error.is_some_and(is_forbidden) && !lacks.iter().any(|lack| lack == name) {
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
        note(name, ask(client, name, arguments).await.err().as_ref());
    }
    if loaded.is_ok() {
        let sha = ask(client, "SCRIPT", vec!["LOAD", INNER]).await.ok().and_then(Value::into_string);
        let inner = ask(client, "EVALSHA", vec![sha.as_deref().unwrap_or_default(), "0", &key]).await;
        note("EVALSHA", inner.as_ref().err());
        if let Ok(Value::Array(names)) = inner {
            lacks.extend(names.into_iter().filter_map(Value::into_string));
            lacks.sort_unstable();
            lacks.dedup();
        }
    }
    if lacks.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the Redis user may not run {}. The store needs `ACL SETUSER <user> {RULE} ~{prefix}*`",
        lacks.join(", ")
    );
    Err(StoreError::new(StoreErrorKind::Config, message))
}

async fn ask(client: &WithOptions<Client>, name: &'static str, arguments: Vec<&str>) -> FredResult<Value> {
    // In a Cluster the script is run by the server that has been given it.
    let server = if matches!(name, "SCRIPT" | "EVALSHA") { ClusterHash::Custom(0) } else { ClusterHash::FirstKey };
    client.custom(CustomCommand::new_static(name, server, false), arguments).await
}

/// Whether the user may not run the command, with whatever key.
pub(super) fn is_forbidden(error: &Error) -> bool {
    error.details().starts_with("NOPERM") && is_about_a_command(error.details())
}
