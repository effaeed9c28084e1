//! What a caller would rather have (RFC 7240). A preference that is unknown, malformed or given a second time is ignored,
//! and one that was followed is named in `Preference-Applied`.
use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::etag::{Tagged, Versioned, tag};
use crate::from_row;

/// Names the preferences that were followed (RFC 7240 §3).
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The furthest that an estimate counts.
const ESTIMATE: i64 = 10_000;

/// The preferences of a request that somebody here knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    returns: Option<Return>,
    count: Option<Count>,
}

/// What a change answers (RFC 7240 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    Minimal,
    Representation,
}

/// Whether, and how well, a list is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Every row.
    Exact,
    /// Ten thousand rows at most. The planner's own estimates are of all tenants together, and would tell a tenant
    /// how much the others have.
    Estimated,
}

impl Count {
    /// The word that is preferred.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
        }
    }

    /// The `limit` of what is counted: one row further than is told, so that more is known to be more; none when all
    /// are counted.
    #[must_use]
    pub fn limit(self) -> Option<i64> {
        match self {
            Self::Exact => None,
            Self::Estimated => Some(ESTIMATE + 1),
        }
    }

    /// What to tell of so many rows.
    #[must_use]
    pub fn of(self, RowCount(counted): RowCount) -> Total {
        let bound = match self {
            Self::Exact => counted,
            Self::Estimated => counted.min(ESTIMATE),
        };
        let is = if bound < counted { TotalIs::AtLeast } else { TotalIs::Exact };
        let applied = match self {
            Self::Exact => "count=exact",
            Self::Estimated => "count=estimated",
        };
        Total { rows: bound, is, applied }
    }
}

/// How many rows a statement counted, in its column `counted`.
#[derive(Debug)]
pub struct RowCount(i64);

/// How many rows a list has, whatever page of it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    pub(super) rows: i64,
    pub(super) is: TotalIs,
    pub(super) applied: &'static str,
}

/// What `total` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TotalIs {
    /// So many.
    Exact,
    /// So many and more.
    AtLeast,
}

from_row! { RowCount: "counted" }

impl Prefer {
    /// Reads every `Prefer` line; of a preference that is given twice, the first counts (RFC 7240 §2).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let lines = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
        for preference in lines.flat_map(|line| split(line, ',')) {
            // Parameters after a semicolon refine preferences that nobody here knows.
            let own = split(preference, ';').next().unwrap_or_default();
            let (name, value) = own.split_once('=').unwrap_or((own, ""));
            let name = name.trim().to_ascii_lowercase();
            if seen.contains(&name) {
                continue;
            }
            let value = value.trim().trim_matches('"');
            match (name.as_str(), value) {
                ("return", "minimal") => prefer.returns = Some(Return::Minimal),
                ("return", "representation") => prefer.returns = Some(Return::Representation),
                ("count", "exact") => prefer.count = Some(Count::Exact),
                ("count", "estimated") => prefer.count = Some(Count::Estimated),
                _ => {}
            }
            seen.push(name);
        }
        prefer
    }

    /// How a list is to be counted; not at all unless asked for.
    #[must_use]
    pub fn count(self) -> Option<Count> {
        self.count
    }

    /// `201` with the new resource, or with `return=minimal` without it. `tag` is its `ETag`, where it has one.
    pub(super) fn created(self, location: &str, tag: Option<HeaderValue>, resource: impl IntoResponse) -> Response {
        let response = match self.returns {
            Some(Return::Minimal) => ().into_response(),
            _ => resource.into_response(),
        };
        let mut response = (StatusCode::CREATED, [(header::LOCATION, location.to_owned())], response).into_response();
        if let Some(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        self.note(response)
    }

    /// `200` with a resource that was changed; with `return=minimal` `204` and its `ETag`.
    pub fn changed<T: Versioned + Serialize>(self, resource: T) -> Response {
        let response = match self.returns {
            Some(Return::Minimal) => {
                (StatusCode::NO_CONTENT, [(header::ETAG, tag(resource.version()))]).into_response()
            }
            _ => Tagged(resource).into_response(),
        };
        self.note(response)
    }

    fn note(self, mut response: Response) -> Response {
        let applied = match self.returns {
            None => return response,
            Some(Return::Minimal) => "return=minimal",
            Some(Return::Representation) => "return=representation",
        };
        response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static(applied));
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// The parts of a list, whose quoted strings may hold what sets them apart.
fn split(line: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    line.split(move |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return c == at && !quoted,
        }
        false
    })
}
