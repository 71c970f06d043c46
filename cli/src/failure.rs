//! [`Failure`]: why the program did not do what it was asked, without secrets.

use sea_orm_autocache::fred::error::{Error, ErrorKind};
use sea_orm_autocache::{StoreError, StoreErrorKind};
use std::process::ExitCode;

pub const USAGE: u8 = 2;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the server refuses the user or the password of the URL: {0}")]
    Login(String),
    #[error("the Redis user lacks a permission: {0}")]
    Permission(String),
    #[error("the server answers with an error: {0}")]
    Refused(String),
    #[error("the output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl Failure {
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => USAGE,
            Self::Unreachable(_) => 3,
            Self::Login(_) => 4,
            Self::Permission(_) => 5,
            Self::Refused(_) => 6,
            Self::Output(_) => 7,
        })
    }

    /// What the server said, by its first word.
    fn of_answer(text: &str) -> Option<Self> {
        let text_of = || text.to_owned();
        match text.split_whitespace().next()? {
            "NOPERM" => Some(Self::Permission(text_of())),
            "WRONGPASS" | "NOAUTH" => Some(Self::Login(text_of())),
            _ if text.contains("may not run") || text.contains("can't run this command") => {
                Some(Self::Permission(text_of()))
            }
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.details();
        Self::of_answer(text).unwrap_or_else(|| match error.kind() {
            ErrorKind::Auth => Self::Login(text.to_owned()),
            ErrorKind::IO
            | ErrorKind::Timeout
            | ErrorKind::Canceled
            | ErrorKind::Tls
            | ErrorKind::Sentinel => Self::Unreachable(text.to_owned()),
            _ => Self::Refused(text.to_owned()),
        })
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        let said = text.split_once(": ").map_or(text.as_str(), |(_, said)| said);
        Self::of_answer(said).unwrap_or_else(|| match error.kind() {
            StoreErrorKind::Unreachable | StoreErrorKind::Timeout => Self::Unreachable(said.to_owned()),
            _ => Self::Refused(said.to_owned()),
        })
    }
}

/// The text with `***` for all that stands before an `@` in what looks like a URL.
pub fn redacted(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        clean.push_str(before);
        clean.push_str("://");
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let at = after[..end].rfind('@');
        if at.is_some() {
            clean.push_str("***");
        }
        rest = &after[at.unwrap_or(0)..];
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn what_stands_before_the_host_of_a_url_is_not_shown() {
        for (text, shown) in [
            ("no URL", "no URL"),
            ("at redis://host:1/2", "at redis://host:1/2"),
            ("'redis://:p@ss@host:1' and rediss://u:p@other", "'redis://***@host:1' and rediss://***@other"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }
}
