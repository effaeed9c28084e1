//! Tenants, people and projects for development, tests and benchmarks; written as the migrator, since
//! nothing that serves can make a tenant yet.
use postgres_types::ToSql;
use rowhouse_pg::new_id;
use uuid::Uuid;

use super::{AdminConn, Sql};
use crate::{error::Failure, from_row, sql};

/// The number of built-in roles, at least; ids beyond what is needed are not used.
const ROLE_IDS: usize = 8;
const STATUSES: [&str; 5] = ["active", "planned", "paused", "completed", "archived"];
const TASK_STATUSES: [&str; 3] = ["open", "in_progress", "done"];
const QUALITIES: [&str; 20] = [
    "Amber", "Brisk", "Calm", "Distant", "Early", "Faithful", "Gentle", "Hidden", "Ivory", "Jade", "Keen", "Lucid",
    "Mellow", "Nimble", "Open", "Patient", "Quiet", "Rapid", "Steady", "Tidal",
];
const THINGS: [&str; 16] = [
    "Atlas", "Bridge", "Compass", "Delta", "Engine", "Forge", "Garden", "Harbor", "Index", "Journal", "Kiln", "Ledger",
    "Mill", "Nest", "Orchard", "Pier",
];
const CHORES: [&str; 6] = ["Draft the plan", "Ask the customer", "Order parts", "Review", "Measure", "Write it down"];

struct Name(String);
from_row! { Name: "name" }

struct Id(Uuid);
from_row! { Id: "id" }

async fn write(admin: &AdminConn, sql: Sql, params: &[&(dyn ToSql + Sync)]) -> Result<(), Failure> {
    admin.all::<()>(sql, params).await.map(drop)
}

/// The slugs of all tenants; none in a database without a schema.
pub async fn tenants(admin: &AdminConn) -> Result<Vec<String>, Failure> {
    if admin.all::<Name>(sql!("seed/registry"), &[]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<Name> = admin.all(sql!("seed/tenants"), &[]).await?;
    Ok(names.into_iter().map(|name| name.0).collect())
}

/// A tenant's id.
pub async fn tenant_id(admin: &AdminConn, slug: &str) -> Result<Uuid, Failure> {
    let found: Vec<Id> = admin.all(sql!("seed/tenant_id"), &[&slug]).await?;
    found.first().map(|id| id.0).ok_or_else(|| Failure(format!("there is no tenant {slug}")))
}

/// Whether the server has a database of this name.
pub async fn database_exists(admin: &AdminConn, name: &str) -> Result<bool, Failure> {
    Ok(!admin.all::<Name>(sql!("seed/database"), &[&name]).await?.is_empty())
}

/// Makes a tenant with its built-in roles.
pub async fn add_tenant(admin: &AdminConn, slug: &str, name: &str) -> Result<Uuid, Failure> {
    let id = new_id();
    let role_ids: Vec<Uuid> = (0..ROLE_IDS).map(|_| new_id()).collect();
    write(admin, sql!("seed/tenant"), &[&id, &slug, &name, &role_ids]).await?;
    Ok(id)
}

/// Makes a user with a password that is already hashed.
pub async fn add_user(admin: &AdminConn, email: &str, full_name: &str, password_hash: &str) -> Result<Uuid, Failure> {
    let id = new_id();
    write(admin, sql!("seed/user"), &[&id, &email, &full_name, &password_hash]).await?;
    Ok(id)
}

/// Makes a user a member of a tenant, in one of its roles.
pub async fn add_member(admin: &AdminConn, tenant: Uuid, user: Uuid, role: &str) -> Result<(), Failure> {
    write(admin, sql!("seed/membership"), &[&tenant, &user, &role]).await
}

/// Makes this many projects, with names of their own, and some tasks in each.
pub async fn add_projects(admin: &AdminConn, tenant: Uuid, owner: Option<Uuid>, count: usize) -> Result<(), Failure> {
    let ids: Vec<Uuid> = (0..count).map(|_| new_id()).collect();
    let names: Vec<String> = (0..count)
        .map(|n| format!("{} {} {n}", QUALITIES[n % QUALITIES.len()], THINGS[n / QUALITIES.len() % THINGS.len()]))
        .collect();
    let descriptions: Vec<Option<String>> =
        names.iter().enumerate().map(|(n, name)| (n % 3 != 0).then(|| format!("What {name} is for."))).collect();
    let statuses: Vec<&str> = (0..count).map(|n| STATUSES[n % 7 % STATUSES.len()]).collect();
    write(admin, sql!("seed/projects"), &[&tenant, &ids, &names, &descriptions, &statuses, &owner]).await?;

    let per_project = |n: usize| n % 4;
    let of: Vec<Uuid> = ids.iter().enumerate().flat_map(|(n, id)| vec![*id; per_project(n)]).collect();
    let task_ids: Vec<Uuid> = of.iter().map(|_| new_id()).collect();
    let task_names: Vec<&str> = (0..of.len()).map(|n| CHORES[n % CHORES.len()]).collect();
    let task_statuses: Vec<&str> = (0..of.len()).map(|n| TASK_STATUSES[n % TASK_STATUSES.len()]).collect();
    write(admin, sql!("seed/tasks"), &[&tenant, &task_ids, &of, &task_names, &task_statuses]).await
}
