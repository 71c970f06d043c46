//! What cuts a text into tokens.

use super::token::{Ambiguous, Kind, Token};
use sea_orm::{DbBackend, Statement};

/// Where a token begins, and how many unnumbered placeholders come before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) values: usize,
}

/// Cuts a text into tokens. After one that is ambiguous there are no more.
///
/// Comments, backslashes, dollar quotes and several statements are ambiguous: databases, and their settings,
/// do not agree on where they end. So is a quote or a parenthesis without its partner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'s> {
    sql: &'s str,
    /// Placeholders have numbers; `?`, `#` and `[` are operators.
    postgres: bool,
    /// Where the last token begins, and where it ends.
    begin: usize,
    end: usize,
    depth: usize,
    values: usize,
    /// Whether there has been a string literal, or a bracket.
    pub(super) literals: bool,
    pub(super) brackets: bool,
}

impl<'s> Scanner<'s> {
    pub(super) fn of(sql: &'s str, dialect: DbBackend) -> Self {
        let postgres = dialect == DbBackend::Postgres;
        Self { sql, postgres, begin: 0, end: 0, depth: 0, values: 0, literals: false, brackets: false }
    }

    /// How many unnumbered placeholders have come so far.
    pub(super) fn values(&self) -> usize {
        self.values
    }

    /// Begins again at a token of this text.
    pub(super) fn at(sql: &'s str, dialect: DbBackend, place: Place) -> Self {
        Self { end: place.at, values: place.values, ..Self::of(sql, dialect) }
    }

    /// Where the last token, a word, begins.
    pub(super) fn place(&self) -> Place {
        Place { at: self.begin, values: self.values }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The last token's text.
    pub(super) fn text(&self) -> &'s str {
        self.sql.get(self.begin..self.end).unwrap_or_default()
    }

    /// Whether the last token, a word, is this one.
    #[inline]
    pub(super) fn is_word(&self, word: &str) -> bool {
        let text = self.sql.as_bytes().get(self.begin..self.end);
        text.is_some_and(|text| text.len() == word.len() && text.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Whether the next token is this word.
    #[inline]
    pub(super) fn takes(&mut self, word: &str) -> bool {
        self.advance() == Kind::Word && self.is_word(word)
    }

    /// Goes past this byte if it comes at once.
    pub(super) fn skip(&mut self, byte: u8) -> bool {
        let comes = self.sql.as_bytes().get(self.end) == Some(&byte);
        self.end += usize::from(comes);
        comes
    }

    /// Goes to the next token.
    pub(super) fn advance(&mut self) -> Kind {
        self.go_past(SPACE)
    }

    /// Goes to the next word, or to the end. Takes half the time of going to each token.
    pub(super) fn advance_to_word(&mut self) -> Kind {
        loop {
            let kind = self.go_past(SPACE | MARK);
            if matches!(kind, Kind::Word | Kind::Ambiguous | Kind::End) {
                return kind;
            }
        }
    }

    /// Whether all that follows is a list of names: nothing in it can be read in two ways, or lead to another
    /// table. A quote without its partner is an error to every database.
    pub(super) fn ends_in_names(&self) -> bool {
        let names = SPACE | MARK | WORD | NAME;
        let mut rest = self.sql.as_bytes()[self.end..].iter();
        self.depth == 0 && rest.all(|byte| CLASSES[usize::from(*byte)] & names != 0)
    }

    /// Goes to the next token that does not begin with a byte of these classes.
    #[inline]
    fn go_past(&mut self, classes: u16) -> Kind {
        let bytes = self.sql.as_bytes();
        let mut begin = self.end;
        let first = loop {
            match bytes.get(begin) {
                Some(byte) if CLASSES[usize::from(*byte)] & classes != 0 => begin += 1,
                first => break first,
            }
        };
        self.begin = begin;
        let kind = match first {
            Some(first) => self.kind(*first),
            None if self.depth > 0 => Kind::Ambiguous,
            None => Kind::End,
        };
        if matches!(kind, Kind::Ambiguous | Kind::End) {
            (self.end, self.depth) = (bytes.len(), 0);
        }
        kind
    }

    /// The kind of the token that begins with this byte, whose end is found.
    #[inline]
    fn kind(&mut self, first: u8) -> Kind {
        let rest = &self.sql.as_bytes()[self.begin..];
        self.end = self.begin + 1;
        match CLASSES[usize::from(first)] {
            NAME => self.quoted(rest, first),
            LITERAL => {
                self.literals = true;
                self.quoted(rest, first)
            }
            DOLLAR => match rest.get(1) {
                Some(b'1'..=b'9') => {
                    self.end += rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                    Kind::Placeholder
                }
                _ => Kind::Ambiguous,
            },
            WORD => {
                let is_word = |byte: &&u8| CLASSES[usize::from(**byte)] == WORD;
                self.end = self.begin + rest.iter().take_while(is_word).count();
                Kind::Word
            }
            OPEN => {
                self.depth += 1;
                Kind::Open
            }
            CLOSE if self.depth == 0 => Kind::Ambiguous,
            CLOSE => {
                self.depth -= 1;
                Kind::Close
            }
            QUESTION if !self.postgres => {
                self.values += 1;
                Kind::Placeholder
            }
            BRACKET => {
                self.brackets = true;
                if self.postgres { Kind::Mark } else { self.quoted(rest, b']') }
            }
            HASH if !self.postgres => Kind::Ambiguous,
            COMMENT if matches!(rest, [b'-', b'-', ..] | [b'/', b'*', ..]) => Kind::Ambiguous,
            NEVER => Kind::Ambiguous,
            _ => Kind::Mark,
        }
    }

    #[inline]
    fn quoted(&mut self, rest: &[u8], quote: u8) -> Kind {
        let mut end = 1;
        loop {
            match rest.get(end) {
                None | Some(b'\\') => return Kind::Ambiguous,
                Some(byte) if *byte != quote => end += 1,
                Some(_) if rest.get(end + 1) != Some(&quote) => break,
                // SQLite does not double brackets.
                Some(b']') => return Kind::Ambiguous,
                Some(_) => end += 2,
            }
        }
        self.end = self.begin + end + 1;
        Kind::Quoted
    }

    /// The last token, of this kind.
    pub(super) fn token(&self, kind: Kind) -> Token<'s> {
        let text = self.text();
        // Both parentheses are outside of what they enclose; a placeholder comes after those before it.
        let depth = self.depth - usize::from(kind == Kind::Open);
        let values = self.values - usize::from(text == "?" && kind == Kind::Placeholder);
        Token { kind, text, depth, values }
    }
}

impl<'s> Iterator for Scanner<'s> {
    type Item = Result<Token<'s>, Ambiguous>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Kind::End => None,
            Kind::Ambiguous => Some(Err(Ambiguous)),
            kind => Some(Ok(self.token(kind))),
        }
    }
}

// What a byte may begin, one bit for each class.
const SPACE: u16 = 1;
const MARK: u16 = 1 << 1;
const WORD: u16 = 1 << 2;
const NAME: u16 = 1 << 3;
const BRACKET: u16 = 1 << 4;
const OPEN: u16 = 1 << 5;
const CLOSE: u16 = 1 << 6;
const QUESTION: u16 = 1 << 7;
const DOLLAR: u16 = 1 << 8;
const HASH: u16 = 1 << 9;
const COMMENT: u16 = 1 << 10;
const LITERAL: u16 = 1 << 11;
const NEVER: u16 = 1 << 12;

const CLASSES: [u16; 256] = {
    let mut classes = [MARK; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = class_of(byte as u8);
        byte += 1;
    }
    classes
};

const fn class_of(byte: u8) -> u16 {
    match byte {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0c => SPACE,
        // Databases take every character beyond ASCII for a letter.
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80.. => WORD,
        b'"' | b'`' => NAME,
        b'\'' => LITERAL,
        b'[' => BRACKET,
        b'(' => OPEN,
        b')' => CLOSE,
        b'?' => QUESTION,
        b'$' => DOLLAR,
        b'#' => HASH,
        b'-' | b'/' => COMMENT,
        b'\\' | b';' => NEVER,
        _ => MARK,
    }
}

/// The rest of a statement's tokens; `None` if it can be read in two ways, or does not fit its values.
pub(super) fn tokens<'s>(statement: &'s Statement, mut rest: Scanner<'s>) -> Option<Vec<Token<'s>>> {
    let tokens: Result<Vec<_>, _> = rest.by_ref().collect();
    tokens.ok().filter(|_| fits(statement, rest.values()))
}

/// Whether a statement with so many unnumbered placeholders has a value for each.
pub(super) fn fits(statement: &Statement, placeholders: usize) -> bool {
    let given = statement.values.as_ref().map_or(0, |values| values.0.len());
    statement.db_backend == DbBackend::Postgres || placeholders == given
}

/// The text without the space around it and the semicolons at its end.
pub(super) fn trimmed(sql: &str) -> &str {
    sql.trim().trim_end_matches(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(sql: &str, dialect: DbBackend) -> Result<Vec<(Kind, &str)>, Ambiguous> {
        Scanner::of(sql, dialect).map(|token| token.map(|token| (token.kind, token.text))).collect()
    }

    #[test]
    fn what_is_between_quotes_is_one_token() {
        for (sql, dialect) in [
            ("'a -- ; ('", DbBackend::Postgres),
            ("'it''s'", DbBackend::MySql),
            ("\"a\"\"b\"", DbBackend::Sqlite),
            ("`é/*`", DbBackend::MySql),
            ("[a'b]", DbBackend::Sqlite),
        ] {
            assert_eq!(kinds(sql, dialect), Ok(vec![(Kind::Quoted, sql)]));
        }
    }

    #[test]
    fn what_databases_read_differently_is_ambiguous() {
        for sql in [
            "1 -- x",
            "1 /* x */",
            "1; 2",
            r"'\'",
            "a \\",
            "$$x$$",
            "$x$",
            "$0",
            "'x",
            "\"x",
            "(1",
            "1)",
            "((1)",
        ] {
            for dialect in [DbBackend::MySql, DbBackend::Postgres, DbBackend::Sqlite] {
                let mut scanner = Scanner::of(sql, dialect);
                assert!(scanner.any(|token| token.is_err()), "{sql}");
                assert!(scanner.next().is_none(), "{sql}");
            }
        }
        for sql in ["a # b", "[a]]b]", "[a"] {
            assert_eq!(kinds(sql, DbBackend::Sqlite), Err(Ambiguous), "{sql}");
            assert!(kinds(sql, DbBackend::Postgres).is_ok(), "{sql}");
        }
    }

    #[test]
    fn a_question_mark_is_no_placeholder_of_postgres() {
        assert_eq!(kinds("?", DbBackend::Postgres), Ok(vec![(Kind::Mark, "?")]));
        let values = |sql, dialect| {
            let places = Scanner::of(sql, dialect).flatten().filter_map(|token| token.placeholder());
            places.collect::<Vec<_>>()
        };
        assert_eq!(values("?, (?)", DbBackend::MySql), [0, 1]);
        assert_eq!(values("$12,$1", DbBackend::Postgres), [11, 0]);
    }

    #[test]
    fn parentheses_are_outside_of_what_they_enclose() {
        let depths = Scanner::of("a (b (c)) d", DbBackend::Sqlite).flatten().map(|token| token.depth);
        assert_eq!(depths.collect::<Vec<_>>(), [0, 0, 1, 1, 2, 1, 0, 0]);
    }
}
