//! One row, one key, readers, writers, and what may befall them.
//!
//! A step of the store and a step of the database are each one move. Leases and entries may vanish at
//! any time, fills may come late or never: that is no fault. Readers and writers run one operation
//! each. Row values are named after the writer that wrote them; `ranks` orders them by commit.

mod scattered;
mod seeders;

use crate::search::Property;
use crate::variants::{Variant, step};
use scattered::Half;
use sea_orm_autocache::store::{Answer, Change, Lifetime, Outcome, Slot, Step, Token};
use seeders::Seeding;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The row before anybody writes; with births, its absence.
const FIRST: u8 = 0;
const LONG: Duration = Duration::from_secs(1_000);

#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// How many writers may die.
    pub crashes: u8,
    /// A COMMIT may go unanswered, and happen later or never.
    pub unknown_commits: bool,
    /// A finish may be lost, or run later, while the writer returns as if it had run.
    pub lost_finishes: bool,
    pub evicted_intents: bool,
    /// A token may expire although its writer is still at work.
    pub early_expiries: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriterKind {
    Autocommit,
    /// Commits or rolls back; announces itself right before COMMIT.
    Transaction,
    /// An insert whose key the database makes: nothing before, an invalidation after it.
    Birth,
    /// As `Birth`, but published if nothing stands there.
    BirthPublished,
}

#[derive(Clone, Debug)]
pub struct Setup {
    pub readers: usize,
    /// Readers of lists that fill rows.
    pub seeders: usize,
    pub writers: Vec<WriterKind>,
    /// The store is several servers: each step of a writer's round trip is a move of its own, in any order, and the
    /// fence has an intent for as long as the row.
    pub scattered: bool,
    pub faults: Faults,
    pub variant: Variant,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    slot: Slot<u8>,
    row: u8,
    /// The writer that has the row locked.
    lock: Option<u8>,
    /// By value: its place in the order of commits; 0 is uncommitted, or the first.
    ranks: Vec<u8>,
    commits: u8,
    /// The highest rank among writes that have returned, and among rows that reads have returned.
    returned: u8,
    seen: u8,
    readers: Vec<Reader>,
    seeders: Vec<Seeding>,
    /// The entity's fence: a seeder's mark is a lease.
    fence: Slot<u8>,
    writers: Vec<Writer>,
    /// Finishes that no writer waits for any longer; both halves where the store keeps their order.
    zombies: Vec<(u8, Option<Half>)>,
    crashes_left: u8,
    /// What a read has returned that it should not have.
    sins: [bool; 3],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reader {
    phase: Reading,
    /// The highest ranks that had returned and been seen when the read began.
    floors: (u8, u8),
    departures: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Reading {
    Idle,
    /// About to send its `GET`.
    Asking,
    /// About to send its lease, with a flight that others may join.
    Leasing,
    Leased,
    /// Has read the row, has not sent its fill.
    Holding(u8),
    /// Somebody is at work: will look again, or read the database.
    Waiting,
    /// Has an answer; joiners up to this many departures may share it.
    Landing(u8, u8),
    /// On the flight of this reader, since so many departures.
    Joined(u8, u8),
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Writing {
    #[default]
    Idle,
    /// In a transaction: has the lock, has announced nothing.
    Changed,
    /// Has announced itself.
    Announced,
    /// COMMIT is on its way and its answer will not come.
    InDoubt,
    /// Has committed and not yet told the store.
    Committed,
    /// Has wiped the fence.
    Wiped,
    /// Has freed the row, and not wiped the fence.
    Finished,
    Returned,
    /// Dead, rolled back, or gone without an answer.
    Gone,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Writer {
    phase: Writing,
    /// Whether its token has expired before its commit, by the writer's own clock.
    late: bool,
    /// What is done of a round trip to several servers.
    half: Option<Half>,
    /// Whether its token was lost from the fence.
    in_doubt: bool,
}

/// Something that may happen next.
pub struct Move<'w> {
    pub label: String,
    /// Whether it is a step of the environment, which no process waits for.
    pub is_environment: bool,
    happen: Box<dyn FnOnce(&mut World) + 'w>,
}

impl Move<'_> {
    pub fn happen(self, world: &mut World) {
        (self.happen)(world);
    }
}

thread_local! {
    /// Where this thread's worlds keep their key instead of in themselves.
    static REMOTE: RefCell<Option<Rc<RefCell<dyn Remote>>>> = const { RefCell::new(None) };
}

/// A key on a real server.
pub trait Remote {
    fn step(&mut self, step: Step<u8>) -> Answer<u8>;
    fn slot(&mut self) -> Slot<u8>;
    fn put(&mut self, slot: &Slot<u8>);
}

/// Does some work with this thread's worlds on that key.
pub fn with_remote<R: Remote + 'static, T>(remote: R, work: impl FnOnce() -> T) -> (R, T) {
    let shared = Rc::new(RefCell::new(remote));
    REMOTE.replace(Some(shared.clone()));
    let result = work();
    REMOTE.replace(None);
    let remote = Rc::into_inner(shared).expect("the only handle of the key").into_inner();
    (remote, result)
}

fn token_of_writer(index: usize) -> Token {
    Token::from_u128(index as u128 + 1)
}
fn token_of_reader(index: usize) -> Token {
    Token::from_u128(index as u128 + 101)
}

impl World {
    pub fn new(setup: &Setup) -> Self {
        let reader = Reader { phase: Reading::Idle, floors: (0, 0), departures: 0 };
        Self {
            slot: Slot::Empty,
            row: FIRST,
            lock: None,
            ranks: vec![0; setup.writers.len() + 1],
            commits: 0,
            returned: 0,
            seen: 0,
            readers: vec![reader; setup.readers],
            seeders: vec![Seeding::Idle; setup.seeders],
            fence: Slot::Empty,
            writers: vec![Writer::default(); setup.writers.len()],
            zombies: Vec::new(),
            crashes_left: setup.faults.crashes,
            sins: [false; 3],
        }
    }

    pub fn broken(&self, settled: bool) -> Vec<Property> {
        let disagrees = matches!(self.slot, Slot::Entry(value) if value != self.row);
        let [older, uncommitted, backwards] = self.sins;
        [
            (Property::P0, disagrees),
            (Property::P1, older),
            (Property::P2, disagrees && settled),
            (Property::P3, uncommitted),
            (Property::P5, backwards),
        ]
        .into_iter()
        .filter_map(|(property, broken)| broken.then_some(property))
        .collect()
    }

    /// Brings what the environment has done to the key to where the key really is.
    pub fn write_through(&self) {
        if let Some(remote) = REMOTE.with_borrow(Clone::clone) {
            remote.borrow_mut().put(&self.slot);
        }
    }

    pub fn moves<'w>(&self, setup: &'w Setup) -> Vec<Move<'w>> {
        let mut moves = Moves { from: self, setup, all: Vec::new() };
        (0..self.readers.len()).for_each(|index| moves.of_reader(index));
        (0..self.seeders.len()).for_each(|index| moves.of_seeder(index));
        (0..self.writers.len()).for_each(|index| moves.of_writer(index));
        moves.of_environment();
        moves.all
    }

    fn apply(&mut self, variant: Variant, next: Step<u8>) -> Answer<u8> {
        let remote = REMOTE.with_borrow(Clone::clone).map(|remote| {
            let mut remote = remote.borrow_mut();
            (remote.step(next.clone()), remote.slot())
        });
        if let Some((answer, slot)) = remote {
            self.slot = slot;
            return answer;
        }
        let transition = step(variant, &self.slot, next);
        match transition.change {
            Change::Keep => {}
            Change::Remove => self.slot = Slot::Empty,
            Change::Put(slot, _) => self.slot = slot,
        }
        transition.answer
    }

    fn commit(&mut self, writer: usize) {
        self.commits += 1;
        self.row = writer as u8 + 1;
        self.ranks[writer + 1] = self.commits;
        self.lock = None;
    }

    /// A read returns this value to its caller.
    fn answer(&mut self, reader: usize, value: u8) {
        let rank = self.ranks[value as usize];
        let (returned, seen) = self.readers[reader].floors;
        let [older, uncommitted, backwards] = &mut self.sins;
        *uncommitted |= value != FIRST && rank == 0;
        *older |= rank < returned;
        *backwards |= rank < seen;
        self.seen = self.seen.max(rank);
        self.readers[reader].phase = Reading::Done;
    }

    /// The reader's flight lands: it and its joiners have their answer, or must ask again.
    fn land(&mut self, variant: Variant, leader: usize, value: u8, departures_max: u8) {
        self.answer(leader, value);
        for joiner in 0..self.readers.len() {
            if let Reading::Joined(flight, boarded) = self.readers[joiner].phase
                && flight as usize == leader
            {
                if boarded <= departures_max || variant == Variant::NaiveSingleFlight {
                    self.answer(joiner, value);
                } else {
                    self.readers[joiner].phase = Reading::Asking;
                }
            }
        }
    }
}

/// A token runs out; with the last one the key goes.
fn expire(slot: &mut Slot<u8>, token: Token) {
    if let Slot::Intent(intents) = slot {
        for holder in intents.holders.iter_mut().filter(|holder| holder.token == token) {
            holder.deadline_ms = 0;
        }
        if !intents.any_alive(1) {
            *slot = Slot::Empty;
        }
    }
}

struct Moves<'a, 'w> {
    from: &'a World,
    setup: &'w Setup,
    all: Vec<Move<'w>>,
}

impl<'w> Moves<'_, 'w> {
    fn push(&mut self, label: impl FnOnce() -> String, happen: impl FnOnce(&mut World) + 'w) {
        self.all.push(Move { label: label(), happen: Box::new(happen), is_environment: false });
    }

    fn of_reader(&mut self, index: usize) {
        let (from, variant) = (self.from, self.setup.variant);
        let token = token_of_reader(index);
        let set = move |world: &mut World, phase| world.readers[index].phase = phase;
        let depart = move |world: &mut World| world.readers[index].departures += 1;
        match from.readers[index].phase {
            Reading::Idle => self.push(
                || format!("R{index} begins"),
                move |world| {
                    world.readers[index].floors = (world.returned, world.seen);
                    set(world, Reading::Asking);
                },
            ),
            Reading::Asking => {
                self.push(
                    || format!("R{index} GET"),
                    move |world| match world.slot {
                        Slot::Entry(value) => world.answer(index, value),
                        Slot::Empty => set(world, Reading::Leasing),
                        Slot::Lease(_) | Slot::Intent(_) => set(world, Reading::Waiting),
                    },
                );
                self.boardings(index);
            }
            Reading::Leasing => self.push(
                || format!("R{index} LEASE"),
                move |world| {
                    let limit = world.readers[index].departures;
                    depart(world);
                    match world.apply(variant, Step::Lease { token, ttl: LONG, unusable: None }) {
                        Answer::Granted => set(world, Reading::Leased),
                        Answer::Found(value) => set(world, Reading::Landing(value, limit)),
                        _ => set(world, Reading::Waiting),
                    }
                },
            ),
            _ => self.of_reader_with_an_errand(index),
        }
    }

    fn of_reader_with_an_errand(&mut self, index: usize) {
        let (from, variant) = (self.from, self.setup.variant);
        let token = token_of_reader(index);
        let set = move |world: &mut World, phase| world.readers[index].phase = phase;
        let depart = move |world: &mut World| world.readers[index].departures += 1;
        match from.readers[index].phase {
            Reading::Leased => self.push(
                || format!("R{index} SELECT under its lease: {}", from.row),
                move |world| {
                    depart(world);
                    set(world, Reading::Holding(world.row));
                },
            ),
            Reading::Holding(value) => self.push(
                || format!("R{index} FILL {value}"),
                move |world| {
                    let fill = Step::Fill { token, entry: value, lifetime: Lifetime::Forever };
                    let filled = world.apply(variant, fill) == Answer::Filled;
                    let limit = world.readers[index].departures - 1;
                    set(world, Reading::Landing(value, if filled { u8::MAX } else { limit }));
                },
            ),
            Reading::Waiting => {
                self.push(
                    || format!("R{index} looks again"),
                    move |world| match world.slot {
                        Slot::Entry(value) => {
                            let limit = world.readers[index].departures;
                            depart(world);
                            set(world, Reading::Landing(value, limit));
                        }
                        _ => set(world, Reading::Waiting),
                    },
                );
                self.push(
                    || format!("R{index} SELECT without a lease: {}", from.row),
                    move |world| {
                        let limit = world.readers[index].departures;
                        depart(world);
                        set(world, Reading::Landing(world.row, limit));
                    },
                );
            }
            Reading::Landing(value, limit) => {
                self.push(
                    || format!("R{index} returns {value}"),
                    move |world| world.land(variant, index, value, limit),
                );
            }
            _ => {}
        }
    }

    /// A reader that has found nothing joins a flight that still boards.
    fn boardings(&mut self, index: usize) {
        for (leader, reader) in self.from.readers.iter().enumerate() {
            let boards = matches!(
                reader.phase,
                Reading::Leasing | Reading::Leased | Reading::Holding(_) | Reading::Waiting
            );
            let shown_nothing = !matches!(self.from.slot, Slot::Entry(_));
            if leader != index && boards && shown_nothing {
                let boarded = reader.departures;
                self.push(
                    || format!("R{index} joins R{leader}"),
                    move |world| world.readers[index].phase = Reading::Joined(leader as u8, boarded),
                );
            }
        }
    }

    fn of_writer(&mut self, index: usize) {
        let writer = self.from.writers[index];
        let kind = self.setup.writers[index];
        match (kind, writer.phase) {
            (WriterKind::Birth | WriterKind::BirthPublished, phase) => self.of_birth(index, kind, phase),
            (WriterKind::Autocommit, Writing::Idle) => self.announce(index),
            (WriterKind::Transaction, Writing::Idle) if self.row_is_free() => self.change(index),
            (WriterKind::Transaction, Writing::Changed) => {
                self.announce(index);
                self.push(
                    || format!("W{index} ROLLBACK"),
                    move |world| {
                        world.lock = None;
                        world.writers[index].phase = Writing::Gone;
                    },
                );
            }
            (WriterKind::Autocommit, Writing::Announced) if self.row_is_free() => self.commit(index),
            (WriterKind::Transaction, Writing::Announced) => self.commit(index),
            (_, Writing::InDoubt) => {
                self.push(
                    || format!("W{index}'s COMMIT happens after all"),
                    move |world| {
                        world.commit(index);
                        world.writers[index].phase = Writing::Gone;
                    },
                );
                self.push(
                    || format!("W{index}'s COMMIT never happens"),
                    move |world| {
                        world.lock = None;
                        world.writers[index].phase = Writing::Gone;
                    },
                );
            }
            (_, Writing::Committed | Writing::Finished) if self.setup.scattered => {
                self.finish_scattered(index);
            }
            (_, Writing::Committed) if self.from.seeders.is_empty() => self.finish(index),
            (_, Writing::Committed | Writing::Wiped | Writing::Finished) => self.finish_fenced(index),
            _ => {}
        }
        self.crash(index);
    }

    /// Only a row that is there can be written again.
    fn row_is_free(&self) -> bool {
        let births = |kind: &WriterKind| matches!(kind, WriterKind::Birth | WriterKind::BirthPublished);
        let exists = self.from.row != FIRST || !self.setup.writers.iter().any(births);
        self.from.lock.is_none() && exists
    }

    fn change(&mut self, index: usize) {
        let early = self.setup.variant == Variant::PublishBeforeCommit;
        self.push(
            || format!("W{index} UPDATE in a transaction"),
            move |world| {
                world.lock = Some(index as u8);
                world.writers[index].phase = Writing::Changed;
                if early {
                    world.slot = Slot::Entry(index as u8 + 1);
                }
            },
        );
    }

    fn announce(&mut self, index: usize) {
        let variant = self.setup.variant;
        if self.setup.scattered {
            return self.announce_scattered(index);
        }
        self.push(
            || format!("W{index} INTENT"),
            move |world| {
                let intent = Step::Intent { token: token_of_writer(index), ttl: LONG, reissued: false };
                world.apply(variant, intent);
                world.writers[index].phase = Writing::Announced;
            },
        );
    }

    fn commit(&mut self, index: usize) {
        if self.setup.variant == Variant::FenceFinishedEarly && self.from.writers[index].half.is_none() {
            return self.finish_half(index, Half::Fence);
        }
        self.push(
            || format!("W{index} COMMIT {}", index + 1),
            move |world| {
                world.commit(index);
                world.writers[index].phase = Writing::Committed;
            },
        );
        if self.setup.faults.unknown_commits {
            let variant = self.setup.variant;
            self.push(
                || format!("W{index} COMMIT, without an answer"),
                move |world| {
                    world.lock = Some(index as u8);
                    world.writers[index].phase = Writing::InDoubt;
                    if variant == Variant::ReleaseOnUnknownCommit {
                        world.apply(variant, Step::Release { token: token_of_writer(index) });
                    }
                },
            );
        }
    }

    fn finish(&mut self, index: usize) {
        let variant = self.setup.variant;
        let wipes_last = variant == Variant::FenceWipedLast;
        self.push(
            || format!("W{index} FINISH {}", index + 1),
            move |world| {
                world.apply(variant, finish_of(index));
                if wipes_last {
                    world.writers[index].phase = Writing::Finished;
                    return;
                }
                world.writers[index].phase = Writing::Returned;
                world.returned = world.returned.max(world.ranks[index + 1]);
            },
        );
        self.lose_finish(index);
    }

    fn lose_finish(&mut self, index: usize) {
        let scattered = self.setup.scattered;
        if self.setup.faults.lost_finishes {
            self.push(
                || format!("W{index} loses its FINISH"),
                move |world| {
                    world
                        .zombies
                        .extend(Half::of_round_trip(scattered).iter().map(|half| (index as u8, *half)));
                    world.writers[index].phase = Writing::Gone;
                    // Success is reported only if the hold has covered the commit.
                    if !world.writers[index].late {
                        world.returned = world.returned.max(world.ranks[index + 1]);
                    }
                },
            );
        }
    }

    fn of_birth(&mut self, index: usize, kind: WriterKind, phase: Writing) {
        let variant = self.setup.variant;
        match phase {
            Writing::Idle => self.push(
                || format!("W{index} INSERT"),
                move |world| {
                    world.commit(index);
                    world.writers[index].phase = Writing::Committed;
                },
            ),
            Writing::Committed => self.push(
                || format!("W{index} tells of its INSERT"),
                move |world| {
                    let insert = Step::Insert { entry: index as u8 + 1, lifetime: Lifetime::Forever };
                    let published = kind == WriterKind::BirthPublished;
                    world.apply(variant, if published { insert } else { Step::Invalidate });
                    world.writers[index].phase = Writing::Returned;
                    world.returned = world.returned.max(world.ranks[index + 1]);
                },
            ),
            _ => {}
        }
    }

    fn crash(&mut self, index: usize) {
        let writer = self.from.writers[index];
        let at_work =
            !matches!(writer.phase, Writing::Idle | Writing::Returned | Writing::Gone | Writing::InDoubt);
        if (at_work || writer.half.is_some()) && self.from.crashes_left > 0 {
            self.push(
                || format!("W{index} dies"),
                move |world| {
                    world.crashes_left -= 1;
                    if world.lock == Some(index as u8) {
                        world.lock = None;
                    }
                    world.writers[index].phase = Writing::Gone;
                },
            );
        }
    }

    fn of_environment(&mut self) {
        let first = self.all.len();
        let variant = self.setup.variant;
        match &self.from.slot {
            Slot::Entry(_) => {
                self.push(|| "the entry vanishes".to_owned(), move |world| world.slot = Slot::Empty);
            }
            Slot::Lease(_) => {
                self.push(|| "the lease vanishes".to_owned(), move |world| world.slot = Slot::Empty);
            }
            Slot::Intent(_) if self.setup.faults.evicted_intents => {
                self.push(|| "the intent is evicted".to_owned(), move |world| world.slot = Slot::Empty);
            }
            Slot::Intent(_) | Slot::Empty => {}
        }
        self.of_fence();
        for index in 0..self.from.writers.len() {
            self.expiry(index);
        }
        for (place, (index, half)) in self.from.zombies.clone().into_iter().enumerate() {
            let what = if half == Some(Half::Fence) { "FINISH on the fence" } else { "FINISH" };
            self.push(
                || format!("W{index}'s {what} arrives late"),
                move |world| {
                    world.zombies.remove(place);
                    match half {
                        Some(half) => drop(world.apply_finish(variant, index as usize, half)),
                        None => {
                            world.fence = Slot::Empty;
                            world.apply(variant, finish_of(index as usize));
                        }
                    }
                },
            );
        }
        self.all[first..].iter_mut().for_each(|next| next.is_environment = true);
    }

    /// A token expires when its writer's work in the database is over; earlier only by a fault.
    fn expiry(&mut self, index: usize) {
        let token = token_of_writer(index);
        let alive = |slot: &Slot<u8>| matches!(slot, Slot::Intent(intents) if intents.holders.iter().any(|h| h.token == token && h.deadline_ms > 1));
        let phase = self.from.writers[index].phase;
        let over = phase == Writing::Gone;
        let before_commit = matches!(phase, Writing::Announced | Writing::InDoubt);
        let announced = !matches!(phase, Writing::Idle | Writing::Changed);
        let may_expire = over || announced && self.setup.faults.early_expiries;
        if !may_expire {
            return;
        }
        if alive(&self.from.slot) {
            self.push(
                || format!("W{index}'s token expires"),
                move |world| {
                    expire(&mut world.slot, token);
                    world.writers[index].late |= before_commit;
                    if over {
                        world.too_late_to_seed(index);
                    }
                },
            );
        }
        if alive(&self.from.fence) {
            self.push(
                || format!("W{index}'s token expires on the fence"),
                move |world| {
                    expire(&mut world.fence, token);
                    world.writers[index].late |= before_commit;
                },
            );
        }
    }
}

fn finish_of(index: usize) -> Step<u8> {
    let outcome = Outcome::Publish(index as u8 + 1, Lifetime::Forever);
    Step::Finish { token: token_of_writer(index), outcome }
}
