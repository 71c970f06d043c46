//! Pages of the keys of one server.

use super::node::Node;
use super::wire::{Request, RespValue, WireError, WireErrorKind};
use bytes::Bytes;
use std::time::Duration;

/// Keys of one page. Pages bound the time the server is busy with one command.
pub(super) const PAGE: usize = 500;

/// The keys that begin with a text, page by page.
#[derive(Debug)]
pub(super) struct Scan {
    pattern: Bytes,
    /// `None` after the last page.
    cursor: Option<Bytes>,
}

impl Scan {
    pub(super) fn of_prefix(prefix: &str) -> Self {
        let pattern = format!("{}*", glob_escaped(prefix));
        Self { pattern: pattern.into(), cursor: Some(Bytes::from_static(b"0")) }
    }

    /// The next page, which may be empty; `None` after the last one.
    pub(super) async fn next(
        &mut self,
        node: &Node,
        limit: Duration,
    ) -> Result<Option<Vec<String>>, WireError> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let count = Bytes::from(PAGE.to_string());
        let word = |text: &'static str| Bytes::from_static(text.as_bytes());
        let words = vec![cursor, word("MATCH"), self.pattern.clone(), word("COUNT"), count];
        let strange = || WireError::new(WireErrorKind::Client, "`SCAN` has a strange answer");
        let answer = node.ask(Request::new("SCAN", words), limit).await?.into_array().ok_or_else(strange)?;
        let [RespValue::Bytes(next), RespValue::Array(keys)] =
            <[_; 2]>::try_from(answer).map_err(|_| strange())?
        else {
            return Err(strange());
        };
        self.cursor = (*next != *b"0").then_some(next);
        Ok(Some(keys.into_iter().filter_map(RespValue::into_text).collect()))
    }
}

fn glob_escaped(text: &str) -> String {
    let escape =
        |c: char| if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') { vec!['\\', c] } else { vec![c] };
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_itself_only() {
        assert_eq!(glob_escaped("shop:[a]*:"), "shop:\\[a\\]\\*:");
    }
}
