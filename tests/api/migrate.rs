//! Bringing a database to what sql/ says, telling whether it is there, and not serving when it is not.
use rowhouse::{
    auth::SealKey,
    db::API_ROLE,
    db::{self, AdminConn},
};
use rowhouse_dev::{Durability, PrivatePostgres};

use crate::support::{KEYS, TestApp, TestDb};

async fn differences(admin: &AdminConn) -> Vec<String> {
    let found = db::check(admin).await.unwrap();
    found.iter().map(|d| format!("{} {} {}", d.difference, d.kind, d.object)).collect()
}

/// The files under sql/migrations, in the order of their versions.
fn files() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/migrations");
    let mut names: Vec<String> = std::fs::read_dir(root)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort_by_key(|name| name[1..].split("__").next().unwrap().parse::<u32>().unwrap());
    assert_eq!(names[0], "V1__tenants_people_and_projects");
    names
}

/// A database that was brought up by another text of one is refused, and could not be brought up further.
#[test]
fn a_migration_that_was_released_stays_as_it_was() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let released = std::fs::read_to_string(root.join("released.txt")).unwrap();
    let mut changed = Vec::new();
    for line in released.lines().filter(|line| !line.starts_with('#')) {
        let (hash, name) = line.split_once("  ").expect("a hash and a name, as sha256sum writes them");
        let text = std::fs::read(root.join("migrations").join(name)).unwrap_or_default();
        let now = rowhouse::auth::sha256(&text).map(|byte| format!("{byte:02x}")).concat();
        if now != hash {
            changed.push(name);
        }
    }
    assert!(released.lines().count() > 28, "what was released once is listed for good");
    assert_eq!(
        changed,
        Vec::<&str>::new(),
        "were released as they are in sql/released.txt: say it in another migration"
    );
}

#[tokio::test]
async fn an_empty_database_is_brought_up_once_and_then_left_alone() {
    let db = TestDb::empty().await;
    let superuser = AdminConn::connect(&db.url("postgres")).await.unwrap();
    let mut migrator = db.migrator().await;
    let too_early = db::migrate(&mut migrator, false).await.unwrap_err().to_string();
    assert!(too_early.contains("rowhouse bootstrap"), "{too_early}");
    db::bootstrap(&superuser).await.unwrap();
    db::bootstrap(&superuser).await.unwrap();
    let mut migrator = db.migrator().await;
    assert_eq!(differences(&migrator).await, ["missing migration every one: this database was never migrated"]);

    let first = db::migrate(&mut migrator, false).await.unwrap();
    assert_eq!(first.migrations, files());
    assert!(first.reapplied && first.changes.iter().any(|change| change.object == "tenant.projects.wall"), "{first:?}");
    assert_eq!(differences(&migrator).await, Vec::<String>::new());
    let second = db::migrate(&mut migrator, false).await.unwrap();
    assert!(second.migrations.is_empty() && !second.reapplied && second.changes.is_empty(), "{second:?}");
    let app = TestApp::with(&db.url(API_ROLE), &crate::support::tuning(&[])).await;
    let unknown = app.startup_problems().await;
    assert!(unknown.len() == 1 && unknown[0].contains("rowhouse keys seal"), "{unknown:?}");
    SealKey::read(&KEYS).unwrap().keep(&migrator).await.unwrap();
    assert_eq!(app.startup_problems().await, Vec::<String>::new());
}

/// The database as the first version left it, with people in it.
#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_with_its_people() {
    let db = TestDb::empty().await;
    db::bootstrap(&AdminConn::connect(&db.url("postgres")).await.unwrap()).await.unwrap();
    let first = include_str!("../../sql/migrations/V1__tenants_people_and_projects.sql");
    let checksum = refinery::Migration::unapplied("V1__tenants_people_and_projects", first).unwrap().checksum();
    let mut migrator = db.migrator().await;
    let history = format!(
        "create table audit.schema_history
             (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));
         insert into audit.schema_history
             values (1, 'tenants_people_and_projects', '2026-11-01T00:00:00Z', '{checksum}')"
    );
    for script in ["set role rowhouse_owner", first, &history, "reset role"] {
        migrator.script("first version", script).await.unwrap();
    }
    let people = "
        insert into registry.tenants (id, slug, name, status) values ('00000000-0000-7000-8000-00000000000a', 'acme', 'Acme', 'active');
        insert into registry.users (id, email, full_name, password_hash)
            values ('00000000-0000-7000-8000-00000000000b', 'ada@acme.example', 'Ada', 'x');
        insert into tenant.roles (tenant_id, id, name, permissions, built_in)
            select '00000000-0000-7000-8000-00000000000a', gen_random_uuid(), name, permissions, true from registry.built_in_roles;
        insert into tenant.memberships (tenant_id, user_id, role_id, permissions, tenant_status, account_active)
            select tenant_id, '00000000-0000-7000-8000-00000000000b', id, permissions, 'active', true
            from tenant.roles where name = 'owner';
        insert into registry.domains (domain, tenant_id, verified_at) values
            ('proven.acme.example', '00000000-0000-7000-8000-00000000000a', now()),
            ('claimed.acme.example', '00000000-0000-7000-8000-00000000000a', null)";
    migrator.script("people", people).await.unwrap();
    let report = db::migrate(&mut migrator, false).await.unwrap();
    assert_eq!(report.migrations, files()[1..]);
    let superuser = db.superuser().await;
    let seen = async |query: &str| -> Vec<String> {
        superuser.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(
        seen(
            "select email || ' ' || full_name || ' ' || ('tenant:delete' = any (permissions)) from tenant.memberships"
        )
        .await,
        ["ada@acme.example Ada true"]
    );
    assert_eq!(
        seen("select domain from registry.hosts").await,
        ["proven.acme.example"],
        "what was proven still resolves"
    );
    assert_eq!(
        seen("select email from registry.users where email_verified_at is not null").await,
        ["ada@acme.example"]
    );
    let may_close = "select name::text from tenant.roles where 'tenant:delete' = any (permissions)";
    assert_eq!(seen(may_close).await, ["owner"]);
    assert_eq!(differences(&migrator).await, Vec::<String>::new());
}

/// What somebody does, and what is noticed.
const MENDED_BY_FILES: &[(&str, &str)] = &[
    ("drop policy wall on tenant.projects", "missing policy tenant.projects.wall"),
    (
        "drop policy wall on tenant.projects; create policy wall on tenant.projects using (true)",
        "changed policy tenant.projects.wall",
    ),
    ("create policy extra on tenant.roles to rowhouse_api using (true)", "added policy tenant.roles.extra"),
    (
        "alter policy select_permitted on tenant.projects using (true)",
        "changed policy tenant.projects.select_permitted",
    ),
    ("alter table tenant.project_tasks disable row level security", "changed row security tenant.project_tasks"),
    ("alter table registry.users no force row level security", "changed row security registry.users"),
    ("grant truncate on tenant.projects to rowhouse_api", "changed table grant tenant.projects to rowhouse_api"),
    ("grant select on tenant.projects to rowhouse_platform", "added table grant tenant.projects to rowhouse_platform"),
    (
        "grant update (tenant_id) on tenant.projects to rowhouse_api",
        "changed column grant tenant.projects.tenant_id to rowhouse_api",
    ),
    ("revoke select on tenant.projects from rowhouse_api", "changed table grant tenant.projects to rowhouse_api"),
    (
        "grant execute on function registry.find_login(text, text) to public",
        "added function grant registry.find_login(text,text) to public",
    ),
    ("alter function registry.require(text) leakproof", "changed function registry.require(text)"),
    ("drop function registry.my_tenants()", "missing function registry.my_tenants()"),
    ("drop trigger keep_version on tenant.projects", "missing trigger tenant.projects.keep_version"),
    ("comment on function registry.require(text) is 'because'", "changed comment function registry.require(text)"),
    ("comment on function registry.my_tenants() is null", "missing comment function registry.my_tenants()"),
    ("drop view audit.posture cascade", "missing view audit.posture"),
];

/// What somebody does, what is noticed, and how they undo it.
const NOT_MENDED_BY_FILES: &[(&str, &str, &str)] = &[
    (
        "create view tenant.everything as select * from tenant.projects",
        "added view tenant.everything",
        "drop view tenant.everything",
    ),
    (
        "create materialized view registry.copies as select name from registry.users, lateral (select email as name) e",
        "added other relation registry.copies",
        "drop materialized view registry.copies",
    ),
    (
        "create function registry.mine() returns int language sql return 1",
        "added function registry.mine()",
        "drop function registry.mine()",
    ),
    (
        "alter function registry.require(text) owner to postgres",
        "changed owner function registry.require(text)",
        "alter function registry.require(text) owner to rowhouse_tenancy",
    ),
    (
        "grant execute on function pg_catalog.set_config(text, text, boolean) to public",
        "added built-in grant set_config(text,text,boolean) to public",
        "revoke execute on function pg_catalog.set_config(text, text, boolean) from public",
    ),
    (
        "alter table tenant.projects disable trigger keep_version",
        "changed trigger tenant.projects.keep_version",
        "alter table tenant.projects enable trigger keep_version",
    ),
    (
        "alter table tenant.project_tasks disable trigger all",
        "added disabled key tenant.project_tasks.project_tasks_project_fkey",
        "alter table tenant.project_tasks enable trigger all",
    ),
    (
        "alter table tenant.projects drop constraint projects_name_key",
        "missing constraint tenant.projects.projects_name_key",
        "alter table tenant.projects add constraint projects_name_key unique (tenant_id, name)",
    ),
    (
        "create rule spy as on insert to tenant.project_tasks do also notify leak",
        "added rule tenant.project_tasks.spy",
        "drop rule spy on tenant.project_tasks",
    ),
    ("create publication leak for all tables", "added publication leak", "drop publication leak"),
    (
        "alter function pg_catalog.textlike(text, text) leakproof",
        "changed leakproof built-in functions",
        "alter function pg_catalog.textlike(text, text) not leakproof",
    ),
    (
        "alter table tenant.roles owner to postgres",
        "changed owner table tenant.roles",
        "alter table tenant.roles owner to rowhouse_owner",
    ),
];

#[tokio::test]
async fn what_is_done_by_hand_is_noticed_and_the_files_mend_it() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let mut migrator = db.migrator().await;
    let app = TestApp::new(&db).await;
    assert_eq!(app.startup_problems().await, Vec::<String>::new());
    for (by_hand, noticed) in MENDED_BY_FILES {
        superuser.batch_execute(by_hand).await.unwrap();
        if by_hand.contains("audit.posture") {
            assert!(app.startup_problems().await.concat().contains("never migrated"));
        } else {
            let found = differences(&migrator).await;
            assert!(found.iter().any(|found| found == noticed), "{by_hand}: {found:#?}");
            assert_ne!(app.startup_problems().await, Vec::<String>::new(), "{by_hand}");
        }
        let report = db::migrate(&mut migrator, false).await.unwrap();
        assert!(
            report.reapplied && report.migrations.is_empty() && !report.changes.is_empty(),
            "{by_hand}: {report:?}"
        );
        assert_eq!(differences(&migrator).await, Vec::<String>::new(), "after {by_hand}");
        assert_eq!(app.startup_problems().await, Vec::<String>::new(), "after {by_hand}");
    }
}

#[tokio::test]
async fn what_no_file_mends_is_not_covered_up_by_migrating() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let mut migrator = db.migrator().await;
    let app = TestApp::new(&db).await;
    for (by_hand, noticed, undo) in NOT_MENDED_BY_FILES {
        superuser.batch_execute(by_hand).await.unwrap();
        let found = differences(&migrator).await;
        assert!(found.iter().any(|found| found == noticed), "{by_hand}: {found:#?}");
        assert_ne!(app.startup_problems().await, Vec::<String>::new(), "{by_hand}");
        let refused = db::migrate(&mut migrator, false).await.unwrap_err().to_string();
        assert!(refused.contains("changed by hand") && refused.contains("--accept"), "{by_hand}: {refused}");
        assert_eq!(differences(&migrator).await, found, "it is still noticed");
        superuser.batch_execute(undo).await.unwrap();
        assert_eq!(differences(&migrator).await, Vec::<String>::new(), "after {undo}");
        assert_eq!(app.startup_problems().await, Vec::<String>::new(), "after {undo}");
    }
    // Somebody says that it is meant to be so.
    superuser.batch_execute("create index projects_by_day on tenant.projects (tenant_id, created_at)").await.unwrap();
    assert!(db::migrate(&mut migrator, false).await.is_err());
    let report = db::migrate(&mut migrator, true).await.unwrap();
    assert!(report.reapplied);
    assert_eq!(differences(&migrator).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_lies_outside_the_house_and_can_be_read_stops_the_server() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let app = TestApp::new(&db).await;
    for (by_hand, complaint) in [
        ("create view reporting.projects as select * from tenant.projects", "reporting.projects"),
        ("create materialized view reporting.copy as select tenant_id from tenant.projects", "reporting.copy"),
        (
            "create function reporting.all() returns setof tenant.projects language sql security definer
                 as 'select * from tenant.projects'; grant execute on function reporting.all() to public",
            "reporting.\"all\"(), SECURITY DEFINER",
        ),
        (
            "create table reporting.parent (like tenant.memberships); alter table tenant.memberships inherit reporting.parent",
            "tenant.memberships of reporting.parent",
        ),
    ] {
        superuser
            .batch_execute("create schema reporting; grant usage on schema reporting to rowhouse_api")
            .await
            .unwrap();
        superuser.batch_execute(by_hand).await.unwrap();
        superuser.batch_execute("grant select on all tables in schema reporting to rowhouse_api").await.unwrap();
        let startup_problems = app.startup_problems().await;
        assert!(startup_problems.iter().any(|text| text.contains(complaint)), "{by_hand}: {startup_problems:#?}");
        superuser.batch_execute("alter table tenant.memberships no inherit reporting.parent").await.ok();
        superuser.batch_execute("drop schema reporting cascade").await.unwrap();
        assert_eq!(app.startup_problems().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_newer_versions_migration_does_not_take_a_running_server_out() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let newer = "update audit.files set sha256 = 'newer' where path = 'policies/tenant.projects.sql';
        insert into audit.schema_history values (1000, 'newer', now()::text, '1')";
    db.superuser().await.batch_execute(newer).await.unwrap();
    let ready = app.request(reqwest::Method::GET, "/readyz");
    crate::support::Answer::of(ready).await.expect(200);
    assert!(
        app.startup_problems().await.concat().contains("policies/tenant.projects.sql"),
        "but it does not start again"
    );
    db.superuser().await.batch_execute("update audit.schema_history set checksum = '1'").await.unwrap();
    assert!(app.startup_problems().await.concat().contains("V1__tenants_people_and_projects"));
}

#[tokio::test]
async fn a_changed_file_and_a_changed_migration_are_told_apart() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let migrator = db.migrator().await;
    let forget = "update audit.files set sha256 = 'old' where path = 'policies/tenant.projects.sql';
        insert into audit.files (path, sha256) values ('policies/gone.sql', 'x');
        update audit.schema_history set checksum = '1' where version = 1";
    superuser.batch_execute(forget).await.unwrap();
    assert_eq!(
        differences(&migrator).await,
        [
            "changed migration V1__tenants_people_and_projects",
            "changed file sql/policies/tenant.projects.sql",
            "added file sql/policies/gone.sql",
        ]
    );
    let mut migrator = migrator;
    let refused = db::migrate(&mut migrator, false).await.unwrap_err().to_string();
    assert!(refused.contains("V1__tenants_people_and_projects"), "an applied migration never changes: {refused}");
}

/// Its own cluster: roles belong to all of one, and other tests look at them.
#[tokio::test]
async fn the_one_owner_of_doors_hands_them_on_and_goes_when_nothing_is_left_of_it() {
    let dir = std::env::temp_dir().join(format!("rowhouse-test-doors-{}", std::process::id()));
    let cluster = PrivatePostgres::start(&dir, Durability::Throwaway).unwrap();
    let postgres = AdminConn::connect(&cluster.url("postgres", "postgres")).await.unwrap();
    let mut before = Vec::new();
    for name in ["one", "two"] {
        postgres.script("create", &format!("create database {name}")).await.unwrap();
        let superuser = AdminConn::connect(&cluster.url("postgres", name)).await.unwrap();
        db::bootstrap(&superuser).await.unwrap();
        let mut migrator = AdminConn::connect(&cluster.url("rowhouse_migrator", name)).await.unwrap();
        db::migrate(&mut migrator, false).await.unwrap();
        // As it was: one role that owns them all, is granted what they need, and has a function that no file makes any more.
        let as_before = "
            do $$ begin create role rowhouse_doors noinherit; exception when duplicate_object then null; end $$;
            grant rowhouse_doors to rowhouse_migrator;
            alter default privileges for role rowhouse_doors revoke execute on functions from public;
            grant usage on schema registry, tenant to rowhouse_doors;
            grant select on registry.users, registry.sessions to rowhouse_doors;
            create policy doors on registry.users to rowhouse_doors using (true);
            do $$
            declare door regprocedure;
            begin
                for door in select oid from pg_proc where prosecdef and pronamespace = 'registry'::regnamespace loop
                    execute format('alter function %s owner to rowhouse_doors', door);
                end loop;
            end $$;
            create function registry.gone() returns int language sql security definer set search_path = '' return 1;
            alter function registry.gone() owner to rowhouse_doors;
            revoke all on function registry.gone() from public;
            grant execute on function registry.gone() to rowhouse_gate;
            delete from audit.made;
            update audit.files set sha256 = 'before';
            delete from audit.applied;
            insert into audit.applied select * from audit.catalog";
        superuser.script("as before", as_before).await.unwrap();
        before.push((superuser, migrator));
    }
    let left = async |superuser: &AdminConn| superuser.all::<Left>(LEFT, &[]).await.unwrap().remove(0).0;
    assert!(left(&before[0].0).await > 50);
    for (superuser, migrator) in &mut before {
        db::bootstrap(superuser).await.unwrap();
        let report = db::migrate(migrator, false).await.unwrap();
        assert!(
            report.reapplied && report.changes.iter().any(|change| change.object.contains("registry.gone()")),
            "{report:?}"
        );
        assert_eq!(left(superuser).await, 0, "it owns nothing and is granted nothing");
        assert_eq!(differences(migrator).await, Vec::<String>::new());
    }
    // The first bootstrap after that leaves the role to the other database, and the second takes it away.
    for (n, (superuser, migrator)) in before.iter().enumerate() {
        db::bootstrap(superuser).await.unwrap();
        assert_eq!(superuser.all::<Left>(ROLES, &[]).await.unwrap().remove(0).0, i64::from(n == 0));
        assert_eq!(differences(migrator).await, Vec::<String>::new());
    }
    for (_, migrator) in &before {
        assert_eq!(differences(migrator).await, Vec::<String>::new(), "with the role gone, too");
    }
}

struct Left(i64);
impl db::FromRow for Left {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get(0)?))
    }
}

/// What is the former owner's in a database: functions, policies that name it, and grants.
const LEFT: db::Sql = db::Sql::file(
    "left",
    "select (select count(*) from pg_proc where proowner = to_regrole('rowhouse_doors'))
          + (select count(*) from pg_policy where to_regrole('rowhouse_doors')::oid = any (polroles))
          + (select count(*) from audit.grants where role = 'rowhouse_doors')",
);
const ROLES: db::Sql = db::Sql::file("roles", "select count(*) from pg_roles where rolname = 'rowhouse_doors'");

#[tokio::test]
async fn many_instances_migrate_at_once_and_one_does_the_work() {
    let db = TestDb::empty().await;
    db::bootstrap(&AdminConn::connect(&db.url("postgres")).await.unwrap()).await.unwrap();
    let runs: Vec<_> = (0..6)
        .map(|_| {
            let url = db.url("rowhouse_migrator");
            tokio::spawn(async move {
                let mut migrator = AdminConn::connect(&url).await.unwrap();
                db::migrate(&mut migrator, false).await.unwrap().migrations.len()
            })
        })
        .collect();
    let mut applied = 0;
    for run in runs {
        applied += run.await.unwrap();
    }
    assert_eq!(applied, files().len(), "each migration once");
}

#[tokio::test]
async fn a_role_that_could_step_around_a_wall_does_not_serve() {
    let db = TestDb::new().await;
    for (role, complaint) in [
        ("postgres", "is a superuser"),
        ("rowhouse_migrator", "has BYPASSRLS"),
        ("rowhouse_migrator", "is a member of rowhouse_owner"),
        ("rowhouse_worker", "is not the role that serves"),
    ] {
        let app = TestApp::with(&db.url(role), &crate::support::tuning(&[])).await;
        let startup_problems = app.startup_problems().await;
        assert!(startup_problems.iter().any(|text| text.contains(complaint)), "{role}: {startup_problems:#?}");
    }
    let bare = TestDb::empty().await;
    let app = TestApp::with(&bare.url(API_ROLE), &crate::support::tuning(&[])).await;
    assert!(app.startup_problems().await.concat().contains("never migrated"));
}

#[tokio::test]
async fn failures_of_commands_are_sentences_without_passwords() {
    let db = TestDb::new().await;
    let cases = [
        ("nonsense".to_owned(), "not a PostgreSQL connection URL"),
        (
            "postgresql://rowhouse_api:s3cret@127.0.0.1:1/rowhouse".to_owned(),
            "cannot connect to database rowhouse as rowhouse_api",
        ),
        (db.url("nobody_here"), "role \"nobody_here\" does not exist"),
    ];
    for (url, expected) in cases {
        let Err(failure) = AdminConn::connect(&url).await else { panic!("{url} connected") };
        let failure = failure.to_string();
        assert!(failure.contains(expected) && !failure.contains("s3cret"), "{failure}");
    }
}
