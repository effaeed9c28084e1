//! Two hundred people who sign in at once, again and again, while something else is measured.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use reqwest::Client;
use rowhouse::error::Failure;
use serde_json::json;
use tokio::task::JoinSet;

use crate::store::PASSWORD;

const AT_ONCE: u32 = 200;

/// People signing in until they are stopped.
pub(crate) struct Logins {
    begun: Instant,
    stopped: Arc<AtomicBool>,
    signed_in: Arc<AtomicU64>,
    people: JoinSet<Result<(), Failure>>,
}

impl Logins {
    /// Each of them is another account in another network, so that nobody has to wait for having tried too often.
    pub(crate) fn start(base_url: &str, tenants: u32) -> Self {
        let (stopped, signed_in) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let client = Client::new();
        let mut people = JoinSet::new();
        for person in 0..AT_ONCE {
            let (stopped, signed_in, client) = (stopped.clone(), signed_in.clone(), client.clone());
            let url = format!("{base_url}/api/v1/auth/login");
            let body =
                json!({ "email": format!("member@tenant-{}.example", person % tenants + 1), "password": PASSWORD });
            people.spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    let request =
                        client.post(&url).header("x-forwarded-for", format!("10.1.{}.{}", person / 250, person % 250));
                    let answer =
                        request.json(&body).send().await.map_err(|error| Failure(format!("{url}: {error}")))?;
                    match answer.status().as_u16() {
                        200 => drop(signed_in.fetch_add(1, Ordering::Relaxed)),
                        // As many as there is time for; the rest is told to come again.
                        503 => {}
                        other => return Err(Failure(format!("{url} was answered {other}"))),
                    }
                }
                Ok(())
            });
        }
        Self { begun: Instant::now(), stopped, signed_in, people }
    }

    /// How many signed in each second.
    pub(crate) async fn stop(mut self) -> Result<f64, Failure> {
        self.stopped.store(true, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a count of logins")]
        let per_second = self.signed_in.load(Ordering::Relaxed) as f64 / self.begun.elapsed().as_secs_f64();
        while let Some(ended) = self.people.join_next().await {
            ended.map_err(|error| Failure(error.to_string()))??;
        }
        Ok(per_second)
    }
}
