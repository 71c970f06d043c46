//! The tokens of a statement, and the names that they spell.

use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, a name without quotes, or a number.
    Word,
    /// A name or a string literal, with its quotes.
    Quoted,
    /// The place of a value.
    Placeholder,
    Open,
    Close,
    /// Any other character.
    Mark,
    /// From here on the text can be read in two ways.
    Ambiguous,
    End,
}

/// A piece of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    pub(super) text: &'s str,
    /// How many parentheses are open around it.
    pub(super) depth: usize,
    /// How many unnumbered placeholders come before it.
    pub(super) values: usize,
}

impl<'s> Token<'s> {
    #[inline]
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    /// Whether this word stands outside all parentheses.
    pub(super) fn is_clause(&self, words: &[&str]) -> bool {
        self.depth == 0 && self.is_one_of(words)
    }

    pub(super) fn is_mark(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }

    /// The number of the value whose place this is, from 0.
    pub(super) fn placeholder(&self) -> Option<usize> {
        match self.text.strip_prefix('$') {
            _ if self.kind != Kind::Placeholder => None,
            Some(number) => number.parse::<usize>().ok()?.checked_sub(1),
            None => Some(self.values),
        }
    }
}

/// The name without its quotes. A quote inside is doubled.
pub(super) fn unquoted(name: &str) -> Cow<'_, str> {
    let quote = match name.as_bytes().first() {
        Some(b'"') => "\"",
        Some(b'`') => "`",
        Some(b'\'') => "'",
        Some(b'[') => "]",
        _ => return Cow::Borrowed(name),
    };
    let inner = name[1..].strip_suffix(quote).unwrap_or(&name[1..]);
    if inner.bytes().any(|byte| quote.as_bytes() == [byte]) {
        return Cow::Owned(inner.replace(&quote.repeat(2), quote));
    }
    Cow::Borrowed(inner)
}

/// The text can be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_quotes_only() {
        for (name, bare) in
            [("\"a\"", "a"), ("`a b`", "a b"), ("[é]", "é"), ("plain", "plain"), ("\"\"", ""), ("", "")]
        {
            assert_eq!(unquoted(name), bare);
        }
        assert_eq!(unquoted("`a``b`"), "a`b");
    }
}
