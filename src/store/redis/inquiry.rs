//! Who the server is: asked from time to time, and soon when that is not known.

use super::address::Address;
use super::identity::{Account, Identity};
use super::sentinels::Sentinels;
use super::wire::{Request, Wire, WireError, WireErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A server is asked so often who it is; see [`TRUST`](super::identity::TRUST).
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The pauses before a server that has not said who it is gets asked again.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(50);
const ASK_AGAIN_MAX: Duration = Duration::from_millis(500);

/// The question to one server who it is.
pub(super) struct Inquiry {
    pub(super) wire: Wire,
    pub(super) identity: Arc<Identity>,
    /// Who knows where the primary is, and where this server is.
    pub(super) sentinels: Option<(Arc<Sentinels>, Address)>,
    pub(super) limit: Duration,
}

impl Inquiry {
    /// Asks once.
    ///
    /// A server that was not trusted just now may have stood still while another one took its place, and not know. So
    /// the Sentinels are asked, too.
    pub(super) async fn ask(&self) -> Result<(), WireError> {
        let is_trusted = self.identity.stamp().is_some();
        let (generation, asked) = (self.identity.generation(), Instant::now());
        let sections = [Request::of("INFO", ["server"]), Request::of("INFO", ["replication"])];
        let mut answers = self.wire.send(&sections.each_ref(), self.limit).await.into_iter();
        let mut section = || match answers.next() {
            Some(answer) => answer.map(|text| text.into_text().unwrap_or_default()),
            None => Err(WireError::timed_out()),
        };
        let (server, replication) = (section()?, section()?);
        if !is_trusted
            && let Some((sentinels, address)) = &self.sentinels
            && sentinels.primary().await? != *address
        {
            self.identity.demote();
            return Err(WireError::new(WireErrorKind::Broken, "another server is the primary"));
        }
        self.identity.learn(generation, asked, Account::of(&server, &replication));
        Ok(())
    }

    /// Asks for as long as its task lives.
    pub(super) async fn follow(self) {
        let (mut pause, mut warned) = (ASK_AGAIN_MIN, false);
        loop {
            let wait = if self.identity.is_known() { ASK_EVERY } else { pause };
            if tokio::time::timeout(wait, self.identity.changed.notified()).await.is_ok() {
                pause = ASK_AGAIN_MIN;
            }
            match self.ask().await {
                Ok(()) if self.identity.is_known() => (pause, warned) = (ASK_AGAIN_MIN, false),
                Ok(()) => pause = ASK_AGAIN_MAX.min(pause * 2),
                Err(error) => {
                    pause = ASK_AGAIN_MAX.min(pause * 2);
                    if error.is_forbidden() && !std::mem::replace(&mut warned, true) {
                        tracing::warn!(
                            target: "sea_orm_autocache", %error,
                            "Redis does not say which server it is: nothing is cached. Allow its user `+info`"
                        );
                    }
                }
            }
        }
    }
}
