//! `/me`: the signed-in person, outside any tenant.
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{App, Error, Result, auth::SignedIn, db::FromRow, http::extract::Json, sql};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(me))
}

/// Who is signed in, and where they belong.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    id: Uuid,
    email: String,
    full_name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// By slug.
    tenants: Vec<MyTenant>,
}

/// A tenant one belongs to.
#[derive(Debug, Serialize, ToSchema)]
struct MyTenant {
    id: Uuid,
    slug: String,
    name: String,
    /// trial, active, suspended or closing.
    status: String,
    /// The role held in it.
    role: String,
}

struct Profile {
    id: Uuid,
    email: String,
    full_name: String,
    created_at: Timestamp,
}

/// Who am I, and which tenants do I belong to?
#[utoipa::path(get, path = "/me", tag = "me", responses((status = OK, body = Me)))]
async fn me(signed_in: SignedIn) -> Result<Json<Me>> {
    let mut conn = signed_in.connect().await?;
    let mut tx = conn.read();
    // The wall on registry.users lets an active account see itself, and nobody anything else.
    let profile: Option<Profile> = tx.maybe(sql!("me/profile"), &[]).await?;
    let Some(Profile { id, email, full_name, created_at }) = profile else {
        tx.rollback().await?;
        return Err(Error::AccountDeactivated);
    };
    let tenants = tx.last().all(sql!("me/tenants"), &[]).await?;
    Ok(Json(Me { id, email, full_name, created_at, tenants }))
}

impl FromRow for Profile {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
            full_name: row.try_get("full_name")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

impl FromRow for MyTenant {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            slug: row.try_get("slug")?,
            name: row.try_get("name")?,
            status: row.try_get("status")?,
            role: row.try_get("role")?,
        })
    }
}
