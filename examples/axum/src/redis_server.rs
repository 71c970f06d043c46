//! [`RedisServer`]: a Redis server of this program's own, so that the page can take it away.

use std::io;
use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
const START_TIMEOUT: Duration = Duration::from_secs(10);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A server on a free port of this machine. Ends with the program.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    /// `None` while it is stopped.
    process: Mutex<Option<Child>>,
}

impl RedisServer {
    /// # Errors
    /// There is no `redis-server`, or it does not answer.
    pub async fn start() -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
        let server = Self { port, folder: TempDir::new()?, process: Mutex::default() };
        server.resume().await?;
        Ok(server)
    }

    pub fn url(&self) -> String {
        format!("redis://{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    pub fn is_running(&self) -> bool {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Starts it with what it held when it was stopped.
    pub async fn resume(&self) -> io::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        let process = self.spawn()?;
        timeout(START_TIMEOUT, self.answers()).await?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        Ok(())
    }

    fn spawn(&self) -> io::Result<Child> {
        let started = PROGRAMS.iter().map(|program| {
            Command::new(program)
                .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
                .arg(self.folder.path())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
        });
        let missing = || io::Error::new(io::ErrorKind::NotFound, "`redis-server` is not installed");
        started.flatten().next().ok_or_else(missing)
    }

    /// Ends it. What it holds is kept for the next start, as by a server that is only restarted.
    pub async fn stop(&self) -> io::Result<()> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut process) = process else { return Ok(()) };
        self.say("SHUTDOWN SAVE\r\n").await?;
        timeout(STOP_TIMEOUT, process.wait()).await??;
        Ok(())
    }

    /// Until the server has loaded its data.
    async fn answers(&self) {
        while !self.say("PING\r\n").await.is_ok_and(|answer| answer.starts_with("+PONG")) {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Sends a command as a person at a terminal would, and reads what comes first.
    async fn say(&self, command: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.write_all(command.as_bytes()).await?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}
