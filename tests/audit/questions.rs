//! Questions that cannot be answered get a sentence and exit code 2, or a right answer; never a false "clean".
use super::{ask, findings, ours, report};
use crate::support::TestDb;

/// Asks and expects exit code 2 and one line that says something.
async fn refused(command: &str, url: &str, more: &[&str], says: &str) {
    let (code, out, err) = ask(command, url, more).await;
    assert_eq!(code, Some(2), "{command} {more:?}: {out}{err}");
    assert!(err.contains(says) && err.lines().count() == 1 && !err.contains("panicked"), "{command} {more:?}: {err}");
    assert!(!out.contains("clean"), "{out}");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_or_read_is_no_clean_one() {
    let db = TestDb::new().await;
    for command in ["audit", "attack", "prove"] {
        refused(command, "postgresql://nobody@127.0.0.1:1/none", &[], "cannot connect to database none as nobody")
            .await;
        refused(command, &db.url("nobody_at_all"), &[], "role \"nobody_at_all\" does not exist").await;
        refused(command, "not a url", &[], "not a PostgreSQL connection URL").await;
        refused(command, &db.url("postgres"), &["--config", "nowhere.toml"], "cannot read nowhere.toml").await;
    }
}

#[tokio::test]
async fn a_scope_that_is_empty_is_an_error_and_not_a_pass() {
    let db = TestDb::new().await;
    let url = db.url("postgres");
    for command in ["audit", "attack", "prove"] {
        refused(
            command,
            &url,
            &["--tenant-column", "org_id"],
            "no table in audit, public, registry, search, tenant has a column org_id",
        )
        .await;
        refused(command, &url, &["--role", "rowhouse_apu"], "there is no role rowhouse_apu").await;
        refused(command, &url, &["--schema", "tenants"], "there is no schema tenants").await;
        refused(command, &url, &["--setting", "tenant_id"], "cannot be a setting").await;
        refused(command, &url, &["--ignore", "no-such-lint=because"], "there is no lint or attack no-such-lint").await;
    }
    let empty = TestDb::empty().await;
    refused("audit", &empty.url("postgres"), &[], "no table in public has a column tenant_id").await;
    let (code, _, err) = ask("audit", &url, &["--ignore", "rls-disabled"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("needs a reason"), "{err}");
}

#[tokio::test]
async fn a_setting_that_no_policy_reads_is_reported_on_every_policy() {
    let db = TestDb::new().await;
    let (code, report) =
        report("audit", &db.url("postgres"), &[&ours()[..], &["--setting", "app.tenant"]].concat()).await;
    assert_eq!(code, Some(1));
    let found = findings(&report);
    for table in ["tenant.projects", "tenant.project_tasks", "tenant.roles", "tenant.memberships", "registry.domains"] {
        assert!(found.contains(&format!("setting-mismatch {table}.wall")), "{found:?}");
    }
}

#[tokio::test]
async fn a_superuser_as_the_role_that_serves_is_the_finding_and_no_attacker() {
    let db = TestDb::new().await;
    let (code, report) = report("audit", &db.url("postgres"), &["--role", "postgres"]).await;
    assert_eq!(code, Some(1));
    assert!(findings(&report).contains(&"role-bypasses postgres".to_owned()), "{:?}", findings(&report));
    for command in ["attack", "prove"] {
        refused(command, &db.url("postgres"), &["--role", "postgres"], "refusing to attack as postgres").await;
        refused(
            command,
            &db.url("rowhouse_api"),
            &["--role", "rowhouse_api"],
            if command == "attack" { "connect as a superuser" } else { "permission denied" },
        )
        .await;
    }
}

#[tokio::test]
async fn a_database_that_takes_no_writes_can_be_audited_and_not_attacked() {
    let db = TestDb::new().await;
    db.outside("alter database {db} set default_transaction_read_only = on").await;
    let (_, audited) = report("audit", &db.url("postgres"), &ours()).await;
    assert_eq!(findings(&audited), Vec::<String>::new());
    refused("attack", &db.url("postgres"), &ours(), "read-only").await;
}

#[tokio::test]
async fn a_database_in_use_is_copied_by_pg_dump_or_the_sentence_says_what_is_missing() {
    let db = TestDb::new().await;
    let busy = db.superuser().await;
    let version: String = busy.query_one("show server_version", &[]).await.unwrap().get(0);
    let major = version.split('.').next().unwrap();
    let beside = std::env::var("ROWHOUSE_PG_BIN").map(|dir| std::path::Path::new(&dir).join("pg_dump").exists());
    let here =
        beside.unwrap_or(false) || std::path::Path::new(&format!("/usr/lib/postgresql/{major}/bin/pg_dump")).exists();
    if here {
        let (code, report) =
            report("prove", &db.url("postgres"), &[&ours()[..], &["--only", "disable-rls"]].concat()).await;
        assert_eq!((code, &report["mutants"]), (Some(0), &report["killed"]), "{report:#}");
        assert!(report["mutants"].as_u64().unwrap() > 8, "one for each walled table at least: {report:#}");
    } else {
        refused("prove", &db.url("postgres"), &ours(), "is in use, and").await;
    }
}

#[tokio::test]
async fn five_thousand_tables_are_audited() {
    let db = TestDb::empty().await;
    db.superuser()
        .await
        .batch_execute(
            "create schema many;
             do $$ begin create role many_app login; exception when duplicate_object then null; end $$;
             grant usage on schema many to many_app;
             create procedure many.make(beginning int) language plpgsql as $p$
             begin
                 for n in beginning .. beginning + 499 loop
                     execute format('create table many.t%s (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id))', n);
                     execute format('alter table many.t%s enable row level security, force row level security', n);
                     execute format('create policy wall on many.t%s using (tenant_id = (select current_setting(''app.tenant_id'')::uuid))', n);
                     execute format('grant select, insert, update, delete on many.t%s to many_app', n);
                 end loop;
             end $p$;",
        )
        .await
        .unwrap();
    // In parts: one transaction would need more locks than the server keeps room for.
    for part in 0..10 {
        db.superuser().await.batch_execute(&format!("call many.make({})", part * 500)).await.unwrap();
    }
    db.superuser()
        .await
        .batch_execute(
            "create policy extra on many.t4711 for select to many_app using (true); drop procedure many.make(int)",
        )
        .await
        .unwrap();
    let (code, report) = report("audit", &db.url("postgres"), &["--role", "many_app"]).await;
    assert_eq!(code, Some(1));
    assert_eq!(report["summary"]["tables"].as_array().unwrap().len(), 5000);
    let policies: Vec<String> = findings(&report).into_iter().filter(|finding| finding.contains("many.t")).collect();
    assert_eq!(policies, ["open-policy many.t4711.extra"]);
}

#[test]
fn lints_are_listed_without_a_database_and_nothing_else_is_done_without_one() {
    let (code, out, _) = crate::cli::run(crate::cli::rowhouse().args(["audit", "--list"]));
    assert_eq!(code, Some(0));
    for lint in rowhouse_audit::audit::lints().unwrap() {
        assert!(out.contains(&format!(" {}\n", lint.id)), "{}", lint.id);
    }
    for command in ["audit", "attack", "prove"] {
        let (code, _, err) = crate::cli::run(crate::cli::rowhouse().arg(command));
        assert_eq!(code, Some(2));
        assert!(err.contains("say where the database is"), "{err}");
    }
}
