//! Schema `audit`, as a DBA reads it: each view answers, says the truth, and lends no row of a tenant.
use super::{BILLING, IDENTITY, SEATS, TENANCY, leave, names, number, refusal};
use crate::support::{TestDb, town};

/// What the serving roles read too, to check themselves.
const FOR_EVERYBODY: &[&str] = &["catalog", "drift", "posture"];
const FOR_AUDITORS: &[&str] = &["doors", "grants", "policies", "roles", "walls"];

#[tokio::test]
async fn an_auditor_reads_every_view_and_no_data() {
    let db = TestDb::new().await;
    let (auditor, superuser) = (db.client("rowhouse_auditor").await, db.superuser().await);
    let mut views = [FOR_EVERYBODY, FOR_AUDITORS].concat();
    views.sort_unstable();
    let made =
        "select relname::text from pg_class where relnamespace = 'audit'::regnamespace and relkind = 'v' order by 1";
    assert_eq!(names(&superuser, made).await, views, "a view is listed here and in docs/isolation.md");
    for view in views {
        let rows = number(&auditor, &format!("select count(*) from audit.{view}")).await;
        assert_eq!(rows == 0, view == "drift" || view == "posture", "audit.{view} has {rows} rows");
    }
    let tables = "select c.oid::regclass::text from pg_class c
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace) and c.relkind in ('r', 'p')";
    auditor.batch_execute(&format!("begin; set local app.tenant_id = '{}'", town().acme.id)).await.unwrap();
    for table in names(&superuser, tables).await {
        assert_eq!(refusal(&auditor, &format!("select * from {table}")).await, "42501", "{table}");
    }
    leave(&auditor).await;
}

#[tokio::test]
async fn who_serves_reads_what_it_checks_itself_with_and_no_more() {
    let db = TestDb::new().await;
    for role in ["rowhouse_api", "rowhouse_gate", "rowhouse_worker", "rowhouse_platform"] {
        let client = db.client(role).await;
        client.batch_execute("begin").await.unwrap();
        for view in FOR_EVERYBODY {
            assert_eq!(refusal(&client, &format!("select * from audit.{view}")).await, "", "{role} on {view}");
        }
        for view in FOR_AUDITORS {
            assert_eq!(refusal(&client, &format!("select * from audit.{view}")).await, "42501", "{role} on {view}");
        }
        leave(&client).await;
    }
}

#[tokio::test]
async fn walls_say_who_is_not_stopped() {
    let db = TestDb::new().await;
    let (auditor, superuser) = (db.client("rowhouse_auditor").await, db.superuser().await);
    let without = "select relation from audit.walls
        where not (row_security and forced) or relation like 'tenant.%' and wall is distinct from 'wall'";
    assert_eq!(
        names(&auditor, without).await,
        Vec::<String>::new(),
        "no wall, or one that does not hold: sql/policies/<table>.sql, as tenant.projects.sql does"
    );
    let not_stopped = "select unnest(not_stopped) from audit.walls where relation = 'tenant.projects'";
    let usual = ["postgres (superuser)", "rowhouse_migrator (BYPASSRLS)"];
    assert_eq!(names(&auditor, not_stopped).await, usual);
    superuser
        .batch_execute(
            "grant usage on schema tenant to rowhouse_platform; grant select (name) on tenant.projects to rowhouse_platform",
        )
        .await
        .unwrap();
    let one_more = [usual[0], usual[1], "rowhouse_platform (no wall names it)"];
    assert_eq!(names(&auditor, not_stopped).await, one_more);
    superuser
        .batch_execute("alter table tenant.projects no force row level security; drop policy wall on tenant.projects")
        .await
        .unwrap();
    let fallen = names(&auditor, not_stopped).await;
    for role in [
        "rowhouse_api (no wall names it)",
        "rowhouse_owner (owner, and row security is not forced)",
        "rowhouse_platform (no wall names it)",
    ] {
        assert!(fallen.iter().any(|free| free == role), "{role} in {fallen:?}");
    }
    superuser.batch_execute("alter table tenant.projects disable row level security").await.unwrap();
    let off = names(&auditor, not_stopped).await;
    assert!(off.contains(&"rowhouse_api (row security is off)".to_owned()), "{off:?}");
}

#[tokio::test]
async fn the_statements_of_policies_make_the_same_policies() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let statements = names(&superuser, "select statement from audit.policies").await;
    assert!(statements.len() > 20);
    let drops = "select format('drop policy %I on %s', polname, polrelid::regclass) from pg_policy";
    superuser.batch_execute("begin").await.unwrap();
    for statement in names(&superuser, drops).await.iter().chain(&statements) {
        superuser.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    assert_eq!(number(&superuser, "select count(*) from audit.drift").await, 0);
    leave(&superuser).await;
}

#[tokio::test]
async fn grants_are_those_that_postgresql_acts_upon() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    // Both ways: what is listed holds, and what holds is listed.
    let differing = "
        select format('%s %s %s', r.rolname, p, c.oid::regclass)
        from pg_roles r, pg_class c, unnest(array['select', 'insert', 'update', 'delete', 'truncate']) as p
        where r.rolname ~ '^rowhouse_' and c.relkind in ('r', 'v')
          and c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace, 'audit'::regnamespace)
          and (has_table_privilege(r.oid, c.oid, p)
               or p in ('select', 'insert', 'update') and has_any_column_privilege(r.oid, c.oid, p))
              <> exists (select from audit.grants g
                         where g.role = r.rolname and g.object = c.relnamespace::regnamespace || '.' || c.relname
                           and g.through not like '%not inherited' and g.privileges ~ ('\\y' || p || '\\y'))
        union all
        select format('%s execute %s', r.rolname, f.oid::regprocedure)
        from pg_roles r, pg_proc f
        where r.rolname ~ '^rowhouse_' and f.pronamespace = 'registry'::regnamespace
          and has_function_privilege(r.oid, f.oid, 'execute')
              <> exists (select from audit.grants g
                         where g.role = r.rolname and g.kind = 'function' and g.object = f.oid::regprocedure::text)";
    assert_eq!(names(&superuser, differing).await, Vec::<String>::new());
    let auditor = db.client("rowhouse_auditor").await;
    let columns = "select privileges || ' as ' || through from audit.grants
        where role = 'rowhouse_api' and object = 'tenant.project_tasks'";
    assert_eq!(
        names(&auditor, columns).await,
        ["delete, insert (id, name, project_id, status, tenant_id), select, update (name, status) as itself"]
    );
    let inherited = "select through from audit.grants where role = 'rowhouse_migrator' and object = 'tenant.projects'";
    assert_eq!(names(&auditor, inherited).await, ["member of rowhouse_owner"]);
    let everything = "select role from audit.grants where kind = 'everything'";
    assert_eq!(names(&auditor, everything).await, ["postgres"]);
}

#[tokio::test]
async fn doors_have_reasons_and_roles_say_what_they_become() {
    let db = TestDb::new().await;
    let auditor = db.client("rowhouse_auditor").await;
    let unsaid = "select door from audit.doors where reason is null or search_path <> '\"\"'";
    assert_eq!(names(&auditor, unsaid).await, Vec::<String>::new(), "each door is commented on in its file");
    let callers = |door: &str| match door.trim_start_matches("registry.").split('(').next().unwrap() {
        // A trigger is called by nobody.
        "begin_generations"
        | "begin_jobs"
        | "wake_jobs"
        | "check_invitation"
        | "keep_an_owner"
        | "keep_balanced"
        | "note_account_event"
        | "note_changes"
        | "note_tenant"
        | "say_rights"
        | "seat_members"
        | "seat_rights"
        | "seat_sessions"
        | "notify_of_api_key"
        | "notify_of_operation"
        | "notify_of_role"
        | "begin_telling"
        | "end_operation"
        | "begin_subscription"
        | "derive_entitlements"
        | "stop_job"
        | "tell_of_operation"
        | "notify_of_webhook"
        | "withdraw_invitations"
        | "withdraw_widened" => vec![],
        "caller_permissions"
        | "caller_until"
        | "hold_people"
        | "leave_tenant"
        | "letterhead"
        | "meter"
        | "manage_subscription"
        | "present_epoch"
        | "require_feature"
        | "touch_api_key" => vec!["rowhouse_api"],
        "require" => vec!["rowhouse_api", BILLING],
        "advance_due" | "claim_turn" | "collect_overdue" | "end_letter" | "forget_of_accounts" | "job_figures"
        | "letter_figures" | "open_tenants" | "require_job" | "take_letters" | "webhooks_behind" => {
            vec!["rowhouse_worker"]
        }
        "note_domain_check" | "tenant_defaults" => vec!["rowhouse_api", "rowhouse_worker"],
        "issue_mail_token" => vec!["rowhouse_gate", "rowhouse_worker"],
        "seal_holds" => vec!["rowhouse_api", "rowhouse_gate"],
        // What one owner asks another.
        "signed_in" => vec!["rowhouse_gate", TENANCY],
        "act_in" | "has_account" | "hold_account" | "notify_member" | "own_address" | "own_name" | "sealed" => {
            vec![TENANCY]
        }
        "open_sessions" => vec![SEATS],
        "found_tenant" | "has_founded" | "invited_address" | "join_tenant" => vec![IDENTITY],
        _ => vec!["rowhouse_gate"],
    };
    let expected: Vec<String> = super::DOORS
        .iter()
        .map(|(door, owner)| {
            let mut may = callers(door);
            may.extend([*owner, "rowhouse_migrator"]);
            may.sort_unstable();
            format!("{door} {owner}: {}", may.join(", "))
        })
        .collect();
    let shown =
        "select door || ' ' || owner || ': ' || array_to_string(executable_by, ', ') from audit.doors order by door";
    let found = names(&auditor, shown).await;
    let more: Vec<&String> = found.iter().filter(|door| !expected.contains(door)).collect();
    let fewer: Vec<&String> = expected.iter().filter(|door| !found.contains(door)).collect();
    assert!(
        more.is_empty() && fewer.is_empty(),
        "who may call which door is not as listed. Found: {more:#?}\nListed in `callers` above or in DOORS \
         (tests/isolation/catalog.rs): {fewer:#?}"
    );
    assert_eq!(number(&auditor, "select count(*) from audit.doors").await, i64::try_from(super::DOORS.len()).unwrap());
    // Other tests make roles of their own on this server.
    let reaches = "select role || ': ' || array_to_string(reaches, ', ') from audit.roles
        where reaches is not null and role ~ '^(rowhouse_|postgres$)'";
    assert_eq!(
        names(&auditor, reaches).await,
        [
            "postgres: every role",
            "rowhouse_migrator: rowhouse_billing, rowhouse_identity, rowhouse_owner, rowhouse_seats, rowhouse_tenancy, rowhouse_writers"
        ]
    );
    let settings = "select count(*) from audit.roles where 'statement_timeout=5s' = any (settings) and login";
    assert_eq!(number(&auditor, settings).await, 4, "the four that serve");
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; grant rowhouse_migrator to rowhouse_platform").await.unwrap();
    let further = "select reaches::text from audit.roles where role = 'rowhouse_platform'";
    assert_eq!(
        names(&superuser, further).await,
        [
            "{rowhouse_billing,rowhouse_identity,rowhouse_migrator,rowhouse_owner,rowhouse_seats,rowhouse_tenancy,rowhouse_writers}"
        ]
    );
    leave(&superuser).await;
}
