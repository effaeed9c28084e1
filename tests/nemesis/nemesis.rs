//! The nemesis, and a flood.
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::{
    dice::Dice,
    history::{Fate, History, Written},
    process::Process,
    worker::Mark,
    world::{Scene, World},
    writers::{Manner, UNFINISHED, write, writes},
};

const WORKERS: usize = 3;

/// For how long something happens.
pub fn how_long() -> Duration {
    let seconds = std::env::var("ROWHOUSE_NEMESIS_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(15))
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    Kill,
    /// Longer than a lease, one at a time, and then it goes on.
    Stop,
    /// SIGTERM, and another comes.
    Replace,
    TerminateBackends,
    RestartPostgres,
    /// It dies with all it knows, and is back after a while.
    KillRedis,
    /// It answers nobody for a while, and connections stay open.
    StopRedis,
    /// SIGKILL, and another comes.
    KillServer,
}

/// What happens to a scene.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// One after the other, in an order that the seed decides.
    pub deeds: &'a [Deed],
    /// How a worker with the tests' kind works; without, it is `rowhouse worker`.
    pub mode: Option<&'a str>,
    /// For so long,
    pub least: Duration,
    /// and then until this is to be seen in the database, since a machine may be busy,
    pub until: &'a str,
    /// or so long has passed.
    pub most: Duration,
    /// How many have not come to their end.
    pub left: &'a str,
    /// For how long nothing may come to its end before it is taken for lost.
    pub patience: Duration,
    /// Said all the time: what is to be tried again in minutes is tried again now.
    pub hurry: &'a [&'a str],
}

/// Somebody has taken over what another held.
pub const TAKEN_OVER: &str = "select exists (select from nemesis.moves where was = 'running' and now = 'running')";

/// Does what is planned; all workers, Redis and the server are there again at the end. Says what was done, and how often PostgreSQL has refused
/// what a worker did.
pub async fn rage(scene: &Scene<'_>, plan: Plan<'_>, stop: &CancellationToken) -> (Vec<Deed>, usize) {
    let over = CancellationToken::new();
    let raging = Box::pin(async {
        let done = do_all(scene, plan, stop).await;
        over.cancel();
        done
    });
    tokio::join!(raging, hurry(scene, plan, &over)).0
}

async fn do_all(scene: &Scene<'_>, plan: Plan<'_>, stop: &CancellationToken) -> (Vec<Deed>, usize) {
    let mut dice = Dice::of(scene.world.seed, 1);
    let worker = || plan.mode.map_or_else(|| scene.real_worker(), |mode| scene.worker(mode));
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| worker()).collect();
    let (mut done, mut refused, begun) = (Vec::new(), 0, Instant::now());
    let mut next: Vec<Deed> = Vec::new();
    let mut redis_back: Option<Instant> = None;
    while begun.elapsed() < plan.least || begun.elapsed() < plan.most && !is(scene, plan.until).await {
        tokio::time::sleep(Duration::from_millis(dice.within(300..900))).await;
        tend(scene, &mut workers, &worker);
        workers.iter_mut().for_each(Process::go_on_in_time);
        if redis_back.is_some_and(|back| back < Instant::now()) {
            redis_back = None;
            scene.revive_redis();
        }
        if next.is_empty() {
            next = plan.deeds.to_vec();
        }
        let deed = next.swap_remove(usize::try_from(dice.within(0..next.len() as u64)).unwrap());
        let which = usize::try_from(dice.within(0..WORKERS as u64)).unwrap();
        match deed {
            Deed::Kill | Deed::Replace => {
                let old = std::mem::replace(&mut workers[which], worker());
                refused += old.end(if deed == Deed::Kill { "-KILL" } else { "-TERM" });
            }
            // Somebody is left to take over what the others hold.
            Deed::Stop if workers.iter().any(|worker| worker.stopped_until.is_some()) => continue,
            Deed::Stop => workers[which].stop_for(Duration::from_millis(dice.within(4_000..6_000))),
            Deed::TerminateBackends => scene.terminate_backends().await,
            Deed::RestartPostgres => tokio::task::block_in_place(|| scene.world.restart()),
            Deed::KillRedis | Deed::StopRedis if redis_back.is_some() => continue,
            Deed::KillRedis | Deed::StopRedis => {
                redis_back = Some(Instant::now() + Duration::from_millis(dice.within(500..2_500)));
                if deed == Deed::KillRedis { scene.kill_redis() } else { scene.stop_redis() }
            }
            Deed::KillServer => drop(scene.serve()),
        }
        done.push(deed);
    }
    let raged = begun.elapsed();
    stop.cancel();
    // Zombies come back.
    for worker in &workers {
        worker.signal("-CONT");
    }
    scene.revive_redis();
    let (mut left, mut since) = (None, Instant::now());
    while left != Some(0) && since.elapsed() < plan.patience {
        tokio::time::sleep(Duration::from_millis(100)).await;
        tend(scene, &mut workers, &worker);
        let now = count(scene, plan.left).await;
        if now != left {
            (left, since) = (now, Instant::now());
        }
    }
    println!("  raged for {raged:.1?}, all was done after {:.1?}", begun.elapsed());
    if plan.deeds.contains(&Deed::KillRedis) {
        // Whoever was cut off from Redis hears there again; and, so, has heard before.
        let all = WORKERS + scene.servers();
        let given_up = Instant::now() + Duration::from_secs(20);
        while scene.who_hear().await != all {
            assert!(Instant::now() < given_up, "{} of {all} hear what is said in Redis", scene.who_hear().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    refused += workers.into_iter().map(|worker| worker.end("-TERM")).sum::<usize>();
    (done, refused)
}

/// Whatever has ended by itself is begun again, as whoever runs it would.
fn tend(scene: &Scene<'_>, workers: &mut [Process], worker: &impl Fn() -> Process) {
    workers.iter_mut().filter_map(|old| old.has_ended().then_some(old)).for_each(|ended| *ended = worker());
    scene.tend_server();
}

/// Says what is to be said all the time, until it is to stop.
async fn hurry(scene: &Scene<'_>, plan: Plan<'_>, stop: &CancellationToken) {
    while !plan.hurry.is_empty() && !stop.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let Some(superuser) = scene.client("postgres").await else { continue };
        while !superuser.is_closed() && !stop.is_cancelled() {
            for statement in plan.hurry {
                // Whoever is in its way is met again soon.
                let _ = superuser.batch_execute(statement).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// How many there are; nothing, where PostgreSQL is away.
async fn count(scene: &Scene<'_>, count: &str) -> Option<i64> {
    let superuser = scene.client("postgres").await?;
    Some(superuser.query_one(count, &[]).await.ok()?.get(0))
}

/// What PostgreSQL answers; no, where it is away.
async fn is(scene: &Scene<'_>, question: &str) -> bool {
    let Some(superuser) = scene.client("postgres").await else { return false };
    superuser.query_one(question, &[]).await.is_ok_and(|row| row.get(0))
}

/// Writers while somebody rages; what they wrote, and the history.
pub async fn lived(scene: &Scene<'_>, plan: Plan<'_>) -> (Vec<Written>, History) {
    let stop = CancellationToken::new();
    let writer = |number| writes(scene, Manner { number, ms: 200, pause: 100 }, &stop);
    let writers = async { tokio::join!(writer(0), writer(1), writer(2), writer(3)) };
    let ((one, two, three, four), (done, refused)) = tokio::join!(writers, rage(scene, plan, &stop));
    let written = [one, two, three, four].concat();
    let history = History::read(scene).await;
    let of = |fate| written.iter().filter(|written| written.fate == fate).count();
    println!(
        "  {} committed, {} rolled back, {} unknown; {} taken over, {refused} refused; {done:?}",
        of(Fate::Committed),
        of(Fate::RolledBack),
        of(Fate::Unknown),
        history.taken_over(),
    );
    (written, history)
}

pub async fn whatever_happens_each_committed_job_is_done_once_and_in_its_order(world: &World) {
    let scene = world.scene("").await;
    let plan = Plan {
        deeds: &[
            Deed::Kill,
            Deed::Stop,
            Deed::Replace,
            Deed::Stop,
            Deed::TerminateBackends,
            Deed::RestartPostgres,
            Deed::KillRedis,
            Deed::StopRedis,
        ],
        mode: Some("asks"),
        least: how_long(),
        until: TAKEN_OVER,
        most: how_long() * 3,
        left: UNFINISHED,
        patience: Duration::from_secs(30),
        hurry: &[],
    };
    let (written, history) = lived(&scene, plan).await;
    let wrong = history.wrong(&written);
    assert!(wrong.is_empty(), "seed {}: {wrong:#?}", world.seed);
    assert!(history.taken_over() > 0, "nobody was in anybody's way: this shows nothing");
}

/// The bound of docs/jobs.md, counted in jobs: those under way, and a turn for each worker.
pub async fn one_job_among_a_thousand_of_anothers_waits_for_a_turn_and_not_for_their_line(world: &World) {
    let scene = world.scene("").await;
    let superuser = scene.patient_client("postgres").await;
    let (flooder, other) = (&world.tenants[0], &world.tenants[1]);
    let flood = "insert into tenant.jobs (tenant_id, id, kind, payload, max_attempts)
        select $1, registry.new_id(), 'nemesis.mark', jsonb_build_object('key', 'flood', 'n', n, 'ms', 10), 5 from generate_series(1, 1000) n";
    superuser.execute(flood, &[&flooder.id]).await.unwrap();
    let workers: Vec<Process> = (0..WORKERS).map(|_| scene.worker("asks")).collect();
    let api = scene.patient_client("rowhouse_api").await;
    let count = "select count(*) from nemesis.effects where key = 'flood'";
    let done = async || -> i64 { superuser.query_one(count, &[]).await.unwrap().get(0) };
    while done().await < 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut waited = Vec::new();
    for n in 0..5 {
        let job = rowhouse::jobs::NewJob::new(&Mark { key: "one".to_owned(), n, ms: 0 }).unwrap();
        let before = done().await;
        assert_eq!(write(&api, other, &job, true).await, Fate::Committed);
        let between = "select count(*) from nemesis.effects e where e.key = 'flood'
            and e.serial < (select o.serial from nemesis.effects o where o.job_id = $1)";
        let begun = Instant::now();
        loop {
            let seen = "select count(*) from nemesis.effects where job_id = $1";
            if superuser.query_one(seen, &[&job.id()]).await.unwrap().get::<_, i64>(0) > 0 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it is never done");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let after: i64 = superuser.query_one(between, &[&job.id()]).await.unwrap().get(0);
        waited.push((after - before, begun.elapsed()));
    }
    let left = 1000 - done().await;
    println!("  {waited:?} of the flood came before it, {left} were left");
    assert!(left > 0, "the flood was over: this shows nothing");
    for (jobs, _) in &waited {
        assert!(*jobs < 60, "{jobs} of the flood came before it");
    }
    for worker in workers {
        worker.end("-TERM");
    }
}
