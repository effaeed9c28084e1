//! `/me`: the signed-in person, outside any tenant.
use axum::{extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Result,
    app::{App, Endpoints},
    auth::{Action, Client, SignedIn, attempt, attempt_of_person, in_hex},
    db::{Constraint, Params},
    from_row,
    http::{IfMatch, Json, MergePatch, Prefer, Tagged, Versioned, Violations, etag::missed, merge_patch, versioned},
    mail::{About, Content, NewLetter},
    sql,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] =
    &[Constraint::out_of_range("users_full_name_check", "/full_name", "must have 1 to 200 characters")];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(get, update)).routes(routes!(change_email))
}

/// Who is signed in, and where they belong.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    #[serde(flatten)]
    profile: Profile,
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
from_row! { MyTenant: id, slug, name, status, role }

/// The account itself.
#[derive(Debug, Serialize, ToSchema)]
struct Profile {
    id: Uuid,
    #[schema(format = Email)]
    email: String,
    #[schema(min_length = 1, max_length = 200)]
    full_name: String,
    /// Whether signing in asks for a second factor.
    second_factor: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Profile);
from_row! { Profile: id, email, full_name, second_factor, created_at, updated_at, version }

merge_patch! {
    /// What changes; members left out stay as they are.
    struct ProfilePatch {
        #[schema(min_length = 1, max_length = 200)]
        full_name: Option<String>,
    }
}

/// The address an account is to have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEmail {
    #[schema(format = Email)]
    email: String,
}

struct Free(bool);
from_row! { Free: "free" }

/// Who am I, and which tenants do I belong to?
#[utoipa::path(get, path = "/me", tag = "me", responses((status = OK, body = Me, headers(("ETag" = String)))))]
async fn get(signed_in: SignedIn) -> Result<Tagged<Me>> {
    let mut conn = signed_in.connect().await?;
    let ([profile], tenants) = conn.read().last().after([(sql!("me/profile"), &[])], sql!("me/tenants"), &[]).await?;
    Ok(Tagged(Me { profile: profile.one()?, tenants: tenants.all()? }))
}

/// Change one's name.
///
/// Needs `If-Match` with the ETag that was read. Fellow members see the new name at once.
#[utoipa::path(patch, path = "/me", tag = "me", params(("If-Match" = String, Header)),
    request_body = ProfilePatch, responses((status = OK, body = Profile)))]
async fn update(
    signed_in: SignedIn,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<ProfilePatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    violations.line("/full_name", &patch.full_name, NAME);
    violations.finish()?;
    let mut conn = signed_in.connect().await?;
    let changed: Option<Profile> =
        conn.write().last().optional(sql!("me/update"), &[&versions, &patch.full_name]).await?;
    changed.map(|profile| prefer.changed(profile)).ok_or_else(|| missed("account", true))
}

/// Have a link sent to a new address, which becomes the account's once the link was used.
///
/// Asks for a password given lately. The answer is the same for an address that has an account of its own.
#[utoipa::path(post, path = "/me/email", tag = "me", request_body = NewEmail, responses((status = ACCEPTED)))]
async fn change_email(
    State(app): State<App>,
    client: Client,
    signed_in: SignedIn,
    Json(given): Json<NewEmail>,
) -> Result<StatusCode> {
    let mut violations = Violations::default();
    let email = violations.email("/email", &given.email);
    violations.finish()?;
    attempt_of_person(&app.auth, Action::Email, &signed_in, &client).await?;
    let mut public = app.db.public().await?;
    let waits = attempt(&mut public, Action::Letter, &email, &client).await?.account_waits;
    drop(public);
    let (letter, link) = NewLetter::link(app.secrets());
    let mut conn = signed_in.connect().await?;
    let (user, session) = (signed_in.user().as_uuid().to_string(), signed_in.person().session.as_uuid().to_string());
    let seal = app.seal("change_email", &[Some(&user), Some(&session), Some(&email), Some(&in_hex(&link.hash))]);
    let change: Params<'_> = &[&email, &link.hash.as_slice(), &"1 day", &seal];
    let mut tx = conn.write();
    let ([free], profile) = tx.after([(sql!("me/change_email"), change)], sql!("me/profile"), &[]).await?;
    let (Free(free), profile): (_, Profile) = (free.one()?, profile.one()?);
    // One's own address is nobody else's, and a post box that is full enough gets no more.
    if !waits && email != profile.email {
        let (about, name) =
            if free { (About::ConfirmNewAddress, profile.full_name) } else { (About::AddressTaken, String::new()) };
        let content = Content { name, ..Content::to(&email) };
        let letter = NewLetter::with_id(app.secrets(), letter, about, &content)?;
        tx.all::<()>(NewLetter::WRITE, &letter.with()).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED)
}

impl Versioned for Me {
    fn version(&self) -> i64 {
        self.profile.version
    }
}
