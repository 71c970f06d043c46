//! A Redis Cluster: its nodes, which of them holds which slot, and how that is found out anew.

mod redirect;
mod route;
mod sweep;

pub(super) use route::Routed;

use super::address::Address;
use super::node::Node;
use super::slots::{SLOTS, SlotRange, slot_ranges};
use super::wire::{Dial, Request, WireError, WireErrorKind};
use crate::store::{StoreError, StoreErrorKind};
use arc_swap::ArcSwap;
use futures_util::future::join_all;
use rand::seq::SliceRandom;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// So many nodes are asked for their view of the slots; what most of them say counts.
const VIEWS: usize = 5;
const VIEW_TIMEOUT: Duration = Duration::from_millis(250);
/// Redirections of a reshard come in crowds: after the first, so long until the slots are asked for.
const REFRESH_AFTER: Duration = Duration::from_millis(100);
/// A node that holds no slots is forgotten after this time. One to which slots move is redirected to before it does.
const IDLE_NODE: Duration = Duration::from_secs(60);
/// No node.
const UNASSIGNED: u16 = u16::MAX;

#[derive(Debug)]
pub(super) struct Cluster {
    dial: Arc<Dial>,
    connections: usize,
    seeds: Vec<Address>,
    map: ArcSwap<SlotMap>,
    nodes: Mutex<HashMap<Address, Seat>>,
    is_refreshing: AtomicBool,
    /// When the slots were last asked for.
    refreshed: tokio::sync::Mutex<Option<Instant>>,
}

/// A node that is known, or about to be.
#[derive(Clone, Debug)]
struct Seat {
    node: Arc<OnceCell<Arc<Node>>>,
    since: Instant,
}

/// The right to ask for the slots soon; given back also when its runtime ends before.
struct Refreshing(Arc<Cluster>);

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.0.is_refreshing.store(false, Ordering::Release);
    }
}

/// The primaries, and the slots that each of them holds.
#[derive(Clone, Debug)]
struct SlotMap {
    nodes: Vec<Arc<Node>>,
    /// For each slot an index of `nodes`, or [`UNASSIGNED`].
    owners: Vec<u16>,
}

impl Cluster {
    /// # Errors
    /// The settings are wrong, or a seed answers that it is of no Cluster. Seeds that do not answer are no error.
    pub(super) async fn open(
        dial: &Arc<Dial>,
        connections: usize,
        seeds: Vec<Address>,
    ) -> Result<Arc<Self>, WireError> {
        let cluster = Arc::new(Self {
            dial: dial.clone(),
            connections,
            seeds,
            map: ArcSwap::from_pointee(SlotMap::empty()),
            nodes: Mutex::default(),
            is_refreshing: AtomicBool::new(false),
            refreshed: tokio::sync::Mutex::default(),
        });
        match cluster.refresh().await {
            Err(error) if error.kind() == WireErrorKind::Config => Err(error),
            _ => Ok(cluster),
        }
    }

    /// Every primary.
    pub(super) fn primaries(&self) -> Vec<Arc<Node>> {
        self.map.load().nodes.clone()
    }

    /// Who holds this slot, as far as is known.
    pub(super) fn owner(&self, slot: u16) -> Option<Arc<Node>> {
        self.map.load().owner(slot).cloned()
    }

    /// See [`Identity::stamp`](super::identity::Identity::stamp), of the node that holds the slot.
    pub(super) fn stamp(&self, slot: u16) -> Option<u32> {
        self.map.load().owner(slot)?.stamp()
    }

    /// Whether every slot has a node, and none has failed to answer.
    pub(super) fn is_whole(&self) -> bool {
        let map = self.map.load();
        !map.owners.contains(&UNASSIGNED) && !map.nodes.iter().any(|node| node.is_away())
    }

    /// What a failure of one node is to callers: the others may be well.
    fn store_error(&self, error: WireError) -> StoreError {
        let is_away = error.is_away();
        let some_answer = || self.map.load().nodes.iter().any(|node| !node.is_away());
        if is_away && some_answer() {
            let text = format!("a node of the Cluster does not answer: {error}");
            return StoreError::new(StoreErrorKind::Partial, text);
        }
        error.into()
    }

    /// Asks for the slots anew, and for nodes that have not answered whether they do. Whether a node has got new
    /// connections.
    pub(super) async fn repair(&self, away: Duration) -> bool {
        // What fails is tried again.
        let _ = self.refresh().await;
        let map = self.map.load_full();
        let looked_at = map.nodes.iter().filter(|node| node.is_away()).map(|node| async move {
            if node.answers().await {
                node.set_away(false);
                return false;
            }
            node.renew(away).await
        });
        join_all(looked_at).await.contains(&true)
    }

    /// A node has said that another one holds this slot.
    async fn note_moved(self: &Arc<Self>, slot: u16, address: &Address) -> Result<Arc<Node>, WireError> {
        let node = self.node_at(address).await?;
        if self.owner(slot).is_none_or(|owner| !Arc::ptr_eq(&owner, &node)) {
            self.map.rcu(|map| map.with(slot, &node));
        }
        if !self.is_refreshing.swap(true, Ordering::AcqRel) {
            let turn = Refreshing(self.clone());
            tokio::spawn(async move {
                tokio::time::sleep(REFRESH_AFTER).await;
                let cluster = turn.0.clone();
                drop(turn);
                cluster.refresh_after(Instant::now()).await;
            });
        }
        Ok(node)
    }

    /// Asks for the slots anew, unless another caller has since then.
    async fn refresh_after(&self, moment: Instant) {
        let mut refreshed = self.refreshed.lock().await;
        if refreshed.is_none_or(|refreshed| refreshed < moment) {
            let asked = Instant::now();
            // Without an answer the map stays as it is.
            let _ = self.refresh().await;
            *refreshed = Some(asked);
        }
    }

    async fn node_at(&self, address: &Address) -> Result<Arc<Node>, WireError> {
        let seat = {
            let new = || Seat { node: Arc::default(), since: Instant::now() };
            self.lock().entry(address.clone()).or_insert_with(new).clone()
        };
        let open = || Node::open(&self.dial, self.connections, Some(address.clone()), None);
        seat.node.get_or_try_init(open).await.cloned()
    }

    /// Asks nodes that are known, else the seeds, who holds which slot.
    ///
    /// # Errors
    /// None of them has an answer.
    async fn refresh(&self) -> Result<(), WireError> {
        let map = self.map.load_full();
        let (mut away, mut there): (Vec<_>, Vec<_>) =
            map.nodes.iter().cloned().partition(|node| node.is_away());
        there.shuffle(&mut rand::rng());
        there.truncate(VIEWS);
        away.truncate(VIEWS);
        let mut view = view(&there).await;
        if view.is_err() {
            view = self::view(&away).await;
        }
        if view.is_err() {
            let seeds = join_all(self.seeds.iter().map(|seed| self.node_at(seed))).await;
            view = self::view(&seeds.into_iter().collect::<Result<Vec<_>, _>>()?).await;
        }
        self.install(view?).await
    }

    async fn install(&self, ranges: Vec<SlotRange>) -> Result<(), WireError> {
        let mut addresses: Vec<&Address> = Vec::new();
        for range in &ranges {
            if !addresses.contains(&&range.primary) {
                addresses.push(&range.primary);
            }
        }
        let opened = join_all(addresses.iter().map(|address| self.node_at(address))).await;
        let is_known = !self.map.load().nodes.is_empty();
        let mut map = SlotMap::empty();
        let mut owners: Vec<u16> = Vec::with_capacity(addresses.len());
        for node in opened {
            match node {
                Ok(node) => {
                    owners.push(u16::try_from(map.nodes.len()).unwrap_or(UNASSIGNED));
                    map.nodes.push(node);
                }
                // One node that refuses its connections must not hide where the slots of the others are.
                Err(_) if is_known => owners.push(UNASSIGNED),
                Err(error) => return Err(error),
            }
        }
        for range in &ranges {
            let place = addresses.iter().position(|address| **address == range.primary);
            let owner = place.map_or(UNASSIGNED, |place| owners[place]);
            map.owners[usize::from(range.first)..=usize::from(range.last)].fill(owner);
        }
        self.lock().retain(|address, seat| addresses.contains(&address) || seat.since.elapsed() < IDLE_NODE);
        self.map.store(Arc::new(map));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Seat>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What most of these nodes say. A node that was cut off may be of an opinion of its own.
async fn view(nodes: &[Arc<Node>]) -> Result<Vec<SlotRange>, WireError> {
    let asked = nodes.iter().map(|node| async move {
        let answer = node.ask(Request::of("CLUSTER", ["SLOTS"]), VIEW_TIMEOUT).await?;
        let ranges = node.address().and_then(|address| slot_ranges(answer, &address));
        let strange = || WireError::new(WireErrorKind::Client, "`CLUSTER SLOTS` has a strange answer");
        ranges.filter(|ranges| !ranges.is_empty()).ok_or_else(strange)
    });
    let mut views: Vec<(usize, Vec<SlotRange>)> = Vec::new();
    let mut failure = WireError::new(WireErrorKind::Broken, "no node of the Cluster answers");
    for view in join_all(asked).await {
        match view {
            Ok(view) => match views.iter_mut().find(|(_, other)| *other == view) {
                Some((votes, _)) => *votes += 1,
                None => views.push((1, view)),
            },
            Err(error) if error.text().contains("cluster support disabled") => {
                let text = "the server is of no Cluster: its URL is redis://";
                failure = WireError::new(WireErrorKind::Config, text);
            }
            Err(error) => failure = error,
        }
    }
    views.into_iter().max_by_key(|(votes, _)| *votes).map(|(_, view)| view).ok_or(failure)
}

impl SlotMap {
    fn empty() -> Self {
        Self { nodes: Vec::new(), owners: vec![UNASSIGNED; usize::from(SLOTS)] }
    }

    fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        self.nodes.get(usize::from(*self.owners.get(usize::from(slot))?))
    }

    /// The same, with this node as the owner of the slot.
    fn with(&self, slot: u16, node: &Arc<Node>) -> Self {
        let mut map = self.clone();
        let known = map.nodes.iter().position(|other| Arc::ptr_eq(other, node));
        let index = known.unwrap_or_else(|| {
            map.nodes.push(node.clone());
            map.nodes.len() - 1
        });
        let owner = u16::try_from(index).unwrap_or(UNASSIGNED);
        map.owners.iter_mut().skip(slot.into()).take(1).for_each(|slot| *slot = owner);
        map
    }
}
