//! `/tenant/audit-log`: who did what, newest first; and all of it as a file.
use axum::{extract::State, http::HeaderMap, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::Tenant,
    db::{FromRow, Params, Snapshot, Sql, Tx},
    error::Violation,
    events::Position,
    http::{
        Asks, Chosen, Listing, Page, Query,
        export::{self, Cells, FileQuery},
        exporting::{self, Source},
    },
    sql, text_enum,
};

/// Rows read at a time by an export.
const BATCH: i64 = 500;

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list)).routes(routes!(export))
}

/// Something that somebody did, and what it changed.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    id: Uuid,
    /// When it was written, within the transaction of the change.
    at: Timestamp,
    actor: AuditActor,
    /// What was done to what: the type of event where there is one.
    #[schema(example = "project.updated")]
    action: String,
    object: AuditObject,
    /// What the changed fields held before; null of what is new. Of secrets that there was one, of long texts the beginning.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// What they have held since; null of what is gone.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    /// The `trace_id` of the request.
    request_id: Option<String>,
    /// Where the request came from.
    address: Option<String>,
    /// The role as which PostgreSQL was reached: `rowhouse_api` where it was served.
    login: String,
    #[serde(skip)]
    position: Position,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
struct AuditActor {
    kind: AuditActorKind,
    /// The person's, the API key's or the job's.
    id: Option<Uuid>,
    /// Of a job: the person or the API key whose doing it is.
    on_behalf_of: Option<Uuid>,
    /// Which of the person's sessions.
    session_id: Option<Uuid>,
}

/// What it was done to.
#[derive(Debug, Serialize, ToSchema)]
struct AuditObject {
    /// The table it is kept in.
    #[serde(rename = "type")]
    #[schema(example = "projects")]
    kind: String,
    /// A member is known by their account; of settings there is one row, without an id.
    id: Option<Uuid>,
}

text_enum! {
    /// Who acts.
    pub enum AuditActorKind {
        /// A person.
        User = "user",
        /// An API key.
        ApiKey = "api_key",
        /// A job.
        Job = "job",
        /// Whoever operates the platform, or what follows by itself.
        System = "system",
        /// Nobody who is known in this tenant.
        None = "none",
    }
}

impl FromRow for AuditEntry {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let id = row.try_get("id")?;
        Ok(Self {
            id,
            at: row.try_get("at")?,
            actor: AuditActor {
                kind: row.try_get("actor_kind")?,
                id: row.try_get("actor_id")?,
                on_behalf_of: row.try_get("on_behalf_of")?,
                session_id: row.try_get("session_id")?,
            },
            action: row.try_get("action")?,
            object: AuditObject { kind: row.try_get("object_type")?, id: row.try_get("object_id")? },
            before: row.try_get("before")?,
            after: row.try_get("after")?,
            request_id: row.try_get("request_id")?,
            address: row.try_get("address")?,
            login: row.try_get("login")?,
            position: Position { epoch: row.try_get("epoch")?, xid: row.try_get("xid")?, id },
        })
    }
}

impl export::Row for AuditEntry {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "at",
        "actor_kind",
        "actor_id",
        "on_behalf_of",
        "session_id",
        "login",
        "request_id",
        "address",
        "action",
        "object_type",
        "object_id",
        "before",
        "after",
    ];

    fn cells(&self, cells: &mut Cells) {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string());
        let json = |value: Option<&Value>| value.map(Value::to_string);
        cells.text(&*self.id.to_string());
        cells.time(self.at);
        cells.text(self.actor.kind.as_str());
        cells.text(id(self.actor.id).as_deref());
        cells.text(id(self.actor.on_behalf_of).as_deref());
        cells.text(id(self.actor.session_id).as_deref());
        cells.text(&*self.login);
        cells.text(self.request_id.as_deref());
        cells.text(self.address.as_deref());
        cells.text(&*self.action);
        cells.text(&*self.object.kind);
        cells.text(id(self.object.id).as_deref());
        cells.text(json(self.before.as_ref()).as_deref());
        cells.text(json(self.after.as_ref()).as_deref());
    }
}

/// Characters of an action or of a kind of thing that are asked for: more than any has.
const LONGEST_NAME: usize = 100;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only what this person, API key or job did, or what a job did on their behalf.
    actor: Option<Uuid>,
    /// Only this action.
    #[param(example = "project.updated", max_length = 100)]
    action: Option<String>,
    /// Only what was done to things of this kind.
    #[param(example = "projects", max_length = 100)]
    object_type: Option<String>,
    /// Only what was done to this one.
    object: Option<Uuid>,
    /// Only what was done then or later.
    from: Option<Timestamp>,
    /// Only what was done before.
    until: Option<Timestamp>,
}

impl Asks for AuditQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        vec![
            ("actor", self.actor.map(|id| id.to_string())),
            ("action", self.action.clone()),
            ("object_type", self.object_type.clone()),
            ("object", self.object.map(|id| id.to_string())),
            ("from", self.from.map(|at| at.to_string())),
            ("until", self.until.map(|at| at.to_string())),
        ]
    }
}

/// Read who did what, newest first.
///
/// Needs `audit-log:read`. Each change of the tenant's data, written in the transaction that made it. Whoever looks for few entries among many says from
/// when to when: the others are read on the way.
#[utoipa::path(get, path = "/tenant/audit-log", tag = "tenant", params(AuditQuery),
    responses((status = OK, body = Page<AuditEntry>)))]
async fn list(tenant: Tenant, listing: Listing<AuditQuery>) -> Result<Page<AuditEntry>> {
    let AuditQuery { actor, action, object_type, object, from, until, .. } = &listing.query;
    if from.zip(*until).is_some_and(|(from, until)| until <= from) {
        return Err(Error::BadRequest(vec![Violation::parameter("until", "before_from", "is not after `from`")]));
    }
    for (name, said) in [("action", action), ("object_type", object_type)] {
        if said.as_ref().is_some_and(|said| said.chars().count() > LONGEST_NAME) {
            let violation = Violation::parameter(name, "too_long", "must have at most 100 characters");
            return Err(Error::BadRequest(vec![violation]));
        }
    }
    let page = listing.page::<Position>(&tenant)?;
    let Position { epoch, xid, id } = page.after.unwrap_or(Position::END);
    let mut conn = tenant.reads().await?;
    let fetch = page.fetch();
    let params: Params<'_> = &[&epoch, &xid, &id, actor, action, object_type, object, from, until, &fetch];
    let rows = conn.read().last().all(sql!("audit_log/list"), params).await?;
    page.page(rows, |entry: &AuditEntry| entry.position)
}

/// Export the audit log.
///
/// Needs `audit-log:read`. All of it, in the order in which it was committed, as CSV or NDJSON. `Accept` or `format` says which; NDJSON unless said. Whether it
/// is whole, the trailer fields `Row-Count` and `Repr-Digest` (SHA-256, RFC 9530) say to whoever sends `TE: trailers`; an answer that breaks off has no
/// proper end. Take it at 16 KiB a second at least, and within an hour.
#[utoipa::path(get, path = "/tenant/audit-log/export", tag = "tenant", params(FileQuery),
    responses((status = OK, content((String = "application/x-ndjson"), (String = "text/csv")),
        headers(("Content-Disposition" = String), ("Trailer" = String)))))]
async fn export(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<FileQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let format = query.choose(&headers)?;
    exporting::export::<AuditLog>(app.transfers.clone(), tenant, format).await
}

struct AuditLog;

impl Source for AuditLog {
    type Row = AuditEntry;
    const NAME: &'static str = "audit-log";
    const MAY: Sql = sql!("audit_log/may_export");

    async fn batch(tx: &mut Tx<'_, Snapshot>, last: Option<&AuditEntry>) -> Result<Vec<AuditEntry>> {
        let Position { epoch, xid, id } = last.map_or(Position::START, |last| last.position);
        Ok(tx.all(sql!("audit_log/export"), &[&epoch, &xid, &id, &BATCH]).await?)
    }
}
