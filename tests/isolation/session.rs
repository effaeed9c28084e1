//! The setting that says which tenant: missing, malformed, spoofed, switched, restored.
use super::{enter, leave, names, number, readable_tables, refusal};
use crate::support::{TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    without_a_tenant_every_statement_fails_loudly;
    #[tokio::test]
    no_expression_can_move_the_wall;
    #[tokio::test]
    a_cursor_keeps_to_the_tenant_it_was_opened_in;
    #[tokio::test]
    rolling_back_to_a_savepoint_brings_the_earlier_tenant_back;
}

async fn without_a_tenant_every_statement_fails_loudly(way: Way) {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api_by(way).await, db.superuser().await);
    let acme = &town().acme;
    for table in readable_tables(&superuser).await {
        // A session that never had a tenant: the setting is unknown (42704). One that had: it is empty, and
        // empty is no uuid (22P02). Neither is an empty page. A pooler's sessions have had others before.
        let never = if way == Way::PgBouncer { &["42704", "22P02"][..] } else { &["42704"] };
        for (before, states) in [("select 1", never), ("", &["22P02"])] {
            let fresh = db.api_by(way).await;
            if before.is_empty() {
                enter(&fresh, acme.id, &acme.owner).await;
                assert!(number(&fresh, &format!("select count(*) from {table}")).await > 0, "the control");
                fresh.batch_execute("commit").await.unwrap();
            }
            fresh.batch_execute("begin").await.unwrap();
            let read = format!("select count(*) from {table}");
            let state = refusal(&fresh, &read).await;
            assert!(states.contains(&state.as_str()), "{read}: {state:?}");
            let delete = format!("delete from {table}");
            let allowed = format!("select has_table_privilege('rowhouse_api', '{table}', 'delete')::text");
            let expected = if names(&superuser, &allowed).await == ["true"] { &state } else { "42501" };
            assert_eq!(refusal(&fresh, &delete).await, expected, "{delete}");
            leave(&fresh).await;
        }
        for nonsense in ["''", "'acme'", "'*'", "'00000000-0000-0000-0000-00000000000'", "' or true'"] {
            api.batch_execute(&format!("begin; set local app.tenant_id = {nonsense}")).await.unwrap();
            let who = acme.owner.id;
            let person = format!("set local app.user_id = '{who}'; set local app.session_id = '{who}'");
            api.batch_execute(&person).await.unwrap();
            assert_eq!(refusal(&api, &format!("select count(*) from {table}")).await, "22P02", "{nonsense}");
            leave(&api).await;
        }
        // A tenant without a user is no context either.
        let fresh = db.api_by(way).await;
        fresh.batch_execute(&format!("begin; set local app.tenant_id = '{}'", acme.id)).await.unwrap();
        let state = refusal(&fresh, &format!("select count(*) from {table}")).await;
        assert!(never.contains(&state.as_str()), "{table}: {state:?}");
        leave(&fresh).await;
    }
}

async fn no_expression_can_move_the_wall(way: Way) {
    let db = TestDb::new().await;
    let api = db.api_by(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let other = globex.id;
    for table in readable_tables(&db.superuser().await).await {
        enter(&api, acme.id, &acme.owner).await;
        for spoof in [
            format!("select * from {table} where set_config('app.tenant_id', '{other}', true) is not null"),
            format!("select * from {table} where tenant_id::text = set_config('app.tenant_id', '{other}', false)"),
            format!(
                "with s as materialized (select set_config('app.tenant_id', '{other}', true)) select * from s, {table}"
            ),
            "select set_config('role', 'none', true)".to_owned(),
            format!("update pg_settings set setting = '{other}' where name = 'app.tenant_id'"),
            format!("select query_to_xml('select set_config(''app.tenant_id'', ''{other}'', true)', true, true, '')"),
            format!("select ts_stat($$select to_tsvector(set_config('app.tenant_id', '{other}', true))$$)"),
        ] {
            assert_eq!(refusal(&api, &spoof).await, "42501", "{spoof}");
        }
        // A look through an expression that runs statements is a look through the same wall.
        let inner = format!("select query_to_xml('select tenant_id from {table}', true, false, '')::text");
        let seen = names(&api, &inner).await.concat();
        assert!(seen.contains(&acme.id.to_string()) && !seen.contains(&other.to_string()), "{table}");
        // Switching row security off does not open the wall: it turns reading into an error.
        api.batch_execute("savepoint s; set local row_security = off").await.unwrap();
        assert_eq!(refusal(&api, &format!("select count(*) from {table}")).await, "42501");
        leave(&api).await;
    }
}

async fn a_cursor_keeps_to_the_tenant_it_was_opened_in(way: Way) {
    let db = TestDb::new().await;
    let api = db.api_by(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    enter(&api, acme.id, &acme.both).await;
    api.batch_execute("declare c cursor for select tenant_id::text from tenant.projects").await.unwrap();
    let mut seen = names(&api, "fetch 1 from c").await;
    api.batch_execute(&format!("set local app.tenant_id = '{}'", globex.id)).await.unwrap();
    seen.extend(names(&api, "fetch all from c").await);
    assert_eq!(seen.len(), acme.projects.len());
    assert!(seen.iter().all(|tenant| *tenant == acme.id.to_string()));
    leave(&api).await;
}

async fn rolling_back_to_a_savepoint_brings_the_earlier_tenant_back(way: Way) {
    let db = TestDb::new().await;
    let api = db.api_by(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let tenants = "select distinct tenant_id::text from tenant.projects";
    enter(&api, acme.id, &acme.both).await;
    api.batch_execute(&format!("savepoint s; set local app.tenant_id = '{}'", globex.id)).await.unwrap();
    assert_eq!(names(&api, tenants).await, [globex.id.to_string()]);
    api.batch_execute("rollback to savepoint s").await.unwrap();
    assert_eq!(names(&api, tenants).await, [acme.id.to_string()], "what is seen is what the setting says, never both");
    leave(&api).await;
}

#[tokio::test]
async fn a_prepared_statement_serves_each_tenant_its_own_rows() {
    let db = TestDb::new().await;
    let api = db.api().await;
    let tenants = [&town().acme, &town().globex];
    let get = api.prepare("select id from tenant.projects where id = $1").await.unwrap();
    let all = api.prepare("select distinct tenant_id from tenant.projects").await.unwrap();
    // Past the fifth use PostgreSQL may keep one generic plan; none of it may remember a tenant.
    for round in 0..12 {
        let (own, other) = (tenants[round % 2], tenants[(round + 1) % 2]);
        enter(&api, own.id, &own.owner).await;
        let seen: Vec<uuid::Uuid> = api.query(&all, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(seen, [own.id], "round {round}");
        assert_eq!(api.query(&get, &[&own.projects[0].id]).await.unwrap().len(), 1);
        assert_eq!(api.query(&get, &[&other.projects[0].id]).await.unwrap().len(), 0);
        api.batch_execute("commit").await.unwrap();
    }
}
