//! A real Redis of a test's own, and servers that only look like one.
use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use rowhouse_dev::PrivateRedis;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
};

/// A Redis of our own. Gone when dropped, or when this process ends in any other way.
pub struct TestRedis {
    dir: PathBuf,
    options: Vec<String>,
    url: String,
    running: Option<PrivateRedis>,
}

impl TestRedis {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With more options on its command line.
    pub fn with(options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("rowhouse-redis-{}-{number}", std::process::id()));
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut redis = Self { dir, options, url: String::new(), running: None };
        redis.start_again();
        redis
    }

    /// Starts it, empty.
    pub fn start_again(&mut self) {
        assert!(self.running.is_none());
        assert!(
            PrivateRedis::is_installed(),
            "these tests need Redis: install it (Debian, Ubuntu: apt-get install redis-server); bin/test does so"
        );
        let running = PrivateRedis::start(&self.dir, &self.options).unwrap();
        self.url = running.url();
        self.running = Some(running);
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// It holds still, and connections stay open.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.running.as_ref().unwrap().pid().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Where it is, or was.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    fn client(&self) -> ::redis::Client {
        ::redis::Client::open(self.url()).unwrap()
    }

    /// Tells it something.
    pub async fn tell<T: ::redis::FromRedisValue>(&self, command: &[&[u8]]) -> T {
        let mut connection = self.client().get_multiplexed_async_connection().await.unwrap();
        let mut told = ::redis::Cmd::new();
        for word in command {
            told.arg(*word);
        }
        told.query_async(&mut connection).await.unwrap()
    }

    /// How often something was read from those who ask it, this question included.
    pub fn questions(&self) -> u64 {
        let mut connection = self.client().get_connection().unwrap();
        let stats: String = ::redis::cmd("INFO").arg("stats").query(&mut connection).unwrap();
        stats.lines().find_map(|line| line.strip_prefix("total_reads_processed:")?.trim().parse().ok()).unwrap()
    }

    /// The names of answers that are kept in it, and not of what is counted.
    pub async fn kept(&self) -> Vec<String> {
        self.keys().await.into_iter().filter(|key| !key.contains("}:rate")).collect()
    }

    /// The names of all that is in it.
    pub async fn keys(&self) -> Vec<String> {
        self.tell(&[b"KEYS", b"*"]).await
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Where something answers `with` to whatever it is told; nothing at all where that is empty.
pub async fn impostor(with: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    if stream.write_all(with).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("redis://{address}")
}

/// A wire to a server, which can be held: what is under way stops in the middle of a message, connections stay open, and new
/// ones are taken and lead nowhere, until it is let go.
pub struct Wire {
    pub url: String,
    held: Arc<AtomicBool>,
}

impl Wire {
    pub async fn to(redis: &TestRedis) -> Self {
        let socket = redis.url().trim_start_matches("redis+unix://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self { url: format!("redis://{}", listener.local_addr().unwrap()), held: Arc::default() };
        let held = wire.held.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = UnixStream::connect(&socket).await else { continue };
                let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                tokio::spawn(carry(from_near, to_far, held.clone()));
                tokio::spawn(carry(from_far, to_near, held.clone()));
            }
        });
        wire
    }

    pub fn hold(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    pub fn let_go(&self) {
        self.held.store(false, Ordering::SeqCst);
    }
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, held: Arc<AtomicBool>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let (first, rest) = buffer[..read].split_at(read / 2);
        if to.write_all(first).await.is_err() {
            return;
        }
        while held.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if to.write_all(rest).await.is_err() {
            return;
        }
    }
}
