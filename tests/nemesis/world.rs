//! A PostgreSQL of our own with tenants in it, and a Redis for each database.
use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rowhouse::{
    auth::SealKey,
    db::{self, AdminConn, seed},
};
use rowhouse_dev::{Durability, PrivatePostgres, PrivateRedis};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::{
    process::{Process, free_address, signal},
    tokens::KEYS,
};

/// What the history is read from, beside `tenant.jobs`: effects, under the lease that they were made under, and each change of a job's state or
/// lease, with the lease of whoever made it.
const WITNESS: &str = "
    create schema nemesis;
    create table nemesis.effects (serial bigint generated always as identity, tenant_id uuid not null, job_id uuid not null,
        lease uuid not null, key text not null, n integer not null, at timestamptz not null default clock_timestamp());
    alter table nemesis.effects enable row level security;
    create policy insert_worker on nemesis.effects for insert to rowhouse_worker
        with check (tenant_id = (select registry.require_job('nemesis:mark')));
    grant usage on schema nemesis to rowhouse_worker;
    grant insert (tenant_id, job_id, lease, key, n) on nemesis.effects to rowhouse_worker;
    create table nemesis.moves (serial bigint generated always as identity, job_id uuid not null, was text not null, now text not null,
        lease uuid, by_lease uuid, ran_out boolean, at timestamptz not null default clock_timestamp());
    create function nemesis.note() returns trigger language plpgsql security definer as $$ begin
        insert into nemesis.moves (job_id, was, now, lease, by_lease, ran_out) values (new.id, old.state, new.state, old.lease,
            nullif(current_setting('app.job_lease', true), '')::uuid, old.lease_until <= clock_timestamp());
        return null;
    end $$;
    create trigger zz_note after update on tenant.jobs for each row
        when (old.state is distinct from new.state or old.lease is distinct from new.lease) execute function nemesis.note();
    insert into registry.job_kinds (kind, permissions, asks) values ('nemesis.mark', '{nemesis:mark}', null)";

pub struct Tenant {
    pub id: Uuid,
    pub member: Uuid,
}

pub struct World {
    pub seed: u64,
    pub tenants: Vec<Tenant>,
    dir: PathBuf,
    cluster: Mutex<Option<PrivatePostgres>>,
    databases: AtomicU32,
}

impl World {
    pub async fn make() -> Self {
        let seed = std::env::var("ROWHOUSE_NEMESIS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| Uuid::now_v7().as_u64_pair().1 % 1_000_000);
        // In memory where that can be: what is killed is PostgreSQL, not the machine.
        let place = Path::new("/dev/shm");
        let place = if place.is_dir() { place.to_owned() } else { std::env::temp_dir() };
        let dir = place.join(format!("rowhouse-nemesis-{}", std::process::id()));
        let cluster = PrivatePostgres::start(&dir, Durability::Safe).expect("tests need a PostgreSQL server");
        let cluster = Mutex::new(Some(cluster));
        let mut world = Self { seed, tenants: Vec::new(), dir, cluster, databases: AtomicU32::new(0) };
        let postgres = AdminConn::connect(&world.url("postgres", "postgres")).await.unwrap();
        postgres.script("template", "create database template_nemesis").await.unwrap();
        let superuser = AdminConn::connect(&world.url("postgres", "template_nemesis")).await.unwrap();
        db::bootstrap(&superuser).await.unwrap();
        let mut migrator = AdminConn::connect(&world.url("rowhouse_migrator", "template_nemesis")).await.unwrap();
        db::migrate(&mut migrator, false).await.unwrap();
        for n in 0..4 {
            let (slug, email) = (format!("tenant-{n}"), format!("member-{n}@tenant.example"));
            let id = seed::add_tenant(&migrator, &slug, &slug).await.unwrap();
            let member = seed::add_user(&migrator, &email, &email, "no password").await.unwrap();
            seed::add_member(&migrator, id, member, "owner").await.unwrap();
            world.tenants.push(Tenant { id, member });
        }
        let sessions = "insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
            select id, id, 'bearer', now() + interval '1 day', now() + interval '1 day' from registry.users";
        migrator.script("sessions", sessions).await.unwrap();
        SealKey::read(&KEYS).unwrap().keep(&migrator).await.unwrap();
        world
    }

    fn cluster(&self) -> MutexGuard<'_, Option<PrivatePostgres>> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self, role: &str, database: &str) -> String {
        self.cluster().as_ref().expect("a cluster runs").url(role, database)
    }

    /// A database with the tenants, a witness of jobs, and a change to it, if any.
    pub async fn scene(&self, change: &str) -> Scene<'_> {
        let scene = self.plain_scene().await;
        scene.change(WITNESS).await;
        scene.change(change).await;
        scene
    }

    /// A database with the tenants, as `rowhouse migrate` leaves it.
    pub async fn plain_scene(&self) -> Scene<'_> {
        let name = format!("nemesis_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let postgres = AdminConn::connect(&self.url("postgres", "postgres")).await.unwrap();
        let create = format!("create database {name} template template_nemesis strategy file_copy");
        postgres.script("clone", &create).await.unwrap();
        let home = self.dir.join(format!("redis-{name}"));
        let redis = PrivateRedis::start(&home, &[]).expect("tests need Redis");
        let (redis_url, redis) = (redis.url(), Mutex::new(Some(redis)));
        let scene = Scene { world: self, name, redis_url, home, redis, server: Mutex::default() };
        let superuser = AdminConn::connect(&scene.url("postgres")).await.unwrap();
        db::bootstrap(&superuser).await.unwrap();
        scene
    }

    /// PostgreSQL dies as it would without power for its processes, and comes back.
    pub fn restart(&self) {
        let pid_file = PrivatePostgres::home(&self.dir).unwrap().join("data/postmaster.pid");
        let pid = std::fs::read_to_string(pid_file).unwrap();
        signal(pid.lines().next().unwrap(), "-QUIT");
        let mut cluster = self.cluster();
        drop(cluster.take());
        *cluster = Some(PrivatePostgres::start(&self.dir, Durability::Safe).expect("it starts again"));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.cluster().take());
        let _ = PrivatePostgres::remove(&self.dir);
    }
}

/// A database in a world.
pub struct Scene<'a> {
    pub world: &'a World,
    name: String,
    pub redis_url: String,
    home: PathBuf,
    redis: Mutex<Option<PrivateRedis>>,
    /// `rowhouse serve`, and where it listens, if there is one.
    server: Mutex<Option<(String, Process)>>,
}

impl Scene<'_> {
    pub fn url(&self, role: &str) -> String {
        self.world.url(role, &self.name)
    }

    /// Something is otherwise than `rowhouse migrate` has left it.
    pub async fn change(&self, change: &str) {
        let superuser = AdminConn::connect(&self.url("postgres")).await.unwrap();
        superuser.script("change", change).await.unwrap();
    }

    fn redis(&self) -> MutexGuard<'_, Option<PrivateRedis>> {
        self.redis.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Redis dies, with all that it knew.
    pub fn kill_redis(&self) {
        drop(self.redis().take());
    }

    /// Redis holds still, and connections to it stay open.
    pub fn stop_redis(&self) {
        if let Some(redis) = &*self.redis() {
            signal(&redis.pid().unwrap().to_string(), "-STOP");
        }
    }

    /// Redis is there, whatever was done to it.
    pub fn revive_redis(&self) {
        let mut redis = self.redis();
        match &*redis {
            Some(redis) => signal(&redis.pid().unwrap().to_string(), "-CONT"),
            None => *redis = Some(PrivateRedis::start(&self.home, &[]).expect("it starts again")),
        }
    }

    /// How many processes hear in Redis what others have written.
    pub async fn who_hear(&self) -> usize {
        let Ok(client) = redis::Client::open(self.redis_url.as_str()) else { return 0 };
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return 0 };
        let mut asked = redis::cmd("PUBSUB");
        let heard: redis::RedisResult<(String, usize)> =
            asked.arg("NUMSUB").arg("rowhouse:wake").query_async(&mut connection).await;
        heard.map_or(0, |(_, count)| count)
    }

    /// A connection, or nothing while PostgreSQL is away.
    pub async fn client(&self, role: &str) -> Option<Client> {
        let (client, connection) = tokio_postgres::connect(&self.url(role), NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    /// The same, however long it takes.
    pub async fn patient_client(&self, role: &str) -> Client {
        let given_up = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(client) = self.client(role).await {
                return client;
            }
            assert!(Instant::now() < given_up, "PostgreSQL does not come back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// About half of those who serve and work lose their connections.
    pub async fn terminate_backends(&self) {
        let some = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
            and usename in ('rowhouse_worker', 'rowhouse_api') and random() < 0.5";
        if let Some(superuser) = self.client("postgres").await {
            let _ = superuser.batch_execute(some).await;
        }
    }

    /// A worker process with the tests' kind of job.
    pub fn worker(&self, mode: &str) -> Process {
        Process::start(&["worker", &self.url("rowhouse_worker"), mode, &self.redis_url])
    }

    /// `rowhouse worker`, which sends to receivers on this machine.
    pub fn real_worker(&self) -> Process {
        let (url, keys) = (self.url("rowhouse_worker"), KEYS.display().to_string());
        let settings = [
            ("--worker-database-url", url.as_str()),
            ("--redis-url", &self.redis_url),
            ("--keys", &keys),
            ("--job-lease-seconds", "3"),
            ("--webhook-networks", "127.0.0.0/8"),
            ("--smtp-url", "smtp://127.0.0.1:1"),
        ];
        Process::rowhouse("worker", &settings)
    }

    fn served(&self) -> MutexGuard<'_, Option<(String, Process)>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `rowhouse serve`, and where it listens. One that is there already is killed.
    pub fn serve(&self) -> String {
        let mut server = self.served();
        let address = server.take().map_or_else(free_address, |(address, old)| {
            old.end("-KILL");
            address
        });
        let (api, gate, keys) = (self.url("rowhouse_api"), self.url("rowhouse_gate"), KEYS.display().to_string());
        let settings = [
            ("--database-url", api.as_str()),
            ("--gate-database-url", &gate),
            ("--redis-url", &self.redis_url),
            ("--keys", &keys),
            ("--listen", &address),
            ("--webhook-networks", "127.0.0.0/8"),
        ];
        *server = Some((address.clone(), Process::rowhouse("serve", &settings)));
        address
    }

    pub fn servers(&self) -> usize {
        usize::from(self.served().is_some())
    }

    /// Whoever runs it starts it again where it found no PostgreSQL.
    pub fn tend_server(&self) {
        let ended = self.served().as_mut().is_some_and(|(_, server)| server.has_ended());
        if ended {
            self.serve();
        }
    }
}
