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
                Ok(limits) => warn_of(database.get_database_backend(), &limits, &settings),
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

fn warn_of(backend: DbBackend, limits: &[Named], settings: &Settings) {
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
        "the database lets writes take longer than the TTL of their intents: {}. Run `{}`, which new connections \
         obey; or lengthen the TTLs by `intent_ttl` and `transaction_intent_ttl`",
        too_long.iter().map(show).collect::<Vec<_>>().join(", "),
        remedy(backend, &too_long, settings)
    );
}

/// The statements after which none of these is too long. Half of the TTL is left for the COMMIT.
fn remedy(backend: DbBackend, too_long: &[&Named], settings: &Settings) -> String {
    let statement = |named: &&Named| match (backend, named.name.as_str()) {
        // A limit on statements ends their waits for locks, too.
        (_, "lock_timeout") => None,
        (DbBackend::Postgres, name) => {
            let ttl = match name {
                "statement_timeout" => settings.intent_ttl,
                _ => settings.transaction_intent_ttl,
            };
            Some(format!("ALTER ROLE CURRENT_USER SET {name} = '{}ms'", (ttl / 2).as_millis().max(1)))
        }
        (_, name) => Some(format!("SET GLOBAL {name} = {}", (settings.intent_ttl / 2).as_secs().max(1))),
    };
    too_long.iter().filter_map(statement).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Consistency, UntrackedWrites};

    fn named(name: &str, seconds: u64) -> Named {
        Named { name: name.to_owned(), limit: Some(Duration::from_secs(seconds)).filter(|l| !l.is_zero()) }
    }

    const SETTINGS: Settings = Settings {
        ttl: Duration::ZERO,
        tombstone_ttl: None,
        consistency: Consistency::Available,
        intent_ttl: Duration::from_secs(10),
        transaction_intent_ttl: Duration::from_secs(30),
        max_entry_bytes: 0,
        untracked_writes: UntrackedWrites::Invalidate,
        other_databases: false,
    };

    fn names(limits: &[Named]) -> Vec<&str> {
        too_long(limits, &SETTINGS).iter().map(|named| named.name.as_str()).collect()
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

    #[test]
    fn what_is_too_long_comes_with_the_statement_that_mends_it() {
        let idle = "idle_in_transaction_session_timeout";
        let stock = [named("statement_timeout", 0), named("lock_timeout", 0), named(idle, 0)];
        assert_eq!(
            remedy(DbBackend::Postgres, &too_long(&stock, &SETTINGS), &SETTINGS),
            "ALTER ROLE CURRENT_USER SET statement_timeout = '5000ms'; \
             ALTER ROLE CURRENT_USER SET idle_in_transaction_session_timeout = '15000ms'"
        );
        let stock = [named("innodb_lock_wait_timeout", 50)];
        let remedy = remedy(DbBackend::MySql, &too_long(&stock, &SETTINGS), &SETTINGS);
        assert_eq!(remedy, "SET GLOBAL innodb_lock_wait_timeout = 5");
    }
}
