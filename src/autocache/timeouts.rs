//! The one timing assumption of the protocol: a write's statement or COMMIT is over within the intent TTL.
//! Databases can enforce that; this checks whether this one does.

use crate::settings::Settings;
use crate::telemetry::TARGET;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use std::time::Duration;

/// How long the database lets something wait; `None` is without limit.
type Limit = Option<Duration>;

pub(super) fn check_in_background(database: &DatabaseConnection, settings: &Settings) {
    let asks = matches!(super::dialect(database), Some(DbBackend::Postgres | DbBackend::MySql));
    if !asks || database.is_mock_connection() {
        return;
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let (database, settings) = (database.clone(), *settings);
        runtime.spawn(async move {
            match limits(&database).await {
                Ok(limits) => warn_of(&limits, &settings),
                Err(error) => tracing::debug!(target: TARGET, %error, "the database's timeouts are unknown"),
            }
        });
    }
}

#[derive(Debug, PartialEq)]
struct Named {
    name: String,
    limit: Limit,
}

async fn limits(database: &DatabaseConnection) -> Result<Vec<Named>, DbErr> {
    let backend = database.get_database_backend();
    let postgres = backend == DbBackend::Postgres;
    let sql = if postgres {
        "SELECT name::text AS name, setting::bigint AS setting FROM pg_settings WHERE name IN \
         ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout')"
    } else {
        "SELECT 'innodb_lock_wait_timeout' AS name, CAST(@@innodb_lock_wait_timeout AS SIGNED) AS setting"
    };
    let rows = database.query_all_raw(Statement::from_string(backend, sql)).await?;
    let named = |row: sea_orm::QueryResult| {
        let setting = u64::try_from(row.try_get::<i64>("", "setting")?).unwrap_or(0);
        let limit = if postgres { Duration::from_millis(setting) } else { Duration::from_secs(setting) };
        let limit = Some(limit).filter(|limit| !limit.is_zero());
        Ok(Named { name: row.try_get("", "name")?, limit })
    };
    rows.into_iter().map(named).collect()
}

/// The limits that do not end a write within its intent TTL.
fn too_long<'a>(limits: &'a [Named], settings: &Settings) -> Vec<&'a Named> {
    let exceeds = |named: &Named, ttl: Duration| named.limit.is_none_or(|limit| limit >= ttl);
    let statements_end =
        limits.iter().any(|named| named.name == "statement_timeout" && !exceeds(named, settings.intent_ttl));
    let concerns = |named: &&Named| match named.name.as_str() {
        // Waiting for a lock is part of the statement.
        "lock_timeout" => !statements_end && exceeds(named, settings.intent_ttl),
        "idle_in_transaction_session_timeout" => exceeds(named, settings.transaction_intent_ttl),
        _ => exceeds(named, settings.intent_ttl),
    };
    limits.iter().filter(concerns).collect()
}

fn warn_of(limits: &[Named], settings: &Settings) {
    let too_long = too_long(limits, settings);
    if too_long.is_empty() {
        return;
    }
    let show = |named: &&Named| match named.limit {
        Some(limit) => format!("{} = {limit:?}", named.name),
        None => format!("{} = no limit", named.name),
    };
    tracing::warn!(
        target: TARGET,
        intent_ttl = ?settings.intent_ttl, transaction_intent_ttl = ?settings.transaction_intent_ttl,
        "the database lets writes take longer than the TTL of their intents: {}. Shorten these, or lengthen the \
         TTLs",
        too_long.iter().map(show).collect::<Vec<_>>().join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Consistency, UntrackedWrites};

    fn named(name: &str, seconds: u64) -> Named {
        Named { name: name.to_owned(), limit: Some(Duration::from_secs(seconds)).filter(|l| !l.is_zero()) }
    }

    fn names(limits: &[Named]) -> Vec<&str> {
        let settings = Settings {
            ttl: Duration::ZERO,
            tombstone_ttl: None,
            consistency: Consistency::Available,
            intent_ttl: Duration::from_secs(10),
            transaction_intent_ttl: Duration::from_secs(30),
            max_entry_bytes: 0,
            untracked_writes: UntrackedWrites::Invalidate,
        };
        too_long(limits, &settings).iter().map(|named| named.name.as_str()).collect()
    }

    #[test]
    fn what_has_no_limit_or_a_longer_one_is_named() {
        let idle = "idle_in_transaction_session_timeout";
        assert_eq!(
            names(&[named("statement_timeout", 0), named("lock_timeout", 0), named(idle, 0)]).len(),
            3
        );
        assert_eq!(
            names(&[named("statement_timeout", 5), named("lock_timeout", 0), named(idle, 20)]),
            [""; 0]
        );
        assert_eq!(names(&[named("innodb_lock_wait_timeout", 50)]), ["innodb_lock_wait_timeout"]);
        assert_eq!(names(&[named("innodb_lock_wait_timeout", 9)]), [""; 0]);
    }
}
