//! Clears a Cluster: every key of every primary, also of those that move from one to another at that time.

use super::route::Routed;
use super::{Arc, Cluster, Node, UNASSIGNED};
use crate::store::redis::address::Address;
use crate::store::redis::scan::Scan;
use crate::store::redis::scripts::{Scripts, swept};
use crate::store::redis::wire::{Request, WireError};
use crate::store::{StoreError, StoreErrorKind, Sweep};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use std::time::Duration;

/// Walks of one clear.
const WALKS_MAX: usize = 4;

/// Where the slots are.
#[derive(Debug)]
struct Layout {
    owners: Vec<Option<Address>>,
    /// Whether a slot is on its way.
    is_moving: bool,
}

impl Cluster {
    /// Invalidates what the sweep concerns of all keys with this prefix; `observe` learns of each page how many keys it
    /// has touched.
    ///
    /// A walk may miss a key that moves meanwhile from a node that has not been walked yet to one that has. So if slots
    /// move, there is another walk: a key moves once. Unless the slot moves again.
    pub(crate) async fn clear(
        self: &Arc<Self>,
        prefix: &str,
        sweep: &Sweep,
        scripts: &Scripts,
        limit: Duration,
        observe: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, StoreError> {
        let mut touched = 0;
        let mut before = self.layout(limit).await?;
        // The slots that have moved during the last walk.
        let mut moved: Option<Vec<usize>> = None;
        for _ in 0..WALKS_MAX {
            touched += self.walk(prefix, sweep, scripts, limit, observe).await?;
            let after = self.layout(limit).await?;
            let now = before.moved(&after);
            let is_quiet = now.is_empty() && !before.is_moving && !after.is_moving;
            let is_once = moved.as_ref().is_some_and(|moved| !moved.iter().any(|slot| now.contains(slot)));
            if is_quiet || is_once {
                return Ok(touched);
            }
            (before, moved) = (after, Some(now));
        }
        let text = "slots of the Cluster move to and fro: some keys may not be cleared";
        Err(StoreError::new(StoreErrorKind::Refused, text))
    }

    /// All primaries at the same time, each page by page.
    async fn walk(
        self: &Arc<Self>,
        prefix: &str,
        sweep: &Sweep,
        scripts: &Scripts,
        limit: Duration,
        observe: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, StoreError> {
        let pages = |node: Arc<Node>| {
            let begin = (Scan::of_prefix(prefix), node);
            stream::unfold(begin, move |(mut scan, node)| async move {
                let page = scan.next(&node, limit).await.transpose()?;
                Some((page, (scan, node)))
            })
            .boxed()
        };
        let mut pages = stream::select_all(self.primaries().into_iter().map(pages));
        let mut touched = 0;
        while let Some(page) = pages.next().await {
            let keys = page.map_err(|error| self.store_error(error))?;
            let call = |key: String| scripts.sweep(vec![key], sweep.entity);
            let calls = keys.into_iter().map(call);
            let requests: Vec<Routed> =
                calls.map(|call| Routed { slot: call.slot, request: call.request }).collect();
            let mut of_page = 0;
            for answer in self.send(&requests, scripts, limit).await {
                of_page += swept(answer?)?;
            }
            observe(of_page);
            touched += of_page;
        }
        Ok(touched)
    }

    /// # Errors
    /// Not every node answers, or not every slot has one.
    async fn layout(&self, limit: Duration) -> Result<Layout, StoreError> {
        self.refresh().await.map_err(|error| self.store_error(error))?;
        let map = self.map.load_full();
        if map.owners.contains(&UNASSIGNED) {
            let text = "slots of the Cluster have no node: their keys cannot be cleared";
            return Err(StoreError::new(StoreErrorKind::Partial, text));
        }
        let address = |&owner: &u16| map.nodes.get(usize::from(owner))?.address();
        let owners = map.owners.iter().map(address).collect();
        let asked = map.nodes.iter().map(|node| moves_slots(node, limit));
        let answers: Result<Vec<bool>, WireError> = join_all(asked).await.into_iter().collect();
        let is_moving = answers.map_err(|error| self.store_error(error))?.contains(&true);
        Ok(Layout { owners, is_moving })
    }
}

impl Layout {
    /// The slots that another node holds in the other layout.
    fn moved(&self, other: &Self) -> Vec<usize> {
        let pairs = self.owners.iter().zip(&other.owners).enumerate();
        pairs.filter(|(_, (before, after))| before != after).map(|(slot, _)| slot).collect()
    }
}

/// Whether a slot of this node is on its way to or from another: `[slot->-id]` or `[slot-<-id]` in its own line.
async fn moves_slots(node: &Node, limit: Duration) -> Result<bool, WireError> {
    let nodes = node.ask(Request::of("CLUSTER", ["NODES"]), limit).await?;
    let text = nodes.into_text().unwrap_or_default();
    Ok(text.lines().any(|line| line.contains("myself") && line.contains('[')))
}
