use crate::args::Entity;
use crate::failure::Failure;
use crate::held::{Held, State};
use crate::output::{Output, spoken};
use crate::server::Server;
use futures_util::TryStreamExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// The keys of an entity, by their states.
#[derive(Default, Serialize)]
pub struct Summary {
    pub states: BTreeMap<&'static str, Tally>,
    /// Of the intents.
    pub dirty_intents: u64,
    /// Entries by the hashes of their entity and columns: more than one of rows are several versions of the program.
    pub fingerprints: BTreeMap<String, u64>,
    /// Whether there were more keys than were to be looked at.
    pub is_sample: bool,
}

#[derive(Default, Serialize)]
pub struct Tally {
    pub keys: u64,
    pub bytes: u64,
    /// Without those that never expire.
    pub ttl_min_ms: Option<u64>,
    pub ttl_mean_ms: Option<u64>,
    pub ttl_max_ms: Option<u64>,
    pub never_expire: u64,
    #[serde(skip)]
    ttl_sum_ms: u128,
}

impl Summary {
    /// Looks at no more than so many keys.
    pub async fn gather(server: &Server, entity: &Entity, most: usize) -> Result<Self, Failure> {
        let mut summary = Self::default();
        let mut pages = server.pages(&entity.prefix());
        let mut room = most;
        while let Some(mut page) = pages.try_next().await? {
            summary.is_sample = page.len() > room;
            page.truncate(room);
            room -= page.len();
            server.look(page).await?.iter().for_each(|held| summary.add(held));
            if summary.is_sample {
                break;
            }
        }
        Ok(summary)
    }

    fn add(&mut self, held: &Held) {
        self.states.entry(held.state.name()).or_default().add(held);
        self.dirty_intents += u64::from(matches!(held.state, State::Intent { dirty: true, .. }));
        if let Some(fingerprint) = &held.fingerprint {
            *self.fingerprints.entry(fingerprint.clone()).or_default() += 1;
        }
    }

    pub fn total(&self) -> (u64, u64) {
        self.states.values().fold((0, 0), |(keys, bytes), tally| (keys + tally.keys, bytes + tally.bytes))
    }
}

impl Tally {
    fn add(&mut self, held: &Held) {
        self.keys += 1;
        self.bytes += held.bytes;
        let Some(left) = held.ttl_ms else {
            self.never_expire += 1;
            return;
        };
        self.ttl_sum_ms += u128::from(left);
        self.ttl_min_ms = Some(self.ttl_min_ms.map_or(left, |min| min.min(left)));
        self.ttl_max_ms = Some(self.ttl_max_ms.map_or(left, |max| max.max(left)));
        self.ttl_mean_ms = u64::try_from(self.ttl_sum_ms / u128::from(self.keys - self.never_expire)).ok();
    }
}

pub async fn stats(server: &Server, out: &Output, entity: &Entity) -> Result<ExitCode, Failure> {
    let summary = Summary::gather(server, entity, usize::MAX).await?;
    if out.json {
        out.json(&summary)?;
        return Ok(ExitCode::SUCCESS);
    }
    let ttl = |ttl: Option<u64>| ttl.map_or_else(String::new, |ttl| spoken(Some(ttl)));
    let rows = summary.states.iter().map(|(state, tally)| {
        let Tally { keys, bytes, ttl_min_ms, ttl_mean_ms, ttl_max_ms, never_expire, .. } = tally;
        let numbers = [*keys, *bytes].map(|number| number.to_string());
        let ttls = [*ttl_min_ms, *ttl_mean_ms, *ttl_max_ms].map(ttl);
        [(*state).to_owned()]
            .into_iter()
            .chain(numbers)
            .chain(ttls)
            .chain([never_expire.to_string()])
            .collect()
    });
    let (keys, bytes) = summary.total();
    let total = vec!["total".to_owned(), keys.to_string(), bytes.to_string()];
    let header = ["state", "keys", "bytes", "shortest TTL", "mean TTL", "longest TTL", "never expire"];
    out.table(&header, rows.chain([total]))?;
    if summary.dirty_intents > 0 {
        out.line(&format!("dirty intents, whose writers have overlapped: {}", summary.dirty_intents))?;
    }
    if summary.fingerprints.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let of_versions = summary.fingerprints.iter().map(|(of, count)| vec![of.clone(), count.to_string()]);
    out.table(&["fingerprint", "entries"], of_versions)?;
    Ok(ExitCode::SUCCESS)
}
