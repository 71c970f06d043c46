use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  get: there is nothing under the key; clear: not confirmed
  2  wrong arguments
  3  the server cannot be reached, or does not answer in time
  4  the server refuses the user or the password
  5  the user may not run a command; the error names it
  6  the server answers with another error
  7  the output cannot be written";

/// Looks at the entries of sea-orm-autocache in a Redis server, and clears them.
///
/// Only `clear` changes anything. The server counts what is looked at as reads.
#[derive(Parser)]
#[command(name = "autocache", version, after_help = EXIT_CODES)]
pub struct Args {
    /// The server's URL, as the program has it: redis://, rediss:// (TLS), redis-cluster://, redis-sentinel://.
    /// Where it holds a password, use the variable: other users see the arguments of a process.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true, value_name = "URL")]
    pub redis: Option<String>,

    /// The `key_prefix` of the program's store.
    #[arg(long, global = true, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub prefix: String,

    /// How long the server may take to answer one command.
    #[arg(long, global = true, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,

    /// Prints JSON in place of tables; `watch` prints one object a line.
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

/// The keys of one entity begin with `app:model:`.
#[derive(clap::Args)]
pub struct Entity {
    /// The app label; with an entity's own `APP_LABEL`: app:label.
    pub app: String,
    /// The model name.
    pub model: String,
}

impl Entity {
    /// What the keys begin with, after the store's prefix.
    pub fn prefix(&self) -> String {
        format!("{}:{}:", self.app, self.model)
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// What a key holds: its state, TTL, size, fingerprint and values.
    Get {
        /// The whole key without the store's prefix, or its three parts. A primary key is written as in the key:
        /// text percent-encoded, parts joined by `,`.
        #[arg(num_args = 1..=3, required = true, value_names = ["KEY | APP MODEL PK"])]
        key: Vec<String>,
        /// Names for the columns, in their order: an entry does not hold them.
        #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
        columns: Vec<String>,
    },
    /// The keys of an entity with state, size and TTL. Walks the keys of the server, 500 in a round trip.
    Keys {
        #[command(flatten)]
        entity: Entity,
        /// Stops after so many.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// How many keys of an entity are in each state, with bytes and TTLs. Walks the keys of the server, 500 in a round
    /// trip.
    Stats {
        #[command(flatten)]
        entity: Entity,
    },
    /// Drops all entries of an entity, as `Entity::cache().clear()` does: no read that is in flight in any process
    /// brings an older row back. Not for entities with a `make_key` of their own.
    Clear {
        #[command(flatten)]
        entity: Entity,
        /// Does not ask. Required where there is no terminal to ask on.
        #[arg(long)]
        yes: bool,
    },
    /// The numbers of `stats` again and again, until it is interrupted: what states the keys are in, and how their
    /// number changes.
    ///
    /// Each round walks the keys of the server as `stats` does, and looks at no more than `--sample` of the entity's.
    /// Reads and writes between two rounds are not seen. It sends no MONITOR.
    Watch {
        #[command(flatten)]
        entity: Entity,
        /// The pause between two rounds.
        #[arg(long, default_value_t = 2, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
        interval: u64,
        /// Stops after so many rounds.
        #[arg(long, value_name = "N")]
        rounds: Option<u64>,
        /// The most keys to look at in a round.
        #[arg(long, default_value_t = 10_000, value_name = "KEYS")]
        sample: usize,
    },
}
