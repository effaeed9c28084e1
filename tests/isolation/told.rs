//! What members are told, attacked inside one tenant: by colleagues, by who was removed, and by whoever would like to
//! tell others something.
use tokio_postgres::Client;
use uuid::Uuid;

use super::{enter, leave, names, number, refusal};
use crate::support::{TestDb, town};

/// Every notification there is, whoever's.
async fn everything(superuser: &Client) -> Vec<String> {
    names(superuser, "select n::text from tenant.notifications n order by tenant_id, user_id, id").await
}

async fn told(superuser: &Client, user: Uuid) -> Vec<String> {
    let kinds = format!(
        "select kind || ': ' || title from tenant.notifications where user_id = '{user}' and title !~ '^A key of ' order by id"
    );
    names(superuser, &kinds).await
}

#[tokio::test]
async fn a_colleague_sees_and_marks_their_own_alone() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let acme = &town().acme;
    let before = everything(&superuser).await;
    for (person, other) in [(&acme.owner, &acme.member), (&acme.viewer, &acme.owner), (&acme.both, &acme.owner)] {
        enter(&api, acme.id, person).await;
        assert_eq!(names(&api, "select user_id::text from tenant.notifications").await, [person.id.to_string()]);
        for aimed in [
            format!("select count(*) from tenant.notifications where user_id = '{}'", other.id),
            "select count(*) from tenant.notifications where user_id <> current_setting('app.user_id')::uuid"
                .to_owned(),
            format!(
                "with m as (update tenant.notifications set read_at = now() where user_id = '{}' returning 1) select count(*) from m",
                other.id
            ),
        ] {
            assert_eq!(number(&api, &aimed).await, 0, "{aimed}");
        }
        // Without a look, one's own alone.
        assert_eq!(api.execute("update tenant.notifications set read_at = default", &[]).await.unwrap(), 1);
        // Nothing but when it was read, and nothing new, for oneself or for others.
        for column in ["title", "body", "link", "data", "kind", "user_id", "id", "created_at"] {
            let rewrite = format!("update tenant.notifications set {column} = default");
            assert_eq!(refusal(&api, &rewrite).await, "42501", "{rewrite}");
        }
        for write in [
            "insert into tenant.notifications (tenant_id, user_id, id, kind, title) select tenant_id, user_id, id, kind, title from tenant.notifications",
            "delete from tenant.notifications",
        ] {
            assert_eq!(refusal(&api, write).await, "42501", "{write}");
        }
        leave(&api).await;
    }
    assert_eq!(everything(&superuser).await, before);
}

#[tokio::test]
async fn whoever_is_no_member_with_an_open_session_is_refused() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let key = acme.presented.clone();
    let forged = format!("{}.{}", acme.api_key, "00".repeat(32));
    let (owner, nobody) = (acme.owner.id.to_string(), town().nowhere.to_string());
    // None of them has rows here, so an empty answer would look the same.
    superuser.batch_execute("delete from tenant.notifications").await.unwrap();
    for (user, session, key, state) in [
        (owner.as_str(), owner.as_str(), "", ""),
        ("", "", &*key, "RH018"),
        ("", "", &forged, "RH007"),
        ("", "", "", "22P02"),
        (&owner, &nobody, "", "RH006"),
        (&owner, &acme.member.id.to_string(), "", "RH006"),
        (&globex.owner.id.to_string(), &globex.owner.id.to_string(), "", "RH002"),
        (&nobody, &nobody, "", "RH006"),
    ] {
        let begin = format!(
            "begin; set local app.tenant_id = '{}'; set local app.user_id = '{user}'; set local app.session_id = '{session}'; set local app.api_key = '{key}'",
            acme.id
        );
        api.batch_execute(&begin).await.unwrap();
        for statement in
            ["select count(*) from tenant.notifications", "update tenant.notifications set read_at = now()"]
        {
            assert_eq!(refusal(&api, statement).await, state, "{user} {key} {statement}");
        }
        leave(&api).await;
    }
    // From one statement to the next.
    enter(&api, acme.id, &acme.member).await;
    assert_eq!(number(&api, "select count(*) from tenant.notifications").await, 0, "the control");
    let removed = format!("delete from tenant.memberships where user_id = '{}'", acme.member.id);
    superuser.batch_execute(&removed).await.unwrap();
    assert_eq!(refusal(&api, "select count(*) from tenant.notifications").await, "RH002");
    leave(&api).await;
}

#[tokio::test]
async fn nobody_tells_others_anything_by_calling_what_tells() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let acme = &town().acme;
    let before = everything(&superuser).await;
    enter(&api, acme.id, &acme.owner).await;
    for call in [
        &*format!(
            "select registry.notify_member('{}', '{}', 'member.joined', 'Click here', null, null)",
            acme.id, acme.member.id
        ),
        "select registry.new_id()",
        "select registry.notify_of_role()",
        "select registry.notify_of_api_key()",
        "select registry.notify_of_operation()",
        "create trigger t after insert on tenant.projects for each row execute function registry.notify_of_api_key()",
    ] {
        assert_eq!(refusal(&api, call).await, "42501", "{call}");
    }
    leave(&api).await;
    assert_eq!(everything(&superuser).await, before);
}

#[tokio::test]
async fn whoever_begins_work_is_told_and_nobody_begins_it_in_anothers_name() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let begin = |id: Uuid, by: &str| {
        format!(
            "insert into tenant.operations (tenant_id, id, kind, created_by) values ('{}', '{id}', 'products.import', {by})",
            acme.id
        )
    };
    enter(&api, acme.id, &acme.owner).await;
    for other in [acme.member.id, globex.owner.id, town().nowhere] {
        assert_eq!(refusal(&api, &begin(Uuid::now_v7(), &format!("'{other}'"))).await, "42501");
    }
    let (good, bad, cancelled, nobodys) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    for (id, status) in [(good, "succeeded"), (bad, "failed"), (cancelled, "cancelled"), (nobodys, "succeeded")] {
        let by = if id == nobodys { "null".to_owned() } else { format!("'{}'", acme.owner.id) };
        api.batch_execute(&begin(id, &by)).await.unwrap();
        for status in ["running", status, status] {
            api.batch_execute(&format!("update tenant.operations set status = '{status}' where id = '{id}'"))
                .await
                .unwrap();
        }
        // Being alive, or further on, is no news.
        api.batch_execute(&format!("update tenant.operations set done = 7 where id = '{id}'")).await.unwrap();
    }
    api.batch_execute("commit").await.unwrap();
    let mine = told(&superuser, acme.owner.id).await;
    assert_eq!(
        mine,
        ["operation.succeeded: Importing products has ended", "operation.failed: Importing products has failed"]
    );
    let about = format!(
        "select link || ' ' || (data ->> 'operation_id') from tenant.notifications where user_id = '{}' and kind = 'operation.failed'",
        acme.owner.id
    );
    assert_eq!(names(&superuser, &about).await, [format!("/operations/{bad} {bad}")]);

    // Whoever has left since is told nothing, and the work ends all the same, whoever ends it.
    let left = Uuid::now_v7();
    let gone = format!(
        "insert into tenant.operations (tenant_id, id, kind, created_by) values ('{}', '{left}', 'products.reindex', '{}');
         delete from tenant.memberships where user_id = '{1}';
         update tenant.operations set status = 'succeeded' where id = '{left}'",
        acme.id, acme.member.id
    );
    superuser.batch_execute(&gone).await.unwrap();
    assert_eq!(told(&superuser, acme.member.id).await, Vec::<String>::new());
    assert_eq!(told(&superuser, globex.owner.id).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_change_that_is_rolled_back_tells_nobody() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let acme = &town().acme;
    let before = everything(&superuser).await;
    enter(&api, acme.id, &acme.owner).await;
    assert_eq!(api.execute("delete from tenant.api_keys", &[]).await.unwrap(), 1);
    assert_eq!(number(&api, "select count(*) from tenant.notifications where kind = 'api_key.revoked'").await, 1);
    leave(&api).await;
    assert_eq!(everything(&superuser).await, before);
    // A role that is changed reaches its members' memberships, and is no other role.
    superuser
        .batch_execute(
            "update tenant.roles set permissions = array_remove(permissions, 'tasks:delete') where name = 'member'",
        )
        .await
        .unwrap();
    enter(&api, acme.id, &acme.owner).await;
    let same = format!("update tenant.roles set permissions = '{{projects:read}}' where id = '{}'", acme.role);
    assert_eq!(api.execute(&same, &[]).await.unwrap(), 1);
    let again = "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
        where r.tenant_id = m.tenant_id and r.id = m.role_id";
    assert_eq!(api.execute(again, &[]).await.unwrap(), 4);
    api.batch_execute("commit").await.unwrap();
    assert_eq!(everything(&superuser).await, before);
}
