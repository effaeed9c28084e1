//! HTTP as bytes on one connection, for what no client does.
use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// A connection.
pub struct Raw {
    pub stream: TcpStream,
    read: Vec<u8>,
}

/// What came back on it.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: u16,
    /// Lines in lower case.
    pub head: String,
    pub body: String,
}

impl RawAnswer {
    pub fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }

    pub fn header(&self, name: &str) -> &str {
        self.head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
    }
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    /// From another address of this machine.
    pub async fn connect_from(source: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
        Self { stream: socket.connect(address).await.unwrap(), read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// The next answer with all of its body; none where the connection ends before it.
    pub async fn answer(&mut self) -> Option<RawAnswer> {
        tokio::time::timeout(Duration::from_secs(20), self.whole()).await.expect("an answer in time")
    }

    async fn whole(&mut self) -> Option<RawAnswer> {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.read[..end + 2]).to_lowercase();
                let mut answer = RawAnswer { status: head[9..12].parse().unwrap(), head, body: String::new() };
                let length = answer.header("content-length").parse().unwrap_or(0);
                if self.read.len() >= end + 4 + length {
                    let rest = self.read.split_off(end + 4 + length);
                    answer.body = String::from_utf8_lossy(&self.read[end + 4..]).into_owned();
                    self.read = rest;
                    return Some(answer);
                }
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn more(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.read).await, Ok(1..))
    }

    /// Whether the other end closes it, in order and without another byte, within so long.
    pub async fn ends_within(&mut self, time: Duration) -> bool {
        let mut byte = [0];
        self.read.is_empty() && matches!(tokio::time::timeout(time, self.stream.read(&mut byte)).await, Ok(Ok(0)))
    }
}
