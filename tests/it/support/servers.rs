//! Redis, Postgres and MariaDB for tests.

use super::process::{Server, as_user, free_port, fresh_folder, program, run};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names the program to start in place of `redis-server`. `scripts/redis-versions.sh` sets it.
const PROGRAM: &str = "AUTOCACHE_REDIS_SERVER";
/// Options with one value that not every Redis before 7.0 has. There the first is as if on, the port follows from
/// another, replicas stay where they are while each primary has one, and a server that loads looks up now and then.
const SINCE_7: [&str; 4] = [
    "--enable-debug-command",
    "--cluster-port",
    "--cluster-allow-replica-migration",
    "--loading-process-events-interval-bytes",
];

/// The program, and whether it has the options of [`SINCE_7`].
fn redis_program() -> &'static (String, bool) {
    static FOUND: OnceLock<(String, bool)> = OnceLock::new();
    FOUND.get_or_init(|| {
        let installed = || program(&["redis-server", "valkey-server"], "redis-server");
        let path = std::env::var(PROGRAM).ok().filter(|path| !path.is_empty()).unwrap_or_else(installed);
        let said = Command::new(&path).arg("--version").output();
        let said = said.unwrap_or_else(|error| panic!("`{path}` does not start: {error}")).stdout;
        // `Redis server v=6.0.16 sha=…`
        let said = String::from_utf8_lossy(&said).into_owned();
        let major = said.split(" v=").nth(1).and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        let major = major.unwrap_or_else(|| panic!("`{path} --version` tells no version: {said}"));
        (path, major >= 7)
    })
}

/// A port for a node of a Cluster, and one for its bus.
pub fn node_ports() -> (u16, u16) {
    /// Where the bus of an older Redis is: so much above the other port, and so above all others of tests.
    const BUS: u16 = 10_000;
    if redis_program().1 {
        return (free_port(), free_port());
    }
    loop {
        let port = free_port();
        if port >= 20_000 && TcpListener::bind(("127.0.0.1", port + BUS)).is_ok() {
            return (port, port + BUS);
        }
    }
}

/// Names the client of the stores under test, `fred` or `redis-rs`, where it is not the default.
const CLIENT: &str = "AUTOCACHE_TEST_CLIENT";

/// The URL of a store, with the client that is to be tested.
pub fn with_client(url: String) -> String {
    match std::env::var(CLIENT) {
        Ok(client) if !client.is_empty() => {
            let joint = if url.contains('?') { '&' } else { '?' };
            format!("{url}{joint}client={client}")
        }
        _ => url,
    }
}

/// A Redis server of a test's own.
pub struct Redis {
    server: Server,
}

impl Redis {
    pub fn start(options: &[&str]) -> Self {
        Self::start_where(|_, _| options.iter().map(|option| (*option).to_owned()).collect())
    }

    /// Starts a server whose options depend on its folder and its port.
    pub fn start_where(options: impl FnOnce(&Path, u16) -> Vec<String>) -> Self {
        let (folder, port) = (fresh_folder("redis"), free_port());
        let options = options(&folder, port);
        Self::start_at(folder, port, &options)
    }

    /// Starts a server where one was before.
    pub fn restart(folder: PathBuf, port: u16) -> Self {
        std::fs::create_dir_all(&folder).expect("a folder");
        Self::start_at(folder, port, &[])
    }

    /// Starts a server on this port.
    pub fn start_on(port: u16, options: &[String]) -> Self {
        Self::start_at(fresh_folder("redis"), port, options)
    }

    fn start_at(folder: PathBuf, port: u16, options: &[String]) -> Self {
        let (redis, is_of_7) = redis_program();
        let mut command =
            vec![redis.clone(), "--port".into(), port.to_string(), "--bind".into(), "127.0.0.1".into()];
        command.extend(["--dir".into(), folder.to_string_lossy().into_owned()]);
        command
            .extend(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"].map(str::to_owned));
        command.extend_from_slice(options);
        while let Some(at) = command.iter().position(|word| !is_of_7 && SINCE_7.contains(&word.as_str())) {
            command.drain(at..=at + 1);
        }
        Self { server: Server::start(&command, folder, port) }
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    pub fn folder(&self) -> &Path {
        &self.server.keeper.folder
    }

    pub fn pid(&self) -> Option<i32> {
        self.server.keeper.pid()
    }

    /// Kills the server. Says where it was.
    pub fn stop(self) -> (PathBuf, u16) {
        (self.server.keeper.folder.clone(), self.server.port)
    }

    pub fn url(&self) -> String {
        with_client(format!("redis://127.0.0.1:{}", self.server.port))
    }
}

/// The Redis server that tests of this process share, each under an app label of its own.
pub fn shared_redis() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(|| Redis::start(&[]))
}

/// The URL of a database server that tests of this process share, up to the database's name.
pub fn postgres() -> &'static str {
    static SHARED: OnceLock<(Server, String)> = OnceLock::new();
    let start = || {
        let folder = fresh_folder("postgres");
        let user = as_user("postgres", &folder);
        let data = folder.join("data").to_string_lossy().into_owned();
        let initdb = program(&["initdb"], "postgresql");
        let auth = ["--auth", "trust", "--username", "postgres", "--encoding", "UTF8", "--no-sync"];
        let mut init: Vec<String> = user.iter().cloned().chain([initdb, "-D".into(), data.clone()]).collect();
        init.extend(auth.map(str::to_owned));
        run(&init);
        let port = free_port();
        let settings =
            ["fsync=off", "max_connections=300", "unix_socket_directories=", "max_prepared_transactions=10"];
        let mut command: Vec<String> = user;
        command.extend([
            program(&["postgres"], "postgresql"),
            "-D".into(),
            data,
            "-p".into(),
            port.to_string(),
        ]);
        command.extend(settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]));
        let server = Server::start(&command, folder, port);
        (server, format!("postgres://postgres@127.0.0.1:{port}"))
    };
    &SHARED.get_or_init(start).1
}

/// As [`postgres`].
pub fn mariadb() -> &'static str {
    static SHARED: OnceLock<(Server, String)> = OnceLock::new();
    let start = || {
        let folder = fresh_folder("mariadb");
        let _ = as_user("mysql", &folder);
        let data = folder.join("data").to_string_lossy().into_owned();
        let install = program(&["mariadb-install-db", "mysql_install_db"], "mariadb-server");
        let auth = "--auth-root-authentication-method=normal";
        let mut init =
            vec![install, "--no-defaults".into(), "--user=mysql".into(), format!("--datadir={data}")];
        init.extend([auth.into(), "--skip-test-db".into()]);
        run(&init);
        let port = free_port();
        let mut command = vec![program(&["mariadbd", "mysqld"], "mariadb-server"), "--no-defaults".into()];
        command.extend(["--user=mysql".into(), format!("--datadir={data}"), format!("--port={port}")]);
        command.extend([format!("--socket={data}/socket"), "--bind-address=127.0.0.1".into()]);
        command.extend(
            ["--skip-grant-tables", "--skip-networking=0", "--max-connections=300"].map(str::to_owned),
        );
        command.extend(
            ["--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=0"].map(str::to_owned),
        );
        let server = Server::start(&command, folder, port);
        (server, format!("mysql://root@127.0.0.1:{port}"))
    };
    &SHARED.get_or_init(start).1
}
