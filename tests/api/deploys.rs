//! A database is migrated while others serve: nobody waits long, nobody is refused, and what is interrupted can be finished.
use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use rowhouse::db::{self, MigrateOptions};

use crate::support::{Answer, Member, TestApp, TestDb, town};

fn again() -> MigrateOptions {
    MigrateOptions { reapply: true, ..MigrateOptions::default() }
}

async fn drift(db: &TestDb) -> Vec<String> {
    let rows = db.superuser().await.query("select kind || ' ' || object from audit.drift", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Tables without a wall, or whose wall is not enforced.
async fn without_walls(db: &TestDb) -> Vec<String> {
    let asked = "select relation from audit.walls where not (row_security and forced)
                 union all select relation from audit.walls where starts_with(relation, 'tenant.') and wall is null";
    let rows = db.superuser().await.query(asked, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn nobody_notices_that_everything_is_applied_again_beside_a_long_reader() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let reader = db.superuser().await;
    reader.batch_execute("begin; select count(*) from tenant.products").await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let migrating = {
        let (over, url) = (over.clone(), db.url("rowhouse_migrator"));
        tokio::spawn(async move {
            let mut migrator = db::AdminConn::connect(&url).await.unwrap();
            let report = db::migrate_with(&mut migrator, &again()).await;
            over.store(true, Ordering::SeqCst);
            report
        })
    };
    let (mut longest, begun, mut let_go) = (Duration::ZERO, Instant::now(), false);
    while !over.load(Ordering::SeqCst) {
        for path in ["/products", "/projects", "/tenant/members", "/me"] {
            let asked = Instant::now();
            owner.get(path).await.expect(200);
            longest = longest.max(asked.elapsed());
        }
        Answer::of(app.request(Method::GET, "/readyz")).await.expect(200);
        if !let_go && begun.elapsed() > Duration::from_secs(3) {
            assert!(!over.load(Ordering::SeqCst), "it waits for whoever reads products");
            reader.batch_execute("commit").await.unwrap();
            let_go = true;
        }
        assert!(begun.elapsed() < Duration::from_secs(100), "it does not end");
    }
    assert!(let_go, "it had to wait for whoever read products");
    let report = migrating.await.unwrap().unwrap();
    assert!(report.steps.iter().any(|step| step.name.contains("tenant.products")), "{:?}", report.steps);
    assert!(report.changes.is_empty(), "{:?}", report.changes);
    assert!(longest < Duration::from_secs(2), "somebody waited {longest:?}");
    assert_eq!(drift(&db).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_grant_is_mended_while_somebody_holds_the_table() {
    let db = TestDb::new().await;
    let (holder, superuser) = (db.superuser().await, db.superuser().await);
    superuser.batch_execute("grant select on tenant.projects to rowhouse_platform").await.unwrap();
    holder.batch_execute("begin; lock table tenant.projects in row exclusive mode").await.unwrap();
    let options = MigrateOptions { patience: Duration::from_secs(1), observe: true, ..MigrateOptions::default() };
    let report = db::migrate_with(&mut db.migrator().await, &options).await.unwrap();
    let steps: Vec<&str> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["sql/policies/tenant.projects.sql"], "and nothing else is made again");
    assert_eq!(report.steps[0].locks, Vec::<String>::new());
    assert_eq!(drift(&db).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_expression_alters_its_policy_and_leaves_the_others() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let ids = "select string_agg(oid || polname, ' ' order by oid) from pg_policy where polrelid = 'tenant.projects'::regclass";
    let before: String = superuser.query_one(ids, &[]).await.unwrap().get(0);
    superuser.batch_execute("alter policy select_permitted on tenant.projects using (true)").await.unwrap();
    db::migrate(&mut db.migrator().await, false).await.unwrap();
    let after: String = superuser.query_one(ids, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
    assert_eq!(drift(&db).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_trigger_that_no_file_makes_any_more_is_gone() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    // As the version before made it, under the name it had.
    superuser
        .batch_execute(
            "create trigger formerly before update on tenant.projects for each row execute function registry.keep_version();
             insert into audit.applied select c.* from audit.catalog c where c.object = 'tenant.projects.formerly';
             insert into audit.made values ('policies/tenant.projects.sql', 'trigger formerly', 'x');
             update audit.files set sha256 = 'before' where path = 'policies/tenant.projects.sql'",
        )
        .await
        .unwrap();
    assert_eq!(drift(&db).await, Vec::<String>::new());
    db::migrate(&mut db.migrator().await, false).await.unwrap();
    let left = "select count(*) from pg_trigger where tgname = 'formerly'";
    assert_eq!(superuser.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!(drift(&db).await, Vec::<String>::new());
}

#[tokio::test]
async fn whoever_holds_a_table_for_ever_is_named_and_what_came_before_stands() {
    let db = TestDb::new().await;
    let holder = db.superuser().await;
    holder.batch_execute("begin; select count(*) from tenant.projects").await.unwrap();
    let pid: i32 = holder.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let options = MigrateOptions { patience: Duration::from_secs(1), ..again() };
    let failure = db::migrate_with(&mut db.migrator().await, &options).await.unwrap_err().to_string();
    assert!(failure.contains("tenant.projects") && failure.contains(&format!("process {pid}")), "{failure}");
    assert_eq!((drift(&db).await, without_walls(&db).await), (Vec::new(), Vec::new()));
    holder.batch_execute("commit").await.unwrap();
    db::migrate_with(&mut db.migrator().await, &options).await.unwrap();
}

#[tokio::test]
async fn a_run_that_was_killed_leaves_every_wall_standing_and_the_next_one_finishes() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let url = db.url("rowhouse_migrator");
    for after in [60, 120, 200, 300, 450] {
        superuser.batch_execute("delete from audit.made; update audit.files set sha256 = 'before'").await.unwrap();
        let mut command = crate::cli::rowhouse();
        command.args(["migrate", "--reapply"]).env("MIGRATE_DATABASE_URL", &url);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(after)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((drift(&db).await, without_walls(&db).await), (Vec::new(), Vec::new()), "killed after {after} ms");
    }
    db::migrate(&mut db.migrator().await, false).await.unwrap();
    assert!(db::check(&db.migrator().await).await.unwrap().is_empty());
    let due = "select count(*) from audit.made where path = 'generations'";
    assert_eq!(superuser.query_one(due, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn an_index_that_was_not_finished_is_made_again() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    superuser
        .batch_execute(
            "update pg_index set indisvalid = false where indexrelid = 'tenant.products_search_idx'::regclass;
             update audit.made set sha256 = 'building' where object = 'tenant.products_search_idx'",
        )
        .await
        .unwrap();
    assert_eq!(drift(&db).await, Vec::<String>::new(), "what is being built is no drift");
    db::migrate(&mut db.migrator().await, false).await.unwrap();
    let valid = "select indisvalid from pg_index where indexrelid = 'tenant.products_search_idx'::regclass";
    assert!(superuser.query_one(valid, &[]).await.unwrap().get::<_, bool>(0));
    assert_eq!(drift(&db).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_column_whose_type_changed_is_answered_at_the_next_request() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &town().acme.owner, &town().acme);
    let path = format!("/projects/{}", town().acme.projects[0].id);
    for change in ["varchar(10000)", "text"] {
        for _ in 0..8 {
            owner.get(&path).await.expect(200);
        }
        let alter = format!("alter table tenant.projects alter column description type {change}");
        db.superuser().await.batch_execute(&alter).await.unwrap();
        for _ in 0..8 {
            owner.get(&path).await.expect(200);
        }
    }
}

#[tokio::test]
async fn a_permission_is_given_in_one_line_and_never_to_nobody() {
    let db = TestDb::new().await;
    let migrator = db.migrator().await;
    let owner = "set role rowhouse_owner";
    let give = "select registry.give('things:read', 'See things', array['owner', 'viewer'])";
    migrator.script("role", owner).await.unwrap();
    let refused = migrator.script("give", give).await.unwrap_err().to_string();
    assert!(refused.contains("set local role rowhouse_migrator"), "{refused}");
    migrator.script("role", "reset role").await.unwrap();
    for nobody in ["array[]::text[]", "null", "array['nobody']"] {
        let asked = format!("select registry.give('things:read', 'See things', {nobody})");
        assert!(migrator.script("give", &asked).await.is_err(), "{nobody}");
    }
    migrator.script("give", give).await.unwrap();
    let held =
        "select string_agg(distinct name, ' ' order by name) from tenant.roles where 'things:read' = any (permissions)";
    let superuser = db.superuser().await;
    assert_eq!(superuser.query_one(held, &[]).await.unwrap().get::<_, String>(0), "owner viewer");
    let members = "select count(distinct tenant_id) from tenant.memberships where 'things:read' = any (permissions)";
    assert_eq!(superuser.query_one(members, &[]).await.unwrap().get::<_, i64>(0), 2, "in both tenants");
}

/// A version may bring a role, which whoever migrates may not make.
#[tokio::test]
async fn a_role_that_is_not_there_yet_is_refused_with_what_makes_it() {
    let db = TestDb::new().await;
    let mut migrator = db.migrator().await;
    let file = [("migrations/V999__a_role.sql", "grant usage on schema registry to rowhouse_of_tomorrow")];
    let refused = db::apply_beside(&mut migrator, &MigrateOptions::default(), &file).await.unwrap_err().to_string();
    assert!(refused.contains("rowhouse_of_tomorrow") && refused.contains("`rowhouse bootstrap`"), "{refused}");
}
