//! Those who write jobs down, one after another each, and note what they have done and what came of it.
use std::time::Duration;

use rowhouse::jobs::{NewJob, enqueue::ENQUEUE};
use tokio_postgres::Client;

use crate::{
    dice::Dice,
    history::{Fate, Written},
    worker::Mark,
    world::{Scene, Tenant},
};

/// How a writer writes.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub number: u64,
    /// How long a job takes at most.
    pub ms: u64,
    /// Between two jobs lies at most so long.
    pub pause: u64,
}

/// Writes one down. The end is a commit or a rollback, and is unknown where nobody answered it.
pub async fn write(api: &Client, tenant: &Tenant, job: &NewJob, commits: bool) -> Fate {
    let begin = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'",
        tenant.id, tenant.member
    );
    let written = async {
        api.batch_execute(&begin).await?;
        let mut params: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = vec![&tenant.id];
        params.extend(job.with());
        api.execute(ENQUEUE.text(), &params).await
    };
    if let Err(error) = written.await {
        // It never was: nobody has sent a commit. Whoever says no without being away has another reason, which is a fault.
        let away = error.as_db_error().is_none_or(|error| error.code().code().starts_with("57P"));
        assert!(away, "a job cannot be written down: {error:?}");
        return Fate::RolledBack;
    }
    if !commits {
        let _ = api.batch_execute("rollback").await;
        return Fate::RolledBack;
    }
    match api.batch_execute("commit").await {
        Ok(()) => Fate::Committed,
        Err(_) => Fate::Unknown,
    }
}

/// Writes until it is told to stop, whatever happens to PostgreSQL.
pub async fn writes(scene: &Scene<'_>, manner: Manner, stop: &tokio_util::sync::CancellationToken) -> Vec<Written> {
    let mut dice = Dice::of(scene.world.seed, 100 + manner.number);
    let mut written = Vec::new();
    let mut api = scene.patient_client("rowhouse_api").await;
    let mut n = 0;
    while !stop.is_cancelled() {
        let which = usize::try_from(manner.number + dice.within(0..2)).unwrap() % scene.world.tenants.len();
        let tenant = &scene.world.tenants[which];
        let ordered = dice.percent(40);
        // An order is one writer's within one tenant, who waits for what came of one job before writing the next.
        let key = format!("nemesis/{}/{which}/{}", manner.number, if ordered { "in order" } else { "any" });
        let job = NewJob::new(&Mark { key: key.clone(), n, ms: dice.within(0..manner.ms) }).unwrap();
        let job = if ordered { job.in_order(&key) } else { job };
        let fate = write(&api, tenant, &job, !dice.percent(15)).await;
        written.push(Written { job: job.id(), key: ordered.then_some(key), n, fate });
        n += 1;
        if api.is_closed() {
            api = scene.patient_client("rowhouse_api").await;
        }
        tokio::time::sleep(Duration::from_millis(dice.within(1..manner.pause))).await;
    }
    written
}

/// How many have not ended.
pub const UNFINISHED: &str =
    "select count(*) from tenant.jobs where state in ('waiting', 'running') and kind = 'nemesis.mark'";
