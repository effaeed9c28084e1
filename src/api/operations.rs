//! `/operations`: what became of work that outlives its request.
use axum::response::Response;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::Endpoints,
    auth::Tenant,
    db::Constraint,
    http::{IfNoneMatch, Listing, One, Page, Path, PlainQuery, operation::Operation},
    sql,
};

const OPERATION: One = One::new("operation", sql!("operations/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[Constraint::full("operation_chunks_file_fkey")];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list)).routes(routes!(get, cancel))
}

/// List operations, newest first.
///
/// Needs `operations:read`.
#[utoipa::path(get, path = "/operations", tag = "operations", params(PlainQuery),
    responses((status = OK, body = Page<Operation>)))]
async fn list(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<Operation>> {
    let page = listing.page::<Uuid>(&tenant)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("operations/list"), &[&after, &page.fetch(), &page.bytes()]).await?;
    page.page(rows, Operation::id)
}

/// Read how far an operation is.
///
/// Needs `operations:read`. While it is under way, `Retry-After` says when to ask again.
#[utoipa::path(get, path = "/operations/{id}", tag = "operations", params(("id" = Uuid, Path)),
    responses((status = OK, body = Operation, headers(("Retry-After" = String, description = "Seconds, while it is under way"))),
        (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    let operation: Operation = OPERATION.at(&tenant, &[&id]).read().await?;
    let under_way = operation.is_under_way();
    Ok(Operation::told(under_way, known.answer(operation)))
}

/// Cancel an operation.
///
/// Needs `operations:write` and `operations:read`. It ends when it next looks, and undoes what it can; ask until its
/// status says so. No `If-Match`: its version changes with its progress.
#[utoipa::path(delete, path = "/operations/{id}", tag = "operations", params(("id" = Uuid, Path)),
    responses((status = ACCEPTED, body = Operation,
        headers(("ETag" = String), ("Location" = String), ("Retry-After" = String)))))]
async fn cancel(tenant: Tenant, Path(id): Path<Uuid>) -> Result<Response> {
    let mut conn = tenant.writes().await?;
    let asked: Option<Operation> = conn.write().last().optional(sql!("operations/cancel"), &[&id]).await?;
    if let Some(operation) = asked {
        return if operation.is_under_way() { Ok(operation.accepted()) } else { Err(Error::OperationEnded) };
    }
    match OPERATION.at(&tenant, &[&id]).missed(&mut conn).await? {
        Error::PreconditionFailed => Err(Error::OperationEnded),
        none => Err(none),
    }
}
