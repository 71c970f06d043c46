//! Slots that go from node to node of a cluster, with their keys, while clients use them.

use super::cluster::{Cluster, Node};
use super::resp::{Answer, Wire};

/// Keys that one command moves.
const KEYS_AT_ONCE: &str = "100";

/// A slot on its way.
pub struct Move<'c> {
    cluster: &'c Cluster,
    slot: u16,
    from: usize,
    to: usize,
    wires: Vec<Option<Wire>>,
}

impl Cluster {
    /// Moves these slots, one after the other, and waits until all nodes know.
    pub fn move_slots(&self, slots: &[u16], to: usize) {
        let mut wires = self.wires();
        let owned: Vec<(usize, Vec<u16>)> =
            self.up_places().map(|node| (node, self.slots_of(node))).collect();
        for slot in slots {
            let owner = owned.iter().find(|(_, slots)| slots.binary_search(slot).is_ok());
            let from = owner.expect("an owner").0;
            if from != to {
                let mut moving = Move { cluster: self, slot: *slot, from, to, wires };
                moving.begin();
                moving.move_keys();
                moving.give();
                wires = moving.wires;
            }
        }
        self.settle();
    }

    /// Begins to move a slot: its keys are still where they were.
    pub fn begin_move(&self, slot: u16, to: usize) -> Move<'_> {
        let from = self.owner_of(slot).expect("an owner");
        assert_ne!(from, to, "the slot is there");
        let mut moving = Move { cluster: self, slot, from, to, wires: self.wires() };
        moving.begin();
        moving
    }

    /// A connection to every node that runs, at its place.
    fn wires(&self) -> Vec<Option<Wire>> {
        let wire = |node: &Node| node.is_up().then(|| Wire::to(node.port).expect("a connection"));
        self.nodes.iter().map(wire).collect()
    }
}

impl Move<'_> {
    fn tell(&mut self, node: usize, words: &[&str]) -> Answer {
        let wire = self.wires[node].as_mut().expect("a node that runs");
        match wire.ask(words).expect("an answer") {
            Answer::Error(error) => panic!("{words:?}: {error}"),
            answer => answer,
        }
    }

    fn begin(&mut self) {
        let slot = self.slot.to_string();
        let (from_id, to_id) =
            (self.cluster.nodes[self.from].id.as_str(), self.cluster.nodes[self.to].id.as_str());
        self.tell(self.to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", from_id]);
        self.tell(self.from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", to_id]);
    }

    /// Moves all keys that are still where they were.
    pub fn move_keys(&mut self) {
        loop {
            let slot = self.slot.to_string();
            let keys = self.tell(self.from, &["CLUSTER", "GETKEYSINSLOT", &slot, KEYS_AT_ONCE]);
            let keys: Vec<String> = keys.list().iter().map(|key| key.text().to_owned()).collect();
            if keys.is_empty() {
                return;
            }
            keys.iter().for_each(|key| self.move_key(key));
        }
    }

    /// Moves one key.
    pub fn move_key(&mut self, key: &str) {
        let port = self.cluster.nodes[self.to].port.to_string();
        self.tell(self.from, &["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS", key]);
    }

    /// Gives the slot to its new owner, and waits until all nodes know. All keys must have been moved.
    pub fn end(mut self) {
        self.give();
        self.cluster.settle();
    }

    fn give(&mut self) {
        let slot = self.slot.to_string();
        let id = self.cluster.nodes[self.to].id.as_str();
        let command = ["CLUSTER", "SETSLOT", &slot, "NODE", id];
        self.tell(self.to, &command);
        self.tell(self.from, &command);
        // The others would learn it later. Replicas refuse, and learn it from their primaries.
        for (node, wire) in self.wires.iter_mut().enumerate() {
            if let Some(wire) = wire
                && ![self.to, self.from].contains(&node)
            {
                let _ = wire.ask(&command);
            }
        }
    }

    /// Leaves the slot where it was. Its keys must be there.
    pub fn abandon(mut self) {
        let slot = self.slot.to_string();
        for node in [self.to, self.from] {
            self.tell(node, &["CLUSTER", "SETSLOT", &slot, "STABLE"]);
        }
    }
}
