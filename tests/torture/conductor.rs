//! One run: servers, workers, faults, and the judgement.

use crate::checker::{self, Commit, Report, RowId};
use crate::entities::{Rows, born, slot};
use crate::faults::{FaultSet, Property};
use crate::history::{self, Event};
use crate::nemesis::Nemesis;
use crate::stage::{Database, Stage};
use crate::support::process::{Keeper, fresh_folder};
use crate::worker::{SLOTS, stop_file};
use fred::interfaces::{ClientLike, KeysInterface};
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use sea_orm_autocache::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long workers may take to come to their end.
const END_LIMIT: Duration = Duration::from_secs(40);
/// What is shown of many findings.
const SHOWN: usize = 6;

/// What a run has come to.
pub struct Verdict {
    pub title: String,
    /// Violations of what must hold.
    pub unexpected: usize,
    pub findings: usize,
}

/// Runs one fault set on one database.
pub async fn run(set: FaultSet, database: Database, seed: u64, duration: Duration) -> Verdict {
    let title = format!("{} on {}, seed {seed}, {} s", set.name, database.name(), duration.as_secs());
    println!("--- {title}");
    // The keeper takes the folder away, however this process ends.
    let folder = Keeper::start(&["true".to_owned()], fresh_folder("torture"));
    let stage = Stage::set(database, &folder.folder).await;
    let mut nemesis = Nemesis::new(set, &stage, folder.folder.clone(), seed).await;
    let begun = Instant::now();
    nemesis.rage(duration).await;
    nemesis.relent().await;
    std::fs::write(stop_file(&folder.folder), "").expect("a file");
    let histories = nemesis.histories();
    let late = await_end(&nemesis).await;
    let ended = begun.elapsed();
    let commits = audit(&stage).await;
    let histories: Vec<Vec<Event>> = histories.iter().map(|path| history::read(path)).collect();
    let mut report = checker::judge(&histories, &commits);
    if late > 0 {
        report.find(Property::P2, format!("{late} workers did not come to their end"));
    }
    // Until the last hold is over.
    tokio::time::sleep(set.hold + Duration::from_secs(1)).await;
    let standing = compare(&nemesis, &stage, &commits, &mut report).await;
    let faults: Vec<String> =
        nemesis.done.iter().map(|(fault, count)| format!("{fault:?} {count}")).collect();
    describe(&report, &histories, ended, &standing, &faults.join(", "));
    let verdict = verdict(title, &set, &report);
    if verdict.unexpected > 0 {
        keep(&format!("torture-{}-{}-{seed}", set.name, database.name()), &folder.folder, &commits);
    }
    verdict
}

/// Keeps what led to findings for whoever looks into them.
fn keep(name: &str, folder: &Path, commits: &[Commit]) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).expect("a folder");
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with("history") {
            std::fs::copy(entry.path(), place.join(entry.file_name())).expect("a copy");
        }
    }
    let line = |Commit { row: (table, id), kind, rev }: &Commit| format!("{table}{id} {kind} {rev}\n");
    std::fs::write(place.join("audit"), commits.iter().map(line).collect::<String>()).expect("a file");
    println!("    histories: {}", place.display());
}

async fn await_end(nemesis: &Nemesis) -> usize {
    let begun = Instant::now();
    loop {
        let late = nemesis.living().iter().filter(|path| !history::is_done(path)).count();
        if late == 0 || begun.elapsed() > END_LIMIT {
            return late;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn audit(stage: &Stage) -> Vec<Commit> {
    let sql = "SELECT origin, kind, id, rev FROM audit ORDER BY seq";
    let statement = Statement::from_string(stage.db.get_database_backend(), sql);
    let rows = stage.db.query_all_raw(statement).await.expect("the audit");
    let letter = |row: &sea_orm::QueryResult, column: &str| {
        row.try_get::<String>("", column).ok().and_then(|text| text.chars().next()).expect("a letter")
    };
    let commit = |row: sea_orm::QueryResult| Commit {
        row: (letter(&row, "origin"), row.try_get("", "id").expect("an id")),
        kind: letter(&row, "kind"),
        rev: row.try_get("", "rev").expect("a revision"),
    };
    rows.into_iter().map(commit).collect()
}

/// P2: what a newcomer is told of each row, against the database. Returns what stands in Redis, by kind.
async fn compare(
    nemesis: &Nemesis,
    stage: &Stage,
    commits: &[Commit],
    report: &mut Report,
) -> BTreeMap<char, usize> {
    let url = nemesis.redis_url();
    let store = RedisStore::connect(&url).await.expect("a store");
    let builder = Autocache::builder(stage.db.clone()).app("torture").backend("default", store);
    let autocache = builder.consistency(nemesis.set.consistency).build().expect("an Autocache");
    let redis = crate::naive::connect(&url).await;
    let mut last: BTreeMap<RowId, Option<i64>> = (1..=SLOTS).map(|id| (('s', id), None)).collect();
    for commit in commits {
        last.insert(commit.row, (commit.kind != 'D').then_some(commit.rev));
    }
    let born: BTreeSet<i64> = last.keys().filter(|(table, _)| *table == 'b').map(|(_, id)| *id).collect();
    let newest = born.last().copied().unwrap_or(0);
    // Keys that were asked for and never came into use.
    last.extend((newest + 1..newest + 20).map(|id| (('b', id), None)));
    let mut standing = BTreeMap::new();
    for ((table, id), logged) in last {
        let key = match table {
            's' => autocache.cache::<slot::Entity>().make_key(id),
            _ => autocache.cache::<born::Entity>().make_key(id),
        };
        let bytes: Option<Vec<u8>> = redis.get(&key).await.expect("a key");
        let (stored, told) = if table == 's' {
            let stored = slot::Entity::find_by_id(id).one(&stage.db).await.expect("a row");
            let told = slot::Entity::row(&autocache, id).await.expect("a row");
            (rev_of::<slot::Entity>(stored), rev_of::<slot::Entity>(told))
        } else {
            let stored = born::Entity::find_by_id(id).one(&stage.db).await.expect("a row");
            let told = born::Entity::row(&autocache, id).await.expect("a row");
            (rev_of::<born::Entity>(stored), rev_of::<born::Entity>(told))
        };
        assert_eq!(stored, logged.map(Some), "the triggers have missed a commit of {table}{id}");
        let told = if nemesis.set.naive {
            bytes.as_ref().map_or(stored, |bytes| Some(String::from_utf8_lossy(bytes).parse().ok()))
        } else {
            told
        };
        if let Some(kind) = bytes.and_then(|bytes| bytes.first().copied()) {
            *standing.entry(char::from(kind)).or_default() += 1;
        }
        if stored != told {
            report.find(Property::P2, format!("{table}{id} is {stored:?}, and the cache says {told:?}"));
        }
    }
    redis.quit().await.expect("a closed connection");
    standing
}

fn rev_of<E: Rows>(found: Option<E::Model>) -> Option<Option<i64>> {
    found.map(|model| E::rev(&model))
}

fn describe(
    report: &Report,
    histories: &[Vec<Event>],
    ended: Duration,
    standing: &BTreeMap<char, usize>,
    faults: &str,
) {
    let Report {
        reads, committed, without_effect, unknown, hits, misses, trips, lost_intents, errors, ..
    } = report;
    let writes = committed + without_effect + unknown;
    println!(
        "    {} operations of {} workers in {:.1} s: {reads} reads ({hits} hits, {misses} misses), {writes} writes \
         ({committed} committed, {without_effect} without effect, {unknown} unknown)",
        reads + writes,
        histories.len(),
        ended.as_secs_f64(),
    );
    println!("    breaker opened {trips} times, {lost_intents} intents lost, {errors} errors of the store");
    println!("    left in Redis, by kind: {standing:?}");
    println!("    faults: {}", if faults.is_empty() { "none" } else { faults });
}

fn verdict(title: String, set: &FaultSet, report: &Report) -> Verdict {
    let mut counts: BTreeMap<Property, usize> = BTreeMap::new();
    let mut shown: BTreeMap<Property, usize> = BTreeMap::new();
    for finding in &report.findings {
        *counts.entry(finding.property).or_default() += 1;
        let times = shown.entry(finding.property).or_default();
        *times += 1;
        if *times <= SHOWN && !set.may_break.contains(&finding.property) {
            println!("    FOUND {finding}");
        }
    }
    let unexpected = report.findings.iter().filter(|f| !set.may_break.contains(&f.property)).count();
    println!("    findings: {counts:?}; unexpected: {unexpected}");
    Verdict { title, unexpected, findings: report.findings.len() }
}
