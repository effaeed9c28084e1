//! Two tenants, acme and globex, with people in every role, one person in both, and rows in every table.
use std::sync::{LazyLock, OnceLock};

use rowhouse::{auth::hash_password, db::Admin};
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

pub(super) async fn build(migrator: &Admin) {
    static HASH: LazyLock<String> = LazyLock::new(|| hash_password(&PASSWORD.into()).unwrap());
    let person =
        async |email: &'static str| Person { id: migrator.add_user(email, email, &HASH).await.unwrap(), email };
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
        let id = migrator.add_tenant(slug, slug).await.unwrap();
        let people = [person(owner).await, person(member).await, person(viewer).await];
        for (person, role) in people.iter().chain([&both]).zip(["owner", "member", "viewer", role_of_both]) {
            migrator.add_member(id, person.id, role).await.unwrap();
        }
        migrator.add_projects(id, Some(people[0].id), PROJECTS).await.unwrap();
        let domain_row = format!(
            "insert into registry.domains (domain, tenant_id, is_primary, verified_at) values ('{domain}', '{id}', true, now())"
        );
        migrator.script("domain", &domain_row).await.unwrap();
        let [owner, member, viewer] = people;
        let projects = projects(migrator, id).await;
        made.push(TenantFixture { id, domain, owner, member, viewer, both: both.clone(), projects });
    }
    let globex = made.pop().unwrap();
    let acme = made.pop().unwrap();
    TOWN.set(Town { acme, globex, nowhere: Uuid::now_v7() }).unwrap();
}

async fn projects(migrator: &Admin, tenant: Uuid) -> Vec<Row> {
    let rows: Vec<Row> = migrator.all(super::database::FIXTURE_PROJECTS, &[&tenant]).await.unwrap();
    assert_eq!(rows.len(), PROJECTS);
    rows
}

impl rowhouse::db::FromRow for Row {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { id: row.try_get("id")?, name: row.try_get("name")?, tasks: row.try_get("tasks")? })
    }
}
