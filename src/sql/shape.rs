//! [`Shape`]: what a text does to tables, whatever its values are.

use super::named::Equals;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Insert,
    Update,
    Delete,
    /// Any row may change or go: an insert that replaces rows, `TRUNCATE`, `MERGE`, `ALTER TABLE`.
    Other,
}

impl Verb {
    /// Whether rows may be gone afterwards.
    pub(crate) fn may_remove(self) -> bool {
        matches!(self, Self::Delete | Self::Other)
    }
}

/// What a text does. All statements of one text have one shape.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) writes: Vec<TableWrite>,
    /// It may write to every table that it mentions: it is not understood, or it runs code that is elsewhere.
    pub(crate) is_opaque: bool,
    /// It may write to tables that it does not mention, as `TRUNCATE … CASCADE` does.
    pub(crate) spreads: bool,
    pub(crate) control: Control,
    /// One statement.
    pub(crate) is_single: bool,
}

impl Shape {
    /// That of a text which is not understood.
    pub(crate) fn opaque() -> Self {
        Self { is_opaque: true, ..Self::default() }
    }

    /// Whether no row of any table changes, as far as its text tells.
    pub(crate) fn only_reads(&self) -> bool {
        self.writes.is_empty() && !self.is_opaque && !self.spreads
    }

    /// The one write that is all of the text.
    pub(crate) fn sole_write(&self) -> Option<&TableWrite> {
        match self.writes.as_slice() {
            [write] if self.is_single && !self.is_opaque => Some(write),
            _ => None,
        }
    }
}

/// What a text does to the transaction that it runs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Control {
    #[default]
    Nothing,
    /// It takes back what came before, up to a savepoint.
    Undoes,
    /// It ends the transaction, or begins another one.
    Ends,
}

/// A write of one table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TableWrite {
    pub(crate) verb: Verb,
    pub(crate) table: Name,
    /// The columns that it sets, or inserts.
    pub(crate) columns: Vec<String>,
    /// For each row of `VALUES` the numbers of its values, in the order of the columns. `None`: an expression.
    pub(crate) rows: Vec<Vec<Option<usize>>>,
    /// Columns that an upsert sets.
    pub(crate) upserts: Vec<String>,
    /// Each row that it changes has the columns of one of these. `None`: it may be any row.
    pub(crate) named: Option<Vec<Equals>>,
    /// It leaves rows as they are that are there already.
    pub(crate) may_skip: bool,
    /// Another table or a `WITH` takes part, or the table has an alias.
    pub(crate) is_joined: bool,
    /// It is all that the fields above say: nothing is joined, there is no upsert, no limit.
    pub(crate) is_plain: bool,
    /// Each column gets a value, and none an expression.
    pub(crate) sets_values: bool,
}

/// The name of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    pub(crate) is_quoted: bool,
}

impl TableWrite {
    pub(super) fn of(verb: Verb, table: Name) -> Self {
        Self {
            verb,
            table,
            columns: Vec::new(),
            rows: Vec::new(),
            upserts: Vec::new(),
            named: None,
            may_skip: false,
            is_joined: false,
            is_plain: false,
            sets_values: false,
        }
    }

    /// Whether it may give the column another value.
    pub(crate) fn sets(&self, name: &str) -> bool {
        let is = |column: &String| column.eq_ignore_ascii_case(name);
        match self.verb {
            Verb::Update => self.columns.iter().any(is),
            Verb::Insert => self.upserts.iter().any(is),
            Verb::Delete => false,
            Verb::Other => true,
        }
    }
}

/// The number of the value that the column equals.
pub(crate) fn value_of(equals: &Equals, name: &str) -> Option<usize> {
    let is = |(column, _): &&(String, usize)| column.eq_ignore_ascii_case(name);
    equals.iter().find(is).map(|(_, value)| *value)
}
