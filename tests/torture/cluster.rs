//! A Redis Cluster under the workers, and what is done to it.

use crate::faults::Fault;
use crate::support::cluster::{Cluster, slot_of};
use crate::vanishing::key;
use rand::Rng;
use rand::rngs::StdRng;
use std::time::Duration;
use tokio::task::block_in_place;

/// Slots of one reshard: about every third of those that the workers' keys are in.
const MOVED_AT_ONCE: usize = 12;

pub struct ClusterFaults {
    cluster: Cluster,
}

impl ClusterFaults {
    pub fn start() -> Self {
        Self { cluster: block_in_place(Cluster::start) }
    }

    pub fn url(&self) -> String {
        self.cluster.url()
    }

    pub fn ports(&self) -> Vec<u16> {
        self.cluster.nodes.iter().map(|node| node.port).collect()
    }

    pub fn settle(&self) {
        block_in_place(|| self.cluster.settle());
    }

    /// Whether this is a fault of a Cluster. Afterwards the Cluster is whole, with a replica for each primary.
    pub fn inflict(&mut self, fault: Fault, rng: &mut StdRng) -> bool {
        block_in_place(|| {
            match fault {
                Fault::Reshard => self.reshard(rng),
                Fault::HalfMove => self.move_by_halves(rng),
                Fault::KillPrimary => self.kill(rng),
                Fault::PausePrimary => self.pause(rng),
                _ => return false,
            }
            true
        })
    }

    fn primaries(&self) -> Vec<usize> {
        self.cluster.up_places().filter(|node| self.cluster.is_primary(*node)).collect()
    }

    fn one_of(&self, rng: &mut StdRng, but: Option<usize>) -> usize {
        let primaries: Vec<usize> = self.primaries().into_iter().filter(|node| Some(*node) != but).collect();
        primaries[rng.random_range(0..primaries.len())]
    }

    fn reshard(&self, rng: &mut StdRng) {
        let to = self.one_of(rng, None);
        let slots: Vec<u16> = (0..MOVED_AT_ONCE).map(|_| slot_of(&key(rng))).collect();
        self.cluster.move_slots(&slots, to);
    }

    fn move_by_halves(&self, rng: &mut StdRng) {
        let slot = slot_of(&key(rng));
        let owner = self.cluster.owner_of(slot).expect("an owner");
        let to = self.one_of(rng, Some(owner));
        let mut moving = self.cluster.begin_move(slot, to);
        std::thread::sleep(Duration::from_millis(rng.random_range(10..200)));
        moving.move_keys();
        // Keys that come up now come up there.
        std::thread::sleep(Duration::from_millis(rng.random_range(10..200)));
        moving.move_keys();
        moving.end();
    }

    fn kill(&mut self, rng: &mut StdRng) {
        let primary = self.one_of(rng, None);
        let replica = self.cluster.replica_of(primary);
        self.cluster.kill(primary);
        self.cluster.wait_until_promoted(replica);
        self.cluster.revive(primary);
        self.cluster.settle();
    }

    fn pause(&self, rng: &mut StdRng) {
        let primary = self.one_of(rng, None);
        let replica = self.cluster.replica_of(primary);
        self.cluster.pause(primary);
        self.cluster.wait_until_promoted(replica);
        self.cluster.resume(primary);
        self.cluster.wait("a demotion", || !self.cluster.is_primary(primary));
        self.cluster.settle();
    }
}
