//! A way to PostgreSQL on which it is counted what is sent.
use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use rowhouse::db::API_ROLE;

use super::TestDb;

/// What was sent, but for what a process tells others (`rowhouse-wake`), which is of no request.
#[derive(Debug, Default)]
pub struct Sent {
    flushes: AtomicU64,
    statements: AtomicU64,
}

impl Sent {
    /// Times that something was sent.
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::SeqCst)
    }

    /// Statements that were executed, but for `begin`, `set` and `commit`.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::SeqCst)
    }
}

/// Where PostgreSQL is reached as the serving role, and what is sent there.
pub fn counted(db: &TestDb) -> (String, Arc<Sent>) {
    let url = db.url(API_ROLE);
    let socket = url.split("host=").nth(1).unwrap().split('&').next().unwrap();
    let socket = format!("{socket}/.s.PGSQL.5432");
    let database = url.split("@/").nth(1).unwrap().split('?').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::<Sent>::default();
    let counts = sent.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), UnixStream::connect(&socket).unwrap());
            client.set_nodelay(true).unwrap();
            let (mut to_client, mut from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let counts = counts.clone();
            thread::spawn(move || carry(client, server, &counts));
            thread::spawn(move || io::copy(&mut from_server, &mut to_client));
        }
    });
    (format!("postgresql://{API_ROLE}@127.0.0.1:{port}/{database}?sslmode=disable"), sent)
}

fn carry(mut client: TcpStream, mut server: UnixStream, sent: &Sent) {
    let mut buffer = vec![0; 1 << 16];
    let mut messages = Messages::default();
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let executed = messages.executed(&buffer[..read]);
        if !messages.of_nobody {
            sent.flushes.fetch_add(1, Ordering::SeqCst);
            sent.statements.fetch_add(executed, Ordering::SeqCst);
        }
        server.write_all(&buffer[..read]).unwrap();
    }
}

/// Messages of a connection (PostgreSQL, "Message Formats"), which may come in pieces.
#[derive(Default)]
struct Messages {
    begun: bool,
    of_nobody: bool,
    rest: Vec<u8>,
}

impl Messages {
    /// How many of them execute a prepared statement.
    fn executed(&mut self, bytes: &[u8]) -> u64 {
        self.rest.extend_from_slice(bytes);
        let mut executed = 0;
        loop {
            // The first one has no kind.
            let kind = usize::from(self.begun);
            let Some(length) = self.rest.get(kind..).and_then(<[u8]>::first_chunk) else { return executed };
            let whole = kind + usize::try_from(u32::from_be_bytes(*length)).unwrap();
            if self.rest.len() < whole {
                return executed;
            }
            let message: Vec<u8> = self.rest.drain(..whole).collect();
            if self.begun {
                executed += u64::from(message[0] == b'E');
            } else {
                self.begun = true;
                self.of_nobody = message.windows(13).any(|name| name == b"rowhouse-wake");
            }
        }
    }
}
