//! Who may do what inside the tenant, and what the other database roles cannot do at all.
use super::{doors::begin, enter, leave, names, number, readable_tables, refusal};
use crate::support::{Person, TestDb, seal, town};

#[tokio::test]
async fn a_missing_permission_raises_and_names_itself() {
    let db = TestDb::new().await;
    let api = db.api().await;
    let acme = &town().acme;
    enter(&api, acme.id, &acme.viewer).await;
    assert!(number(&api, "select count(*) from tenant.projects").await > 0, "the control: a viewer may read");
    for (statement, permission) in [
        ("update tenant.projects set name = 'x'".to_owned(), "projects:write"),
        ("delete from tenant.projects".to_owned(), "projects:delete"),
        (
            format!("insert into tenant.projects (tenant_id, id, name) values ('{}', gen_random_uuid(), 'x')", acme.id),
            "projects:write",
        ),
        ("update tenant.project_tasks set name = 'x' where name = 'there is none'".to_owned(), "tasks:write"),
        ("delete from tenant.project_tasks where name = 'there is none'".to_owned(), "tasks:delete"),
    ] {
        api.batch_execute("savepoint s").await.unwrap();
        let error = api.batch_execute(&statement).await.expect_err(&statement);
        let error = error.as_db_error().unwrap();
        assert_eq!((error.code().code(), error.message()), ("RH004", permission), "{statement}");
        api.batch_execute("rollback to savepoint s").await.unwrap();
    }
    leave(&api).await;
}

#[tokio::test]
async fn whoever_is_not_a_member_sees_an_error_and_not_an_empty_table() {
    let db = TestDb::new().await;
    let api = db.api().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let stranger = Person { id: town().nowhere, email: "nobody@example.com" };
    for table in readable_tables(&db.superuser().await).await {
        let read = format!("select count(*) from {table}");
        // Whoever is not even signed in learns nothing of tenants.
        let cases = [
            (acme.id, &globex.owner, "RH002"),
            (acme.id, &stranger, "RH006"),
            (town().nowhere, &acme.owner, "RH002"),
            (town().nowhere, &stranger, "RH006"),
        ];
        for (tenant, person, state) in cases {
            enter(&api, tenant, person).await;
            assert_eq!(refusal(&api, &read).await, state, "{table}");
            leave(&api).await;
        }
    }
}

#[tokio::test]
async fn a_change_of_role_account_or_tenant_holds_from_the_next_statement() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let acme = &town().acme;
    let member = &acme.member;
    let read = "select count(*) from tenant.projects";
    let write = "update tenant.projects set name = name || '!' where name = 'there is none'";
    enter(&api, acme.id, member).await;
    assert_eq!((refusal(&api, read).await, refusal(&api, write).await), (String::new(), String::new()), "the control");
    // Each change is committed by somebody else while this transaction stays open.
    for (change, undo, after_read, after_write) in [
        (
            "update tenant.roles set permissions = array_remove(permissions, 'projects:write') where name = 'member'",
            "update tenant.roles set permissions = permissions || '{projects:write}' where name = 'member'",
            "",
            "RH004",
        ),
        (
            &*format!("delete from registry.sessions where user_id = '{}'", member.id),
            &*format!(
                "insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
                 values ('{0}', '{0}', 'bearer', now() + interval '1 day', now() + interval '1 day')",
                member.id
            ),
            "RH006",
            "RH006",
        ),
        (
            &*format!("update registry.users set active = false where id = '{}'", member.id),
            &*format!("update registry.users set active = true where id = '{}'", member.id),
            "RH001",
            "RH001",
        ),
        (
            "update registry.tenants set status = 'suspended'",
            "update registry.tenants set status = 'active'",
            "RH003",
            "RH003",
        ),
        (&*format!("delete from tenant.memberships where user_id = '{}'", member.id), "select 1", "RH002", "RH002"),
    ] {
        superuser.batch_execute(change).await.unwrap();
        assert_eq!(
            (refusal(&api, read).await, refusal(&api, write).await),
            (after_read.into(), after_write.into()),
            "{change}"
        );
        superuser.batch_execute(undo).await.unwrap();
    }
    leave(&api).await;
}

#[tokio::test]
async fn what_a_membership_carries_cannot_differ_from_where_it_comes_from() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin").await.unwrap();
    for lie in [
        "update tenant.memberships set permissions = permissions || '{projects:delete}'",
        "update tenant.memberships set email = 'somebody.else@example.com'",
        "update tenant.api_keys set tenant_status = 'active'",
        "update tenant.invitations set permissions = permissions || '{projects:delete}'",
        "update tenant.memberships set account_active = not account_active",
        "update tenant.memberships set tenant_status = 'active'",
    ] {
        assert_eq!(refusal(&superuser, lie).await, "23503", "{lie}: even for a superuser");
    }
    let unknown = "update tenant.roles set permissions = '{everything:always}'";
    assert_eq!(refusal(&superuser, unknown).await, "23503", "a permission nobody defined");
    leave(&superuser).await;
}

#[tokio::test]
async fn the_registry_shows_ones_own_tenant_domains_and_account() {
    let db = TestDb::new().await;
    let api = db.api().await;
    let acme = &town().acme;
    enter(&api, acme.id, &acme.member).await;
    assert_eq!(names(&api, "select slug from registry.tenants").await, ["acme"]);
    assert_eq!(names(&api, "select domain from registry.domains").await, [acme.domain]);
    // Accounts are the other role's, and there it is one's own.
    assert_eq!(refusal(&api, "select email from registry.users").await, "42501");
    let gate = db.gate().await;
    enter(&gate, acme.id, &acme.member).await;
    assert_eq!(names(&gate, "select email from registry.users").await, [acme.member.email]);
    leave(&gate).await;
    // A member may claim no domain, and nobody writes the rest.
    assert_eq!(refusal(&api, "delete from registry.domains").await, "RH004");
    for table in ["tenants", "users", "permissions", "hosts", "operators", "built_in_roles"] {
        for write in [format!("delete from registry.{table}"), format!("insert into registry.{table} default values")] {
            assert_eq!(refusal(&api, &write).await, "42501", "{write}");
        }
    }
    for table in ["refresh_tokens", "mail_tokens", "attempts", "hosts", "operators", "built_in_roles"] {
        assert_eq!(refusal(&api, &format!("select * from registry.{table}")).await, "42501", "{table}");
    }
    leave(&api).await;
}

#[tokio::test]
async fn the_doors_answer_no_more_than_they_are_for() {
    let db = TestDb::new().await;
    let api = db.gate().await;
    let (acme, globex) = (&town().acme, &town().globex);
    // Inside a tenant nobody can be looked up by e-mail; outside, one address gives one account.
    enter(&api, acme.id, &acme.owner).await;
    let look_up = format!(
        "select * from registry.find_login('{0}', '{1}')",
        globex.owner.email,
        seal("find_login", &[Some(globex.owner.email)])
    );
    assert_eq!(refusal(&api, &look_up).await, "RH005");
    assert_eq!(names(&api, "select slug from registry.my_tenants()").await, ["acme"]);
    leave(&api).await;
    assert_eq!(api.query(&look_up, &[]).await.unwrap().len(), 1);
    for wild in ["%", "", "OWNER@globex.example", "owner@globex.example "] {
        let wildly =
            api.query("select * from registry.find_login($1, $2)", &[&wild, &seal("find_login", &[Some(wild)])]).await;
        assert_eq!(wildly.unwrap().len(), 0, "{wild:?}");
    }
    // My tenants are those of the user in the setting, and without one there is no answer.
    let both = acme.both.id;
    let begin = format!(
        "begin; set local app.tenant_id = ''; set local app.user_id = '{both}'; set local app.session_id = '{both}'"
    );
    api.batch_execute(&begin).await.unwrap();
    assert_eq!(
        names(&api, "select slug || ' ' || role from registry.my_tenants()").await,
        ["acme member", "globex viewer"]
    );
    leave(&api).await;
    api.batch_execute("begin").await.unwrap();
    assert_eq!(refusal(&api, "select * from registry.my_tenants()").await, "22P02");
    leave(&api).await;
    // A user without their session is nobody.
    api.batch_execute(
        &begin
            .replace(&format!("app.session_id = '{both}'"), "app.session_id = '00000000-0000-0000-0000-000000000000'"),
    )
    .await
    .unwrap();
    assert_eq!(refusal(&api, "select * from registry.my_tenants()").await, "RH006");
    leave(&api).await;
    // A host gives an id and nothing else, to who is not signed in; an id opens nothing.
    enter(&api, acme.id, &acme.owner).await;
    assert_eq!(refusal(&api, "select registry.tenant_of_host('globex', null)").await, "RH005");
    leave(&api).await;
    let tenant_of = "select registry.tenant_of_host($1, $2)::text";
    let host = async |slug: Option<&str>, domain: Option<&str>| {
        api.query_one(tenant_of, &[&slug, &domain]).await.unwrap().get::<_, Option<String>>(0)
    };
    assert_eq!(host(Some("globex"), None).await, Some(globex.id.to_string()));
    assert_eq!(host(None, Some(globex.domain)).await, Some(globex.id.to_string()));
    assert_eq!(host(Some("%"), Some("%")).await, None);
    let superuser = db.superuser().await;
    superuser.batch_execute("delete from registry.hosts").await.unwrap();
    assert_eq!(host(None, Some(globex.domain)).await, None, "an unverified domain is nobody's");
}

#[tokio::test]
async fn the_other_roles_reach_no_row_of_a_tenant() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    for role in ["rowhouse_gate", "rowhouse_worker", "rowhouse_platform", "rowhouse_auditor"] {
        let client = db.client(role).await;
        let begin = "set local app.job_id = ''; set local app.job_lease = ''";
        client.batch_execute(&format!("begin; set local app.tenant_id = '{}'; {begin}", town().acme.id)).await.unwrap();
        for table in readable_tables(&superuser).await {
            let refused = refusal(&client, &format!("select * from {table}")).await;
            let expected: &[&str] = match (role, &*table) {
                // Which jobs wait in the tenant that is set is the worker's to see (`jobs`).
                ("rowhouse_worker", "tenant.jobs") => &[""],
                // And what some job may see it does not, before it holds one.
                ("rowhouse_worker", _) => &["42501", "22P02"],
                _ => &["42501"],
            };
            assert!(expected.contains(&&*refused), "{role} on {table}: {refused:?}");
        }
        leave(&client).await;
    }
    // The owner of the tables stands behind the same wall, and nothing lets it through; only the migrator
    // is not stopped.
    let migrator = db.client("rowhouse_migrator").await;
    for table in readable_tables(&superuser).await {
        let count = format!("select count(*) from {table}");
        assert!(number(&migrator, &count).await > 0);
        enter(&migrator, town().acme.id, &town().acme.owner).await;
        migrator.batch_execute("set local role rowhouse_owner").await.unwrap();
        assert_eq!(number(&migrator, &count).await, 0, "{table}");
        leave(&migrator).await;
    }
    let auditor = db.client("rowhouse_auditor").await;
    assert!(number(&auditor, "select count(*) from audit.catalog").await > 100, "an auditor reads the catalog");
    assert_eq!(number(&auditor, "select count(*) from audit.drift").await, 0);
}

/// A statement's policies are as old as the statement; its triggers see what was committed while it waited. Whoever
/// left meanwhile must not be waved through by one because the other had said yes.
#[tokio::test]
async fn whoever_leaves_while_their_grant_waits_grants_nothing() {
    let db = TestDb::new().await;
    let (holder, granter, leaver) = (db.superuser().await, db.api().await, db.api().await);
    let acme = &town().acme;
    let (tenant, viewer) = (acme.id.to_string(), acme.viewer.id.to_string());
    // An admin, beside the owner who stays.
    let admin = acme.member.id.to_string();
    let promote = format!(
        "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
         where m.tenant_id = '{tenant}' and m.user_id = '{admin}' and r.tenant_id = m.tenant_id and r.name = 'admin'"
    );
    holder.batch_execute(&promote).await.unwrap();
    let seize = format!(
        "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
         where m.user_id = '{viewer}' and r.name = 'owner'"
    );
    begin(&granter, &tenant, &admin, &admin, "").await;
    assert_eq!(refusal(&granter, &seize).await, "RH004", "the control");
    leave(&granter).await;

    // The row is held, the grant waits for it, the admin leaves, the row is let go.
    holder
        .batch_execute(&format!("begin; select from tenant.memberships where user_id = '{viewer}' for update"))
        .await
        .unwrap();
    begin(&granter, &tenant, &admin, &admin, "").await;
    let waiting = async {
        let state = refusal(&granter, &seize).await;
        granter.batch_execute("commit").await.unwrap();
        state
    };
    let meanwhile = async {
        let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%name = ''owner''%' and datname = current_database()";
        let watcher = db.superuser().await;
        while number(&watcher, waits).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        // By themselves they leave when the grant is done (registry.people_in_order); by somebody else's hand they are out.
        begin(&leaver, &tenant, &admin, &admin, "").await;
        leaver.batch_execute("set local lock_timeout = '50ms'").await.unwrap();
        assert_eq!(refusal(&leaver, "select registry.leave_tenant()").await, "55P03");
        leave(&leaver).await;
        watcher.batch_execute(&format!("delete from tenant.memberships where user_id = '{admin}'")).await.unwrap();
        holder.batch_execute("commit").await.unwrap();
    };
    let (state, ()) = tokio::join!(waiting, meanwhile);
    assert_eq!(state, "RH002");
    // In one statement, too: what was done in it counts.
    holder.batch_execute(&format!("delete from tenant.memberships where user_id = '{admin}'")).await.unwrap();
    let owner = acme.owner.id.to_string();
    begin(&granter, &tenant, &owner, &owner, "").await;
    let at_once = "with gone as (delete from tenant.api_keys returning 1)
        update tenant.roles set permissions = (select array_agg(name) from registry.permissions)
        where name = 'reader' and exists (select from gone) and (select registry.leave_tenant()) is not null";
    assert_eq!(refusal(&granter, at_once).await, "RH010", "the last owner does not leave");
    leave(&granter).await;
    let role = format!(
        "select r.name from tenant.memberships m join tenant.roles r on r.tenant_id = m.tenant_id and r.id = m.role_id where m.tenant_id = '{tenant}' and m.user_id = '{viewer}'"
    );
    assert_eq!(names(&holder, &role).await, ["viewer"]);
}
