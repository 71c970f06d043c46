use super::Token;

/// One writer inside a write intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The writer's token.
    pub token: Token,
    /// When the writer counts as dead, in milliseconds of the store's own clock.
    pub deadline_ms: u64,
}

/// The writers that currently work on the row of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intents {
    /// Whether two writers have overlapped since the key last became an intent. Never unset (I3).
    pub dirty: bool,
    /// The writers, in the order of their arrival; the last one is the newest.
    pub holders: Vec<Holder>,
}

impl Intents {
    /// Whether `token` is one of the writers.
    #[must_use]
    pub fn has(&self, token: Token) -> bool {
        self.holders.iter().any(|holder| holder.token == token)
    }

    /// The writers other than `token` that are not past their deadline (I5).
    #[must_use]
    pub fn others_alive(&self, token: Token, now_ms: u64) -> Vec<Holder> {
        let others = self.holders.iter().filter(|holder| holder.token != token);
        others.filter(|holder| holder.deadline_ms > now_ms).copied().collect()
    }

    /// Whether any writer is not past its deadline.
    #[must_use]
    pub fn any_alive(&self, now_ms: u64) -> bool {
        self.holders.iter().any(|holder| holder.deadline_ms > now_ms)
    }
}
