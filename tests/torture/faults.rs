//! What is done to the workers and their servers, and what must hold all the same.

use sea_orm_autocache::Consistency;
use std::time::Duration;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// `kill -9` of a worker, and a new one in its place.
    Kill,
    /// SIGSTOP of a worker, for less than half of the hold.
    Pause,
    /// SIGSTOP of a worker, for longer than the hold.
    LongPause,
    /// SIGSTOP of the Redis server, for less than half of the hold.
    PauseRedis,
    CutDatabase,
    /// The database's answers are lost.
    MuteDatabase,
    /// As `MuteDatabase`, beginning with the next COMMIT.
    MuteCommit,
    SlowDatabase,
    CutRedis,
    /// No connection to Redis for a while.
    CloseRedis,
    MuteRedis,
    SlowRedis,
    /// Keys vanish.
    Evict,
    /// All keys vanish.
    Flush,
    /// Redis dies and is back empty.
    Restart,
    /// Redis dies and is back with what it held some time before.
    RestartOlder,
    /// Redis dies and its replica takes its place.
    Promote,
    /// Slots of the rows go to another node of the Cluster, with their keys.
    Reshard,
    /// A slot of the rows begins to move, some of its keys do, and it stays like that for a while.
    HalfMove,
    /// A primary of the Cluster dies; its replica takes over, and it comes back as one.
    KillPrimary,
    /// A primary of the Cluster stands still until its replica has taken over, and goes on as if nothing had been.
    PausePrimary,
}

impl Fault {
    pub fn needs_database_path(self) -> bool {
        matches!(self, Self::CutDatabase | Self::MuteDatabase | Self::MuteCommit | Self::SlowDatabase)
    }
}

/// The properties, by the names of the crate's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// A read that begins after a write has returned answers with nothing older.
    P1,
    /// Once all is quiet the cache agrees with the database.
    P2,
    /// Nothing that was not committed is ever read.
    P3,
    /// As P1, where the older answer is an absence.
    P4,
    /// Successive reads never go back.
    P5,
}

/// Faults that occur together in one run, and under which settings.
#[derive(Clone, Copy, Debug)]
pub struct FaultSet {
    pub name: &'static str,
    pub faults: &'static [Fault],
    pub consistency: Consistency,
    pub hold: Duration,
    pub command_timeout: Duration,
    /// Whether tasks drop their saves, commits and reads midway. That is a crash as far as the protocol goes.
    pub cancels: bool,
    /// Whether rows are asked for that are yet to be inserted under a key the database makes. Their
    /// tombstone outlives a worker that dies between INSERT and `after_save`, which nothing announces.
    pub asks_for_unborn: bool,
    /// Whether rows are kept in a Redis Cluster of six nodes.
    pub cluster: bool,
    /// Whether workers keep a cache by hand, by the usual recipe.
    pub naive: bool,
    /// What may be violated. All else must hold.
    pub may_break: &'static [Property],
}

const HOLD: Duration = Duration::from_millis(2_500);
const PATIENT: Duration = Duration::from_millis(2_000);
const IMPATIENT: Duration = Duration::from_millis(250);

const CALM: FaultSet = FaultSet {
    name: "calm",
    faults: &[],
    consistency: Consistency::Available,
    hold: HOLD,
    command_timeout: PATIENT,
    cancels: false,
    asks_for_unborn: true,
    cluster: false,
    naive: false,
    may_break: &[],
};

/// Every set with its verdict, for rows and for lists alike: a list answers with something older when it lacks a
/// row, shows one that has gone or moved away, or shows one as it was.
///
/// A crash, an unknown COMMIT and a lost or late finish, alone or together, leave all properties. The loss of
/// an intent (an eviction, a restart, a hold that ends under a living writer) costs P5 for a moment, and
/// together with a crash or a dropped future it may leave an older row: such sets do not cancel or kill.
pub const ALL: [FaultSet; 13] = [
    CALM,
    // Between a SELECT and its fill there is time for others to write, and for what they publish to vanish.
    FaultSet {
        name: "slowness",
        faults: &[Fault::SlowDatabase, Fault::SlowDatabase, Fault::SlowRedis],
        ..CALM
    },
    FaultSet {
        name: "kills",
        faults: &[
            Fault::Kill,
            Fault::Kill,
            Fault::Pause,
            Fault::CutDatabase,
            Fault::MuteDatabase,
            Fault::MuteCommit,
            Fault::SlowDatabase,
        ],
        cancels: true,
        asks_for_unborn: false,
        ..CALM
    },
    FaultSet {
        name: "paths",
        faults: &[
            Fault::CutRedis,
            Fault::CloseRedis,
            Fault::MuteRedis,
            Fault::SlowRedis,
            Fault::PauseRedis,
            Fault::Kill,
            Fault::Pause,
            Fault::CutDatabase,
            Fault::MuteCommit,
        ],
        consistency: Consistency::Strict,
        command_timeout: IMPATIENT,
        cancels: true,
        asks_for_unborn: false,
        ..CALM
    },
    FaultSet {
        name: "evictions",
        faults: &[Fault::Evict, Fault::Evict, Fault::Evict, Fault::Flush],
        may_break: &[Property::P5],
        ..CALM
    },
    FaultSet {
        name: "restarts",
        faults: &[Fault::Restart],
        consistency: Consistency::Strict,
        command_timeout: IMPATIENT,
        may_break: &[Property::P5],
        ..CALM
    },
    FaultSet {
        name: "snapshots",
        faults: &[Fault::RestartOlder],
        consistency: Consistency::Strict,
        command_timeout: IMPATIENT,
        may_break: &[Property::P5],
        ..CALM
    },
    FaultSet {
        name: "failovers",
        faults: &[Fault::Promote],
        consistency: Consistency::Strict,
        command_timeout: IMPATIENT,
        may_break: &[Property::P5],
        ..CALM
    },
    FaultSet {
        name: "long-pauses",
        faults: &[Fault::LongPause],
        consistency: Consistency::Strict,
        hold: Duration::from_millis(1_500),
        command_timeout: IMPATIENT,
        may_break: &[Property::P5],
        ..CALM
    },
    FaultSet {
        name: "small-holds",
        hold: Duration::from_millis(4),
        consistency: Consistency::Strict,
        may_break: &[Property::P5],
        ..CALM
    },
    // Nothing is lost where slots move.
    FaultSet {
        name: "reshards",
        faults: &[
            Fault::Reshard,
            Fault::Reshard,
            Fault::HalfMove,
            Fault::HalfMove,
            Fault::Kill,
            Fault::Pause,
        ],
        consistency: Consistency::Strict,
        command_timeout: IMPATIENT,
        cancels: true,
        asks_for_unborn: false,
        cluster: true,
        ..CALM
    },
    FaultSet {
        name: "cluster-failovers",
        faults: &[Fault::KillPrimary, Fault::PausePrimary, Fault::Reshard],
        consistency: Consistency::Strict,
        command_timeout: IMPATIENT,
        cluster: true,
        may_break: &[Property::P5],
        ..CALM
    },
    // The canary: a cache kept by hand must be caught, or this test is blind.
    FaultSet {
        name: "naive",
        faults: &[Fault::Kill],
        naive: true,
        may_break: &[Property::P1, Property::P2, Property::P4, Property::P5],
        ..CALM
    },
];

pub fn named(name: &str) -> FaultSet {
    let names: Vec<&str> = ALL.iter().map(|set| set.name).collect();
    let found = ALL.into_iter().find(|set| set.name == name);
    found.unwrap_or_else(|| panic!("no fault set `{name}`; there are {}", names.join(", ")))
}
