//! Rows that are one caller's own inside a tenant: no colleague reads, changes, removes or plants them, whatever they hold.
use uuid::Uuid;

use super::{enter, leave, number, refusal};
use crate::support::{TestDb, handle, town};

const COUNT: &str = "select count(*) from tenant.idempotency_keys";

#[tokio::test]
async fn what_is_kept_for_a_member_no_colleague_and_no_key_of_the_tenant_reads_or_changes() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let acme = &town().acme;
    // The colleague is an owner as well: nothing that can be held is missing.
    let promote = format!(
        "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
         where m.tenant_id = '{0}' and m.user_id = '{1}' and r.tenant_id = m.tenant_id and r.name = 'owner';
         update tenant.api_keys set permissions = (select array_agg(name) from registry.permissions) where tenant_id = '{0}'",
        acme.id, acme.member.id
    );
    superuser.batch_execute(&promote).await.unwrap();
    let before = super::fingerprint(&superuser, acme.id).await;
    enter(&api, acme.id, &acme.owner).await;
    assert_eq!(number(&api, COUNT).await, 1, "the control");
    leave(&api).await;

    let robot = &acme.presented;
    let as_robot = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = ''; set local app.api_key = '{robot}'",
        acme.id
    );
    let as_member = format!(
        "begin; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'",
        acme.id, acme.member.id
    );
    for begin in [as_member, as_robot] {
        api.batch_execute(&begin).await.unwrap();
        assert_eq!(number(&api, COUNT).await, 0);
        for find in ["where key = 'acme-1'", "where principal = user_id", "for update"] {
            assert!(
                api.query(&format!("select answer from tenant.idempotency_keys {find}"), &[]).await.unwrap().is_empty()
            );
        }
        for blind in ["update tenant.idempotency_keys set answer = 'planted'", "delete from tenant.idempotency_keys"] {
            assert_eq!(api.execute(blind, &[]).await.unwrap(), 0, "{blind}");
        }
        let merge =
            "merge into tenant.idempotency_keys k using (select 1) s on true when matched then update set status = 500";
        assert_eq!(refusal(&api, merge).await, "42501", "{merge}");
        let plant = |user: &str, key: &str| {
            format!(
                "insert into tenant.idempotency_keys (tenant_id, user_id, api_key_id, key, fingerprint)
                 values ('{}', {user}, {key}, 'planted', sha256('request'))",
                acme.id
            )
        };
        for planted in [
            plant(&format!("'{}'", acme.owner.id), "null"),
            plant(&format!("'{}'", acme.owner.id), &format!("'{}'", acme.api_key)),
            plant("null", &format!("'{}'", town().globex.api_key)),
            plant("null", "null"),
        ] {
            let state = refusal(&api, &planted).await;
            assert!(["42501", "23502"].contains(&state.as_str()), "{planted}: {state:?}");
        }
        // The same key in their hands is another key.
        let take = "select registry.take_idempotency_key('acme-1', sha256('request'))::text";
        assert_eq!(super::names(&api, take).await, [""]);
        // Neither when it expires nor what was asked is the caller's to say.
        for column in ["expires_at = 'infinity'", "fingerprint = sha256('x')", "user_id = null", "key = 'x'"] {
            let change = format!("update tenant.idempotency_keys set {column}");
            assert_eq!(refusal(&api, &change).await, "42501", "{change}");
        }
        leave(&api).await;
    }
    assert_eq!(super::fingerprint(&superuser, acme.id).await, before);
}

#[tokio::test]
async fn nobody_waits_long_for_a_key_and_nobody_for_another_callers() {
    let db = TestDb::new().await;
    let (one, two) = (db.api().await, db.api().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let take = "select registry.take_idempotency_key('key', sha256('request'))::text";
    enter(&one, acme.id, &acme.both).await;
    assert_eq!(super::names(&one, take).await, [""]);
    for (tenant, person) in [(acme, &acme.owner), (globex, &globex.both), (globex, &globex.owner)] {
        enter(&two, tenant.id, person).await;
        assert_eq!(super::names(&two, take).await, [""]);
        leave(&two).await;
    }
    enter(&two, acme.id, &acme.both).await;
    let started = std::time::Instant::now();
    assert_eq!(refusal(&two, take).await, "RH030");
    assert!(started.elapsed() < std::time::Duration::from_secs(1));
    // The limit was the function's own.
    let limit = "select current_setting('lock_timeout')";
    assert_eq!(super::names(&two, limit).await, ["2s"]);
    leave(&one).await;
    assert_eq!(super::names(&two, take).await, [""], "what was rolled back was never taken");
    assert_eq!(refusal(&two, take).await, "RH031", "one that is theirs already is not taken twice");
    leave(&two).await;
}

#[tokio::test]
async fn what_is_kept_of_a_session_has_one_handle_in_the_database_and_in_the_server() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let rows =
        superuser.query("select id, handle, registry.session_handle(id) from registry.sessions", &[]).await.unwrap();
    assert!(rows.len() >= 7);
    for row in rows {
        let (id, column, function): (Uuid, Uuid, Uuid) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((column, function), (handle(id), handle(id)));
        assert_ne!(column, id);
    }
}
