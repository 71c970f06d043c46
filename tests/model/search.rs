//! Breadth-first search, so that the first trace to a violation is a shortest one.

use crate::world::{Setup, World};
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    P0,
    P1,
    P2,
    P3,
    P5,
}

pub struct Report {
    pub states: usize,
    /// The shortest trace to each property that breaks.
    pub traces: BTreeMap<Property, Vec<String>>,
}

impl Report {
    pub fn broken(&self) -> Vec<Property> {
        self.traces.keys().copied().collect()
    }
}

/// Searches everything that can be reached. Visited worlds are kept as 128-bit fingerprints.
pub fn search(setup: &Setup) -> Report {
    let start = World::new(setup);
    let mut cameby: HashMap<u128, (u128, u32)> = HashMap::new();
    let mut labels = Labels::default();
    let mut queue = VecDeque::from([start.clone()]);
    let root = fingerprint(&start);
    cameby.insert(root, (root, u32::MAX));
    let mut traces = BTreeMap::new();
    while let Some(world) = queue.pop_front() {
        let here = fingerprint(&world);
        let moves = world.moves(setup);
        let settled = moves.iter().all(|next| next.is_environment);
        for property in world.broken(settled) {
            traces.entry(property).or_insert_with(|| labels.trace(&cameby, here, root));
        }
        for mut next in moves {
            let (label, mut after) = (std::mem::take(&mut next.label), world.clone());
            next.happen(&mut after);
            if let Entry::Vacant(vacant) = cameby.entry(fingerprint(&after)) {
                vacant.insert((here, labels.number(label)));
                queue.push_back(after);
            }
        }
    }
    Report { states: cameby.len(), traces }
}

fn fingerprint(world: &World) -> u128 {
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        world.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0x9e37_79b9) << 64 | half(0x7f4a_7c15)
}

/// The names of moves, each kept once.
#[derive(Default)]
struct Labels {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Labels {
    fn number(&mut self, name: String) -> u32 {
        let next = self.names.len() as u32;
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }

    fn trace(&self, cameby: &HashMap<u128, (u128, u32)>, mut here: u128, root: u128) -> Vec<String> {
        let mut trace = Vec::new();
        while here != root {
            let (before, label) = cameby[&here];
            trace.push(self.names[label as usize].clone());
            here = before;
        }
        trace.reverse();
        trace
    }
}
