//! The scripts themselves, on a real Redis, under random schedules of the same readers and writers.
//! After each move the key on the server is compared with the committed row.

use crate::search::Property;
use crate::servers::Redis;
use crate::variants::Variant;
use crate::world::{Faults, Remote, Setup, World, WriterKind, with_remote};
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::prelude::Value;
use fred::types::{Builder, ClusterHash, CustomCommand, config::Config};
use sea_orm_autocache::store::{Answer, Outcome, Slot, Step, Token, decode_slot, encode_marker};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use tokio::runtime::Runtime;

const THREADS: u64 = 2;
const MOVES_MAX: usize = 80;
const SHARED: &str = include_str!("../../src/store/redis/lua/slot.lua");
const SCRIPTS: [(&str, &str); 7] = [
    ("lease", include_str!("../../src/store/redis/lua/lease.lua")),
    ("fill", include_str!("../../src/store/redis/lua/fill.lua")),
    ("unlease", include_str!("../../src/store/redis/lua/unlease.lua")),
    ("intent", include_str!("../../src/store/redis/lua/intent.lua")),
    ("finish", include_str!("../../src/store/redis/lua/finish.lua")),
    ("invalidate", include_str!("../../src/store/redis/lua/invalidate.lua")),
    ("insert", include_str!("../../src/store/redis/lua/insert.lua")),
];

/// A change to the scripts that must be noticed.
#[derive(Clone, Copy)]
struct Mutation {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    faults: Faults,
}

/// A key on the server, with the scripts as they are or mutated.
struct RealKey {
    runtime: Runtime,
    client: Client,
    key: String,
    shas: HashMap<&'static str, String>,
}

impl RealKey {
    fn connect(url: &str, mutation: Option<Mutation>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let client = Builder::from_config(Config::from_url(url).expect("a URL")).build().expect("a client");
        runtime.block_on(client.init()).expect("a connection");
        let mut shas = HashMap::new();
        let mut mutated = mutation.is_none();
        for (name, source) in SCRIPTS {
            let source = format!("{SHARED}{source}return {name}(KEYS[1], unpack(ARGV))");
            let changed = mutation.map_or(source.clone(), |m| source.replace(m.from, m.to));
            mutated |= changed != source;
            let load = CustomCommand::new_static("SCRIPT", ClusterHash::FirstKey, false);
            let sha = runtime.block_on(client.custom(load, vec!["LOAD", &changed])).expect("a script");
            shas.insert(name, sha);
        }
        assert!(mutated, "a mutation that changes nothing");
        Self { runtime, client, key: String::new(), shas }
    }

    fn call(&self, script: &str, arguments: Vec<Value>) -> Value {
        let evalsha = CustomCommand::new_static("EVALSHA", ClusterHash::FirstKey, false);
        let mut all: Vec<Value> = vec![self.shas[script].as_str().into(), 1.into(), self.key.as_str().into()];
        all.extend(arguments);
        self.runtime.block_on(self.client.custom(evalsha, all)).expect("an answer")
    }
}

fn entry_bytes(value: u8) -> Value {
    Value::Bytes(vec![b'V', value].into())
}

fn token_bytes(token: Token) -> Value {
    Value::Bytes(token.to_bytes().to_vec().into())
}

impl Remote for RealKey {
    fn step(&mut self, step: Step<u8>) -> Answer<u8> {
        let millis = |hold: std::time::Duration| Value::Integer(hold.as_millis() as i64);
        let answer = match step {
            Step::Lease { token, ttl: hold, .. } => {
                self.call("lease", vec![millis(hold), token_bytes(token), "".into()])
            }
            Step::Fill { token, entry, .. } => {
                self.call("fill", vec!["0".into(), token_bytes(token), entry_bytes(entry)])
            }
            Step::Unlease { token } => self.call("unlease", vec![token_bytes(token)]),
            Step::Intent { token, ttl: hold, .. } => {
                self.call("intent", vec![token_bytes(token), millis(hold), "0".into()])
            }
            Step::Finish { token, outcome: Outcome::Publish(entry, _) } => {
                self.call("finish", vec![token_bytes(token), "P".into(), "0".into(), entry_bytes(entry)])
            }
            Step::Finish { token, outcome: Outcome::Delete } => {
                self.call("finish", vec![token_bytes(token), "D".into()])
            }
            Step::Release { token } => self.call("finish", vec![token_bytes(token), "R".into()]),
            Step::Invalidate => self.call("invalidate", Vec::new()),
            Step::Insert { entry, .. } => self.call("insert", vec!["0".into(), entry_bytes(entry)]),
        };
        // The actors tell these apart; the rest only writers would count.
        match answer {
            Value::Integer(1) => Answer::Granted,
            Value::Integer(2) => Answer::Busy,
            Value::Integer(12) => Answer::Writing,
            Value::Integer(3) => Answer::Filled,
            Value::Integer(4) => Answer::Refused,
            Value::Integer(_) => Answer::Unchanged,
            other => Answer::Found(other.into_bytes().expect("an entry")[1]),
        }
    }

    fn slot(&mut self) -> Slot<u8> {
        let bytes: Option<bytes::Bytes> =
            self.runtime.block_on(self.client.get(&self.key)).expect("an answer");
        bytes.map_or(Slot::Empty, |bytes| decode_slot(&bytes, |entry| entry[1]))
    }

    fn put(&mut self, slot: &Slot<u8>) {
        let bytes = match slot {
            Slot::Empty => None,
            Slot::Entry(value) => Some(vec![b'V', *value]),
            marker => encode_marker(marker),
        };
        match bytes {
            None => drop(self.runtime.block_on(self.client.del::<u32, _>(&self.key)).expect("an answer")),
            Some(bytes) => {
                let set = self.client.set::<(), _, _>(&self.key, bytes.as_slice(), None, None, false);
                self.runtime.block_on(set).expect("an answer");
            }
        }
    }
}

/// A small generator: a schedule is its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

fn setup_of(chance: &mut Chance, faults: Faults) -> Setup {
    let kinds = [WriterKind::Autocommit, WriterKind::Transaction];
    let writers = (0..1 + chance.below(4)).map(|_| kinds[chance.below(2)]).collect();
    Setup {
        readers: 2 + chance.below(4),
        seeders: 0,
        writers,
        scattered: false,
        faults,
        variant: Variant::Sound,
    }
}

/// Which properties must hold after each move: a lost intent costs P0 and P5 for a moment.
fn judged(faults: Faults, property: Property) -> bool {
    !(faults.evicted_intents && matches!(property, Property::P0 | Property::P5))
}

/// One schedule; what broke, and the moves to it.
fn schedule(seed: u64, faults: Faults) -> Option<(Property, Vec<String>)> {
    let mut chance = Chance(seed);
    let setup = setup_of(&mut chance, faults);
    let mut world = World::new(&setup);
    world.write_through();
    let mut trace = Vec::new();
    for _ in 0..MOVES_MAX {
        let mut moves = world.moves(&setup);
        let settled = moves.iter().all(|next| next.is_environment);
        if let Some(broken) = world.broken(settled).into_iter().find(|property| judged(faults, *property)) {
            return Some((broken, trace));
        }
        if settled {
            return None;
        }
        let actors: Vec<usize> = (0..moves.len()).filter(|&i| !moves[i].is_environment).collect();
        let by_environment = moves.len() > actors.len() && chance.below(4) == 0;
        let chosen =
            if by_environment { chance.below(moves.len()) } else { actors[chance.below(actors.len())] };
        let next = moves.swap_remove(chosen);
        let is_environment = next.is_environment;
        trace.push(next.label.clone());
        next.happen(&mut world);
        if is_environment {
            world.write_through();
        }
    }
    None
}

/// Runs so many schedules on a fresh server, each on a key of its own. The first finding ends it.
fn fuzz(redis: &Redis, schedules: u64, sets: &[Faults], mutation: Option<Mutation>) -> Option<String> {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    let work = move |thread: u64, url: String, sets: Vec<Faults>| {
        let mut findings = None;
        let mut key = RealKey::connect(&url, mutation);
        for seed in (0..schedules).filter(|seed| seed % THREADS == thread) {
            key.key = format!("fuzz:{}", KEYS.fetch_add(1, Ordering::Relaxed));
            let faults = sets[(seed / THREADS) as usize % sets.len()];
            let (kept, found) = with_remote(key, || schedule(seed, faults));
            key = kept;
            if let Some((property, trace)) = found {
                findings = Some(format!("seed {seed}, {property:?}, {faults:?}:\n  {}", trace.join("\n  ")));
                break;
            }
        }
        findings
    };
    let spawn = |thread| {
        let (url, sets) = (redis.url(), sets.to_vec());
        thread::spawn(move || work(thread, url, sets))
    };
    let threads: Vec<_> = (0..THREADS).map(spawn).collect();
    threads.into_iter().find_map(|thread| thread.join().expect("a thread that ends"))
}

fn fault_sets() -> Vec<Faults> {
    let none = Faults::default();
    vec![
        none,
        Faults { crashes: 1, ..none },
        Faults { unknown_commits: true, ..none },
        Faults { lost_finishes: true, ..none },
        Faults { crashes: 1, unknown_commits: true, lost_finishes: true, ..none },
        Faults { evicted_intents: true, ..none },
    ]
}

/// `AUTOCACHE_SCHEDULES` sets another number than the default.
#[test]
fn no_schedule_of_the_real_scripts_breaks_a_property() {
    let redis = Redis::start(&[]);
    let wanted = std::env::var("AUTOCACHE_SCHEDULES").ok().and_then(|text| text.parse().ok());
    let schedules = wanted.unwrap_or(10_000);
    if let Some(finding) = fuzz(&redis, schedules, &fault_sets(), None) {
        panic!("{finding}");
    }
    println!("{schedules} schedules, no finding");
}

#[test]
fn every_mutation_of_the_scripts_is_noticed() {
    let redis = Redis::start(&[]);
    let none = Faults::default();
    let evicted = Faults { evicted_intents: true, ..none };
    let crash = Faults { crashes: 1, ..none };
    let mutation = |what, from, to, faults| Mutation { what, from, to, faults };
    let mutations = [
        mutation(
            "a fill does not look at its lease",
            "if kind ~= 'L' or v ~= 'L' .. token then return 4 end",
            "",
            none,
        ),
        mutation("a dirty intent publishes", "and byte(v, 2) == 48", "", none),
        mutation("overlap is forgotten", "mark = dirty and '1' or '0'", "mark = '0'", crash),
        mutation("the writer that remains is clean", "'W1' .. rest, 'KEEP'", "'W0' .. rest, 'KEEP'", none),
        mutation("an intent leaves others out", "'W' .. mark .. rest .. token", "'W' .. mark .. token", none),
        mutation(
            "a lost token does nothing",
            "return drop(key, kind, v, LOST, LOST)",
            "return LOST",
            evicted,
        ),
        mutation("a lost token leaves a clean intent", "'W1' .. sub(v, 3), 'KEEP'", "v, 'KEEP'", evicted),
        mutation("a lease is granted over an intent", "if rest ~= '' then return 12 end", "", none),
        mutation("a lease is granted over a lease", "if kind == 'L' then return 2 end", "", none),
        mutation(
            "an intent leaves an entry standing",
            "local kind, v = read(key)\n  local mark",
            "local kind, v = read(key)\nif kind == 'V' then return 5 end\n  local mark",
            none,
        ),
        mutation(
            "another writer's intent is taken for the own one",
            " or sub(v, 3, 18) ~= token",
            "",
            evicted,
        ),
        mutation("the first of many is taken for the only one", "#v ~= 31 or ", "", none),
    ];
    for mutation in mutations {
        let found = fuzz(&redis, 6_000, &[mutation.faults], Some(mutation));
        let noticed = found.as_deref().and_then(|finding| finding.lines().next().map(str::to_owned));
        println!("{}: {}", mutation.what, noticed.as_deref().unwrap_or("not noticed"));
        let harmless = mutation.what == "a lease is granted over a lease";
        assert_eq!(noticed.is_some(), !harmless, "{}", mutation.what);
    }
}
