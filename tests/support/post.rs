//! A mail server of our own (RFC 5321): it takes whatever letters it is given and keeps them for the test.
use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rowhouse::{
    db::{AdminConn, Sql},
    from_row,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use super::TestApp;

/// How long a letter may be on its way, with a second try.
const PATIENCE: Duration = Duration::from_secs(15);

/// Letters that wait or are under way.
const LEFT: Sql = Sql::file(
    "tests/letters",
    "select (select count(*) from registry.letters where dead_at is null)
          + (select count(*) from tenant.jobs where kind = 'invitations.send' and finished_at is null) as left",
);

struct Left(i64);
from_row! { Left: "left" }

/// Where letters arrive. Gone when dropped.
pub struct PostBox {
    address: SocketAddr,
    letters: watch::Sender<Vec<Letter>>,
    /// Addresses that are told to come again later.
    deferred: watch::Sender<BTreeSet<String>>,
    /// Addresses that are told not to come again.
    refused: watch::Sender<BTreeSet<String>>,
    server: JoinHandle<()>,
}

/// A letter as its reader sees it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub body: String,
}

impl PostBox {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let letters = watch::Sender::new(Vec::new());
        let [deferred, refused] = [(); 2].map(|()| watch::Sender::new(BTreeSet::new()));
        let (arrived, later, never) = (letters.clone(), deferred.clone(), refused.clone());
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (arrived, later, never) = (arrived.clone(), later.clone(), never.clone());
                // A client that hangs up in the middle of a sentence is its own affair.
                tokio::spawn(async move { converse(stream, &arrived, [&later, &never]).await.unwrap_or_default() });
            }
        });
        Self { address, letters, deferred, refused, server }
    }

    /// For `--smtp-url`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Takes no letter to this address for now, as a server does whose own is not there (RFC 5321 §4.2.1: 450).
    pub fn defer(&self, address: &str) {
        self.deferred.send_modify(|deferred| {
            deferred.insert(address.to_owned());
        });
    }

    /// Takes no letter to this address, ever (550).
    pub fn refuse(&self, address: &str) {
        self.refused.send_modify(|refused| {
            refused.insert(address.to_owned());
        });
    }

    /// Takes letters to everybody.
    pub fn take_all(&self) {
        self.deferred.send_modify(BTreeSet::clear);
        self.refused.send_modify(BTreeSet::clear);
    }

    /// How many letters are here.
    pub fn count(&self) -> usize {
        self.letters.borrow().len()
    }

    /// Waits for a letter to this address and takes it out, the oldest first.
    pub async fn letter_to(&self, address: &str) -> Letter {
        let mut letters = self.letters.subscribe();
        let comes = letters.wait_for(|letters| letters.iter().any(|letter| letter.to == address));
        let came = tokio::time::timeout(PATIENCE, comes).await.is_ok();
        let others = self.letters.borrow().clone();
        assert!(came, "no letter to {address} came within {PATIENCE:?}; these did: {others:#?}");
        let mut taken = None;
        self.letters.send_modify(|letters| {
            let at = letters.iter().position(|letter| letter.to == address);
            taken = at.map(|at| letters.remove(at));
        });
        taken.unwrap()
    }

    /// The token in the next letter to this address.
    pub async fn token_to(&self, address: &str) -> String {
        self.letter_to(address).await.token()
    }

    /// Asserts that no letter is here, after whatever the application has written down has arrived.
    pub async fn is_empty(&self, app: &TestApp) {
        let database = &app.beside.as_ref().expect("an application with a worker").database;
        let superuser = AdminConn::connect(database).await.unwrap();
        let began = Instant::now();
        while superuser.all::<Left>(LEFT, &[]).await.unwrap().iter().any(|left| left.0 > 0) {
            assert!(began.elapsed() < PATIENCE, "letters are not sent within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let letters = self.letters.borrow().clone();
        assert!(letters.is_empty(), "nobody was to get a letter: {letters:#?}");
    }
}

impl Drop for PostBox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Letter {
    /// What the link carries behind its #.
    pub fn token(&self) -> String {
        let (_, rest) = self.body.split_once("#token=").unwrap_or_else(|| panic!("no link with a token: {self:#?}"));
        rest.split_whitespace().next().unwrap_or_default().to_owned()
    }

    fn read(to: String, text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        // A header goes on in the lines after it that begin with a blank (RFC 5322 §2.2.3).
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let body = match header("content-transfer-encoding").to_ascii_lowercase().as_str() {
            "quoted-printable" => quoted_printable(body),
            "base64" => STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap(),
            _ => body.into(),
        };
        let body = String::from_utf8(body).unwrap().replace("\r\n", "\n");
        Self { to, subject: header("subject"), body }
    }
}

/// RFC 2045 §6.7.
fn quoted_printable(text: &str) -> Vec<u8> {
    let text = text.replace("=\n", "");
    let mut parts = text.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

/// One client, until it has had enough.
async fn converse(
    stream: TcpStream,
    letters: &watch::Sender<Vec<Letter>>,
    [deferred, refused]: [&watch::Sender<BTreeSet<String>>; 2],
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 post.test ready\r\n").await?;
    let mut to = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" => b"250-post.test\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "RCPT" => {
                let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                match address {
                    Some((address, _)) if deferred.borrow().contains(address) => b"450 not now\r\n",
                    Some((address, _)) if refused.borrow().contains(address) => b"550 nobody here\r\n",
                    address => {
                        to.extend(address.map(|(address, _)| address.to_owned()));
                        b"250 noted\r\n"
                    }
                }
            }
            "DATA" => {
                write.write_all(b"354 go on, and end with a dot\r\n").await?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    // A dot in front was doubled by the sender (RFC 5321 §4.5.2).
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                letters.send_modify(|letters| letters.extend(to.drain(..).map(|to| Letter::read(to, &text))));
                b"250 taken\r\n"
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => b"250 fine\r\n",
        };
        write.write_all(reply).await?;
    }
    Ok(())
}
