//! The one timing assumption of the protocol: a write's statement or COMMIT is over before its hold.
//! Databases can enforce that; here it is looked up whether this one does.

use super::Settings;
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

/// The limits that do not end a write before its hold.
fn too_long<'a>(limits: &'a [Named], settings: &Settings) -> Vec<&'a Named> {
    let exceeds = |named: &Named, hold: Duration| named.limit.is_none_or(|limit| limit >= hold);
    let statements_end =
        limits.iter().any(|named| named.name == "statement_timeout" && !exceeds(named, settings.hold));
    let concerns = |named: &&Named| match named.name.as_str() {
        // Waiting for a lock is part of the statement.
        "lock_timeout" => !statements_end && exceeds(named, settings.hold),
        "idle_in_transaction_session_timeout" => exceeds(named, settings.transaction_hold),
        _ => exceeds(named, settings.hold),
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
        hold = ?settings.hold, transaction_hold = ?settings.transaction_hold,
        "the database lets writes take longer than the cache keeps readers away from their rows: {}. Shorten \
         these, or lengthen the holds",
        too_long.iter().map(show).collect::<Vec<_>>().join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, seconds: u64) -> Named {
        Named { name: name.to_owned(), limit: Some(Duration::from_secs(seconds)).filter(|l| !l.is_zero()) }
    }

    fn names(limits: &[Named]) -> Vec<&str> {
        let settings = Settings {
            timeout: Duration::ZERO,
            tombstone_timeout: None,
            consistency: super::super::Consistency::Available,
            hold: Duration::from_secs(10),
            transaction_hold: Duration::from_secs(30),
            max_entry_bytes: 0,
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
