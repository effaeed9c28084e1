//! A table that rowhouse has never heard of, behind a wall, and two tenants that write and read it.
//! `cargo run --package rowhouse-walls --example notes` tries it on a PostgreSQL that is gone afterwards.
use rowhouse_dev::{Durability, PrivatePostgres};
use rowhouse_pg::AdminConn;
use rowhouse_walls::{
    Failure, FromRow, Person, Pool, PoolOptions, Principal, Result, SessionId, Settings, Share, TenantId, UserId, sql,
};
use uuid::Uuid;

/// What is run once, by whoever owns the database. `members` says who may, `wall` in which tenant.
pub const SCHEMA: &str = "
    create role notes_api login;
    create table notes (tenant_id uuid not null, id uuid not null, body text not null, primary key (tenant_id, id));
    alter table notes enable row level security, force row level security;
    create policy members on notes to notes_api using (true);
    create policy wall on notes as restrictive using (tenant_id = (select current_setting('notes.tenant')::uuid));
    grant select, insert on notes to notes_api";

/// What a note says.
pub struct Note(pub String);
impl FromRow for Note {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get("body").map(Self)
    }
}

/// The settings that the policies read.
pub fn open(url: &str) -> Result<Pool, Failure> {
    let (tenant, user, session, api_key) = ("notes.tenant", "notes.user", "notes.session", "notes.key");
    let settings = Settings { tenant, user, session, api_key, raised: "NO", ..Settings::default() };
    Pool::open(&url.into(), PoolOptions { name: "notes", settings, ..PoolOptions::default() })
}

/// Somebody in a tenant. An application says so where it has looked at a signature, and nowhere else.
pub fn member(tenant: u128) -> (TenantId, Principal) {
    let [tenant, user, session] = [tenant, 7, 8].map(Uuid::from_u128);
    let (user, session) = (UserId::assume_verified(user), SessionId::assume_verified(session));
    (TenantId::assume_verified(tenant), Principal::Person(Person { user, session }))
}

/// Adds a note, which is theirs.
pub async fn write(pool: &Pool, (tenant, who): (TenantId, Principal), id: u128, body: &str) -> Result<()> {
    let mut conn = pool.tenant_writes(tenant, who, Share::Tenant(tenant)).await?;
    conn.write().last().all(sql!("notes/add"), &[&Uuid::from_u128(id), &body]).await.map(|_: Vec<()>| ())
}

/// Every note there is, as far as they can tell.
pub async fn read(pool: &Pool, (tenant, who): (TenantId, Principal)) -> Result<Vec<String>> {
    let mut conn = pool.tenant_reads(tenant, who, Share::Tenant(tenant)).await?;
    let notes: Vec<Note> = conn.read().last().all(sql!("notes/all"), &[]).await?;
    Ok(notes.into_iter().map(|note| note.0).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let postgres = PrivatePostgres::start(&std::env::temp_dir().join("rowhouse-notes"), Durability::Throwaway)?;
    AdminConn::connect(&postgres.url("postgres", "postgres")).await?.script("schema", SCHEMA).await?;
    let (pool, acme, globex) = (open(&postgres.url("notes_api", "postgres"))?, member(1), member(2));
    write(&pool, acme, 1, "acme's secret").await?;
    println!("acme reads {:?}, globex reads {:?}", read(&pool, acme).await?, read(&pool, globex).await?);
    Ok(())
}
