//! Everything that can go wrong, once: its status, its stable code, and what it tells the caller.
//! docs/errors.md explains each code; a test keeps the two equal.
use std::{fmt, time::Duration};

use axum::http::StatusCode;
pub use rowhouse_pg::Failure;
use serde::Serialize;
use utoipa::ToSchema;

/// The house's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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

/// Why a request failed. Never carries database text, SQL or secrets to the caller: what is inside
/// [`Error::Internal`] goes to the log alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The body is not JSON.
    MalformedJson(String),
    /// Query, path or header cannot be read.
    BadRequest(Vec<Violation>),
    /// The cursor was altered, cut, or issued for something else.
    InvalidCursor(String),
    /// No tenant in token, header or host.
    TenantRequired,
    /// Token, header and host name different tenants.
    TenantConflict(String),
    /// No token, or one that does not hold; the reason is safe to tell.
    Unauthenticated(&'static str),
    /// E-mail and password do not belong together, or the account is deactivated: told apart by nobody.
    WrongCredentials,
    /// The password is right and a second factor is asked for: none was sent, or it was wrong or used already.
    SecondFactorRequired,
    /// The account behind a valid token was deactivated.
    AccountDeactivated,
    /// The session behind a valid token was ended, or nobody used it for too long.
    SessionEnded,
    /// What was asked for wants a password given lately; holds how lately, in seconds (RFC 9470).
    AuthenticateAgain(u32),
    /// The refresh token is not one, was used, or its session has ended: told apart by nobody.
    RefreshTokenSpent,
    /// A request that came with a cookie was not made by our own page (CSRF).
    CrossSite(&'static str),
    /// An API key asked for what is a person's own.
    PersonRequired,
    /// Nobody signs up just now who was not invited.
    SignupClosed,
    /// An invitation was sent to another address than the caller's; holds it.
    WrongAddress(String),
    /// Not a member of the tenant named, or there is no such tenant: told apart by nobody.
    NotAMember,
    /// The tenant is suspended, closing or closed; holds its status.
    TenantNotOpen(String),
    /// Holds the permission that is missing.
    PermissionDenied(String),
    /// The resource is missing or another tenant's: told apart by nobody. Holds the resource's name.
    NotFound(&'static str),
    /// No such route.
    NoRoute,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// A value is taken.
    Conflict(Violation),
    /// The tenant would be left without an owner.
    LastOwner,
    /// A role every tenant has was to be changed or deleted.
    BuiltInRole,
    /// The caller is a member already.
    MemberAlready,
    /// The address has an account, whose owner has to sign in first.
    AccountExists,
    /// The password is too short to be the only factor.
    LeansOnSecondFactor,
    /// The domain resolves to another tenant.
    DomainTaken,
    /// A domain's TXT record was not found.
    DomainNotProven(String),
    /// A request with the same `Idempotency-Key` is running.
    IdempotencyKeyInUse,
    /// The `Idempotency-Key` was used for another request.
    IdempotencyKeyReused,
    /// The route wants an `Idempotency-Key`.
    IdempotencyKeyRequired,
    /// A link or an invitation was used, replaced or taken back, has expired, or never was: told apart by nobody.
    LinkSpent,
    /// `If-Match` named a version that is not the current one.
    PreconditionFailed,
    /// `If-Match` is missing.
    PreconditionRequired,
    /// The body is larger than the limit, in bytes.
    PayloadTooLarge(usize),
    /// The body did not arrive in time.
    BodyTimeout,
    /// A large body ended before its end.
    UploadCut,
    /// Lines of an imported file cannot be taken; holds how many.
    ImportRejected(u64),
    /// An operation that was to be cancelled has ended.
    OperationEnded,
    /// Path and query are longer than the limit, in bytes.
    UriTooLong(usize),
    /// Nothing the caller accepts is offered; holds what is.
    NotAcceptable(String),
    /// The content type is not one the route reads; holds those it does.
    UnsupportedMediaType(&'static str),
    /// The body was compressed or coded in another way.
    UnsupportedCoding,
    /// The body was read and makes no sense.
    Invalid(Vec<Violation>),
    /// Too many tries; holds the seconds to wait.
    TooManyAttempts(u32),
    /// What was asked for would take longer than such a thing may; holds how long that is.
    TooCostly(Duration),
    /// As many bytes of answers are kept for a tenant's Idempotency-Keys as may be; holds the seconds to wait.
    KeptTooMuch(u32),
    /// The tenant has as many requests under way as it may have at once.
    TenantBusy,
    /// More requests in a minute than somebody may make.
    RateLimited {
        /// Who.
        whose: &'static str,
        /// How many they may.
        requests: u64,
        /// How long to wait.
        seconds: u32,
    },
    /// More requests in a month than the tenant may make.
    QuotaExceeded {
        /// How many it may.
        requests: u64,
        /// Until the next month begins.
        seconds: u32,
    },
    /// A name server could not be asked.
    NoNameServer,
    /// Every connection was busy for as long as a request waits for one.
    PoolExhausted,
    /// PostgreSQL cannot be reached.
    DatabaseUnavailable,
    /// A statement or a lock took longer than it may.
    DatabaseTimeout,
    /// What was to be written was held by somebody else for too long.
    Locked,
    /// What was to be written is held by an operation of the tenant's own.
    OperationInProgress,
    /// The whole request took longer than it may.
    RequestTimeout,
    /// Too much password hashing, or too many imports or exports, at once, whoever asks.
    Busy,
    /// The tenant, or the member, has as many files on their way as they may have at once.
    FilesUnderWay,
    /// The tenant has as many answers under way as it may leave unread.
    UnreadAnswers,
    /// Every place for a connection is taken, or the network has its share of them.
    TooManyConnections,
    /// The server was told to stop.
    Leaving,
    /// The server is not fit to serve; holds how many reasons the log lists.
    NotReady(usize),
    /// A bug, or a database that is not as the code expects. What it holds is for the log.
    Internal(String),
}

impl Error {
    /// Why there is a 401 when no token was sent at all.
    pub const NO_TOKEN: &str = "send an access token: Authorization: Bearer …";

    /// Why there is a 401 for an API key, whichever it is.
    pub const NO_SUCH_KEY: &str = "the API key does not exist, was revoked, or has expired";

    /// A bug; the text goes to the log alone.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal(what.into())
    }

    /// Status and stable code.
    #[must_use]
    pub fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, "malformed_json"),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::InvalidCursor(_) => (StatusCode::BAD_REQUEST, "invalid_cursor"),
            Self::TenantRequired => (StatusCode::BAD_REQUEST, "tenant_required"),
            Self::TenantConflict(_) => (StatusCode::BAD_REQUEST, "tenant_conflict"),
            Self::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong_credentials"),
            Self::SecondFactorRequired => (StatusCode::UNAUTHORIZED, "second_factor_required"),
            Self::AccountDeactivated => (StatusCode::UNAUTHORIZED, "account_deactivated"),
            Self::SessionEnded => (StatusCode::UNAUTHORIZED, "session_ended"),
            Self::AuthenticateAgain(_) => (StatusCode::UNAUTHORIZED, "authenticate_again"),
            Self::RefreshTokenSpent => (StatusCode::UNAUTHORIZED, "refresh_token_spent"),
            Self::CrossSite(_) => (StatusCode::FORBIDDEN, "cross_site"),
            Self::PersonRequired => (StatusCode::FORBIDDEN, "person_required"),
            Self::SignupClosed => (StatusCode::FORBIDDEN, "signup_closed"),
            Self::WrongAddress(_) => (StatusCode::FORBIDDEN, "wrong_address"),
            Self::NotAMember => (StatusCode::FORBIDDEN, "not_a_member"),
            Self::TenantNotOpen(_) => (StatusCode::FORBIDDEN, "tenant_not_open"),
            Self::PermissionDenied(_) => (StatusCode::FORBIDDEN, "permission_denied"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "no_route"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::LastOwner => (StatusCode::CONFLICT, "last_owner"),
            Self::BuiltInRole => (StatusCode::CONFLICT, "built_in_role"),
            Self::MemberAlready => (StatusCode::CONFLICT, "member_already"),
            Self::AccountExists => (StatusCode::CONFLICT, "account_exists"),
            Self::LeansOnSecondFactor => (StatusCode::CONFLICT, "password_leans_on_second_factor"),
            Self::DomainTaken => (StatusCode::CONFLICT, "domain_taken"),
            Self::DomainNotProven(_) => (StatusCode::CONFLICT, "domain_not_proven"),
            Self::IdempotencyKeyInUse => (StatusCode::CONFLICT, "idempotency_key_in_use"),
            Self::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Self::IdempotencyKeyRequired => (StatusCode::BAD_REQUEST, "idempotency_key_required"),
            Self::LinkSpent => (StatusCode::GONE, "link_spent"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed"),
            Self::PreconditionRequired => (StatusCode::PRECONDITION_REQUIRED, "precondition_required"),
            Self::PayloadTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::BodyTimeout => (StatusCode::REQUEST_TIMEOUT, "body_timeout"),
            Self::UploadCut => (StatusCode::BAD_REQUEST, "upload_cut"),
            Self::ImportRejected(_) => (StatusCode::UNPROCESSABLE_ENTITY, "import_rejected"),
            Self::OperationEnded => (StatusCode::CONFLICT, "operation_ended"),
            Self::UriTooLong(_) => (StatusCode::URI_TOO_LONG, "uri_too_long"),
            Self::NotAcceptable(_) => (StatusCode::NOT_ACCEPTABLE, "not_acceptable"),
            Self::UnsupportedMediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::UnsupportedCoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_coding"),
            Self::TooManyAttempts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::TooCostly(_) => (StatusCode::UNPROCESSABLE_ENTITY, "too_costly"),
            Self::KeptTooMuch(_) => (StatusCode::TOO_MANY_REQUESTS, "idempotency_quota"),
            Self::TenantBusy => (StatusCode::TOO_MANY_REQUESTS, "tenant_busy"),
            Self::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::QuotaExceeded { .. } => (StatusCode::TOO_MANY_REQUESTS, "quota_exceeded"),
            Self::UnreadAnswers => (StatusCode::TOO_MANY_REQUESTS, "unread_answers"),
            Self::FilesUnderWay => (StatusCode::TOO_MANY_REQUESTS, "files_under_way"),
            Self::NoNameServer => (StatusCode::SERVICE_UNAVAILABLE, "no_name_server"),
            Self::PoolExhausted => (StatusCode::SERVICE_UNAVAILABLE, "pool_exhausted"),
            Self::DatabaseUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "database_unavailable"),
            Self::DatabaseTimeout | Self::Locked => (StatusCode::SERVICE_UNAVAILABLE, "database_timeout"),
            Self::OperationInProgress => (StatusCode::CONFLICT, "operation_in_progress"),
            Self::RequestTimeout => (StatusCode::SERVICE_UNAVAILABLE, "request_timeout"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::TooManyConnections => (StatusCode::SERVICE_UNAVAILABLE, "too_many_connections"),
            Self::Leaving => (StatusCode::SERVICE_UNAVAILABLE, "leaving"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The short sentence that is the same for every occurrence of a code (RFC 9457 §3.1.3).
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self {
            Self::MalformedJson(_) => "The body is not JSON",
            Self::BadRequest(_) => "The request cannot be read",
            Self::InvalidCursor(_) => "The cursor does not fit",
            Self::TenantRequired => "No tenant is named",
            Self::TenantConflict(_) => "Different tenants are named",
            Self::Unauthenticated(_) => "Not signed in",
            Self::WrongCredentials => "Wrong e-mail or password",
            Self::SecondFactorRequired => "A second factor is required",
            Self::AccountDeactivated => "The account is deactivated",
            Self::SessionEnded => "The session has ended",
            Self::AuthenticateAgain(_) => "Give the password once more",
            Self::RefreshTokenSpent => "The refresh token is not good",
            Self::CrossSite(_) => "The request comes from another site",
            Self::PersonRequired => "Not for API keys",
            Self::SignupClosed => "Sign-up is closed",
            Self::WrongAddress(_) => "The invitation was sent to another address",
            Self::NotAMember => "Not a member of this tenant",
            Self::TenantNotOpen(_) => "The tenant is not open",
            Self::PermissionDenied(_) => "A permission is missing",
            Self::NotFound(_) => "Not found",
            Self::NoRoute => "No such address",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Conflict(_) => "A value is taken",
            Self::LastOwner => "A tenant keeps an owner",
            Self::BuiltInRole => "The role is built in",
            Self::MemberAlready => "A member already",
            Self::AccountExists => "The address has an account",
            Self::LeansOnSecondFactor => "The password needs the second factor",
            Self::DomainTaken => "The domain is another tenant's",
            Self::DomainNotProven(_) => "The domain is not proven",
            Self::IdempotencyKeyInUse => "The request is running",
            Self::IdempotencyKeyReused => "The key belongs to another request",
            Self::IdempotencyKeyRequired => "Idempotency-Key is required",
            Self::LinkSpent => "The link is not good",
            Self::PreconditionFailed => "The resource has changed",
            Self::PreconditionRequired => "If-Match is required",
            Self::PayloadTooLarge(_) => "The body is too large",
            Self::BodyTimeout => "The body did not arrive",
            Self::UploadCut => "The body was cut off",
            Self::ImportRejected(_) => "The file has lines that cannot be taken",
            Self::OperationEnded => "The operation has ended",
            Self::UriTooLong(_) => "The address is too long",
            Self::NotAcceptable(_) => "Nothing acceptable is offered",
            Self::UnsupportedMediaType(_) => "Unsupported content type",
            Self::Invalid(_) => "The body is not valid",
            Self::TooManyAttempts(_) => "Too many attempts",
            Self::TooCostly(_) => "It would take too long",
            Self::KeptTooMuch(_) => "Too many answers are kept",
            Self::TenantBusy => "Too many requests of this tenant at once",
            Self::RateLimited { .. } => "Too many requests",
            Self::QuotaExceeded { .. } => "The month's requests are used up",
            Self::NoNameServer => "No name server answers",
            Self::PoolExhausted => "Too many requests at once",
            Self::UnsupportedCoding => "The body is coded in a way that is not read",
            Self::UnreadAnswers => "Answers are not read",
            Self::FilesUnderWay => "Too many files at once",
            Self::TooManyConnections => "Too many connections",
            Self::Leaving => "About to stop",
            Self::DatabaseUnavailable => "The database cannot be reached",
            Self::DatabaseTimeout | Self::Locked => "The database took too long",
            Self::OperationInProgress => "An operation is writing this",
            Self::RequestTimeout => "The request took too long",
            Self::Busy => "Too much of this at once",
            Self::NotReady(_) => "Not ready to serve",
            Self::Internal(_) => "Something is wrong on our side",
        }
    }

    /// What happened this time, and what to do.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a line for each")]
    pub fn detail(&self) -> String {
        match self {
            Self::MalformedJson(detail) | Self::InvalidCursor(detail) | Self::TenantConflict(detail) => detail.clone(),
            Self::BadRequest(violations) | Self::Invalid(violations) => summary(violations),
            Self::TenantRequired => {
                "name the tenant with a token issued for it, an X-Tenant-ID header, or the tenant's host".into()
            }
            Self::Unauthenticated(reason) => (*reason).into(),
            Self::WrongCredentials => {
                "no active account with a confirmed address has this e-mail address and password, or there were too many attempts: wait a minute".into()
            }
            Self::SecondFactorRequired => {
                "send the current code of your authenticator, or an unused recovery code, as totp".into()
            }
            Self::AccountDeactivated => "the account behind this token was deactivated".into(),
            Self::SessionEnded => "the session was ended, or was not used for too long; sign in again".into(),
            Self::AuthenticateAgain(seconds) => format!(
                "this asks for a password given within the last {} minutes: POST /api/v1/auth/authenticate-again, then repeat it",
                seconds / 60
            ),
            Self::RefreshTokenSpent => {
                "the refresh token was used, has expired, or its session has ended; sign in again".into()
            }
            Self::CrossSite(why) => (*why).into(),
            Self::PersonRequired => "an API key is its tenant's and no person's; sign in to ask for this".into(),
            Self::SignupClosed => "nobody signs up just now unless invited; ask a member to invite you".into(),
            Self::WrongAddress(address) => {
                format!("the invitation was sent to {address}; sign in with that address to accept it, or ask for another invitation")
            }
            Self::NotAMember => {
                "you are not a member of the tenant this request names, or there is no such tenant".into()
            }
            Self::TenantNotOpen(status) => {
                format!("the tenant is {status}; its data cannot be reached until it is open again")
            }
            Self::PermissionDenied(permission) => format!("your role, or the API key, does not hold {permission} in this tenant"),
            Self::NotFound(resource) => format!("no such {resource} in this tenant"),
            Self::NoRoute => "nothing is served at this address; the OpenAPI document lists what is".into(),
            Self::MethodNotAllowed => {
                "this address does not take this method; the Allow header lists those it takes".into()
            }
            Self::Conflict(violation) => violation.detail.clone(),
            Self::LastOwner => "make another member an owner first".into(),
            Self::BuiltInRole => "the roles every tenant has stay as they are; make one of your own".into(),
            Self::MemberAlready => "you are a member of this tenant already; ask for another role instead".into(),
            Self::AccountExists => "sign in with this address, then accept the invitation".into(),
            Self::LeansOnSecondFactor => {
                "the password is too short to be the only factor; set one of 15 characters or more first".into()
            }
            Self::DomainTaken => {
                "the domain resolves to another tenant, which has proven it; once that one no longer shows its TXT record it can be yours".into()
            }
            Self::DomainNotProven(record) => format!("no such TXT record was found: {record}"),
            Self::IdempotencyKeyInUse => {
                "a request with this Idempotency-Key has begun and has not ended; repeat it shortly".into()
            }
            Self::IdempotencyKeyReused => {
                "this Idempotency-Key was used for another address or body within the last 24 hours; make a new key for each request, and repeat one unchanged".into()
            }
            Self::IdempotencyKeyRequired => {
                "send an Idempotency-Key, a random string made for this request, so that repeating it does nothing twice".into()
            }
            Self::LinkSpent => {
                "it was used, replaced by a newer one or taken back, has expired, or never was; ask for a new one".into()
            }
            Self::PreconditionFailed => {
                "the resource is not at the version If-Match names; read it again and decide again".into()
            }
            Self::PreconditionRequired => {
                "send If-Match with the ETag you read, so that nobody's change is overwritten unseen".into()
            }
            Self::PayloadTooLarge(limit) => format!("the body may have {limit} bytes at most"),
            Self::BodyTimeout => "the body did not arrive in time".into(),
            Self::UploadCut => "the body ended before its end; nothing was done, send it again".into(),
            Self::ImportRejected(lines) => format!(
                "{lines} lines cannot be taken, so nothing was imported; mend them, or import with mode=partial"
            ),
            Self::OperationEnded => "there is nothing left to cancel; read the operation to see how it ended".into(),
            Self::UriTooLong(limit) => format!("path and query may have {limit} bytes together"),
            Self::NotAcceptable(offered) => format!("Accept names nothing this address offers, which is {offered}"),
            Self::UnsupportedMediaType(accepted) => format!("send the body as {accepted}"),
            Self::UnsupportedCoding => "send the body as it is, without Content-Encoding".into(),
            Self::UnreadAnswers => {
                "large answers to this tenant are on their way and nobody reads them; read those, or hang up, and try again".into()
            }
            Self::FilesUnderWay => {
                "this tenant, or you, have as many imports or exports under way as may be at once; wait for one to end, or cancel it: GET /api/v1/operations lists imports".into()
            }
            Self::TooManyConnections => {
                "the server, or your network's share of it, has no room for another connection; close some, or try again shortly".into()
            }
            Self::Leaving => "the server was told to stop and takes no more work; ask another".into(),
            Self::TooManyAttempts(seconds) => format!("too many attempts; try again in {seconds} seconds"),
            Self::TooCostly(limit) => format!(
                "it was given up after {} ms, and would be again; ask for less: fewer words, longer ones, a smaller page",
                limit.as_millis()
            ),
            Self::KeptTooMuch(seconds) => format!(
                "as many bytes of answers are kept for Idempotency-Keys as may be within a day; nothing was done: send it without a key, with Prefer: return=minimal, or in {seconds} seconds"
            ),
            Self::TenantBusy => {
                "this tenant has as many requests under way as it may have at once, and others waiting; try again shortly".into()
            }
            Self::RateLimited { whose, requests, seconds } => {
                format!("{whose} may make {requests} requests a minute; try again in {seconds} seconds")
            }
            Self::QuotaExceeded { requests, .. } => {
                format!("this tenant may make {requests} requests a month, and has; the next month begins on the first, UTC")
            }
            Self::NoNameServer => "no name server answered; try again shortly".into(),
            Self::PoolExhausted => "every database connection is busy; try again shortly".into(),
            Self::DatabaseUnavailable => "the database cannot be reached; try again shortly".into(),
            Self::DatabaseTimeout => "the database took longer than it may; try again".into(),
            Self::Locked => "somebody else was writing the same for longer than anybody may wait; try again".into(),
            Self::OperationInProgress => {
                "an import, or indexing anew, of this tenant is writing the same and is not done; try again later, or cancel it: GET /api/v1/operations lists it".into()
            }
            Self::RequestTimeout => "the request took longer than it may; try again".into(),
            Self::Busy => "too many passwords are being checked, letters sent, or files sent, imported or written, at once; try again shortly".into(),
            Self::NotReady(reasons) => format!("the server found {reasons} reasons not to serve; its log lists them"),
            Self::Internal(_) => {
                "the request failed through no fault of yours; quote the trace_id when you report it".into()
            }
        }
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

    /// Seconds after which a retry is worth while (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyAttempts(seconds)
            | Self::KeptTooMuch(seconds)
            | Self::RateLimited { seconds, .. }
            | Self::QuotaExceeded { seconds, .. } => Some(*seconds),
            Self::IdempotencyKeyInUse
            | Self::TenantBusy
            | Self::FilesUnderWay
            | Self::UnreadAnswers
            | Self::OperationInProgress => Some(1),
            other => matches!(other.kind().0, StatusCode::SERVICE_UNAVAILABLE).then_some(1),
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
