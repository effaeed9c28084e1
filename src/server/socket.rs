//! A caller's socket: what is written to it has to be taken, and it is closed so that the last answer arrives.
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};

use super::places::Place;
use crate::http::patience::Patience;

/// What the kernel keeps of an answer that is not taken; it doubles that for its own needs. Left to itself it would keep
/// megabytes for each.
const SEND_BUFFER: usize = 256 << 10;
/// How long, and how much, is read and thrown away after the last answer.
const LINGER: Duration = Duration::from_secs(3);
const LINGER_BYTES: u64 = 8 << 20;

/// A caller's socket.
pub(super) struct Socket {
    stream: TcpStream,
    patience: Patience,
    place: Arc<Place>,
    /// Nobody takes what is written.
    given_up: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, pause: Duration, place: Arc<Place>) -> Self {
        // Small answers must not wait for more to come.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, SEND_BUFFER);
        Self { stream, patience: Patience::new(pause), place, given_up: false }
    }

    /// Closes it. Where something was sent that nobody has read, the kernel would answer that with a reset, which can
    /// overtake our last answer: so first we only stop writing, and read on until the other end has seen it
    /// (RFC 9112 §9.6).
    pub(super) async fn close(mut self, unread: bool) {
        if self.given_up {
            // The kernel need not keep it either.
            let _ = self.stream.set_zero_linger();
            return;
        }
        if self.stream.shutdown().await.is_err() || !unread {
            return;
        }
        let rest = async {
            let (mut bytes, mut buffer) = (0, [0; 4096]);
            while let Ok(read @ 1..) = self.stream.read(&mut buffer).await {
                bytes += read as u64;
                if bytes > LINGER_BYTES {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
    }

    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.patience.moved(bytes);
                self.place.touch();
                written
            }
            Poll::Pending if self.patience.is_over(cx) => {
                self.given_up = true;
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not taken")))
            }
            other => other,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Whoever serves the connection [closes](Self::close) it.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
