//! A TCP path that can be cut, silenced, slowed, or broken exactly while a COMMIT is in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const OPEN: u8 = 0;
/// What the server says is thrown away.
const MUTE: u8 = 1;
/// As `MUTE`, from the first chunk with COMMIT in it; that chunk still reaches the server.
const MUTE_AT_COMMIT: u8 = 2;

/// Clones share the path.
#[derive(Clone)]
pub struct Proxy {
    pub port: u16,
    mode: Arc<AtomicU8>,
    /// Raised to close every connection; new ones are taken only while `refusing` is off.
    cuts: Arc<watch::Sender<u64>>,
    refusing: Arc<AtomicU8>,
    delay_ms: Arc<AtomicU64>,
    /// Raised to strand every connection.
    stranded: Arc<AtomicU64>,
    server_port: Arc<AtomicU16>,
}

impl Proxy {
    pub async fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            port: listener.local_addr().expect("an address").port(),
            mode: Arc::default(),
            cuts: Arc::new(watch::Sender::new(0)),
            refusing: Arc::default(),
            delay_ms: Arc::default(),
            stranded: Arc::default(),
            server_port: Arc::new(AtomicU16::new(server_port)),
        };
        let path = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if path.refusing.load(Ordering::SeqCst) == 0 {
                    tokio::spawn(path.clone().carry(client));
                }
            }
        });
        proxy
    }

    /// The URL of a store behind this path.
    pub fn url(&self) -> String {
        super::servers::with_client(format!("redis://127.0.0.1:{}", self.port))
    }

    /// Where new connections lead from now on.
    pub fn lead_to(&self, server_port: u16) {
        self.server_port.store(server_port, Ordering::SeqCst);
    }

    /// Holds back whatever is said, in both directions, for so long.
    pub fn delay(&self, by: Duration) {
        self.delay_ms.store(by.as_millis().try_into().unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    pub fn open(&self) {
        self.refusing.store(0, Ordering::SeqCst);
        self.mode.store(OPEN, Ordering::SeqCst);
    }

    /// Closes all connections. New ones come through.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Closes all connections, and takes no new ones until `open`.
    pub fn close(&self) {
        self.refusing.store(1, Ordering::SeqCst);
        self.cut();
    }

    /// The connections stay, and nothing comes back on them any more. New ones come through.
    pub fn strand(&self) {
        self.stranded.fetch_add(1, Ordering::SeqCst);
    }

    /// Answers no longer come through; what clients say does.
    pub fn mute(&self) {
        self.mode.store(MUTE, Ordering::SeqCst);
    }

    /// Lets a COMMIT through to the server, and nothing that follows back.
    pub fn mute_at_commit(&self) {
        self.mode.store(MUTE_AT_COMMIT, Ordering::SeqCst);
    }

    async fn carry(self, client: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let generation = *cuts.borrow_and_update();
        let server_port = self.server_port.load(Ordering::SeqCst);
        let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = self.questions(from_client, to_server) => {}
            () = self.answers(from_server, to_client, generation) => {}
            _ = cuts.changed() => {}
        }
    }

    async fn questions(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let commits = buffer[..count].windows(6).any(|window| window.eq_ignore_ascii_case(b"commit"));
            if commits {
                let _ = self.mode.compare_exchange(MUTE_AT_COMMIT, MUTE, Ordering::SeqCst, Ordering::SeqCst);
            }
            self.linger().await;
            if to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }

    async fn linger(&self) {
        match self.delay_ms.load(Ordering::SeqCst) {
            0 => {}
            delay_ms => tokio::time::sleep(Duration::from_millis(delay_ms)).await,
        }
    }

    async fn answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, generation: u64) {
        let mut buffer = vec![0; 64 * 1024];
        let stranded = self.stranded.load(Ordering::SeqCst);
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if self.mode.load(Ordering::SeqCst) == MUTE || self.stranded.load(Ordering::SeqCst) != stranded {
                continue;
            }
            self.linger().await;
            // A connection that was cut while mute has lost answers: the next one would be taken for them.
            if *self.cuts.borrow() != generation || to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }
}
