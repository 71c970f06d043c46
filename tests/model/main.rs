//! The protocol, searched exhaustively within bounds: readers, writers, eviction and faults over one
//! key, with the transition functions that the crate itself runs.
//!
//! * P0: whatever entry the key holds agrees with the committed row, at every instant.
//! * P1: a read that starts after a write has returned never returns an older row.
//! * P2: once everybody is done the key holds the committed row or nothing.
//! * P3: nothing uncommitted is ever read.
//! * P4: a row is never hidden by an old tombstone after its insert has returned (P1 on absences).
//! * P5: of two reads one after the other the second never goes back in time.
//!
//! The default bounds take some twenty seconds; `AUTOCACHE_MODEL=long` searches wider ones. Every known-bad
//! variant of the protocol must be found, and prints its shortest trace.

#[allow(dead_code)]
#[path = "../it/support/process.rs"]
mod process;
mod real_lua;
mod search;
#[allow(dead_code)]
#[path = "../it/support/servers.rs"]
mod servers;
mod variants;
mod world;

use search::{Property, Report, search};
use variants::Variant;
use world::{Faults, Setup, WriterKind};

use Property::{P0, P1, P2, P3, P5};

fn setup(readers: usize, writers: &[WriterKind], faults: Faults) -> Setup {
    let writers = writers.to_vec();
    Setup { readers, seeders: 0, writers, scattered: false, faults, variant: Variant::Sound }
}

fn long() -> bool {
    std::env::var("AUTOCACHE_MODEL").is_ok_and(|wanted| wanted == "long")
}

/// Searches and compares with the verdict that was written down before.
fn verdict(name: &str, setup: &Setup, broken: &[Property]) -> Report {
    let report = search(setup);
    println!("{name}: {} states, broken: {:?}", report.states, report.broken());
    for (property, trace) in &report.traces {
        if !broken.contains(property) {
            println!("{property:?} breaks unexpectedly in {} steps:\n{}", trace.len(), trace.join("\n"));
        }
    }
    assert_eq!(report.broken(), broken, "{name}");
    report
}

use WriterKind::{Autocommit, Birth, BirthPublished, Transaction};

/// The verdicts under each set of faults. What is lost under the loss of an intent is lost for a
/// moment only, and what two faults together break is one stale entry until it expires.
#[test]
fn the_verdict_under_each_set_of_faults_is_the_expected_one() {
    let none = Faults::default();
    let crash = Faults { crashes: 1, ..none };
    let unknown = Faults { unknown_commits: true, ..none };
    let lost = Faults { lost_finishes: true, ..none };
    let all_three = Faults { crashes: 1, unknown_commits: true, lost_finishes: true, ..none };
    let evicted = Faults { evicted_intents: true, ..none };
    let expired = Faults { early_expiries: true, ..none };
    let table: [(&str, Faults, &[Property]); 11] = [
        ("no fault", none, &[]),
        ("a crash", crash, &[]),
        ("unknown COMMIT", unknown, &[]),
        ("finish lost or late", lost, &[]),
        ("crash, unknown COMMIT, finish lost", all_three, &[]),
        ("intent evicted", evicted, &[P0, P5]),
        ("hold too short", expired, &[P0, P5]),
        ("intent evicted and a crash", Faults { crashes: 1, ..evicted }, &[P0, P2, P5]),
        ("hold too short and a crash", Faults { crashes: 1, ..expired }, &[P0, P2, P5]),
        ("hold too short and finish lost", Faults { lost_finishes: true, ..expired }, &[P0, P2, P5]),
        ("intent evicted and finish lost", Faults { lost_finishes: true, ..evicted }, &[P0, P1, P2, P5]),
    ];
    let readers = if long() { 3 } else { 2 };
    for (name, faults, broken) in table {
        verdict(name, &setup(readers, &[Autocommit, Transaction], faults), broken);
    }
    if long() {
        verdict("three writers", &setup(1, &[Autocommit, Transaction, Autocommit], all_three), &[]);
    }
}

/// P4: the key of a new row is not known before its commit, so nothing announces it.
#[test]
fn an_insert_whose_key_the_database_makes_hides_behind_no_tombstone() {
    verdict("strict birth", &setup(2, &[Birth, Autocommit], Faults::default()), &[P0]);
    // Who dies after the insert and before it has told of it leaves the absence that was remembered.
    let crash = Faults { crashes: 1, ..Faults::default() };
    verdict("strict birth and a crash", &setup(2, &[Birth], crash), &[P0, P2]);
    // Published at once it saves the first read, at the price of one race: the entry of a later
    // writer has come and gone before the insert's own publish arrives.
    verdict("published birth", &setup(1, &[BirthPublished, Autocommit], Faults::default()), &[P0, P1, P2]);
}

/// Each known-bad variant breaks what it was expected to break.
#[test]
fn every_known_bad_variant_is_found() {
    let none = Faults::default();
    let evicted = Faults { evicted_intents: true, ..none };
    let unknown = Faults { unknown_commits: true, ..none };
    let crash = Faults { crashes: 1, ..none };
    let table = [
        (Variant::NoLeaseCheck, none, P1),
        (Variant::NoStickyDirty, none, P2),
        (Variant::NoIntent, none, P1),
        (Variant::MissingTokenPublishes, evicted, P2),
        (Variant::MissingTokenIgnored, evicted, P2),
        (Variant::ReleaseOnUnknownCommit, unknown, P2),
        (Variant::LastTokenOnly, crash, P2),
        (Variant::NaiveSingleFlight, none, P1),
        (Variant::PublishBeforeCommit, none, P3),
    ];
    for (variant, faults, property) in table {
        let writers = [Autocommit, Transaction];
        is_found(&Setup { variant, ..setup(2, &writers, faults) }, property);
    }
}

fn is_found(setup: &Setup, property: Property) {
    let (variant, report) = (setup.variant, search(setup));
    let trace = report.traces.get(&property);
    let trace = trace.unwrap_or_else(|| panic!("{variant:?} does not break {property:?}"));
    println!("{variant:?} breaks {property:?} in {} steps:\n  {}", trace.len(), trace.join("\n  "));
}

fn seeding(seeders: usize, writers: &[WriterKind], faults: Faults) -> Setup {
    Setup { seeders, ..setup(1, writers, faults) }
}

/// Rows that are found by way of a list are filled under a lease that is younger than the read.
#[test]
fn rows_that_a_list_has_found_are_as_good_as_those_that_were_asked_for() {
    let none = Faults::default();
    let crash = Faults { crashes: 1, ..none };
    let unknown_and_lost = Faults { unknown_commits: true, lost_finishes: true, ..none };
    let expired = Faults { early_expiries: true, ..none };
    let table: [(&str, Faults, &[Property]); 4] = [
        ("a list, no fault", none, &[]),
        ("a list and a crash", crash, &[]),
        ("a list, unknown COMMIT, finish lost", unknown_and_lost, &[]),
        ("a list, hold too short", expired, &[P0, P5]),
    ];
    for (name, faults, broken) in table {
        verdict(name, &seeding(1, &[Autocommit, Transaction], faults), broken);
    }
    // Two readers of lists, of which one relies on the mark of the other.
    verdict("two lists", &seeding(2, &[Autocommit], none), &[]);
}

#[test]
fn without_the_fence_rows_that_a_list_has_found_may_be_old() {
    for variant in [Variant::NoFenceCheck, Variant::FenceWipedLast] {
        is_found(&Setup { readers: 0, variant, ..seeding(1, &[Autocommit], Faults::default()) }, P2);
    }
}

fn scattered(readers: usize, seeders: usize, writers: &[WriterKind], faults: Faults) -> Setup {
    Setup { seeders, scattered: true, ..setup(readers, writers, faults) }
}

/// Where rows and their fence are on several servers, no order of the steps of one round trip is needed.
#[test]
fn where_the_steps_of_one_round_trip_run_in_any_order_rows_of_lists_are_as_good() {
    let none = Faults::default();
    let crash = Faults { crashes: 1, ..none };
    let unknown = Faults { unknown_commits: true, ..none };
    let lost = Faults { lost_finishes: true, ..none };
    let evicted = Faults { evicted_intents: true, ..none };
    let expired = Faults { early_expiries: true, ..none };
    let (two, one) = (&[Autocommit, Transaction][..], &[Autocommit][..]);
    // By one writer nobody is led back in time.
    let (few, lost_for_a_moment) = if long() { (two, &[P0, P5][..]) } else { (one, &[P0][..]) };
    let table: [(&str, Faults, &[WriterKind], &[Property]); 6] = [
        ("scattered, no fault", none, two, &[]),
        ("scattered, a crash", crash, two, &[]),
        ("scattered, unknown COMMIT", unknown, two, &[]),
        ("scattered, finish lost", lost, few, &[]),
        ("scattered, intent evicted", evicted, few, lost_for_a_moment),
        ("scattered, hold too short", expired, few, lost_for_a_moment),
    ];
    for (name, faults, writers, broken) in table {
        verdict(name, &scattered(1, 1, writers, faults), broken);
    }
    verdict("scattered, two lists", &scattered(0, 2, &[Autocommit, Autocommit], none), &[]);
}

#[test]
fn where_they_run_in_any_order_each_part_of_the_fence_is_needed() {
    let none = Faults::default();
    let evicted = Faults { evicted_intents: true, ..none };
    let table = [
        (Variant::NoFenceIntent, none, P2),
        (Variant::FenceFinishedEarly, none, P2),
        // For a moment: the writer finds its intent lost, and invalidates the row again.
        (Variant::MarkOverIntent, none, P0),
        (Variant::AnythingIsAMark, none, P2),
        (Variant::NoFenceCheck, none, P2),
        (Variant::FenceLossIgnored, evicted, P2),
    ];
    for (variant, faults, property) in table {
        is_found(&Setup { variant, ..scattered(0, 1, &[Autocommit], faults) }, property);
    }
}
