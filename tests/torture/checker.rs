//! Judges histories against the log of what was committed.

use crate::faults::Property;
use crate::history::{Counts, Event, Kind, Outcome};
use crate::states::States;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// A table and a primary key.
pub type RowId = (char, i64);

/// One line of the table `audit`.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    pub row: RowId,
    /// `I`, `U` or `D`.
    pub kind: char,
    pub rev: i64,
    /// The list that the row is in; 0 in tables without lists.
    pub place: i64,
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub property: Property,
    pub text: String,
    /// Whether a list was wrong, rather than a row.
    pub of_list: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.property, self.text)
    }
}

/// What was done, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    pub reads: u64,
    pub list_reads: u64,
    pub committed: u64,
    pub without_effect: u64,
    pub unknown: u64,
    pub counts: Counts,
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn find(&mut self, property: Property, text: String) {
        self.findings.push(Finding { property, text, of_list: false });
    }

    pub fn find_in_list(&mut self, property: Property, text: String) {
        self.findings.push(Finding { property, text, of_list: true });
    }
}

/// What happened to one row.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    to: u64,
    what: What,
    /// Whether it may be older than what others have read: a list that only the database knows the members of is
    /// emptied when a write ends, and not bypassed before.
    lags: bool,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Read(Option<i64>),
    /// Found in this list, with this revision.
    Member(i64, i64),
    /// Not found in this list.
    Missing(i64),
    Committed(Kind, i64),
}

/// A list that was read: for each row of the table it says whether the row was in it.
struct ListRead {
    lags: bool,
    place: i64,
    from: u64,
    to: u64,
    members: HashSet<i64>,
}

/// What was done to rows, and which lists were read, by their tables.
#[derive(Default)]
struct Collected {
    begun: HashMap<i64, u64>,
    spans: BTreeMap<RowId, Vec<Span>>,
    lists: HashMap<char, Vec<ListRead>>,
}

/// Judges the reads and writes of all workers.
pub fn judge(histories: &[Vec<Event>], commits: &[Commit]) -> Report {
    let mut report = Report::default();
    let row_of: HashMap<i64, RowId> =
        commits.iter().filter(|commit| commit.kind != 'D').map(|commit| (commit.rev, commit.row)).collect();
    let mut collected = Collected::default();
    for history in histories {
        collect(history, &row_of, &mut collected, &mut report);
    }
    let Collected { begun, mut spans, lists } = collected;
    let mut rows: BTreeMap<RowId, States> = BTreeMap::new();
    for commit in commits {
        rows.entry(commit.row).or_default().push(commit, begun.get(&commit.rev).copied());
    }
    // What was read and never committed is judged, too.
    for row in spans.keys() {
        rows.entry(*row).or_default();
    }
    for (row, states) in &rows {
        let mut spans = spans.remove(row).unwrap_or_default();
        missing(*row, states, lists.get(&row.0), &mut spans);
        judge_row(*row, states, &spans, &mut report);
    }
    report
}

/// Adds the lists in which the row was not found, as far as they can tell anything: at the latest when all is
/// quiet the row is known not to be there.
fn missing(row: RowId, states: &States, lists: Option<&Vec<ListRead>>, spans: &mut Vec<Span>) {
    let quiet = spans.iter().map(|span| span.to).max().unwrap_or(0);
    let mut was_in: HashMap<i64, bool> = HashMap::new();
    for ListRead { lags, place, from, to, members } in lists.into_iter().flatten() {
        let concerned = *was_in.entry(*place).or_insert_with(|| states.was_ever_in(*place));
        let plain = *from > quiet && !states.last().is_in(*place);
        if concerned && !plain && !members.contains(&row.1) {
            spans.push(Span { from: *from, to: *to, what: What::Missing(*place), lags: *lags });
        }
    }
}

/// Sorts one history by rows.
fn collect(history: &[Event], row_of: &HashMap<i64, RowId>, collected: &mut Collected, report: &mut Report) {
    let mut open: HashMap<u64, Vec<(Kind, RowId, i64, u64)>> = HashMap::new();
    let mut counts = Counts::default();
    for event in history {
        match event {
            Event::Read { table, id, from, to, rev } => {
                report.reads += 1;
                let span = Span { from: *from, to: *to, what: What::Read(*rev), lags: false };
                collected.spans.entry((*table, *id)).or_default().push(span);
            }
            Event::List { table, generated, place, from, to, rows } => {
                report.list_reads += 1;
                for (id, rev) in rows {
                    let what = What::Member(*place, *rev);
                    let span = Span { from: *from, to: *to, what, lags: *generated };
                    collected.spans.entry((*table, *id)).or_default().push(span);
                }
                let members = rows.iter().map(|(id, _)| *id).collect();
                let list = ListRead { lags: *generated, place: *place, from: *from, to: *to, members };
                collected.lists.entry(*table).or_default().push(list);
            }
            Event::Write { operation, kind, table, id, rev, from } => {
                collected.begun.insert(*rev, *from);
                open.entry(*operation).or_default().push((*kind, (*table, *id), *rev, *from));
            }
            Event::End { operation, to, outcome } => {
                let writes = open.remove(operation).unwrap_or_default();
                match outcome {
                    Outcome::Committed => report.committed += 1,
                    Outcome::Nothing => report.without_effect += 1,
                    Outcome::Unknown => report.unknown += 1,
                }
                for (kind, row, rev, from) in writes {
                    let known = row_of.get(&rev).copied();
                    if *outcome == Outcome::Committed && (kind == Kind::Delete || known.is_some()) {
                        let what = What::Committed(kind, rev);
                        let span = Span { from, to: *to, what, lags: false };
                        collected.spans.entry(known.unwrap_or(row)).or_default().push(span);
                    } else if let Some(wrong) = contradiction(*outcome, known.is_some()) {
                        report.find(Property::P3, format!("revision {rev} of {row:?} {wrong}"));
                    }
                }
            }
            Event::Wrong(text) => report.find(Property::P3, text.clone()),
            Event::Counts(so_far) => counts = *so_far,
            Event::Done => {}
        }
    }
    // What was under way when the worker died.
    report.unknown += open.len() as u64;
    report.counts.add(&counts);
}

/// What is wrong with a write of which this was said.
fn contradiction(outcome: Outcome, is_committed: bool) -> Option<&'static str> {
    match (outcome, is_committed) {
        (Outcome::Committed, false) => Some("was said to be committed, and is not"),
        (Outcome::Nothing, true) => Some("was said not to be written, and is"),
        _ => None,
    }
}

/// One sweep over time: at its beginning each span learns how old it may be, at its end it is judged
/// and binds those that begin later.
fn judge_row(row: RowId, states: &States, spans: &[Span], report: &mut Report) {
    let mut points: Vec<(u64, bool, usize)> = Vec::with_capacity(spans.len() * 2);
    for (index, span) in spans.iter().enumerate() {
        points.push((span.from, false, index));
        points.push((span.to, true, index));
    }
    points.sort_unstable();
    let mut floors = vec![(0, 0); spans.len()];
    // The newest state that a write has told of, and that anything has.
    let (mut written, mut seen) = (0, 0);
    for (_, ends, index) in points {
        let span = &spans[index];
        if !ends {
            floors[index] = (written, if span.lags { written } else { seen });
            continue;
        }
        let judged = Judged { row, states, span, floors: floors[index] };
        match span.what {
            What::Committed(kind, rev) => match judged.committed(kind, rev) {
                Some(state) => (written, seen) = (written.max(state), seen.max(state)),
                None => report.find(
                    Property::P3,
                    format!("{kind:?} of {row:?}, revision {rev}, was said to be committed, and is not"),
                ),
            },
            What::Read(Some(rev)) => seen = seen.max(judged.found(rev, None, report).unwrap_or(0)),
            What::Member(place, rev) => {
                seen = seen.max(judged.found(rev, Some(place), report).unwrap_or(0));
            }
            What::Read(None) => seen = seen.max(judged.not_found(report).unwrap_or(0)),
            What::Missing(place) => seen = seen.max(judged.not_listed(place, report).unwrap_or(0)),
        }
    }
}

/// A span whose turn it is.
struct Judged<'a> {
    row: RowId,
    states: &'a States,
    span: &'a Span,
    /// How old it may be: the newest state that a write had told of when it began, and that anything had.
    floors: (usize, usize),
}

impl Judged<'_> {
    /// The state that a write has made.
    fn committed(&self, kind: Kind, rev: i64) -> Option<usize> {
        match kind {
            Kind::Save => self.states.saved(rev),
            Kind::SaveAndDelete => self.states.deleted(rev),
            Kind::Delete => self.states.absence_after(self.floors.1),
        }
    }

    fn took(&self) -> String {
        let Span { from, to, .. } = self.span;
        format!("{:?}, {} µs from {from}", self.row, (to - from) / 1_000)
    }

    /// The state that was read, by itself or in a list.
    fn found(&self, rev: i64, list: Option<i64>, report: &mut Report) -> Option<usize> {
        let took = list.map_or(self.took(), |place| format!("{} in list {place}", self.took()));
        let mut find =
            |property, text| report.findings.push(Finding { property, text, of_list: list.is_some() });
        let Some(state) = self.states.saved(rev) else {
            find(Property::P3, format!("{took}: revision {rev} was never committed"));
            return None;
        };
        if list.is_some_and(|place| !self.states.get(state).is_in(place)) {
            find(Property::P3, format!("{took}: revision {rev} is in another list"));
        }
        if self.states.earliest(state) > self.span.to {
            find(Property::P3, format!("{took}: revision {rev} was read before it was written"));
        }
        let (written, seen) = self.floors;
        let older = |floor: usize| {
            format!("{took}: state {state}, {floor} was due: {}", self.states.around(state, floor))
        };
        if state < written {
            find(Property::P1, older(written));
        } else if state < seen {
            find(Property::P5, older(seen));
        }
        Some(state)
    }

    /// Of several absences the oldest that may be.
    fn not_found(&self, report: &mut Report) -> Option<usize> {
        let (written, seen) = self.floors;
        let from = |floor| self.states.first_from(floor, self.span.to, |state| state.rev.is_none());
        let older = |floor: usize| {
            format!("{}: an absence, {floor} was due: {}", self.took(), self.states.around(floor, floor))
        };
        if from(written).is_none() {
            report.find(Property::P4, older(written));
        } else if from(seen).is_none() {
            report.find(Property::P5, older(seen));
        }
        from(seen)
    }

    /// Of several states in which the row was not in this list the oldest that may be.
    fn not_listed(&self, place: i64, report: &mut Report) -> Option<usize> {
        let (written, seen) = self.floors;
        let from = |floor| self.states.first_from(floor, self.span.to, |state| !state.is_in(place));
        let older = |floor: usize| {
            let around = self.states.around(floor, floor);
            format!("{}: not in list {place}, {floor} was due: {around}", self.took())
        };
        if from(written).is_none() {
            report.find_in_list(Property::P1, older(written));
        } else if from(seen).is_none() {
            report.find_in_list(Property::P5, older(seen));
        }
        from(seen)
    }
}
