//! Sentinels: they know where the primary is.

use super::address::Address;
use super::identity::Identity;
use super::wire::{Dial, Request, RespValue, Wire, WireError, WireErrorKind};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;

/// How long a Sentinel may take to answer.
const SENTINEL_TIMEOUT: Duration = Duration::from_millis(500);

/// Who knows where the primary is.
#[derive(Debug)]
pub(super) struct Sentinels {
    dial: Dial,
    addresses: Vec<Address>,
    service: String,
}

impl Sentinels {
    pub(super) fn new(dial: Dial, addresses: Vec<Address>, service: String) -> Self {
        Self { dial, addresses, service }
    }

    /// Where the first Sentinel that knows says that the primary is. Whether it is one it says itself.
    ///
    /// # Errors
    /// None of them knows.
    pub(super) async fn primary(&self) -> Result<Address, WireError> {
        let mut answers: FuturesUnordered<_> =
            self.addresses.iter().map(|sentinel| self.ask(sentinel)).collect();
        let mut last = WireError::new(WireErrorKind::Broken, "no Sentinel answers");
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(address) => return Ok(address),
                // That one which answers does not know the service says more than that others do not answer.
                Err(error) if error.kind() == WireErrorKind::Config => last = error,
                Err(error) if last.kind() != WireErrorKind::Config => last = error,
                Err(_) => {}
            }
        }
        Err(last)
    }

    async fn ask(&self, sentinel: &Address) -> Result<Address, WireError> {
        let wire = Wire::open(&self.dial, sentinel, &Arc::new(Identity::default())).await?;
        let words = vec!["get-master-addr-by-name".into(), self.service.clone().into()];
        let mut answers = wire.send(&[&Request::new("SENTINEL", words)], SENTINEL_TIMEOUT).await;
        match answers.pop().unwrap_or_else(|| Err(WireError::timed_out()))? {
            RespValue::Array(fields) => {
                let fields: Vec<String> = fields.into_iter().filter_map(RespValue::into_text).collect();
                let address = match fields.as_slice() {
                    [host, port] => port.parse().ok().map(|port| Address::tcp(host, port)),
                    _ => None,
                };
                address
                    .ok_or_else(|| WireError::new(WireErrorKind::Client, "a Sentinel has a strange answer"))
            }
            _ => {
                let text =
                    format!("the Sentinels know no service `{}`: see `sentinelServiceName`", self.service);
                Err(WireError::new(WireErrorKind::Config, text))
            }
        }
    }
}
