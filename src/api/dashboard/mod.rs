//! `/dashboard`: figures over the whole tenant, series over time, and what changed last.
//!
//! `dashboard:read` opens it, and each figure asks for what it counts as well: the statements read behind the tables'
//! own policies. docs/adr/0014 says why.
mod analytics;
mod kpis;
mod recent;

use utoipa_axum::routes;

use crate::app::Endpoints;

pub(crate) fn routes() -> Endpoints {
    Endpoints::new()
        .routes(routes!(kpis::kpis))
        .routes(routes!(analytics::analytics))
        .routes(routes!(recent::recent_projects))
}
