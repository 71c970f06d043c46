//! What workers write down as they go, and the clock they do it by.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Nanoseconds of a clock that all processes of the machine share.
pub fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let nanoseconds = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    nanoseconds.try_into().expect("a time after the start of the machine")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Save,
    /// A save and then a delete, in one transaction.
    SaveAndDelete,
    /// A delete by itself. The revision is the operation's own, no row ever has it.
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller was told that it is committed.
    Committed,
    /// The caller was told that nothing has changed.
    Nothing,
    /// It may take effect at any time, or never.
    Unknown,
}

/// The worker's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub hits: u64,
    pub misses: u64,
    pub list_hits: u64,
    pub list_misses: u64,
    pub list_fills: u64,
    pub trips: u64,
    pub lost_intents: u64,
    pub errors: u64,
}

impl Counts {
    fn numbers(&mut self) -> [&mut u64; 8] {
        let Self { hits, misses, list_hits, list_misses, list_fills, trips, lost_intents, errors } = self;
        [hits, misses, list_hits, list_misses, list_fills, trips, lost_intents, errors]
    }

    pub fn add(&mut self, other: &Self) {
        let mut other = *other;
        self.numbers().into_iter().zip(other.numbers()).for_each(|(own, other)| *own += *other);
    }
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Read {
        table: char,
        id: i64,
        from: u64,
        to: u64,
        rev: Option<i64>,
    },
    /// The rows of a list, with their revisions.
    List {
        table: char,
        /// Whether only the database knows which rows join it.
        generated: bool,
        place: i64,
        from: u64,
        to: u64,
        rows: Vec<(i64, i64)>,
    },
    /// A write begins. Those of one transaction share the operation.
    Write {
        operation: u64,
        kind: Kind,
        table: char,
        id: i64,
        rev: i64,
        from: u64,
    },
    End {
        operation: u64,
        to: u64,
        outcome: Outcome,
    },
    /// What must not be, seen by the worker itself.
    Wrong(String),
    /// The worker's counters so far.
    Counts(Counts),
    /// The worker has come to its end.
    Done,
}

impl Event {
    fn line(&self) -> String {
        match self {
            Self::Read { table, id, from, to, rev } => {
                format!("r {table} {id} {from} {to} {}", rev.map_or("-".to_owned(), |rev| rev.to_string()))
            }
            Self::List { table, generated, place, from, to, rows } => {
                let list = if *generated { 'g' } else { 'l' };
                let rows: Vec<String> = rows.iter().map(|(id, rev)| format!("{id}={rev}")).collect();
                format!("{list} {table} {place} {from} {to} {}", rows.join(" ")).trim_end().to_owned()
            }
            Self::Write { operation, kind, table, id, rev, from } => {
                let kind = match kind {
                    Kind::Save => 's',
                    Kind::SaveAndDelete => 'k',
                    Kind::Delete => 'd',
                };
                format!("w {operation} {kind} {table} {id} {rev} {from}")
            }
            Self::End { operation, to, outcome } => {
                let outcome = match outcome {
                    Outcome::Committed => 'c',
                    Outcome::Nothing => 'n',
                    Outcome::Unknown => 'u',
                };
                format!("e {operation} {to} {outcome}")
            }
            Self::Wrong(text) => format!("x {text}"),
            Self::Counts(counts) => {
                let mut counts = *counts;
                counts.numbers().iter().fold("c".to_owned(), |line, number| format!("{line} {number}"))
            }
            Self::Done => "z".to_owned(),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        let word = |index: usize| words.get(index).copied();
        let letter = |index: usize| word(index)?.chars().next();
        let number = |index: usize| word(index)?.parse::<u64>().ok();
        let signed = |index: usize| word(index)?.parse::<i64>().ok();
        Some(match head {
            "r" => Self::Read {
                table: letter(0)?,
                id: signed(1)?,
                from: number(2)?,
                to: number(3)?,
                rev: if word(4)? == "-" { None } else { Some(signed(4)?) },
            },
            "l" | "g" => Self::List {
                generated: head == "g",
                table: letter(0)?,
                place: signed(1)?,
                from: number(2)?,
                to: number(3)?,
                rows: words.iter().skip(4).map(|word| member(word)).collect::<Option<_>>()?,
            },
            "w" => Self::Write {
                operation: number(0)?,
                kind: match letter(1)? {
                    's' => Kind::Save,
                    'k' => Kind::SaveAndDelete,
                    _ => Kind::Delete,
                },
                table: letter(2)?,
                id: signed(3)?,
                rev: signed(4)?,
                from: number(5)?,
            },
            "e" => Self::End {
                operation: number(0)?,
                to: number(1)?,
                outcome: match letter(2)? {
                    'c' => Outcome::Committed,
                    'n' => Outcome::Nothing,
                    _ => Outcome::Unknown,
                },
            },
            "x" => Self::Wrong(rest.to_owned()),
            "c" => {
                let mut counts = Counts::default();
                let numbers = counts.numbers().into_iter().enumerate();
                numbers
                    .map(|(index, own)| number(index).map(|number| *own = number))
                    .collect::<Option<()>>()?;
                Self::Counts(counts)
            }
            "z" => Self::Done,
            _ => return None,
        })
    }
}

/// A row of a list and its revision.
fn member(word: &str) -> Option<(i64, i64)> {
    let (id, rev) = word.split_once('=')?;
    Some((id.parse().ok()?, rev.parse().ok()?))
}

/// The history of one worker, on its way to a file. What stands there survives the worker's death.
pub struct History {
    file: Mutex<BufWriter<File>>,
}

impl History {
    pub fn create(path: &Path) -> Self {
        Self { file: Mutex::new(BufWriter::new(File::create(path).expect("a file for the history"))) }
    }

    /// Reads may be lost with the worker: then they are not judged. Everything else is on record at once.
    pub fn note(&self, event: &Event) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{}", event.line()).expect("a line of history");
        if !matches!(event, Event::Read { .. } | Event::List { .. }) {
            file.flush().expect("a line of history");
        }
    }
}

/// A history up to the last line that is whole.
pub fn read(path: &Path) -> Vec<Event> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line: &str| Event::parse(line).unwrap_or_else(|| panic!("no line of history: {line}"));
    whole.lines().map(parse).collect()
}

pub fn is_done(path: &Path) -> bool {
    fs::read(path).is_ok_and(|text| text.ends_with(b"\nz\n") || text == b"z\n")
}
