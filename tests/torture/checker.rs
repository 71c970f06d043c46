//! Judges histories against the log of what was committed.

use crate::faults::Property;
use crate::history::{Event, Kind, Outcome};
use std::collections::{BTreeMap, HashMap};
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
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub property: Property,
    pub text: String,
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
    pub committed: u64,
    pub without_effect: u64,
    pub unknown: u64,
    pub hits: u64,
    pub misses: u64,
    pub trips: u64,
    pub lost_intents: u64,
    pub errors: u64,
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn find(&mut self, property: Property, text: String) {
        self.findings.push(Finding { property, text });
    }
}

/// The states of one row in the order of their commits. The first is its absence at the start.
#[derive(Debug)]
struct States {
    /// The revision; `None` for an absence. With the kind, for the report.
    states: Vec<(Option<i64>, char)>,
    saved: HashMap<i64, usize>,
    deleted: HashMap<i64, usize>,
    absent: Vec<usize>,
    /// Not before this time was the state committed.
    earliest: Vec<u64>,
}

impl Default for States {
    fn default() -> Self {
        Self {
            states: vec![(None, '-')],
            saved: HashMap::new(),
            deleted: HashMap::new(),
            absent: vec![0],
            earliest: vec![0],
        }
    }
}

impl States {
    fn push(&mut self, commit: &Commit, begun: Option<u64>) {
        let index = self.states.len();
        if commit.kind == 'D' {
            self.states.push((None, 'D'));
            self.deleted.insert(commit.rev, index);
            self.absent.push(index);
        } else {
            self.states.push((Some(commit.rev), commit.kind));
            self.saved.insert(commit.rev, index);
        }
        let before = self.earliest[index - 1];
        let own = if commit.kind == 'D' { None } else { begun };
        self.earliest.push(own.map_or(before, |begun| begun.max(before)));
    }

    /// The first absence from this state on that a read which ended at `to` can have seen.
    fn absence_from(&self, floor: usize, to: u64) -> Option<usize> {
        let first = self.absent.partition_point(|&index| index < floor);
        self.absent.get(first).copied().filter(|&index| self.earliest[index] <= to)
    }

    fn around(&self, from: usize, to: usize) -> String {
        let (first, last) = (from.saturating_sub(1), (to + 2).min(self.states.len()));
        let state = |index: usize| {
            let (rev, kind) = self.states[index];
            format!("{index}:{kind}{}", rev.map_or(String::new(), |rev| format!("({rev})")))
        };
        (first..last.max(first)).take(12).map(state).collect::<Vec<_>>().join(" ")
    }
}

/// What happened to one row.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    to: u64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Read(Option<i64>),
    Committed(Kind, i64),
}

/// Judges the reads and writes of all workers.
pub fn judge(histories: &[Vec<Event>], commits: &[Commit]) -> Report {
    let mut report = Report::default();
    let mut begun: HashMap<i64, u64> = HashMap::new();
    let row_of: HashMap<i64, RowId> =
        commits.iter().filter(|commit| commit.kind != 'D').map(|commit| (commit.rev, commit.row)).collect();
    let mut spans: BTreeMap<RowId, Vec<Span>> = BTreeMap::new();
    for history in histories {
        collect(history, &row_of, &mut begun, &mut spans, &mut report);
    }
    let mut rows: BTreeMap<RowId, States> = BTreeMap::new();
    for commit in commits {
        rows.entry(commit.row).or_default().push(commit, begun.get(&commit.rev).copied());
    }
    for (row, spans) in spans {
        let states = rows.entry(row).or_default();
        judge_row(row, states, &spans, &mut report);
    }
    report
}

/// Sorts one history by rows.
fn collect(
    history: &[Event],
    row_of: &HashMap<i64, RowId>,
    begun: &mut HashMap<i64, u64>,
    spans: &mut BTreeMap<RowId, Vec<Span>>,
    report: &mut Report,
) {
    let mut open: HashMap<u64, Vec<(Kind, RowId, i64, u64)>> = HashMap::new();
    let mut counts = [0; 5];
    for event in history {
        match event {
            Event::Read { table, id, from, to, rev } => {
                report.reads += 1;
                let span = Span { from: *from, to: *to, what: What::Read(*rev) };
                spans.entry((*table, *id)).or_default().push(span);
            }
            Event::Write { operation, kind, table, id, rev, from } => {
                begun.insert(*rev, *from);
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
                    match outcome {
                        Outcome::Committed if kind == Kind::Delete || known.is_some() => {
                            let what = What::Committed(kind, rev);
                            let row = known.unwrap_or(row);
                            spans.entry(row).or_default().push(Span { from, to: *to, what });
                        }
                        Outcome::Committed => report.find(
                            Property::P3,
                            format!("revision {rev} of {row:?} was said to be committed, and is not"),
                        ),
                        Outcome::Nothing if known.is_some() => report.find(
                            Property::P3,
                            format!("revision {rev} of {row:?} was said not to be written, and is"),
                        ),
                        Outcome::Nothing | Outcome::Unknown => {}
                    }
                }
            }
            Event::Wrong(text) => report.find(Property::P3, text.clone()),
            Event::Counts { hits, misses, trips, lost_intents, errors } => {
                counts = [*hits, *misses, *trips, *lost_intents, *errors];
            }
            Event::Done => {}
        }
    }
    // What was under way when the worker died.
    report.unknown += open.len() as u64;
    report.hits += counts[0];
    report.misses += counts[1];
    report.trips += counts[2];
    report.lost_intents += counts[3];
    report.errors += counts[4];
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
            floors[index] = (written, seen);
            continue;
        }
        match span.what {
            What::Committed(kind, rev) => {
                let state = match kind {
                    Kind::Save => states.saved.get(&rev).copied(),
                    Kind::SaveAndDelete => states.deleted.get(&rev).copied(),
                    Kind::Delete => {
                        let after = floors[index].1 + 1;
                        let first = states.absent.partition_point(|&index| index < after);
                        states.absent.get(first).copied()
                    }
                };
                match state {
                    Some(state) => (written, seen) = (written.max(state), seen.max(state)),
                    None => report.find(
                        Property::P3,
                        format!("{kind:?} of {row:?}, revision {rev}, was said to be committed, and is not"),
                    ),
                }
            }
            What::Read(rev) => {
                let state = judge_read(row, states, span, rev, floors[index], report);
                seen = seen.max(state.unwrap_or(0));
            }
        }
    }
}

/// The state that was read; of several absences the oldest that may be.
fn judge_read(
    row: RowId,
    states: &States,
    span: &Span,
    rev: Option<i64>,
    (written, seen): (usize, usize),
    report: &mut Report,
) -> Option<usize> {
    let took = format!("{row:?}, {} µs from {}", (span.to - span.from) / 1_000, span.from);
    match rev {
        Some(rev) => {
            let Some(&state) = states.saved.get(&rev) else {
                report.find(Property::P3, format!("{took}: revision {rev} was never committed"));
                return None;
            };
            if states.earliest[state] > span.to {
                report.find(Property::P3, format!("{took}: revision {rev} was read before it was written"));
            }
            let older = |floor: usize| {
                format!("{took}: state {state}, {floor} was due: {}", states.around(state, floor))
            };
            if state < written {
                report.find(Property::P1, older(written));
            } else if state < seen {
                report.find(Property::P5, older(seen));
            }
            Some(state)
        }
        None => {
            let absence = states.absence_from(seen, span.to);
            let older = |floor: usize| {
                format!("{took}: an absence, {floor} was due: {}", states.around(floor, floor))
            };
            if states.absence_from(written, span.to).is_none() {
                report.find(Property::P4, older(written));
            } else if absence.is_none() {
                report.find(Property::P5, older(seen));
            }
            absence
        }
    }
}
