//! One cluster a run, a template migrated once, and a database a test, cloned from it and dropped after.
use std::{
    path::PathBuf,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use rowhouse::{
    auth::SealKey,
    db::{self, AdminConn, Sql},
};
use rowhouse_audit::{
    attack,
    audit::{Config, Options, Scope},
};
use rowhouse_dev::{Durability, PrivatePostgres};
use tokio_postgres::{Client, NoTls};

use super::{Bouncer, Way, fixture, town};

/// SQL that breaks a wall before the tests run, to see them fail: see `tests/can_fail`.
const SABOTAGE: &str = "ROWHOUSE_SABOTAGE";
/// The same for roles, which belong to the cluster and which every bootstrap puts right again.
const SABOTAGE_ROLES: &str = "ROWHOUSE_SABOTAGE_ROLES";

/// The fixture's projects with their tasks.
pub(super) const FIXTURE_PROJECTS: Sql = Sql::file(
    "fixture",
    "select p.id, p.name, array(
         select t.id from tenant.project_tasks t where t.tenant_id = p.tenant_id and t.project_id = p.id order by t.id desc
     ) as tasks
     from tenant.projects p where p.tenant_id = $1 order by p.id desc",
);

struct Run {
    cluster: PrivatePostgres,
}

/// The cluster and its template, made by the first test that asks. The server notices when this process
/// ends, stops, and removes its files.
fn run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| {
        let dir = place().join(format!("rowhouse-test-{}", std::process::id()));
        let cluster = PrivatePostgres::start(&dir, Durability::Throwaway).expect("tests need a PostgreSQL server");
        aside(prepare(&cluster));
        Run { cluster }
    })
}

/// Where the cluster's files are: in memory where there is room, since each test makes and drops some thousand of them, which is half
/// of what it costs on a disk.
fn place() -> PathBuf {
    // Kibibytes. A run was seen to take half of it; the rest is for what is not ours.
    const ROOM: u64 = 2 << 20;
    let number = |text: &str, at: usize| text.split_whitespace().nth(at).and_then(|word| word.parse::<u64>().ok());
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find(|line| line.starts_with("MemAvailable:")).and_then(|line| number(line, 1));
    let disk = Command::new("df").args(["-Pk", "/dev/shm"]).output().map(|output| output.stdout).unwrap_or_default();
    let disk = String::from_utf8_lossy(&disk).lines().last().and_then(|line| number(line, 3));
    match (memory, disk) {
        (Some(memory), Some(disk)) if memory > 2 * ROOM && disk > ROOM => "/dev/shm".into(),
        _ => std::env::temp_dir(),
    }
}

/// The run's PgBouncer, made by the first test that asks; it ends as the cluster does.
fn bouncer() -> &'static Bouncer {
    static BOUNCER: OnceLock<Bouncer> = OnceLock::new();
    BOUNCER.get_or_init(|| Bouncer::start(&sockets(), "transaction", 2, ""))
}

/// The directory with the cluster's socket.
pub fn sockets() -> PathBuf {
    let url = run().cluster.url("postgres", "postgres");
    PathBuf::from(url.split("host=").nth(1).unwrap().split('&').next().unwrap())
}

/// Runs a future to its end on a thread and runtime of its own, whatever runtime the caller is in.
fn aside<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
        scope.spawn(run).join().unwrap()
    })
}

async fn prepare(cluster: &PrivatePostgres) {
    let postgres = AdminConn::connect(&cluster.url("postgres", "postgres")).await.unwrap();
    postgres.script("template", "create database template_rowhouse").await.unwrap();
    let superuser = AdminConn::connect(&cluster.url("postgres", "template_rowhouse")).await.unwrap();
    db::bootstrap(&superuser).await.unwrap();
    let mut migrator = AdminConn::connect(&cluster.url("rowhouse_migrator", "template_rowhouse")).await.unwrap();
    let report = db::migrate(&mut migrator, false).await.unwrap();
    assert!(!report.migrations.is_empty(), "the template starts empty");
    SealKey::read(&super::KEYS).unwrap().keep(&migrator).await.unwrap();
    fixture::build(&migrator).await;
    furnish(&superuser, &[town().acme.id.to_string(), town().globex.id.to_string()]).await;
    if let Ok(sabotage) = std::env::var(SABOTAGE) {
        superuser.script("sabotage", &sabotage).await.unwrap();
        // Written down as if the files had said so: what has to notice are the attacks, not the start-up check.
        let record = "delete from audit.applied; insert into audit.applied select * from audit.catalog";
        superuser.script("sabotage", record).await.unwrap();
    }
}

/// Rows of these tenants in each table in which they have none, made up from the catalog as the attacks do: a table that is new has
/// something to attack from the first day.
pub async fn furnish(superuser: &AdminConn, tenants: &[String]) {
    let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rowhouse-audit.toml");
    let config = Config::read(&config).unwrap();
    let options = Options {
        tenant_columns: config.tenant_columns.clone(),
        setting: config.setting.clone().unwrap(),
        roles: config.roles.clone(),
        schemas: Vec::new(),
        ignore: Vec::new(),
    };
    attack::begin(superuser).await.unwrap();
    let scope = Scope::discover(superuser, &options).await.unwrap();
    for tenant in tenants {
        attack::furnish(superuser, &scope, &config.attack, tenant, &tenant[24..]).await.unwrap();
    }
    superuser.script("keep", "commit").await.unwrap();
}

/// A database of one test's own, with the two tenants in it.
pub struct TestDb {
    name: String,
}

impl TestDb {
    /// Clones the template.
    pub async fn new() -> Self {
        let db = Self::of("template_rowhouse").await;
        // Grants on the database itself are not cloned.
        let superuser = AdminConn::connect(&db.url("postgres")).await.unwrap();
        db::bootstrap(&superuser).await.unwrap();
        // However long ago the template was made, everybody has given their password just now.
        let fresh = "update registry.sessions set authenticated_at = now()";
        superuser.script("sessions", fresh).await.unwrap();
        if let Ok(sabotage) = std::env::var(SABOTAGE_ROLES) {
            superuser.script("sabotage", &sabotage).await.unwrap();
        }
        db
    }

    /// An empty database: no schema, no bootstrap.
    pub async fn empty() -> Self {
        Self::of("template1").await
    }

    async fn of(template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let postgres = AdminConn::connect(&run().cluster.url("postgres", "postgres")).await.unwrap();
        // Copied as files: page by page through the log takes twice as long.
        let create = format!("create database {name} template {template} strategy file_copy");
        postgres.script("clone", &create).await.unwrap();
        Self { name }
    }

    /// Where this database is, as a role.
    pub fn url(&self, role: &str) -> String {
        run().cluster.url(role, &self.name)
    }

    /// Where the server finds this database, as the role that serves.
    pub fn api_url(&self, way: Way) -> String {
        match way {
            Way::Direct => self.url("rowhouse_api"),
            Way::PgBouncer => bouncer().url("rowhouse_api", &self.name),
        }
    }

    /// Where another PgBouncer lets the serving role in to this database.
    pub fn url_at(&self, bouncer: &Bouncer) -> String {
        bouncer.url("rowhouse_api", &self.name)
    }

    /// A connection to PostgreSQL itself as the role that serves.
    pub async fn api(&self) -> Client {
        self.api_by(Way::Direct).await
    }

    /// A connection as the role that serves tenants.
    pub async fn api_by(&self, way: Way) -> Client {
        Self::serving(&self.api_url(way)).await
    }

    /// A connection as the role that serves strangers and accounts.
    pub async fn gate(&self) -> Client {
        Self::serving(&self.url("rowhouse_gate")).await
    }

    /// Refuses to exist when the role could step around a wall: an attack that fails as a superuser proves nothing.
    async fn serving(url: &str) -> Client {
        let client = connect(url).await;
        client.batch_execute("begin").await.unwrap();
        let startup_problems = client.query("select complaint from audit.posture", &[]).await.unwrap();
        let startup_problems: Vec<String> = startup_problems.iter().map(|row| row.get(0)).collect();
        client.batch_execute("rollback").await.unwrap();
        assert!(
            startup_problems.is_empty(),
            "refusing to run: {} {startup_problems:?}",
            url.split('@').next().unwrap().trim_start_matches("postgresql://")
        );
        client
    }

    /// A connection as any role.
    pub async fn client(&self, role: &str) -> Client {
        connect(&self.url(role)).await
    }

    /// A connection whose owner sees everything: to look at the data, not to attack.
    pub async fn superuser(&self) -> Client {
        self.client("postgres").await
    }

    /// A superuser's statement about this database, from outside it; `{db}` stands for its name.
    pub async fn outside(&self, statement: &str) {
        let postgres = AdminConn::connect(&run().cluster.url("postgres", "postgres")).await.unwrap();
        postgres.script("outside", &statement.replace("{db}", &self.name)).await.unwrap();
    }

    /// A connection for migrations.
    pub async fn migrator(&self) -> AdminConn {
        AdminConn::connect(&self.url("rowhouse_migrator")).await.unwrap()
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let url = run().cluster.url("postgres", "postgres");
        let drop = format!("drop database if exists {} with (force)", self.name);
        aside(async move { AdminConn::connect(&url).await.unwrap().script("drop", &drop).await.unwrap() });
    }
}
