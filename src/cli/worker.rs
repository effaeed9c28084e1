//! `rowhouse worker`, and the worker beside a server.
use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use secrecy::SecretString;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::serve::{listen, stopped};
use crate::{
    auth::Keys,
    compose,
    db::{Statements, WorkerDb},
    dns::NameServers,
    error::Failure,
    jobs::{Worker, WorkerOptions, cron::keep_time, lease::LeaseTerms},
    redis::Redis,
    server::metrics,
    settings::{MailArgs, Profile, WebhookArgs, refuse_placeholders},
    wake::{Wake, carry},
    work::{self, Means, letters::Post, webhooks::scout::Scout},
};

/// How a worker works.
#[derive(Args, Clone, Debug)]
pub(super) struct WorkerArgs {
    /// Jobs at once. Three in four of them may be one tenant's.
    #[arg(long, env = "ROWHOUSE_WORKER_SLOTS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=512), value_name = "N")]
    worker_slots: u16,
    /// Connections to PostgreSQL for jobs.
    #[arg(long, env = "ROWHOUSE_WORKER_POOL", default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=512), value_name = "N")]
    worker_pool: u16,
    /// For how long a job is a worker's that has fallen silent, in seconds.
    #[arg(long, env = "ROWHOUSE_JOB_LEASE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=3600), value_name = "N")]
    job_lease_seconds: u64,
    /// How long jobs under way may take to end after SIGTERM, in milliseconds; then others do them.
    #[arg(long, env = "ROWHOUSE_WORKER_GRACE_MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=600_000), value_name = "MS")]
    worker_grace_ms: u64,
}

/// `rowhouse worker`.
#[derive(Args)]
pub(super) struct Command {
    /// Where PostgreSQL is, as the role that does jobs.
    #[arg(long, env = "WORKER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    worker_database_url: SecretString,
    /// How statements are sent: named, or unnamed for a pooler that gives each transaction another connection.
    #[arg(long, env = "ROWHOUSE_STATEMENTS", value_enum, default_value_t = Statements::Named)]
    statements: Statements,
    /// Address and port where Prometheus reads figures at /metrics. They are of all tenants together: let no caller of the API reach it. None
    /// unless said.
    #[arg(long, env = "ROWHOUSE_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Where Redis is: whoever serves says there in which tenants something was written. Without it they say so in PostgreSQL.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<SecretString>,
    #[command(flatten)]
    webhooks: WebhookArgs,
    /// production or development.
    #[arg(long, env = "ROWHOUSE_PROFILE", value_enum, default_value_t = Profile::Production)]
    profile: Profile,
    /// Directory with the servers' keys: links in letters follow from the secret in it, and what signs webhooks is locked with it.
    #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
    keys: PathBuf,
    #[command(flatten)]
    mail: MailArgs,
    /// Name servers that prove domains and say where receivers of webhooks are, as address:port; those of the machine unless said.
    #[arg(long, env = "ROWHOUSE_NAME_SERVERS", value_delimiter = ',', value_name = "ADDRESSES")]
    name_servers: Vec<SocketAddr>,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// What a worker works with.
pub(super) fn means(
    mail: &MailArgs,
    profile: Profile,
    keys: Keys,
    name_servers: &[SocketAddr],
) -> Result<Means, Failure> {
    let means = Means::default().with_dns(NameServers::new(name_servers)?);
    let means = if let Some(key) = keys.audit_key()? {
        means.with_audit_key(key)
    } else {
        tracing::warn!("the audit log is not sealed: `rowhouse keys generate --if-missing` makes the key");
        means
    };
    Ok(means.with_post(Post::new(mail.mailer(profile)?, keys)))
}

/// A worker that runs in this process.
pub(super) struct AtWork {
    stop: CancellationToken,
    /// Cancelled when it has ended, however.
    ended: CancellationToken,
    run: AbortOnDropHandle<()>,
    worker: Worker,
    post: Option<Post>,
    db: WorkerDb,
}

impl WorkerArgs {
    /// Begins, once it is sure that the role is the right one.
    pub(super) async fn begin(
        &self,
        url: &SecretString,
        statements: Statements,
        wake: Wake,
        means: Means,
    ) -> Result<AtWork, Failure> {
        let db = WorkerDb::open_telling(url, usize::from(self.worker_pool), statements, Some(wake.hook()))?;
        let complaints = db.complaints().await.map_err(|error| match error {
            crate::Error::DatabaseUnavailable => {
                Failure("the database in WORKER_DATABASE_URL cannot be reached; the log above says why".to_owned())
            }
            other => Failure(other.to_string()),
        })?;
        if !complaints.is_empty() {
            let list: Vec<String> = complaints.iter().map(|complaint| format!("\n  - {complaint}")).collect();
            return Err(Failure(format!("refusing to work, because isolation would not hold:{}", list.concat())));
        }
        let lease = LeaseTerms::new(Duration::from_secs(self.job_lease_seconds))
            .ok_or_else(|| Failure("ROWHOUSE_JOB_LEASE_SECONDS is 3 to 3600".to_owned()))?;
        let grace = Duration::from_millis(self.worker_grace_ms);
        let options = WorkerOptions::new(usize::from(self.worker_slots), lease, grace);
        let worker = Worker::new(db.clone(), compose::kinds(&means), options);
        let stop = CancellationToken::new();
        let until = stop.clone();
        let keeping = keep_time(db.clone(), work::recurring()?, until.clone());
        let (sending_db, sending_until, post) = (db.clone(), until.clone(), means.post.clone());
        let sending = async move {
            if let Some(post) = means.post {
                tokio::join!(
                    post.clone().run(sending_db.clone(), sending_until.clone(), grace),
                    post.count(sending_db, sending_until)
                );
            }
        };
        let (running, scout) = (worker.clone(), Scout::new(db.clone(), wake.clone()));
        let ended = CancellationToken::new();
        let ends = ended.clone().drop_guard();
        let run = AbortOnDropHandle::new(tokio::spawn(async move {
            let _ends = ends;
            let waking = running.woken_by(wake.heard(), until.clone());
            let looking = scout.look(until.clone());
            tokio::join!(running.run(until.clone()), running.count(until), keeping, waking, sending, looking);
        }));
        Ok(AtWork { stop, ended, run, worker, post, db })
    }
}

impl AtWork {
    /// Ends in order; fails where it had ended before anybody asked.
    pub(super) async fn finish(self) -> Result<(), Failure> {
        self.stop.cancel();
        let ended = self.run.await;
        self.db.close();
        ended.map_err(|_| Failure("the worker has panicked: the log says why".to_owned()))
    }

    /// Resolves when it has ended without being asked to.
    pub(super) fn lost(&self) -> impl Future<Output = ()> + use<> {
        self.ended.clone().cancelled_owned()
    }
}

impl Command {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let redis = self.redis_url.as_ref().map(|url| ("REDIS_URL", url));
        refuse_placeholders(
            self.profile,
            [("WORKER_DATABASE_URL", &self.worker_database_url)].into_iter().chain(redis).chain(self.mail.secret()),
        )?;
        let means = means(&self.mail, self.profile, Keys::read(&self.keys)?, &self.name_servers)?;
        let redis = self.redis_url.as_ref().map(Redis::open).transpose()?;
        let wake = Wake::new(self.worker_database_url.clone(), redis);
        let office = self.webhooks.office(Keys::read(&self.keys)?, &self.name_servers, self.profile)?;
        let means = means.with_webhooks(office);
        let at_work = self.worker.begin(&self.worker_database_url, self.statements, wake.clone(), means).await?;
        let _carried = AbortOnDropHandle::new(tokio::spawn(carry(wake)));
        tracing::info!(slots = self.worker.worker_slots, kinds = ?at_work.worker.kinds(), "working");
        let _figures = match self.metrics_listen {
            None => None,
            Some(address) => {
                let (listener, router) =
                    (listen(address).await?, metrics::worker_router(&at_work.worker, at_work.post.as_ref()));
                Some(AbortOnDropHandle::new(tokio::spawn(async move {
                    let _ = axum::serve(listener, router).await;
                })))
            }
        };
        let stop = stopped(Duration::ZERO)?;
        tokio::select! {
            _ = stop => {}
            () = at_work.lost() => return Err(Failure("the worker has ended: the log says why".to_owned())),
        }
        at_work.finish().await?;
        tracing::info!("stopped");
        Ok(())
    }
}
