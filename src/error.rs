//! Everything that can go wrong, once: error/table.rs has its status, its stable code, what it tells the caller and what to
//! do about it. docs/errors.md is made of that table.
use std::fmt;

use axum::http::StatusCode;
pub use rowhouse_pg::Failure;
use serde::Serialize;
use utoipa::ToSchema;

/// Makes [`Error`] of its table, and of each column what is asked for by it.
macro_rules! errors {
    ($(
        $variant:ident $(($held:ident: $of:ty))? $({ $($field:ident: $each:ty),+ })?: $status:ident $code:literal $title:literal,
        $happened:literal => $remedy:literal,
        $detail:expr
        $(, raised $sqlstate:literal $make:expr)?
        $(, retry $seconds:expr)?;
    )+) => {
        /// Why a request failed. Never carries database text, SQL or secrets to the caller: what is inside
        /// [`Error::Internal`] goes to the log alone.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "a field's name says what it is")]
        pub enum Error {
            $(#[doc = $happened] $variant $(($of))? $({ $($field: $each),+ })?,)+
        }

        /// Each row of the table.
        pub const ROWS: &[super::Row] = &[$(super::Row {
            status: axum::http::StatusCode::$status,
            code: $code,
            title: $title,
            happened: $happened,
            remedy: $remedy,
            sqlstates: &[$($sqlstate)?],
        }),+];

        impl Error {
            /// Status and stable code.
            #[must_use]
            pub fn kind(&self) -> (axum::http::StatusCode, &'static str) {
                match self {
                    $(Self::$variant { .. } => (axum::http::StatusCode::$status, $code),)+
                }
            }

            /// The short sentence that is the same for every occurrence of a code (RFC 9457 §3.1.3).
            #[must_use]
            pub fn title(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $title,)+
                }
            }

            /// What happened this time, and what to do.
            #[must_use]
            #[allow(unused_variables, clippy::too_many_lines, reason = "not every row tells what it holds")]
            pub fn detail(&self) -> String {
                match self {
                    $(Self::$variant $(($held))? $({ $($field),+ })? => String::from($detail),)+
                }
            }

            /// Seconds after which another try is worth while (RFC 9110 §10.2.3): whoever is told 503 may try in one.
            #[must_use]
            #[allow(unused_variables, reason = "not every row waits")]
            pub fn retry_after(&self) -> Option<u32> {
                let seconds: Option<u32> = match self {
                    $(Self::$variant $(($held))? $({ $($field),+ })? => None $(.or(Some($seconds)))?,)+
                };
                seconds.or((self.kind().0 == axum::http::StatusCode::SERVICE_UNAVAILABLE).then_some(1))
            }

            /// What a function of the database means by an SQLSTATE of ours and what it said.
            pub(crate) fn raised(sqlstate: &str, said: &str) -> Option<Self> {
                let make: fn(&str) -> Self = match sqlstate {
                    $($($sqlstate => $make,)?)+
                    _ => return None,
                };
                Some(make(said))
            }
        }
    };
}

mod table;

pub use table::{Error, ROWS};

/// The house's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is the same for each occurrence of an error.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The status it answers.
    pub status: StatusCode,
    /// Stable word for programs.
    pub code: &'static str,
    /// Short sentence for people.
    pub title: &'static str,
    /// What happened, for docs/errors.md.
    pub happened: &'static str,
    /// What to do about it, for docs/errors.md.
    pub remedy: &'static str,
    /// With which SQLSTATE functions under sql/functions raise it.
    pub sqlstates: &'static [&'static str],
}

/// docs/errors.md, as it is committed.
#[must_use]
pub fn documentation() -> String {
    let mut rows = String::new();
    let mut codes = Vec::new();
    for row in ROWS {
        // Two variants of one code differ in what they tell this time.
        if !codes.contains(&row.code) {
            codes.push(row.code);
            let (code, status) = (row.code, row.status.as_u16());
            rows.push_str(&format!("| `{code}` | {status} | {} | {} |\n", row.happened, row.remedy));
        }
    }
    include_str!("error/errors.md").replace("{rows}\n", &rows)
}

/// One thing wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the body; absent when the fault is not in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The query parameter, path parameter or header at fault, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Stable word for programs: `required`, `too_long`, `unknown_field` …
    pub code: &'static str,
    /// Sentence for people.
    pub detail: String,
}

impl Violation {
    /// About a place in the body.
    pub fn at(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, code, detail: detail.into() }
    }

    /// About a query parameter, a path parameter or a header.
    pub fn parameter(name: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(name.into()), code, detail: detail.into() }
    }
}

impl Error {
    /// Whether the same may well go through a moment later.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self.kind().0, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }

    /// Why there is a 401 when no token was sent at all.
    pub const NO_TOKEN: &str = "send an access token: Authorization: Bearer …";

    /// Why there is a 401 for an API key, whichever it is.
    pub const NO_SUCH_KEY: &str = "the API key does not exist, was revoked, or has expired";

    /// A bug; the text goes to the log alone.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into())
    }

    /// Each violation, for the `errors` member.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::BadRequest(violations) | Self::Invalid(violations) => violations,
            Self::Conflict(violation) => std::slice::from_ref(violation),
            _ => &[],
        }
    }
}

fn summary(violations: &[Violation]) -> String {
    match violations {
        [] => String::new(),
        [one] => match (&one.pointer, &one.parameter) {
            (Some(place), _) if !place.is_empty() => format!("{place}: {}", one.detail),
            (_, Some(place)) => format!("{place}: {}", one.detail),
            _ => one.detail.clone(),
        },
        more => format!("{} values are wrong; errors lists each", more.len()),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internal(what) => write!(f, "internal: {what}"),
            other => write!(f, "{}: {}", other.kind().1, other.detail()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}
