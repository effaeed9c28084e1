//! Being asked to stop: Ctrl-C and SIGTERM.
use rowhouse_pg::Failure;
use tokio::signal::unix::{SignalKind, signal};

/// Ends when somebody asks this process to stop, so that what it made can be taken away.
pub(super) async fn interrupted() -> Failure {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
    Failure("interrupted; the copies are dropped".to_owned())
}
