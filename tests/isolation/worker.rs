//! What guards a table guards it against every role that is not named, as one for background work would be: here `rowhouse_worker`
//! has each right that `rowhouse_api` has, and is let through by every policy but the walls.
use tokio_postgres::Client;
use uuid::Uuid;

use super::{enter, leave, refusal};
use crate::support::{TenantFixture, TestDb, town};

/// All that the API may do, and no policy in the way.
const AS_THE_API: &str = "do $$
declare
    item record;
begin
    for item in
        select format('grant %s on %s to rowhouse_worker', a.privilege_type, c.oid::regclass) as statement
        from pg_class c, aclexplode(c.relacl) a
        where a.grantee = 'rowhouse_api'::regrole and c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace)
        union all
        select format('grant %s (%I) on %s to rowhouse_worker', a.privilege_type, t.attname, c.oid::regclass)
        from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
        where a.grantee = 'rowhouse_api'::regrole and c.relnamespace in ('tenant'::regnamespace, 'registry'::regnamespace)
        union all
        select format('grant execute on function %s to rowhouse_worker', p.oid::regprocedure)
        from pg_proc p, aclexplode(p.proacl) a
        where a.grantee = 'rowhouse_api'::regrole and p.pronamespace = 'registry'::regnamespace
        union all
        select format('create policy worker on %s to rowhouse_worker using (true) with check (true)', c.oid::regclass)
        from pg_class c where c.relnamespace = 'tenant'::regnamespace and c.relkind in ('r', 'p')
    loop
        execute item.statement;
    end loop;
end
$$";

async fn worker(db: &TestDb) -> Client {
    db.superuser().await.batch_execute(AS_THE_API).await.unwrap();
    db.client("rowhouse_worker").await
}

/// What each attack is, its statement, and how it must be refused.
fn attacks(acme: &TenantFixture) -> Vec<(&'static str, String, &'static str)> {
    let (tenant, viewer, owner) = (acme.id, acme.viewer.id, acme.owner.id);
    let everything = "(select array_agg(name) from registry.permissions)";
    let invite = |by: Uuid, role: &str| {
        format!(
            "insert into tenant.invitations (tenant_id, id, email, role_id, permissions, token_hash, invited_by, expires_at)
             select '{tenant}', gen_random_uuid(), 'mallory@example.com', r.id, r.permissions, sha256('y'), '{by}', now() + interval '1 day'
             from tenant.roles r where r.tenant_id = '{tenant}' and r.name = '{role}'"
        )
    };
    vec![
        (
            "make a role that holds everything",
            format!("insert into tenant.roles (tenant_id, id, name, permissions) select '{tenant}', gen_random_uuid(), 'mighty', {everything}"),
            "RH004",
        ),
        (
            "widen a role that is built in",
            format!("update tenant.roles set permissions = {everything} where tenant_id = '{tenant}' and name = 'viewer'"),
            "RH009",
        ),
        (
            "become an owner",
            format!(
                "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
                 where m.tenant_id = '{tenant}' and m.user_id = '{viewer}' and r.tenant_id = m.tenant_id and r.name = 'owner'"
            ),
            "RH004",
        ),
        ("remove an owner", format!("delete from tenant.memberships where tenant_id = '{tenant}' and user_id = '{owner}'"), "RH004"),
        (
            "make an API key that holds everything",
            format!(
                "insert into tenant.api_keys (tenant_id, id, name, permissions, tenant_status, secret_hash, hint, created_by)
                 select '{tenant}', gen_random_uuid(), 'mighty', {everything}, 'active', sha256('x'), 'x', '{viewer}'"
            ),
            "RH004",
        ),
        ("invite somebody as more than one is", invite(viewer, "owner"), "RH004"),
        ("invite somebody in another's name", invite(owner, "viewer"), "42501"),
        (
            "begin an operation in another's name",
            format!(
                "insert into tenant.operations (tenant_id, id, kind, created_by) values ('{tenant}', gen_random_uuid(), 'products.import', '{owner}')"
            ),
            "42501",
        ),
    ]
}

#[tokio::test]
async fn what_triggers_guard_they_guard_against_every_role_behind_the_wall() {
    let db = TestDb::new().await;
    let worker = worker(&db).await;
    let acme = &town().acme;
    for (attack, statement, refused) in attacks(acme) {
        enter(&worker, acme.id, &acme.viewer).await;
        assert_eq!(refusal(&worker, &statement).await, refused, "{attack}");
        leave(&worker).await;
    }
    // The last owner, as an owner.
    enter(&worker, acme.id, &acme.owner).await;
    let last = format!(
        "update tenant.memberships m set role_id = r.id, permissions = r.permissions from tenant.roles r
         where m.tenant_id = '{}' and m.user_id = '{}' and r.tenant_id = m.tenant_id and r.name = 'viewer'",
        acme.id, acme.owner.id
    );
    assert_eq!(refusal(&worker, &last).await, "RH010", "leave a tenant without an owner");
    leave(&worker).await;
}

#[tokio::test]
async fn a_key_makes_no_key_by_whatever_role_it_comes() {
    let db = TestDb::new().await;
    let worker = worker(&db).await;
    let acme = &town().acme;
    worker
        .batch_execute(&format!(
            "begin; set local app.tenant_id = '{}'; set local app.user_id = ''; set local app.api_key = '{}'",
            acme.id, acme.presented
        ))
        .await
        .unwrap();
    let key = format!(
        "insert into tenant.api_keys (tenant_id, id, name, permissions, tenant_status, secret_hash, hint)
         values ('{}', gen_random_uuid(), 'nobody''s', '{{}}', 'active', sha256('x'), 'x')",
        acme.id
    );
    assert_eq!(refusal(&worker, &key).await, "RH018");
    leave(&worker).await;
}

/// Those the triggers do not ask must not be so by accident: whoever may write such a table and is not asked is named here.
#[tokio::test]
async fn only_the_owner_and_the_doors_are_named_in_conditions_of_triggers() {
    let db = TestDb::new().await;
    let named = "select distinct m[1] from pg_trigger g, regexp_matches(pg_get_triggerdef(g.oid), '''(rowhouse_[a-z]+)''', 'g') m
                 where not g.tgisinternal order by 1";
    let rows = db.superuser().await.query(named, &[]).await.unwrap();
    let named: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(named, ["rowhouse_identity", "rowhouse_owner", "rowhouse_tenancy"]);
}
