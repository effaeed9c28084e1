//! Background work of a process: started, watched, and ended in order. A task that ends by itself was not meant to: it is started
//! again, or the process ends with it, by its kind; the log says so either way.
use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use crate::{app::App, auth::hear_of_ended, error::Failure, wake::carry};

/// How long a task that ended is waited with before it is started again; twice as long each time, up to the second.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(30)];
/// Whoever has run for so long has not ended for the reason of the last time.
const LONG: Duration = Duration::from_mins(1);
/// How long the end waits for counts to be written.
const FINISH: Duration = Duration::from_secs(2);

/// What becomes of a task that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is started again: what it does is done without for a moment.
    Restarted,
    /// The process ends, and says that it failed: without it there is no use in going on.
    Vital,
}

/// Starts and watches the tasks of a process.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
    lost: CancellationToken,
    which: Arc<OnceLock<&'static str>>,
}

impl Supervisor {
    /// Starts a task, which goes on until [`stop`](Self::stop).
    pub fn start<F>(&self, name: &'static str, kind: Kind, task: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let supervisor = self.clone();
        self.tasks.spawn(async move {
            let [first, most] = AGAIN;
            let mut wait = first;
            loop {
                let began = Instant::now();
                let mut running = AbortOnDropHandle::new(tokio::spawn(task()));
                let ended = tokio::select! {
                    ended = &mut running => ended,
                    () = supervisor.stop.cancelled() => {
                        running.abort();
                        let _ = running.await;
                        return;
                    }
                };
                let why = if ended.is_err() { "it panicked" } else { "it returned" };
                if kind == Kind::Vital {
                    tracing::error!(task = name, why, "a task that the process cannot do without has ended");
                    let _ = supervisor.which.set(name);
                    supervisor.lost.cancel();
                    return;
                }
                tracing::error!(task = name, why, "a task has ended, and is started again");
                if began.elapsed() > LONG {
                    wait = first;
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => wait = (wait * 2).min(most),
                    () = supervisor.stop.cancelled() => return,
                }
            }
        });
    }

    /// Starts what runs beside requests wherever they are served.
    pub fn tend(&self, app: &App) {
        let auth = app.auth.clone();
        self.start("hearing what has ended", Kind::Restarted, move || hear_of_ended(auth.clone()));
        let wake = app.wake.clone();
        self.start("waking", Kind::Restarted, move || carry(wake.clone()));
        let (live, wake) = (app.live.clone(), app.wake.clone());
        self.start("waking streams", Kind::Restarted, move || live.clone().hear(wake.heard()));
    }

    /// Resolves when a task has ended that the process cannot do without.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Stops every task, and waits until they are gone.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends what is left once nothing is answered any more: tasks stop; counts are written; connections close. Fails when it was a task's end that brought it about.
    pub async fn wind_down(&self, app: &App, grace: Duration) -> Result<(), Failure> {
        self.stop().await;
        app.limits.finish(&app.db, grace.min(FINISH)).await;
        app.db.close();
        app.readiness.close();
        match self.which.get() {
            Some(name) => {
                Err(Failure(format!("the task {name} has ended, and nothing works without it: the log says why")))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_is_started_again_and_the_log_says_so() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _here = tracing::subscriber::set_default(subscriber);
        let supervisor = Supervisor::default();
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = starts.clone();
        supervisor.start("hearing", Kind::Restarted, move || {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(n > 1, "the first two times it panics");
                std::future::pending::<()>().await;
            }
        });
        let thrice = async {
            while starts.load(Ordering::SeqCst) < 3 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), thrice).await.expect("it is started again");
        let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(told.contains("started again") && told.contains("hearing") && told.contains("it panicked"), "{told}");
        assert!(
            tokio::time::timeout(Duration::from_millis(50), supervisor.lost()).await.is_err(),
            "the process goes on"
        );
        supervisor.stop().await;
        assert_eq!(starts.load(Ordering::SeqCst), 3, "it is not started again once it was stopped");
    }

    #[tokio::test]
    async fn a_vital_task_that_ends_is_the_end_of_all() {
        let supervisor = Supervisor::default();
        let left = Arc::new(());
        let held = left.clone();
        supervisor.start("other", Kind::Restarted, move || {
            let held = held.clone();
            async move {
                std::future::pending::<()>().await;
                drop(held);
            }
        });
        supervisor.start("figures", Kind::Vital, || async {});
        tokio::time::timeout(Duration::from_secs(20), supervisor.lost()).await.expect("it is told");
        assert_eq!(supervisor.which.get(), Some(&"figures"));
        supervisor.stop().await;
        assert_eq!(Arc::strong_count(&left), 1, "nobody runs any more");
    }
}
