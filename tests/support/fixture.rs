//! Two tenants, acme and globex, with people in every role, one person in both, and rows in every table.
use std::sync::{LazyLock, OnceLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rowhouse::{
    auth::{hash_password, sha256},
    db::{AdminConn, seed},
};
use uuid::Uuid;

/// The password of everyone.
pub const PASSWORD: &str = "correct horse battery";

/// What every test finds.
#[derive(Debug)]
pub struct Town {
    pub acme: TenantFixture,
    pub globex: TenantFixture,
    /// Nobody's tenant.
    pub nowhere: Uuid,
}

/// A tenant and some of its rows.
#[derive(Debug)]
pub struct TenantFixture {
    pub id: Uuid,
    pub domain: &'static str,
    pub owner: Person,
    pub member: Person,
    pub viewer: Person,
    /// A member of acme and a viewer of globex; the same person in both.
    pub both: Person,
    /// Newest first, with the tasks of each.
    pub projects: Vec<Row>,
    /// A role of its own, which nobody has.
    pub role: Uuid,
    pub invitation: Uuid,
    /// The claim to `domain`.
    pub claim: Uuid,
    pub api_key: Uuid,
    pub product: Uuid,
    pub operation: Uuid,
    /// The owner's, unread. Everybody else has one as well.
    pub notification: Uuid,
    /// The whole of an API key that may read projects.
    pub key: String,
    /// What the server presents of it: `app.api_key`.
    pub presented: String,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: Uuid,
    pub email: &'static str,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub id: Uuid,
    pub name: String,
    pub tasks: Vec<Uuid>,
}

pub const PROJECTS: usize = 24;

static TOWN: OnceLock<Town> = OnceLock::new();

/// The fixture; there once a [`TestDb`](super::TestDb) was made.
pub fn town() -> &'static Town {
    TOWN.get().expect("make a TestDb first")
}

pub(super) async fn build(migrator: &AdminConn) {
    static HASH: LazyLock<String> = LazyLock::new(|| hash_password(&PASSWORD.into()).unwrap());
    let person =
        async |email: &'static str| Person { id: seed::add_user(migrator, email, email, &HASH).await.unwrap(), email };
    let both = person("both@example.com").await;
    let mut made = Vec::new();
    for (slug, domain, owner, member, viewer, role_of_both) in [
        ("acme", "projects.acme.example", "owner@acme.example", "member@acme.example", "viewer@acme.example", "member"),
        (
            "globex",
            "work.globex.example",
            "owner@globex.example",
            "member@globex.example",
            "viewer@globex.example",
            "viewer",
        ),
    ] {
        let id = seed::add_tenant(migrator, slug, slug).await.unwrap();
        let people = [person(owner).await, person(member).await, person(viewer).await];
        for (person, role) in people.iter().chain([&both]).zip(["owner", "member", "viewer", role_of_both]) {
            seed::add_member(migrator, id, person.id, role).await.unwrap();
        }
        seed::add_projects(migrator, id, Some(people[0].id), PROJECTS).await.unwrap();
        let [role, invitation, claim, api_key, product, operation, notification] = [(); 7].map(|()| Uuid::now_v7());
        let [owner, member, viewer] = people;
        let (key, secret_hash) = key_of(id, api_key);
        let rows = format!(
            "insert into registry.domains (tenant_id, id, domain, challenge, is_primary, verified_at)
                 values ('{id}', '{claim}', '{domain}', 'challenge', true, now());
             insert into registry.hosts (domain, tenant_id) values ('{domain}', '{id}');
             insert into tenant.roles (tenant_id, id, name, permissions) values ('{id}', '{role}', 'reader', '{{projects:read}}');
             insert into tenant.invitations (tenant_id, id, email, role_id, permissions, token_hash, invited_by, expires_at)
                 select '{id}', '{invitation}', 'guest@{slug}.example', r.id, r.permissions, sha256('{invitation}'), '{owner}',
                        now() + interval '1 day'
                 from tenant.roles r where r.tenant_id = '{id}' and r.name = 'member';
             insert into tenant.api_keys (tenant_id, id, name, permissions, tenant_status, secret_hash, hint, created_by)
                 values ('{id}', '{api_key}', 'robot', '{{projects:read}}', 'trial', sha256('\\x{secret_hash}'), 'abcd', '{owner}');
             insert into tenant.idempotency_keys (tenant_id, user_id, key, fingerprint, status, answer)
                 values ('{id}', '{owner}', '{slug}-1', sha256('request'), 201, 'answer');
             insert into tenant.products (tenant_id, id, name, description, sku, price_minor, currency, stock, tags)
                 values ('{id}', '{product}', 'Brass lamp', 'A lamp of {slug} made of brass.', '{slug}-lamp', 1999, 'EUR', 3, '{{lighting,{slug}}}'),
                        ('{id}', registry.new_id(), 'Garden chair', 'To sit on.', '{slug}-chair', 4900, 'EUR', 0, '{{garden}}');
             insert into registry.tenant_limits (tenant_id, tenant_per_minute, principal_per_minute) values ('{id}', 1000000, 1000000);
             insert into registry.plan_overrides (tenant_id, limits, note) values ('{id}', jsonb_build_object('tenant_per_month', 1000000000), 'of {slug}');
             insert into registry.tenant_usage (tenant_id, month, requests) values ('{id}', '2026-01-01', 42);
             insert into tenant.operations (tenant_id, id, kind, created_by) values ('{id}', '{operation}', 'products.import', '{owner}');
             insert into tenant.operation_files (tenant_id, operation_id, bytes, sha256) values ('{id}', '{operation}', 3, sha256('sku'));
             insert into tenant.operation_chunks (tenant_id, operation_id, number, data) values ('{id}', '{operation}', 0, 'sku');
             insert into tenant.event_floors (tenant_id, epoch, xid, event_id) values ('{id}', 0, 0, '{operation}');
             insert into tenant.jobs (tenant_id, id, kind, state, lease, lease_until, finished_at)
                 select '{id}', registry.new_id(), 'jobs.forget', s, case when s = 'running' then gen_random_uuid() end,
                        case when s = 'running' then now() + interval '1 day' end, case when s not in ('waiting', 'running') then now() end
                 from unnest(array['waiting', 'running', 'succeeded', 'dead', 'cancelled', 'discarded']) s;
             insert into tenant.tickets (tenant_id, user_id, id, expires_at) values ('{id}', '{owner}', gen_random_uuid(), now() + interval '1 day');
             insert into tenant.webhook_endpoints (tenant_id, id, url, permissions)
                 values ('{id}', '{operation}', 'https://hooks.{slug}.example/', '{{events:read,projects:read}}');
             insert into tenant.webhook_deliveries (tenant_id, id, endpoint_id, event_id, permission, event_type, payload, state, finished_at)
                 select '{id}', registry.new_id(), '{operation}', gen_random_uuid(), 'projects:read', 'project.created', '{{}}', s, case when s <> 'waiting' then now() end
                 from unnest(array['waiting', 'delivered', 'failed']) s;
             select registry.record_payment('{id}', registry.issue_invoice('{id}', null, 'manual', 'EUR', null, null,
                        jsonb_build_array(jsonb_build_object('description', 'Set-up of {slug}', 'amount_minor', 10000, 'tax_rate_bp', 1900)), now()),
                        5000, 'transfer of {slug}', now(), 'an operator');
             insert into tenant.notifications (tenant_id, user_id, id, kind, title)
                 select tenant_id, user_id, case when user_id = '{owner}' then '{notification}'::uuid else registry.new_id() end,
                        'api_key.created', 'A key of {slug}'
                 from tenant.memberships where tenant_id = '{id}'",
            owner = owner.id,
        );
        migrator.script("rows", &rows).await.unwrap();
        let projects = projects(migrator, id).await;
        let both = both.clone();
        made.push(TenantFixture {
            id,
            domain,
            owner,
            member,
            viewer,
            both,
            projects,
            role,
            invitation,
            claim,
            api_key,
            product,
            operation,
            notification,
            key,
            presented: format!("{api_key}.{secret_hash}"),
        });
    }
    // Everybody is signed in, in a session that has their own id.
    let sessions = "insert into registry.sessions (id, user_id, kind, idle_until, expires_at)
        select id, id, 'bearer', now() + interval '1 day', now() + interval '1 day' from registry.users";
    migrator.script("sessions", sessions).await.unwrap();
    let globex = made.pop().unwrap();
    let acme = made.pop().unwrap();
    TOWN.set(Town { acme, globex, nowhere: Uuid::now_v7() }).unwrap();
}

/// An API key as the server would make it, and SHA-256 of its secret in hex.
pub fn key_of(tenant: Uuid, id: Uuid) -> (String, String) {
    let secret = sha256(id.as_bytes());
    let body = [tenant.as_bytes().as_slice(), id.as_bytes(), &secret].concat();
    let mut key = format!("rh_live_{}", BASE64.encode(body));
    key.push_str(&BASE64.encode(&sha256(key.as_bytes())[..4]));
    (key, hex(&sha256(&secret)))
}

/// What a session is spoken of by.
pub fn handle(session: Uuid) -> Uuid {
    let mut cut = [0; 16];
    cut.copy_from_slice(&sha256(session.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(cut).into_uuid()
}

/// As PostgreSQL writes bytes, without the prefix.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

async fn projects(migrator: &AdminConn, tenant: Uuid) -> Vec<Row> {
    let rows: Vec<Row> = migrator.all(super::database::FIXTURE_PROJECTS, &[&tenant]).await.unwrap();
    assert_eq!(rows.len(), PROJECTS);
    rows
}

impl rowhouse::db::FromRow for Row {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { id: row.try_get("id")?, name: row.try_get("name")?, tasks: row.try_get("tasks")? })
    }
}
