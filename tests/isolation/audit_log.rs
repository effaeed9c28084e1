//! Who did what is written down of every table, without secrets, and stays as it was written.
use serde_json::{Value, json};

use super::{enter, names, refusal};
use crate::support::{TestDb, handle, town};

/// Tables of a tenant's of which not every change is written down, each with the commands and why.
const NOT_AUDITED: &[(&str, &str, &str)] = &[
    ("registry.hosts", "insert update delete", "follows from domains, whose proof is written down"),
    ("registry.tenant_usage", "insert update delete", "counts of requests"),
    (
        "registry.document_numbers",
        "insert update delete",
        "given out with an invoice, which is written down; append-only",
    ),
    ("tenant.audit_log", "insert update delete", "the log itself"),
    ("tenant.audit_seals", "insert update delete", "what seals the log"),
    ("tenant.balances", "insert update delete", "the sums of postings"),
    ("tenant.entitlements", "insert update delete", "follows from subscription, plan and overrides"),
    ("tenant.event_consumers", "insert update delete", "how far readers have read"),
    ("tenant.event_floors", "insert update delete", "how far events are forgotten"),
    ("tenant.events", "insert update delete", "tells what is written down"),
    ("tenant.generations", "insert update delete", "tells caches that something has changed"),
    ("tenant.idempotency_keys", "insert update delete", "answers that are kept for a day"),
    ("tenant.invoice_lines", "insert update delete", "written with a draft, and never changed once it is issued"),
    ("tenant.job_heads", "insert update delete", "the line of tenants with jobs"),
    ("tenant.jobs", "insert update delete", "work; what it changes is written down"),
    ("tenant.journal_entries", "insert update delete", "the books, append-only themselves"),
    ("tenant.postings", "insert update delete", "the books, append-only themselves"),
    ("tenant.notifications", "insert update delete", "told to one member, of what is written down"),
    ("tenant.operation_chunks", "insert update delete", "files on their way; what becomes of them is written down"),
    ("tenant.operation_files", "insert update delete", "files on their way; what becomes of them is written down"),
    ("tenant.operations", "delete", "nobody deletes one"),
    ("tenant.part_generations", "insert update delete", "tells caches that something has changed"),
    ("tenant.product_tags", "insert update delete", "follows from products"),
    ("tenant.product_words", "insert update delete", "follows from products"),
    ("tenant.seats", "insert update delete", "follows from sessions and memberships"),
    ("tenant.tickets", "insert update delete", "open a stream once, within seconds"),
    ("tenant.webhook_attempts", "insert update delete", "what receivers have answered"),
    ("tenant.webhook_deliveries", "insert update delete", "messages on their way"),
];

#[tokio::test]
async fn every_change_of_a_table_of_a_tenants_is_written_down_or_it_is_said_why_not() {
    let db = TestDb::new().await;
    // Statement triggers for whatever is done, with what they look at.
    let silent = "select c.oid::regclass || ' ' || w.word from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
        cross join (values ('insert', 4, 'note_new'), ('delete', 8, 'note_gone'), ('update', 16, 'note_changed')) w (word, bit, name)
        where c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace) and c.relkind in ('r', 'p')
          and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgfoid = 'registry.note_changes()'::regprocedure
              and t.tgtype & w.bit > 0 and t.tgtype & 1 = 0 and t.tgattr = '' and t.tgenabled = 'O')
        order by 1";
    let found = names(&db.superuser().await, silent).await;
    let mut excused: Vec<String> = NOT_AUDITED
        .iter()
        .flat_map(|(table, commands, _)| commands.split(' ').map(move |command| format!("{table} {command}")))
        .collect();
    excused.sort();
    let unsaid: Vec<_> = found.iter().filter(|one| !excused.contains(one)).collect();
    assert!(
        unsaid.is_empty(),
        "not written down: {unsaid:#?}; add the three triggers of registry.note_changes to sql/policies, as sql/policies/tenant.projects.sql has \
         them (with '' for a type nothing is told), or the table to NOT_AUDITED with a reason"
    );
    let idle: Vec<_> = excused.iter().filter(|one| !found.contains(one)).collect();
    assert!(idle.is_empty(), "are written down, or are gone: {idle:#?}");
}

#[tokio::test]
async fn every_column_that_looks_like_a_secret_is_masked_and_what_is_told_is_recorded() {
    let db = TestDb::new().await;
    let audited = "select distinct tgrelid from pg_trigger where tgfoid = 'registry.note_changes()'::regprocedure";
    let bare = format!(
        "select a.attrelid::regclass || '.' || a.attname from pg_attribute a
         where a.attrelid in ({audited}) and a.attnum > 0 and not a.attisdropped
           and (a.atttypid = 'bytea'::regtype or a.attname ~ 'secret|password|token|hash|challenge|sealed')
           and a.attname <> all (registry.masked_columns())
           and a.attname <> all (registry.unrecorded_columns((select relname from pg_class where oid = a.attrelid)))"
    );
    let superuser = db.superuser().await;
    assert_eq!(
        names(&superuser, &bare).await,
        Vec::<String>::new(),
        "add them to sql/functions/registry.masked_columns.sql"
    );
    // Arguments end with a zero byte each: part, type, permission, columns.
    let lost = "select c.relname || '.' || n from pg_trigger t join pg_class c on c.oid = t.tgrelid
        cross join regexp_split_to_table(encode(t.tgargs, 'escape'), '\\\\000') with ordinality a (n, at)
        where t.tgfoid = 'registry.note_changes()'::regprocedure and a.at > 3 and n ~ '^[a-z]' and t.tgtype & 16 > 0
          and n = any (registry.unrecorded_columns(c.relname))";
    assert_eq!(names(&superuser, lost).await, Vec::<String>::new(), "told, and never seen to have changed");
}

#[tokio::test]
async fn a_row_says_who_by_which_session_and_what_was_there_before() {
    let db = TestDb::new().await;
    let (acme, superuser) = (&town().acme, db.superuser().await);
    let api = db.api().await;
    enter(&api, acme.id, &acme.owner).await;
    let project = acme.projects[0].id;
    let changes = format!(
        "set local app.request = '4bf92f3577b34da6a3ce929d0e0e4736 203.0.113.7';
         update tenant.projects set name = 'Another' where id = '{project}';
         update tenant.projects set name = 'Another' where id = '{project}'; commit"
    );
    api.batch_execute(&changes).await.unwrap();
    let read = "select jsonb_agg(to_jsonb(l) - '{tenant_id,epoch,xid,id,at}'::text[]) from tenant.audit_log l where object_id = $1 and action = 'project.updated'";
    let written: Value = superuser.query_one(read, &[&project]).await.unwrap().get(0);
    let expected = json!([{
        "actor_kind": "user", "actor_id": acme.owner.id, "on_behalf_of": null, "session_id": handle(acme.owner.id), "login": "rowhouse_api",
        "request_id": "4bf92f3577b34da6a3ce929d0e0e4736", "address": "203.0.113.7", "action": "project.updated", "object_type": "projects",
        "object_id": project, "before": { "name": acme.projects[0].name }, "after": { "name": "Another" }
    }]);
    assert_eq!(written, expected, "once, since the second changed nothing");
}

/// Whoever is not served says what they like, and is believed by nobody.
#[tokio::test]
async fn nobody_is_written_down_as_somebody_else() {
    let db = TestDb::new().await;
    let (acme, superuser) = (&town().acme, db.superuser().await);
    let project = acme.projects[1].id;
    enter(&superuser, acme.id, &acme.owner).await;
    superuser
        .batch_execute(&format!("update tenant.projects set name = 'x' where id = '{project}'; commit"))
        .await
        .unwrap();
    let read = "select actor_kind || ' ' || coalesce(actor_id::text, '-') || ' ' || login from tenant.audit_log where object_id = $1 order by xid desc limit 1";
    let written: String = superuser.query_one(read, &[&project]).await.unwrap().get(0);
    assert_eq!(written, "system - postgres");
}

#[tokio::test]
async fn secrets_are_masked() {
    let db = TestDb::new().await;
    let (acme, superuser) = (&town().acme, db.superuser().await);
    let change = format!(
        "update tenant.api_keys set secret_hash = sha256('another'), name = 'renamed' where id = '{}'",
        acme.api_key
    );
    superuser.batch_execute(&change).await.unwrap();
    let read = "select jsonb_build_array(before, after) from tenant.audit_log where object_id = $1 and action = 'api_key.updated'";
    let written: Value = superuser.query_one(read, &[&acme.api_key]).await.unwrap().get(0);
    let expected = json!([{ "name": "robot", "secret_hash": "***" }, { "name": "renamed", "secret_hash": "***" }]);
    assert_eq!(written, expected);
    let leaks = "select count(*) from tenant.audit_log l where to_jsonb(l)::text ~ '\\\\\\\\x[0-9a-f]{40}'";
    assert_eq!(superuser.query_one(leaks, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn what_was_written_down_stays_whoever_asks() {
    let db = TestDb::new().await;
    let (acme, superuser) = (&town().acme, db.superuser().await);
    for role in ["rowhouse_api", "rowhouse_worker", "rowhouse_platform", "rowhouse_migrator", "postgres"] {
        superuser
            .batch_execute(&format!("begin; set local role {role}; set local app.tenant_id = '{}'", acme.id))
            .await
            .unwrap();
        for change in [
            "update tenant.audit_log set action = 'another'",
            "delete from tenant.audit_log",
            "truncate tenant.audit_log",
            "update tenant.audit_seals set rows = 0",
            "delete from tenant.audit_seals",
            "truncate tenant.audit_seals",
        ] {
            // Without a job the worker's policy raises first.
            assert!(
                ["42501", "RH050", "RH069", "42704", "22P02"].contains(&&*refusal(&superuser, change).await),
                "{role}: {change}"
            );
        }
        superuser.batch_execute("rollback").await.unwrap();
    }
    // The owner of the tables sees no row behind the wall, and may empty neither.
    superuser.batch_execute("begin; set local role rowhouse_owner").await.unwrap();
    for table in ["tenant.audit_log", "tenant.audit_seals"] {
        assert_eq!(refusal(&superuser, &format!("truncate {table}")).await, "RH069", "{table}");
    }
}
