//! Bringing a database to what sql/ says, telling whether it is there, and not serving when it is not.
use rowhouse::{
    config::API_ROLE,
    db::{self, Admin},
};

use crate::support::{TestApp, TestDb};

async fn differences(admin: &Admin) -> Vec<String> {
    let found = db::check(admin).await.unwrap();
    found.iter().map(|d| format!("{} {} {}", d.difference, d.kind, d.object)).collect()
}

#[tokio::test]
async fn an_empty_database_is_brought_up_once_and_then_left_alone() {
    let db = TestDb::empty().await;
    let superuser = Admin::connect(&db.url("postgres")).await.unwrap();
    let mut migrator = db.migrator().await;
    let too_early = db::migrate(&mut migrator).await.unwrap_err().to_string();
    assert!(too_early.contains("rowhouse bootstrap"), "{too_early}");
    db::bootstrap(&superuser).await.unwrap();
    db::bootstrap(&superuser).await.unwrap();
    let mut migrator = db.migrator().await;
    assert_eq!(differences(&migrator).await, ["missing migration every one: this database was never migrated"]);

    let first = db::migrate(&mut migrator).await.unwrap();
    assert_eq!(first.migrations, ["V1__tenants_people_and_projects"]);
    assert!(first.reapplied && first.changes.iter().any(|change| change.object == "tenant.projects.wall"), "{first:?}");
    assert_eq!(differences(&migrator).await, Vec::<String>::new());
    let second = db::migrate(&mut migrator).await.unwrap();
    assert!(second.migrations.is_empty() && !second.reapplied && second.changes.is_empty(), "{second:?}");
    let app = TestApp::with(&db.url(API_ROLE), &crate::support::tuning(&[])).await;
    assert_eq!(app.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn whatever_is_done_by_hand_is_noticed_and_mended() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let mut migrator = db.migrator().await;
    let app = TestApp::new(&db).await;
    assert_eq!(app.complaints().await, Vec::<String>::new());
    for (by_hand, noticed) in [
        ("drop policy wall on tenant.projects", "missing policy tenant.projects.wall"),
        (
            "drop policy wall on tenant.projects; create policy wall on tenant.projects using (true)",
            "changed policy tenant.projects.wall",
        ),
        ("create policy extra on tenant.roles to rowhouse_api using (true)", "added policy tenant.roles.extra"),
        ("alter policy read on tenant.projects using (true)", "changed policy tenant.projects.read"),
        ("alter table tenant.project_tasks disable row level security", "changed table tenant.project_tasks"),
        ("alter table registry.users no force row level security", "changed table registry.users"),
        ("grant truncate on tenant.projects to rowhouse_api", "changed table grant tenant.projects to rowhouse_api"),
        (
            "grant select on tenant.projects to rowhouse_platform",
            "added table grant tenant.projects to rowhouse_platform",
        ),
        (
            "grant update (tenant_id) on tenant.projects to rowhouse_api",
            "changed column grant tenant.projects.tenant_id to rowhouse_api",
        ),
        ("revoke select on tenant.projects from rowhouse_api", "changed table grant tenant.projects to rowhouse_api"),
        (
            "grant execute on function registry.find_login(text) to public",
            "added function grant registry.find_login(text) to public",
        ),
        (
            "grant execute on function pg_catalog.set_config(text, text, boolean) to public",
            "added built-in grant set_config(text,text,boolean) to public",
        ),
        ("alter function registry.require(text) leakproof", "changed function registry.require(text)"),
        ("alter function registry.require(text) owner to postgres", "changed function registry.require(text)"),
        ("create function registry.mine() returns int language sql return 1", "added function registry.mine()"),
        ("alter table tenant.projects disable trigger keep_version", "changed trigger tenant.projects.keep_version"),
        ("create view tenant.everything as select * from tenant.projects", "added view tenant.everything"),
    ] {
        superuser.batch_execute(by_hand).await.unwrap();
        let found = differences(&migrator).await;
        assert!(found.iter().any(|found| found == noticed), "{by_hand}: {found:#?}");
        let complaints = app.complaints().await;
        let object = noticed.split(' ').skip(2).collect::<Vec<_>>().join(" ");
        assert!(
            complaints.iter().any(|text| text.contains(object.split(' ').next_back().unwrap())),
            "{by_hand}: {complaints:#?}"
        );
        match by_hand.split(' ').take(2).collect::<Vec<_>>().join(" ").as_str() {
            // What no file speaks of, no file takes away: the person who did it does.
            "create view" => superuser.batch_execute("drop view tenant.everything").await.unwrap(),
            _ if by_hand.contains("set_config") => {
                superuser
                    .batch_execute("revoke execute on function pg_catalog.set_config(text, text, boolean) from public")
                    .await
                    .unwrap();
            }
            _ if by_hand.contains("owner to postgres") => {
                superuser.batch_execute("alter function registry.require(text) owner to rowhouse_doors").await.unwrap();
            }
            _ if by_hand.contains("registry.mine") => {
                superuser.batch_execute("drop function registry.mine()").await.unwrap();
            }
            _ if by_hand.contains("disable trigger") => {
                superuser.batch_execute("alter table tenant.projects enable trigger keep_version").await.unwrap();
            }
            _ => {
                let report = db::migrate(&mut migrator).await.unwrap();
                assert!(report.reapplied && report.migrations.is_empty());
            }
        }
        assert_eq!(differences(&migrator).await, Vec::<String>::new(), "after {by_hand}");
        assert_eq!(app.complaints().await, Vec::<String>::new(), "after {by_hand}");
    }
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
    let refused = db::migrate(&mut migrator).await.unwrap_err().to_string();
    assert!(refused.contains("V1__tenants_people_and_projects"), "an applied migration never changes: {refused}");
}

#[tokio::test]
async fn many_instances_migrate_at_once_and_one_does_the_work() {
    let db = TestDb::empty().await;
    db::bootstrap(&Admin::connect(&db.url("postgres")).await.unwrap()).await.unwrap();
    let runs: Vec<_> = (0..6)
        .map(|_| {
            let url = db.url("rowhouse_migrator");
            tokio::spawn(async move {
                let mut migrator = Admin::connect(&url).await.unwrap();
                db::migrate(&mut migrator).await.unwrap().migrations.len()
            })
        })
        .collect();
    let mut applied = 0;
    for run in runs {
        applied += run.await.unwrap();
    }
    assert_eq!(applied, 1);
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
        let complaints = app.complaints().await;
        assert!(complaints.iter().any(|text| text.contains(complaint)), "{role}: {complaints:#?}");
    }
    let bare = TestDb::empty().await;
    let app = TestApp::with(&bare.url(API_ROLE), &crate::support::tuning(&[])).await;
    assert!(app.complaints().await.concat().contains("never migrated"));
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
        let Err(failure) = Admin::connect(&url).await else { panic!("{url} connected") };
        let failure = failure.to_string();
        assert!(failure.contains(expected) && !failure.contains("s3cret"), "{failure}");
    }
}
