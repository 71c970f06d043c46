//! Commands of a Cluster: each to the node of its key, those of one node together, all nodes at the same time.

use super::redirect::{Redirect, is_redirection};
use super::{Arc, Cluster, Node};
use crate::store::redis::node::Outgoing;
use crate::store::redis::reply::{found, found_value};
use crate::store::redis::scripts::Scripts;
use crate::store::redis::slots::slot_of;
use crate::store::redis::wire::{Request, RespValue, WireError, WireErrorKind};
use crate::store::{Found, StoreError};
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use std::time::Duration;
use tokio::time::Instant;

/// A command is redirected no more often.
const REDIRECTIONS_MAX: usize = 5;

/// A command and the hash slot of its key.
#[derive(Clone, Debug)]
pub(crate) struct Routed {
    pub(crate) slot: u16,
    pub(crate) request: Request,
}

/// An answer, and the stamp of the node that has given it.
type Answered = (Result<RespValue, WireError>, Option<u32>);

/// A command that has no answer yet.
struct Waiting {
    index: usize,
    /// The node that it was redirected to.
    to: Option<Arc<Node>>,
    /// Whether that node is to be told that it was.
    asking: bool,
}

impl Cluster {
    /// The node to read this key from.
    ///
    /// # Errors
    /// It does not answer, or is not known.
    pub(crate) fn node_for(&self, key: &str) -> Result<Arc<Node>, StoreError> {
        let node = self.owner(slot_of(key)).filter(|node| !node.is_away());
        node.ok_or_else(|| self.store_error(nobody()))
    }

    /// What a node has answered that was asked for this key. It is asked for elsewhere if the node says so, or is gone.
    pub(crate) async fn found(
        self: &Arc<Self>,
        node: &Node,
        key: String,
        answer: Result<Option<Bytes>, WireError>,
        limit: Duration,
    ) -> Result<Found, StoreError> {
        match answer {
            Err(error) if error.kind() == WireErrorKind::Broken || is_redirection(&error) => {
                let found = self.get_many(vec![key], limit).await?;
                Ok(found.into_iter().next().unwrap_or(Found::Nothing))
            }
            answer => {
                self.note(node, answer.as_ref().err());
                let found = found(answer).map_err(|error| self.store_error(error))?;
                Ok(stamped(found, node.stamp()))
            }
        }
    }

    /// Reads keys: all or none.
    pub(crate) async fn get_many(
        self: &Arc<Self>,
        keys: Vec<String>,
        limit: Duration,
    ) -> Result<Vec<Found>, StoreError> {
        let get =
            |key: String| Routed { slot: slot_of(&key), request: Request::new("GET", vec![key.into()]) };
        let requests: Vec<Routed> = keys.into_iter().map(get).collect();
        let answers = self.answers(&requests, None, limit).await.into_iter();
        let found = answers.map(|(answer, stamp)| found_value(answer).map(|found| stamped(found, stamp)));
        found.collect::<Result<_, _>>().map_err(|error| self.store_error(error))
    }

    /// Sends each command to the node of its slot. One round trip to each node, and one more for those that are
    /// redirected.
    pub(crate) async fn send(
        self: &Arc<Self>,
        requests: &[Routed],
        scripts: &Scripts,
        limit: Duration,
    ) -> Vec<Result<RespValue, StoreError>> {
        let answers = self.answers(requests, Some(scripts), limit).await.into_iter();
        answers.map(|(answer, _)| answer.map_err(|error| self.store_error(error))).collect()
    }

    /// Boxed: the futures of reads, which programs compile, are to hold nothing of it.
    fn answers<'a>(
        self: &'a Arc<Self>,
        requests: &'a [Routed],
        scripts: Option<&'a Scripts>,
        limit: Duration,
    ) -> BoxFuture<'a, Vec<Answered>> {
        Box::pin(self.route(requests, scripts, limit))
    }

    async fn route(
        self: &Arc<Self>,
        requests: &[Routed],
        scripts: Option<&Scripts>,
        limit: Duration,
    ) -> Vec<Answered> {
        let end = Instant::now() + limit;
        let mut answers: Vec<Answered> = requests.iter().map(|_| (Err(nobody()), None)).collect();
        let mut waiting: Vec<Waiting> =
            (0..requests.len()).map(|index| Waiting { index, to: None, asking: false }).collect();
        for _ in 0..=REDIRECTIONS_MAX {
            let left = end.saturating_duration_since(Instant::now());
            if waiting.is_empty() || left.is_zero() {
                break;
            }
            let groups = self.grouped(std::mem::take(&mut waiting), requests);
            let sent = groups.into_iter().map(|(node, group)| async move {
                let answers = send_to(&node, &group, requests, scripts, left).await;
                (node, group, answers)
            });
            let sent = join_all(sent).await;
            let answered = Instant::now();
            for (node, group, of_node) in sent {
                let stamp = node.stamp();
                for (Waiting { index, .. }, answer) in group.into_iter().zip(of_node) {
                    self.note(&node, answer.as_ref().err());
                    if let Err(error) = &answer {
                        let next = self.redirected(&node, error, requests[index].slot, answered);
                        // A node that cannot be reached in time is as good as none.
                        if let Ok(Some((to, asking))) = tokio::time::timeout_at(end, next).await {
                            waiting.push(Waiting { index, to: Some(to), asking });
                            continue;
                        }
                    }
                    answers[index] = (answer, stamp);
                }
            }
        }
        answers
    }

    /// By node. What has none that answers stays without an answer, and costs nothing.
    fn grouped(&self, waiting: Vec<Waiting>, requests: &[Routed]) -> Vec<(Arc<Node>, Vec<Waiting>)> {
        let map = self.map.load();
        let mut groups: Vec<(Arc<Node>, Vec<Waiting>)> = Vec::new();
        for waiting in waiting {
            let owner = || map.owner(requests[waiting.index].slot).cloned();
            let node = waiting.to.clone().or_else(owner).filter(|node| !node.is_away());
            let Some(node) = node else { continue };
            match groups.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &node)) {
                Some((_, group)) => group.push(waiting),
                None => groups.push((node, vec![waiting])),
            }
        }
        groups
    }

    /// Where to go on after this answer, and whether that node is to be told so: where a redirection leads; and where
    /// the slot is by now, if the node is gone. What it may have done with the command ended with it, and the steps of
    /// the protocol bear to be repeated. `answered` is when all of this round were: the slots are asked for once.
    async fn redirected(
        self: &Arc<Self>,
        node: &Node,
        error: &WireError,
        slot: u16,
        answered: Instant,
    ) -> Option<(Arc<Node>, bool)> {
        match Redirect::of(error, &node.address()?) {
            Some(Redirect::Moved { slot, to }) => Some((self.note_moved(slot, &to).await.ok()?, false)),
            Some(Redirect::Ask { to }) => Some((self.node_at(&to).await.ok()?, true)),
            None if error.kind() == WireErrorKind::Broken => {
                self.refresh_after(answered).await;
                let owner = self.owner(slot).filter(|owner| !owner.is_away());
                owner.filter(|owner| !std::ptr::eq(&**owner, node)).map(|owner| (owner, false))
            }
            None => None,
        }
    }

    /// A node that does not answer is not asked again until it does.
    fn note(&self, node: &Node, error: Option<&WireError>) {
        if error.is_some_and(WireError::is_away) {
            node.set_away(true);
        }
    }
}

/// One round trip.
async fn send_to(
    node: &Node,
    group: &[Waiting],
    requests: &[Routed],
    scripts: Option<&Scripts>,
    limit: Duration,
) -> Vec<Result<RespValue, WireError>> {
    let command =
        |waiting: &Waiting| Outgoing { request: &requests[waiting.index].request, asking: waiting.asking };
    let commands: Vec<Outgoing<'_>> = group.iter().map(command).collect();
    match scripts {
        Some(scripts) => scripts.run(node, &commands, limit).await,
        None => node.send(&commands, limit).await,
    }
}

fn nobody() -> WireError {
    WireError::new(WireErrorKind::Broken, "no node that answers holds the key's slot")
}

fn stamped(found: Found, stamp: Option<u32>) -> Found {
    match found {
        Found::Bytes(bytes) => Found::Stamped { bytes, stamp },
        found => found,
    }
}
