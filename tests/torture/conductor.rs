//! One run: servers, workers, faults, and the judgement.

use crate::checker::{self, Commit, Report};
use crate::faults::{FaultSet, Property};
use crate::history::{self, Counts, Event};
use crate::nemesis::Nemesis;
use crate::quiet::compare;
use crate::stage::{Database, Stage};
use crate::support::process::Keeper;
use crate::worker::stop_file;
use sea_orm::{ConnectionTrait, Statement};
use std::collections::BTreeMap;
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
    pub of_rows: usize,
    pub of_lists: usize,
}

/// Runs one fault set on one database.
pub async fn run(set: FaultSet, database: Database, seed: u64, duration: Duration) -> Verdict {
    let title = format!("{} on {}, seed {seed}, {} s", set.name, database.name(), duration.as_secs());
    println!("--- {title}");
    // The keeper takes the folder away, however this process ends.
    let folder = Keeper::of_folder("torture");
    let stage = Stage::set(database, &folder.folder).await;
    let mut nemesis = Nemesis::new(set, &stage, folder.folder.clone(), seed).await;
    let begun = Instant::now();
    nemesis.rage(duration).await;
    nemesis.relent().await;
    std::fs::write(stop_file(&folder.folder), "").expect("a file");
    let histories = nemesis.histories();
    let late = await_end(&nemesis).await;
    let ended = begun.elapsed();
    // Until the last hold is over. By then no statement of a killed worker waits for a lock any longer, to commit after
    // the audit.
    tokio::time::sleep(set.hold + Duration::from_secs(1)).await;
    let commits = audit(&stage).await;
    let histories: Vec<Vec<Event>> = histories.iter().map(|path| history::read(path)).collect();
    let mut report = checker::judge(&histories, &commits);
    if late > 0 {
        report.find(Property::P2, format!("{late} workers did not come to their end"));
    }
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

/// Keeps what led to findings, to be looked into.
fn keep(name: &str, folder: &Path, commits: &[Commit]) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).expect("a folder");
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with("history") {
            std::fs::copy(entry.path(), place.join(entry.file_name())).expect("a copy");
        }
    }
    let line = |Commit { row: (table, id), kind, rev, place }: &Commit| {
        format!("{table}{id} {kind} {rev} {place}\n")
    };
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
    let sql = "SELECT origin, kind, id, rev, place FROM audit ORDER BY seq";
    let statement = Statement::from_string(stage.db.get_database_backend(), sql);
    let rows = stage.db.query_all_raw(statement).await.expect("the audit");
    let letter = |row: &sea_orm::QueryResult, column: &str| {
        row.try_get::<String>("", column).ok().and_then(|text| text.chars().next()).expect("a letter")
    };
    let commit = |row: sea_orm::QueryResult| Commit {
        row: (letter(&row, "origin"), row.try_get("", "id").expect("an id")),
        kind: letter(&row, "kind"),
        rev: row.try_get("", "rev").expect("a revision"),
        place: row.try_get("", "place").expect("a list"),
    };
    rows.into_iter().map(commit).collect()
}

fn describe(
    report: &Report,
    histories: &[Vec<Event>],
    ended: Duration,
    standing: &BTreeMap<char, usize>,
    faults: &str,
) {
    let Report { reads, list_reads, committed, without_effect, unknown, counts, .. } = report;
    let Counts { hits, misses, list_hits, list_misses, list_fills, trips, lost_intents, errors } = counts;
    let writes = committed + without_effect + unknown;
    println!(
        "    {} operations of {} workers in {:.1} s: {reads} reads ({hits} hits, {misses} misses), {list_reads} of \
         lists ({list_hits} hits, {list_misses} misses, {list_fills} fills), {writes} writes ({committed} committed, \
         {without_effect} without effect, {unknown} unknown)",
        reads + list_reads + writes,
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
    let of_lists = report.findings.iter().filter(|finding| finding.of_list).count();
    println!("    findings: {counts:?}, {of_lists} of them of lists; unexpected: {unexpected}");
    let of_lists = report.findings.iter().filter(|finding| finding.of_list).count();
    Verdict { title, unexpected, of_rows: report.findings.len() - of_lists, of_lists }
}
