//! Private servers: started on free ports, gone with the test process, however it ends.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A process that ends when this is dropped or the process that holds it ends, and takes its folder along.
#[derive(Debug)]
pub struct Keeper {
    shell: Child,
    pub folder: PathBuf,
}

impl Keeper {
    /// Starts `command`. What it says goes to `server.log` in the folder, its id to `pid`.
    pub fn start(command: &[String], folder: PathBuf) -> Self {
        // The shell's input is a pipe from this process: it ends with it, even by a kill.
        let script = r#"folder="$1"; shift; "$@" >"$folder/server.log" 2>&1 & pid=$!; echo $pid >"$folder/pid"
            cat >/dev/null; kill -CONT $pid 2>/dev/null; kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null; rm -rf "$folder""#;
        let shell = Command::new("sh")
            .args(["-c", script, "keeper"])
            .arg(&folder)
            .args(command)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh starts");
        Self { shell, folder }
    }

    /// Keeps a folder, with no process that matters.
    pub fn of_folder(name: &str) -> Self {
        Self::start(&["true".to_owned()], fresh_folder(name))
    }

    /// The id of the process; `None` as long as it has none.
    pub fn pid(&self) -> Option<i32> {
        fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A server process and its folder. Both go when this is dropped or the process that holds it ends.
#[derive(Debug)]
pub struct Server {
    pub keeper: Keeper,
    pub port: u16,
}

impl Server {
    /// Starts `command` under a keeper that ends it when this process does.
    pub fn start(command: &[String], folder: PathBuf, port: u16) -> Self {
        let server = Self { keeper: Keeper::start(command, folder), port };
        server.wait_for_port();
        server
    }

    fn wait_for_port(&self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = self.keeper.log();
            assert!(begun.elapsed() < START_TIMEOUT, "a server did not start; it said:\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Where ports are looked for: below those that systems hand out to clients, of which one may have taken the port
/// before the server does, or may even be connected to itself.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// A port without a listener, for this process alone as long as it lives. Without that, a test of another process, or
/// one that starts its server again, may be given the same port, and its server's clients meet another's.
pub fn free_port() -> u16 {
    static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("autocache-ports");
    let _ = fs::create_dir_all(&folder);
    // Processes begin in different places.
    let first = std::process::id().wrapping_mul(251) as usize % PORTS.len();
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let candidates = PORTS.cycle().skip(first + taken.len()).take(PORTS.len());
    for port in candidates {
        // The lock ends with the process, however it ends.
        let file = File::options().create(true).append(true).open(folder.join(port.to_string()));
        let Ok(file) = file else { continue };
        if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            taken.push(file);
            return port;
        }
    }
    panic!("no port from {PORTS:?} is free");
}

/// An empty folder that every user may enter.
pub fn fresh_folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unique = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("autocache-{name}-{}-{unique}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for a server");
    folder
}

/// The program's path, or an end of the test that names the package to install.
pub fn program(names: &[&str], package: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.extend(postgres_folders());
    let candidates = folders.iter().flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    let missing =
        || panic!("`{}` is not installed: install the package `{package}`, or run scripts/test.sh", names[0]);
    found.unwrap_or_else(missing).to_string_lossy().into_owned()
}

/// Debian keeps Postgres' programs out of the search path, newest version last.
fn postgres_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

/// Runs a command to its end.
pub fn run(command: &[String]) {
    let output = Command::new(&command[0]).args(&command[1..]).output().expect("a program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{}` failed: {text}", command.join(" "));
}

/// What must stand before a command so that it does not run as root, which Postgres refuses.
pub fn as_user(user: &str, folder: &Path) -> Vec<String> {
    let id = Command::new("id").arg("-u").output().expect("id runs").stdout;
    if String::from_utf8_lossy(&id).trim() != "0" {
        return Vec::new();
    }
    run(&["chown".into(), "-R".into(), user.into(), folder.to_string_lossy().into_owned()]);
    ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"].map(str::to_owned).to_vec()
}
