//! Commands and answers, without a client.

use crate::store::redis::faults::{is_about_a_command, is_about_a_key};
use crate::store::{StoreError, StoreErrorKind};
use bytes::Bytes;
use std::fmt;

/// A command, ready to be sent, and sent again.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) command: &'static str,
    pub(crate) arguments: Vec<Bytes>,
}

impl Request {
    pub(crate) fn new(command: &'static str, arguments: Vec<Bytes>) -> Self {
        Self { command, arguments }
    }

    /// One whose arguments are words.
    pub(crate) fn of<const N: usize>(command: &'static str, words: [&'static str; N]) -> Self {
        Self::new(command, words.into_iter().map(|word| Bytes::from_static(word.as_bytes())).collect())
    }
}

/// What a server answers, RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RespValue {
    Nil,
    Integer(i64),
    /// Bytes, or a text of any form.
    Bytes(Bytes),
    Array(Vec<RespValue>),
}

impl RespValue {
    /// Its kind, for messages: the value itself may be a row.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Integer(_) => "integer",
            Self::Bytes(_) => "string",
            Self::Array(_) => "array",
        }
    }

    pub(crate) fn into_text(self) -> Option<String> {
        match self {
            Self::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok(),
            Self::Integer(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(crate) fn into_array(self) -> Option<Vec<Self>> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }
}

/// Why a command has no answer, or is answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    kind: WireErrorKind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireErrorKind {
    /// The server's own words.
    Answer,
    /// There is no connection, or it broke.
    Broken,
    /// No answer in time.
    Timeout,
    /// The settings are wrong.
    Config,
    /// The client cannot take the command, or make sense of the answer.
    Client,
}

impl WireError {
    /// The text must not hold secrets: it is logged.
    pub(crate) fn new(kind: WireErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(crate) fn timed_out() -> Self {
        Self::new(WireErrorKind::Timeout, "no answer in time")
    }

    pub(crate) fn kind(&self) -> WireErrorKind {
        self.kind
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first word of the server's answer. Before 7.0 a server puts that of a command in a script into a text of its
    /// own.
    pub(crate) fn code(&self) -> &str {
        if self.kind != WireErrorKind::Answer {
            return "";
        }
        let of_command = match self.text.rsplit_once(": -") {
            Some((text, of_command)) if text.starts_with("ERR Error running script") => of_command,
            _ => &self.text,
        };
        of_command.split(' ').next().unwrap_or_default()
    }

    /// Whether the user may not run the command. A server that refuses a key says so in other words.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.code() == "NOPERM" && is_about_a_command(&self.text)
    }

    /// Whether the server has become a replica.
    pub(crate) fn is_of_replica(&self) -> bool {
        matches!(self.code(), "READONLY" | "MASTERDOWN")
    }

    /// Whether the server is not there, or is, and does not serve.
    pub(crate) fn is_away(&self) -> bool {
        let serves = !matches!(self.code(), "LOADING" | "READONLY" | "MASTERDOWN" | "CLUSTERDOWN");
        !serves || matches!(self.kind, WireErrorKind::Broken | WireErrorKind::Timeout)
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<WireError> for StoreError {
    fn from(error: WireError) -> Self {
        let kind = match error.kind {
            WireErrorKind::Timeout => StoreErrorKind::Timeout,
            WireErrorKind::Config => StoreErrorKind::Config,
            _ if error.is_away() => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Refused,
        };
        if error.code() == "NOPERM" && is_about_a_key(&error.text) {
            // Which of them is a secret of the program.
            let message = "the Redis user may not touch the keys of this cache: \
                           `ACL SETUSER <user> ~<key_prefix><app label>:*`";
            return Self::new(kind, message);
        }
        Self::new(kind, error.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_not_serve_is_away_and_one_that_refuses_is_not() {
        let kind = |text: &str| StoreError::from(WireError::new(WireErrorKind::Answer, text)).kind();
        for text in ["LOADING it loads", "READONLY x", "MASTERDOWN x", "CLUSTERDOWN x"] {
            assert_eq!(kind(text), StoreErrorKind::Unreachable, "{text}");
        }
        for text in ["OOM x", "MISCONF x", "BUSY x", "NOREPLICAS x", "NOPERM x", "ERR LOADING"] {
            assert_eq!(kind(text), StoreErrorKind::Refused, "{text}");
        }
        let in_script = "ERR Error running script (call to f_0): @user_script:34: @user_script: 34: -READONLY You \
                         can't write against a read only replica.";
        assert_eq!(kind(in_script), StoreErrorKind::Unreachable);
        assert_eq!(kind("ERR a text: -READONLY x"), StoreErrorKind::Refused);
        // Only answers have codes.
        assert!(!WireError::new(WireErrorKind::Client, "LOADING x").is_away());
    }
}
