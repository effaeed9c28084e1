//! Raw SQL as the role that serves, against every table of schema tenant. The attacks are generated from
//! the catalog, so a new table is attacked the day it comes; each has a control that must succeed.
use tokio_postgres::Client;
use uuid::Uuid;

use super::{enter, fingerprint, leave, names, number, readable_tables, refusal};
use crate::support::{TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    reading_shows_ones_own_rows_and_no_others;
    #[tokio::test]
    copy_carries_out_ones_own_rows_and_no_others;
    #[tokio::test]
    copy_carries_nothing_in;
    #[tokio::test]
    writing_everything_without_looking_reaches_ones_own_rows_only;
    #[tokio::test]
    a_committed_sweep_of_one_tenant_leaves_the_other_whole;
    #[tokio::test]
    no_row_can_be_put_into_another_tenant_or_moved_there;
    #[tokio::test]
    merge_and_upsert_cannot_reach_another_tenants_rows;
    #[tokio::test]
    keys_do_not_tell_what_another_tenant_has;
    #[tokio::test]
    nobody_waits_for_another_tenants_uncommitted_key;
    #[tokio::test]
    no_statement_of_the_api_can_empty_copy_or_define_anything;
}

/// Row-level security's own refusal, and a missing grant.
const DENIED: &str = "42501";

/// Tables whose rows are each member's own.
const PERSONAL: &[&str] = &["tenant.notifications"];

struct Scene {
    db: TestDb,
    api: Client,
    superuser: Client,
    tables: Vec<String>,
    before: String,
}

impl Scene {
    async fn set(way: Way) -> Self {
        let db = TestDb::new().await;
        let (api, superuser) = (db.api_by(way).await, db.superuser().await);
        let tables = readable_tables(&superuser).await;
        let before = fingerprint(&superuser, town().globex.id).await;
        Self { db, api, superuser, tables, before }
    }

    /// Nothing of globex has changed, whatever was tried; not even within a transaction rolled back later.
    async fn globex_is_untouched(&self) {
        assert_eq!(fingerprint(&self.superuser, town().globex.id).await, self.before);
    }

    async fn rows_of(&self, table: &str, tenant: Uuid) -> i64 {
        let rows = number(&self.superuser, &format!("select count(*) from {table} where tenant_id = '{tenant}'")).await;
        assert!(rows > 0, "{table} has rows to attack");
        rows
    }

    /// What there is for acme's owner: what their tenant has, and of what is each member's own, what is theirs.
    async fn rows_of_owner(&self, table: &str) -> i64 {
        let all = self.rows_of(table, town().acme.id).await;
        if !PERSONAL.contains(&table) {
            return all;
        }
        let (tenant, owner) = (town().acme.id, town().acme.owner.id);
        let own = format!("select count(*) from {table} where tenant_id = '{tenant}' and user_id = '{owner}'");
        let own = number(&self.superuser, &own).await;
        assert!(own > 0 && own < all, "{table} has rows of the owner and of others");
        own
    }

    /// The texts, and with a # before them the numbers, of a table's unique keys, but for those that name rows of other tables.
    async fn unique_texts(&self, table: &str) -> Vec<String> {
        let columns = format!(
            "select case when a.atttypid <> 'text'::regtype then '#' else '' end || a.attname from pg_attribute a
             where a.attrelid = '{table}'::regclass and a.atttypid in ('text'::regtype, 'integer'::regtype, 'bigint'::regtype)
               and exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and a.attnum = any (i.indkey))
               and not exists (select from pg_constraint c
                               where c.conrelid = a.attrelid and c.contype = 'f' and a.attnum = any (c.conkey))"
        );
        names(&self.superuser, &columns).await
    }

    /// The columns of a table for which the api holds a privilege.
    async fn columns(&self, table: &str, privilege: &str) -> Vec<String> {
        let columns = format!(
            "select attname::text from pg_attribute where attrelid = '{table}'::regclass and attnum > 0
               and not attisdropped and has_column_privilege('rowhouse_api', attrelid, attnum, '{privilege}')
             -- First those that can be set to their default, or for which `blind_value` has something else.
             order by attnotnull and not atthasdef and attname not in ('name', 'email', 'token_hash'), attnum"
        );
        names(&self.superuser, &columns).await
    }
}

/// What a column can be set to, everywhere and without a look: a value that no key and no check minds.
fn blind_value(column: &str) -> &'static str {
    match column {
        "email" => "gen_random_uuid()::text || '@example.com'",
        "name" => "gen_random_uuid()::text",
        "token_hash" => "sha256(gen_random_uuid()::text::bytea)",
        _ => "default",
    }
}

/// What the house itself refuses of a blind sweep, even in one's own tenant: built-in roles stay, and so does the
/// last owner. The role of a member goes with its permissions, so alone it breaks their key.
fn refused_sweep(table: &str, verb: &str) -> &'static [&'static str] {
    match (table, verb) {
        ("tenant.roles", _) => &["RH009"],
        ("tenant.memberships", "update") => &["23502"],
        // Whoever is gone half-way through is no member for the rest.
        ("tenant.memberships", "delete") => &["RH010", "RH002"],
        // What has ended is sent once more or left as it is.
        ("tenant.webhook_deliveries", "update") => &["42501"],
        _ => &[],
    }
}

/// An expression for each column that makes a new row out of an old one: fresh where keys ask for it.
fn fresh(columns: &[String], unique: &[String], tenant: Uuid) -> String {
    let value = |column: &String| {
        match column.as_str() {
        "tenant_id" => format!("'{tenant}'::uuid"),
        "id" => "overlay(gen_random_uuid()::text placing '0' from 1)::uuid".to_owned(),
        "email" => "'copy.of.' || email".to_owned(),
        "event_id" => "gen_random_uuid()".to_owned(),
        // One that has no file yet.
        "operation_id" => {
            "(select o.id from tenant.operations o where o.id not in (select f.operation_id from tenant.operation_files f) limit 1)".to_owned()
        }
        // What cannot be read back.
        "sealed" | "fingerprint" => "sha256(gen_random_uuid()::text::bytea)".to_owned(),
        number if unique.contains(&format!("#{column}")) => format!("{number} + 4711"),
        text if unique.contains(column) => format!("left(md5(random()::text), char_length({text}))"),
        other => other.to_owned(),
    }
    };
    columns.iter().map(value).collect::<Vec<_>>().join(", ")
}

async fn reading_shows_ones_own_rows_and_no_others(way: Way) {
    let scene = Scene::set(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    for table in &scene.tables {
        let own = scene.rows_of_owner(table).await;
        scene.rows_of(table, globex.id).await;
        let shown = scene.columns(table, "select").await.join(", ");
        enter(&scene.api, acme.id, &acme.owner).await;
        let api = &scene.api;
        assert_eq!(number(api, &format!("select count(*) from {table}")).await, own, "own rows of {table}");
        for foreign in [
            format!("select count(*) from {table} where tenant_id = '{}'", globex.id),
            format!("select count(*) from {table} where tenant_id <> '{}'", acme.id),
            format!("select count(*) from {table} where not (tenant_id = '{}') or random() < 0", acme.id),
            format!(
                "select count(*) from {table} a full join {table} b using (tenant_id) where tenant_id <> '{}'",
                acme.id
            ),
            format!("select count(*) from (select {shown} from {table} for share) t where tenant_id <> '{}'", acme.id),
        ] {
            if foreign.contains("for share") && !scene.columns(table, "update").await.iter().any(|_| true) {
                continue; // locking asks for the right to change
            }
            assert_eq!(number(api, &foreign).await, 0, "{foreign}");
        }
        leave(api).await;
    }
}

async fn copy_carries_out_ones_own_rows_and_no_others(way: Way) {
    use futures_util::TryStreamExt as _;
    let scene = Scene::set(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    for table in &scene.tables {
        let own = scene.rows_of_owner(table).await;
        let shown = scene.columns(table, "select").await.join(", ");
        enter(&scene.api, acme.id, &acme.owner).await;
        // A list of columns, since not all may be read; as a query, since that list may hold a generated one.
        let copied = scene.api.copy_out(&format!("copy (select {shown} from {table}) to stdout")).await.unwrap();
        let copied: Vec<_> = copied.try_collect().await.unwrap();
        let text = String::from_utf8(copied.concat()).unwrap();
        assert_eq!(i64::try_from(text.lines().count()).unwrap(), own, "{table}");
        assert!(!text.contains(&globex.id.to_string()), "{table}");
        leave(&scene.api).await;
    }
}

async fn copy_carries_nothing_in(way: Way) {
    let scene = Scene::set(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&scene.superuser, acme.id).await;
    for table in &scene.tables {
        enter(&scene.api, acme.id, &acme.owner).await;
        // PostgreSQL refuses COPY FROM on a walled table altogether, before any row is read.
        for columns in ["", "(tenant_id, id)"] {
            let copy = format!("copy {table} {columns} from stdin");
            let state = refusal(&scene.api, &copy).await;
            assert!(["0A000", DENIED, "42703"].contains(&state.as_str()), "{copy}: {state:?}");
        }
        leave(&scene.api).await;
    }
    assert_eq!(fingerprint(&scene.superuser, acme.id).await, before);
    assert_eq!(fingerprint(&scene.superuser, globex.id).await, scene.before);
}

async fn writing_everything_without_looking_reaches_ones_own_rows_only(way: Way) {
    let scene = Scene::set(way).await;
    let acme = &town().acme;
    let mut written = 0;
    for table in &scene.tables {
        let own = u64::try_from(scene.rows_of_owner(table).await).unwrap();
        let columns = scene.columns(table, "update").await;
        enter(&scene.api, acme.id, &acme.owner).await;
        if let Some(column) = columns.first() {
            // No WHERE, and no column is read: an UPDATE like this never consults the policy for SELECT.
            let blind = format!("update {table} set {column} = {}", blind_value(column));
            match refused_sweep(table, "update") {
                [] => assert_eq!(scene.api.execute(&blind, &[]).await.unwrap(), own, "{blind}"),
                states => {
                    let state = refusal(&scene.api, &blind).await;
                    assert!(states.contains(&state.as_str()), "{blind}: {state:?}");
                }
            }
            written += 1;
        } else {
            assert_eq!(refusal(&scene.api, &format!("update {table} set tenant_id = tenant_id")).await, DENIED);
        }
        leave(&scene.api).await;
        enter(&scene.api, acme.id, &acme.owner).await;
        let delete = format!("delete from {table}");
        if names(&scene.superuser, &format!("select has_table_privilege('rowhouse_api', '{table}', 'delete')::text"))
            .await
            == ["true"]
        {
            match refused_sweep(table, "delete") {
                [] => assert_eq!(scene.api.execute(&delete, &[]).await.unwrap(), own, "{delete}"),
                states => {
                    let state = refusal(&scene.api, &delete).await;
                    assert!(states.contains(&state.as_str()), "{delete}: {state:?}");
                }
            }
        } else {
            assert_eq!(refusal(&scene.api, &delete).await, DENIED);
        }
        // Seen from outside while the transaction is open and from inside after a commit: nothing foreign.
        scene.globex_is_untouched().await;
        leave(&scene.api).await;
    }
    assert!(written >= 2, "some tables can be written");
}

async fn a_committed_sweep_of_one_tenant_leaves_the_other_whole(way: Way) {
    let scene = Scene::set(way).await;
    let acme = &town().acme;
    enter(&scene.api, acme.id, &acme.owner).await;
    // Cascades run as the tables' owner, whom no policy stops: the composite key has to.
    assert!(scene.api.execute("delete from tenant.projects", &[]).await.unwrap() > 0);
    scene.api.batch_execute("commit").await.unwrap();
    let left = format!("select count(*) from tenant.project_tasks where tenant_id = '{}'", acme.id);
    assert_eq!(number(&scene.superuser, &left).await, 0, "the cascade ran");
    scene.globex_is_untouched().await;
}

async fn no_row_can_be_put_into_another_tenant_or_moved_there(way: Way) {
    let scene = Scene::set(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let another = format!(
        "insert into tenant.operations (tenant_id, id, kind) values ('{}', gen_random_uuid(), 'products.import')",
        acme.id
    );
    scene.superuser.batch_execute(&another).await.unwrap();
    let mut inserted = 0;
    for table in &scene.tables {
        // Of one's own row that is put in once more: what of it can be read. The rest has a default.
        let shown = scene.columns(table, "select").await;
        let mut columns = scene.columns(table, "insert").await;
        columns.retain(|column| shown.contains(column) || ["sealed", "fingerprint"].contains(&column.as_str()));
        let unique = scene.unique_texts(table).await;
        enter(&scene.api, acme.id, &acme.owner).await;
        let insert = |tenant| {
            let list = columns.join(", ");
            format!("insert into {table} ({list}) select {} from {table} limit 1", fresh(&columns, &unique, tenant))
        };
        if columns.is_empty() {
            assert_eq!(refusal(&scene.api, &format!("insert into {table} default values")).await, DENIED);
        } else {
            // The control: the same statement for one's own tenant works.
            assert_eq!(scene.api.execute(&insert(acme.id), &[]).await.unwrap(), 1, "{}", insert(acme.id));
            assert_eq!(refusal(&scene.api, &insert(globex.id)).await, DENIED, "{}", insert(globex.id));
            assert_eq!(refusal(&scene.api, &insert(town().nowhere)).await, DENIED);
            inserted += 1;
        }
        for moved in [
            format!("update {table} set tenant_id = '{}'", globex.id),
            format!(
                "merge into {table} t using (select 1) s on true when matched then update set tenant_id = '{}'",
                globex.id
            ),
        ] {
            assert_eq!(refusal(&scene.api, &moved).await, DENIED, "{moved}");
        }
        leave(&scene.api).await;
    }
    assert!(inserted >= 2, "some tables can be inserted into");
    scene.globex_is_untouched().await;
}

async fn merge_and_upsert_cannot_reach_another_tenants_rows(way: Way) {
    let scene = Scene::set(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (own, foreign) = (acme.projects[0].id, globex.projects[0].id);
    enter(&scene.api, acme.id, &acme.owner).await;
    let upsert = |tenant: Uuid, id: Uuid| {
        format!(
            "insert into tenant.projects (tenant_id, id, name) values ('{tenant}', '{id}', 'taken over')
             on conflict (tenant_id, id) do update set name = excluded.name"
        )
    };
    assert_eq!(refusal(&scene.api, &upsert(acme.id, own)).await, "", "the control");
    assert_eq!(refusal(&scene.api, &upsert(globex.id, foreign)).await, DENIED);
    let quiet = format!(
        "insert into tenant.projects (tenant_id, id, name) values ('{}', '{foreign}', 'x') on conflict do nothing",
        globex.id
    );
    assert_eq!(refusal(&scene.api, &quiet).await, DENIED, "no quiet answer tells whether the row exists");
    let merge = format!(
        "merge into tenant.projects t using (values ('{own}'::uuid), ('{foreign}'::uuid)) as v (id) on t.id = v.id
         when matched then update set name = 'merged ' || v.id"
    );
    assert_eq!(scene.api.execute(&merge, &[]).await.unwrap(), 1, "one's own alone");
    leave(&scene.api).await;
    scene.globex_is_untouched().await;
}

async fn keys_do_not_tell_what_another_tenant_has(way: Way) {
    let scene = Scene::set(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    enter(&scene.api, acme.id, &acme.owner).await;
    let task = |project: Uuid| {
        format!(
            "insert into tenant.project_tasks (tenant_id, id, project_id, name)
             values ('{}', gen_random_uuid(), '{project}', 'probe')",
            acme.id
        )
    };
    assert_eq!(refusal(&scene.api, &task(acme.projects[0].id)).await, "", "the control");
    // There or not there: the same answer, from the composite foreign key.
    for project in [globex.projects[0].id, town().nowhere] {
        assert_eq!(refusal(&scene.api, &task(project)).await, "23503");
    }
    let owned = |owner: Uuid| format!("update tenant.projects set owner_id = '{owner}'");
    assert_eq!(refusal(&scene.api, &owned(acme.viewer.id)).await, "", "the control");
    for owner in [globex.owner.id, town().nowhere] {
        assert_eq!(refusal(&scene.api, &owned(owner)).await, "23503");
    }
    // A name and an id that globex uses are free here, with and without a look.
    let taken = format!(
        "insert into tenant.projects (tenant_id, id, name) select '{}', '{}', name || ' of globex' from tenant.projects limit 1",
        acme.id, globex.projects[0].id
    );
    assert_eq!(refusal(&scene.api, &taken).await, "");
    leave(&scene.api).await;
    scene.globex_is_untouched().await;
}

async fn nobody_waits_for_another_tenants_uncommitted_key(way: Way) {
    let scene = Scene::set(way).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let insert = |tenant: Uuid| {
        format!(
            "insert into tenant.projects (tenant_id, id, name) values ('{tenant}', '{}', 'At once')",
            town().nowhere
        )
    };
    let other = scene.db.api_by(way).await;
    enter(&other, globex.id, &globex.owner).await;
    other.batch_execute(&insert(globex.id)).await.unwrap();
    enter(&scene.api, acme.id, &acme.owner).await;
    scene.api.batch_execute("set local lock_timeout = '100ms'").await.unwrap();
    assert_eq!(refusal(&scene.api, &insert(acme.id)).await, "", "no lock in common");
    leave(&scene.api).await;
    leave(&other).await;
}

async fn no_statement_of_the_api_can_empty_copy_or_define_anything(way: Way) {
    let scene = Scene::set(way).await;
    let acme = &town().acme;
    enter(&scene.api, acme.id, &acme.owner).await;
    let mut attempts: Vec<String> = Vec::new();
    for table in &scene.tables {
        attempts.extend([
            format!("truncate {table} cascade"),
            format!("alter table {table} disable row level security"),
            format!("alter table {table} no force row level security"),
            format!("create policy mine on {table} using (true)"),
            format!("drop policy wall on {table}"),
            format!(
                "create trigger mine before insert on {table} for each row execute function registry.keep_version()"
            ),
            format!("create index on {table} (tenant_id)"),
            format!("create rule mine as on insert to {table} do instead nothing"),
            format!("copy {table} to program 'cat'"),
            format!("copy {table} to '/tmp/stolen'"),
        ]);
    }
    attempts.extend(
        [
            "create table tenant.mine (id int references tenant.projects)",
            "create temporary table mine (id int)",
            "create schema mine",
            "create view registry.mine as select 1",
            "create function registry.mine() returns int language sql as 'select 1'",
            "create function pg_temp.mine() returns int language sql as 'select 1'",
            "create publication mine for table tenant.projects",
            "create extension dblink schema registry",
            "create role mine",
            "alter role rowhouse_api set app.tenant_id = 'x'",
            "alter database postgres set app.tenant_id = 'x'",
            "set role rowhouse_owner",
            "set role rowhouse_migrator",
            "set role rowhouse_identity",
            "set role rowhouse_tenancy",
            "set role rowhouse_writers",
            "set role rowhouse_seats",
            "set role rowhouse_billing",
            "set role postgres",
            "set session authorization postgres",
            "select lo_create(0)",
            "select lo_import('/etc/passwd')",
            "select pg_read_file('/etc/passwd')",
            "select pg_terminate_backend(pg_backend_pid())",
            "select pg_cancel_backend(pg_backend_pid())",
            "select * from pg_stat_activity",
            "select pg_stat_get_backend_activity(1)",
            "select * from pg_stat_get_backend_idset()",
            "select pg_advisory_lock(1)",
            "select pg_try_advisory_xact_lock(1)",
            "select pg_notify('channel', 'payload')",
            "select setseed(0.5)",
            "select pg_export_snapshot()",
            "select * from pg_authid",
            "select * from pg_statistic",
            "select password_hash from registry.users",
        ]
        .map(str::to_owned),
    );
    for attempt in &attempts {
        let state = refusal(&scene.api, attempt).await;
        assert!([DENIED, "0LP01"].contains(&state.as_str()), "{attempt}: {state:?}");
    }
    leave(&scene.api).await;
    scene.globex_is_untouched().await;
}
