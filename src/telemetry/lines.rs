//! Log lines on their way out: whoever logs leaves a line and goes on, and a thread of its own writes what has gathered.
//!
//! A `write` for each request, by the thread that answers it, was one in six of all system calls it made, and a log that
//! nobody reads any more would have held it up. `tracing-appender` wakes its thread for each line, which costs more than
//! writing it; here it is woken for the first one and looks again by itself while there are more.
use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// Bytes of lines that wait at most; what comes when there are as many is dropped, and how many were is logged.
const MOST: usize = 4 << 20;
/// How long a line waits for others.
const GATHERS: Duration = Duration::from_millis(20);
/// How long whoever ends the process waits for what is left to be written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes lines, and never makes whoever brings one wait for the other end.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Something is there, or somebody wants it written now.
    come: Condvar,
    /// All that was there has been written.
    written: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    dropped: u64,
    /// The thread sleeps until somebody wakes it.
    asleep: bool,
    /// Somebody waits for what is there.
    hurry: bool,
    /// The thread has taken lines that are not written yet.
    writing: bool,
}

impl Lines {
    /// Lines that a thread of their own writes to `out`. It ends with the process.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Shared { waiting: Mutex::default(), come: Condvar::new(), written: Condvar::new() };
        let lines = Self(Arc::new(shared));
        let theirs = lines.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || theirs.write_all_to(out))?;
        Ok(lines)
    }

    /// Waits until what has been logged so far is written, or its time is over.
    pub fn flush(&self) {
        let until = Instant::now() + PATIENCE;
        let mut waiting = self.waiting();
        while !waiting.lines.is_empty() || waiting.writing {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            waiting.hurry = true;
            self.0.come.notify_one();
            waiting = self.0.written.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.lines.len() + line.len() > MOST {
            waiting.dropped += 1;
            return;
        }
        waiting.lines.extend_from_slice(line);
        if std::mem::take(&mut waiting.asleep) {
            self.0.come.notify_one();
        }
    }

    fn write_all_to(&self, mut out: impl Write) {
        let mut taken = Vec::new();
        loop {
            let dropped = self.take(&mut taken);
            // Whoever is to read this has gone, or has no room: there is nobody to tell.
            let _ = out.write_all(&taken).and_then(|()| out.flush());
            taken.clear();
            let mut waiting = self.waiting();
            waiting.writing = false;
            if waiting.lines.is_empty() {
                waiting.hurry = false;
                self.0.written.notify_all();
            }
            drop(waiting);
            if dropped > 0 {
                tracing::warn!(dropped, "log lines were dropped, because those before were not taken");
            }
        }
    }

    /// Waits for lines and takes them, and says how many were dropped.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let wait = |waiting| self.0.come.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.waiting();
        while waiting.lines.is_empty() {
            waiting.asleep = true;
            waiting = wait(waiting);
        }
        let until = Instant::now() + GATHERS;
        while !waiting.hurry
            && let Some(left) = until.checked_duration_since(Instant::now())
        {
            waiting = self.0.come.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut waiting.lines, taken);
        waiting.writing = true;
        std::mem::take(&mut waiting.dropped)
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// A line comes whole, in one call.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.leave(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// What is written, one by one; each waits until it is taken.
    struct Out(SyncSender<Vec<u8>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (Lines, Receiver<Vec<u8>>) {
        let (out, written) = sync_channel(0);
        (Lines::to(Out(out)).unwrap(), written)
    }

    #[test]
    fn lines_that_come_together_are_written_together_and_in_order() {
        let (lines, written) = lines();
        for n in 0..1000 {
            writeln!(&lines, "{n}").unwrap();
        }
        let (mut all, mut writes) = (Vec::new(), 0);
        while !all.ends_with(b"\n999\n") {
            all.extend(written.recv().unwrap());
            writes += 1;
        }
        let numbers = String::from_utf8(all).unwrap();
        assert!(numbers.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..1000), "{numbers}");
        assert!(writes < 100, "{writes} writes");
        writeln!(&lines, "later").unwrap();
        assert_eq!(written.recv().unwrap(), b"later\n", "it was asleep and was woken");
    }

    #[test]
    fn a_log_that_is_not_taken_holds_nobody_up_and_counts_what_is_missing() {
        let (lines, written) = lines();
        let line = [b'x'; 1 << 10];
        let most = MOST / line.len();
        (&lines).write_all(&line).unwrap();
        // Nobody takes what the thread has, and what waits behind it is full.
        while !lines.waiting().writing {
            thread::yield_now();
        }
        for _ in 0..most + 100 {
            (&lines).write_all(&line).unwrap();
        }
        assert_eq!(lines.waiting().lines.len(), MOST);
        assert_eq!(lines.waiting().dropped, 100);
        assert_eq!(written.recv().unwrap().len(), line.len());
        assert_eq!(written.recv().unwrap().len(), MOST);
        assert_eq!(lines.waiting().dropped, 0, "it was told");
        (&lines).write_all(&line).unwrap();
        assert_eq!(written.recv().unwrap().len(), line.len());
    }

    #[test]
    fn whoever_ends_waits_for_what_was_logged_and_not_for_ever() {
        let (lines, written) = lines();
        writeln!(&lines, "the last words").unwrap();
        let reader = thread::spawn(move || (written.recv().unwrap(), written));
        lines.flush();
        assert!(lines.waiting().lines.is_empty() && !lines.waiting().writing);
        let (words, written) = reader.join().unwrap();
        assert_eq!(words, b"the last words\n");
        writeln!(&lines, "that nobody takes").unwrap();
        let begun = Instant::now();
        lines.flush();
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 5);
        drop(written);
    }
}
