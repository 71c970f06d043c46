//! Breadth-first search, so that the first trace to a violation is a shortest one.

use crate::world::{Setup, World};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};

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
    let mut cameby = Visited::default();
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

/// What is known of each world that was visited: the world before it, and the move between them.
type Visited = HashMap<u128, (u128, u32), BuildHasherDefault<Fingerprint>>;

fn fingerprint(world: &World) -> u128 {
    let mut hasher = Fingerprint::default();
    world.hash(&mut hasher);
    hasher.0
}

/// FNV-1a of 128 bits, by numbers rather than by bytes. The hasher of the standard library takes two thirds of the
/// search where it is not optimized, as in tests.
struct Fingerprint(u128);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fingerprint {
    fn mix(&mut self, number: u128) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.mix(u128::from(*byte));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(u128::from(number));
    }

    fn write_u128(&mut self, number: u128) {
        self.mix(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u128);
    }

    fn write_isize(&mut self, number: isize) {
        self.mix(number as u128);
    }

    fn finish(&self) -> u64 {
        // The map needs the upper bits of the number as well as the lower ones.
        (self.0 >> 64) as u64 ^ self.0 as u64
    }
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

    fn trace(&self, cameby: &Visited, mut here: u128, root: u128) -> Vec<String> {
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
