//! The table of errors. A row: the variant and what it holds, status, code, title (the same for each occurrence, RFC 9457
//! §3.1.3), what happened, `=>` what to do about it (both for docs/errors.md), what the caller is told this time; `raised`,
//! the SQLSTATE with which functions of the database say so; `retry`, the seconds after which another try is worth while.
//! Whoever adds one: `cargo run -q -- errors > docs/errors.md`.
use std::time::Duration;

use super::{Violation, summary};

errors! {
    MalformedJson(detail: String): BAD_REQUEST "malformed_json" "The body is not JSON",
        "the body is not JSON, or ended early" =>
        "mend the syntax; `detail` names line and column",
        detail.as_str();
    BadRequest(violations: Vec<Violation>): BAD_REQUEST "bad_request" "The request cannot be read",
        "a query parameter, path parameter or header cannot be read, or is unknown" =>
        "see `errors[].parameter`",
        summary(violations);
    InvalidCursor(detail: String): BAD_REQUEST "invalid_cursor" "The cursor does not fit",
        "the cursor was altered, cut, or belongs to another list, sort, filter or tenant" =>
        "start again without `cursor`",
        detail.as_str();
    IdempotencyKeyRequired: BAD_REQUEST "idempotency_key_required" "Idempotency-Key is required",
        "what is asked for must not be done twice by accident" =>
        "send an `Idempotency-Key`",
        "send an Idempotency-Key, a random string made for this request, so that repeating it does nothing twice";
    TenantRequired: BAD_REQUEST "tenant_required" "No tenant is named",
        "neither token, `X-Tenant-ID` nor host names a tenant" =>
        "name one",
        "name the tenant with a token issued for it, an X-Tenant-ID header, or the tenant's host";
    TenantConflict(detail: String): BAD_REQUEST "tenant_conflict" "Different tenants are named",
        "token, `X-Tenant-ID` and host name different tenants" =>
        "make them agree, or leave some out",
        detail.as_str();
    Unauthenticated(reason: &'static str): UNAUTHORIZED "unauthenticated" "Not signed in",
        "no token, cookie or API key, or one that is expired, forged, revoked, or not ours" =>
        "sign in again, or use another key",
        *reason,
        raised "RH007" |_| Error::Unauthenticated(Error::NO_SUCH_KEY);
    WrongCredentials: UNAUTHORIZED "wrong_credentials" "Wrong e-mail or password",
        "no active account with a confirmed address has this e-mail and password, or there were too many attempts" =>
        "the answer is the same for each reason; wait a minute, or reset the password",
        "no active account with a confirmed address has this e-mail address and password, or there were too many attempts: wait a minute";
    SecondFactorRequired: UNAUTHORIZED "second_factor_required" "A second factor is required",
        "the password is right; the code is missing, wrong, or was used already" =>
        "send the current code, or an unused recovery code, as `totp`",
        "send the current code of your authenticator, or an unused recovery code, as totp";
    SessionEnded: UNAUTHORIZED "session_ended" "The session has ended",
        "the session was ended, or nobody used it for too long" =>
        "sign in again",
        "the session was ended, or was not used for too long; sign in again",
        raised "RH006" |_| Error::SessionEnded;
    AuthenticateAgain(seconds: u32): UNAUTHORIZED "authenticate_again" "Give the password once more",
        "what was asked for wants a password given lately (RFC 9470); `max_age` in the challenge says how lately" =>
        "`POST /auth/authenticate-again`, then repeat it",
        format!("this asks for a password given within the last {} minutes: POST /api/v1/auth/authenticate-again, then repeat it", seconds / 60),
        raised "RH008" |said| Error::AuthenticateAgain(said.parse().unwrap_or_default());
    RefreshTokenSpent: UNAUTHORIZED "refresh_token_spent" "The refresh token is not good",
        "the refresh token was used, has expired, or its session has ended; nobody can tell which" =>
        "sign in again",
        "the refresh token was used, has expired, or its session has ended; sign in again";
    TicketSpent: UNAUTHORIZED "ticket_spent" "The ticket is not good",
        "the ticket was used, has expired, or is none; nobody can tell which" =>
        "ask for another: `POST /auth/ws-ticket`",
        "the ticket was used, is older than half a minute, or is none; ask for another: POST /api/v1/auth/ws-ticket";
    AccountDeactivated: UNAUTHORIZED "account_deactivated" "The account is deactivated",
        "the account behind a valid token was deactivated" =>
        "ask an operator",
        "the account behind this token was deactivated",
        raised "RH001" |_| Error::AccountDeactivated;
    NotAMember: FORBIDDEN "not_a_member" "Not a member of this tenant",
        "you are not a member of the tenant, or there is no such tenant; nobody can tell which" =>
        "check the tenant's id or host",
        "you are not a member of the tenant this request names, or there is no such tenant",
        raised "RH002" |_| Error::NotAMember;
    TenantNotOpen(status: String): FORBIDDEN "tenant_not_open" "The tenant is not open",
        "the tenant is suspended, closing or closed" =>
        "`detail` says which",
        format!("the tenant is {status}; its data cannot be reached until it is open again"),
        raised "RH003" |said| match said {
            "moved" => Error::TenantMoved,
            status => Error::TenantNotOpen(status.to_owned()),
        };
    TenantMoved: SERVICE_UNAVAILABLE "tenant_moved" "The tenant is being moved",
        "the tenant's data are on their way to another database, or there already" =>
        "wait as long as `Retry-After` says: whoever serves it next answers then",
        "the tenant is being moved to another database; try again shortly";
    PlanRequired { feature: String, plan: String }: PAYMENT_REQUIRED "plan_required" "The plan has not got it",
        "what was asked for is a feature that the tenant's plan has not got; `detail` names both" =>
        "whoever holds `billing:manage` chooses another plan: `GET /plans`, `POST /tenant/subscription/change`",
        format!("the plan {plan} has no {feature}; GET /api/v1/plans lists those that have, and POST /api/v1/tenant/subscription/change chooses one"),
        raised "RH060" |said| {
            let (feature, plan) = said.split_once(' ').unwrap_or((said, "of this tenant"));
            Error::PlanRequired { feature: feature.to_owned(), plan: plan.to_owned() }
        };
    PaymentRequired(status: String): PAYMENT_REQUIRED "payment_required" "A payment is overdue",
        "a payment is overdue, or the subscription has ended: the tenant is `read_only`, or `unpaid` and can only pay; `detail` says which" =>
        "whoever holds `billing:manage` pays, or chooses a plan: `GET /tenant/subscription`, `POST /tenant/subscription/change`",
        format!("the tenant is {}, since a payment is overdue or its subscription has ended; GET /api/v1/tenant/subscription says what is owed, and all goes on once it is paid or a plan is chosen: POST /api/v1/tenant/subscription/change",
            if status == "read_only" { "read-only" } else { "closed to all but paying" }),
        raised "RH061" |said| Error::PaymentRequired(said.to_owned());
    CrossSite(why: &'static str): FORBIDDEN "cross_site" "The request comes from another site",
        "a request with a cookie was not made by our own page" =>
        "`detail` says what is missing: the origin, or `X-CSRF-Token`",
        *why;
    PersonRequired: FORBIDDEN "person_required" "Not for API keys",
        "an API key asked for what is a person's own" =>
        "sign in",
        "an API key is its tenant's and no person's; sign in to ask for this",
        raised "RH018" |_| Error::PersonRequired;
    SignupClosed: FORBIDDEN "signup_closed" "Sign-up is closed",
        "whoever runs the platform has closed sign-up" =>
        "ask a member of a tenant to invite you",
        "nobody signs up just now unless invited; ask a member to invite you",
        raised "RH021" |_| Error::SignupClosed;
    WrongAddress(address: String): FORBIDDEN "wrong_address" "The invitation was sent to another address",
        "the invitation was sent to another address, which `detail` names" =>
        "sign in with that one",
        format!("the invitation was sent to {address}; sign in with that address to accept it, or ask for another invitation"),
        raised "RH013" |said| Error::WrongAddress(said.to_owned());
    PermissionDenied(permission: String): FORBIDDEN "permission_denied" "A permission is missing",
        "your role in this tenant, or the API key, lacks a permission" =>
        "`detail` names it",
        format!("your role, or the API key, does not hold {permission} in this tenant"),
        raised "RH004" |said| Error::PermissionDenied(said.to_owned());
    NotFound(resource: &'static str): NOT_FOUND "not_found" "Not found",
        "the resource is missing, or another tenant's; nobody can tell which" =>
        "check the id",
        format!("no such {resource} in this tenant");
    NoRoute: NOT_FOUND "no_route" "No such address",
        "nothing is served at this address" =>
        "see `openapi.json`",
        "nothing is served at this address; the OpenAPI document lists what is";
    MethodNotAllowed: METHOD_NOT_ALLOWED "method_not_allowed" "Method not allowed",
        "the address does not take this method" =>
        "see the `Allow` header",
        "this address does not take this method; the Allow header lists those it takes";
    NotAcceptable(offered: String): NOT_ACCEPTABLE "not_acceptable" "Nothing acceptable is offered",
        "`Accept` names no media type the address offers" =>
        "`detail` lists those it does",
        format!("Accept names nothing this address offers, which is {offered}");
    Conflict(violation: Violation): CONFLICT "conflict" "A value is taken",
        "a value is taken; `errors` names the field" =>
        "choose another",
        violation.detail.as_str();
    OperationEnded: CONFLICT "operation_ended" "The operation has ended",
        "an operation that was to be cancelled has ended" =>
        "read it",
        "there is nothing left to cancel; read the operation to see how it ended";
    OperationInProgress: CONFLICT "operation_in_progress" "An operation is writing this",
        "an import, or indexing anew, of this tenant is writing the same product and is not done" =>
        "try again as `Retry-After` says, wait until the operation has ended, or cancel it",
        "an import, or indexing anew, of this tenant is writing the same and is not done; try again later, or cancel it: GET /api/v1/operations lists it",
        retry 1;
    LastOwner: CONFLICT "last_owner" "A tenant keeps an owner",
        "the tenant would be left without an owner" =>
        "make another member an owner first",
        "make another member an owner first",
        raised "RH010" |_| Error::LastOwner;
    BuiltInRole: CONFLICT "built_in_role" "The role is built in",
        "a role that every tenant has was to be changed" =>
        "make one of your own",
        "the roles every tenant has stay as they are; make one of your own",
        raised "RH009" |_| Error::BuiltInRole;
    MemberAlready: CONFLICT "member_already" "A member already",
        "you are a member of the tenant you are invited to" =>
        "ask for another role",
        "you are a member of this tenant already; ask for another role instead",
        raised "RH014" |_| Error::MemberAlready;
    AccountExists: CONFLICT "account_exists" "The address has an account",
        "the address you are invited at has an account" =>
        "sign in with it, then accept",
        "sign in with this address, then accept the invitation",
        raised "RH015" |_| Error::AccountExists;
    LeansOnSecondFactor: CONFLICT "password_leans_on_second_factor" "The password needs the second factor",
        "the second factor was to go, and the password is too short without" =>
        "set a longer one first",
        "the password is too short to be the only factor; set one of 15 characters or more first",
        raised "RH017" |_| Error::LeansOnSecondFactor;
    DomainTaken: CONFLICT "domain_taken" "The domain is another tenant's",
        "the domain resolves to another tenant that has proven it" =>
        "take that one's TXT record away",
        "the domain resolves to another tenant, which has proven it; once that one no longer shows its TXT record it can be yours",
        raised "RH016" |_| Error::DomainTaken;
    DomainNotProven(record: String): CONFLICT "domain_not_proven" "The domain is not proven",
        "the TXT record was not found; `detail` has it" =>
        "add it, wait until name servers know, try again",
        format!("no such TXT record was found: {record}");
    IdempotencyKeyInUse: CONFLICT "idempotency_key_in_use" "The request is running",
        "a request with this `Idempotency-Key` is running" =>
        "repeat it as `Retry-After` says: then it is done, or answered",
        "a request with this Idempotency-Key has begun and has not ended; repeat it shortly",
        raised "RH030" |_| Error::IdempotencyKeyInUse,
        retry 1;
    InvoiceNotPayable(status: String): CONFLICT "invoice_not_payable" "The invoice is not open",
        "what was asked for needs an open invoice; this one is a draft, paid, void or uncollectible" =>
        "`detail` says which; money that came in all the same is given back, or recorded for another invoice",
        format!("the invoice is {status}; nothing is to be paid for it, and nothing of it can be changed"),
        raised "RH064" |said| Error::InvoiceNotPayable(said.to_owned());
    AmountExceeds(left: String): CONFLICT "amount_exceeds" "The amount is too much",
        "more was to be paid, credited or given back than is left" =>
        "`detail` says how much that is",
        format!("left, asked for, currency, in minor units: {left}; no more than is left can be paid, credited or given back"),
        raised "RH065" |said| Error::AmountExceeds(said.to_owned());
    CurrencyMismatch(said: String): CONFLICT "currency_mismatch" "Another currency",
        "a payment is in another currency than its invoice" =>
        "pay in the invoice's currency",
        said.as_str(),
        raised "RH066" |said| Error::CurrencyMismatch(said.to_owned());
    InvoiceSettled: CONFLICT "invoice_settled" "Something of the invoice was paid",
        "an invoice was to be made void of which something was paid or credited" =>
        "issue a credit note",
        "something of the invoice was paid or credited; issue a credit note over the rest, or refund the payment",
        raised "RH068" |_| Error::InvoiceSettled;
    AppendOnly(said: String): CONFLICT "append_only" "What was booked stays",
        "what was issued, booked or written down was to be changed or taken away. No caller is told so" =>
        "put it right by another entry: a credit note, a refund",
        format!("{said}; put it right by another entry: a credit note, a refund"),
        raised "RH069" |said| Error::AppendOnly(said.to_owned());
    JobNotHeld: CONFLICT "job_not_held" "The job is another's",
        "a worker has done something for a job that it does not hold any more: its lease has run out, or the job has ended. No caller is told so" =>
        "nothing: whoever holds the job does it",
        "the job is not running under this lease any more",
        raised "RH050" |_| Error::JobNotHeld;
    SubscriptionState(state: String): CONFLICT "subscription_state" "The subscription is not in that state",
        "what is asked for cannot be done to a subscription in its state, which `detail` names: a plan is not changed while a payment is overdue, and what has ended is neither canceled nor resumed" =>
        "pay first; of one that has ended choose a plan again",
        format!("this cannot be done while the subscription is {state}; where a payment is overdue pay it first, and where it has ended choose a plan: POST /api/v1/tenant/subscription/change"),
        raised "RH056" |said| Error::SubscriptionState(said.to_owned());
    CurrencyBalance(currency: String): CONFLICT "currency_balance" "There is a balance in another currency",
        "a plan was to be paid in another currency while something is paid for, or owed, in the one before" =>
        "settle what is owed; change at the period's end (`when`: `period_end`)",
        format!("there is a balance in {currency}; settle what is owed, or change the currency at the period's end: \"when\": \"period_end\""),
        raised "RH057" |said| Error::CurrencyBalance(said.to_owned());
    JobState(detail: &'static str): CONFLICT "job_state" "The job is not in that state",
        "a job that has not ended cannot be retried, one that has ended well cannot either, and one that has ended cannot be cancelled or discarded" =>
        "read the job; `detail` says what it would have to be",
        *detail;
    LinkSpent: GONE "link_spent" "The link is not good",
        "a link or an invitation was used, replaced or taken back, has expired, or never was; nobody can tell which" =>
        "ask for a new one",
        "it was used, replaced by a newer one or taken back, has expired, or never was; ask for a new one",
        raised "RH012" |_| Error::LinkSpent;
    EventsGone: GONE "events_gone" "These events are not here",
        "what comes after the position is not all there: it is older than events are kept, or of a database that was brought back from a backup" =>
        "read what you keep anew, from a position taken before: `GET /api/v1/events?from=now`",
        "what came after the position is not all there any more: it is older than events are kept, or was told by a database that was lost and brought back from a backup; take a position with from=now, read anew what you keep, and go on from that position";
    PreconditionFailed: PRECONDITION_FAILED "precondition_failed" "The resource has changed",
        "the resource is not at the version `If-Match` names" =>
        "read it again, decide again",
        "the resource is not at the version If-Match names; read it again and decide again";
    BodyTimeout: REQUEST_TIMEOUT "body_timeout" "The body did not arrive",
        "the body did not arrive in time" =>
        "send it faster, or less of it",
        "the body did not arrive in time";
    PayloadTooLarge(limit: usize): PAYLOAD_TOO_LARGE "payload_too_large" "The body is too large",
        "the body exceeds the limit" =>
        "send less",
        format!("the body may have {limit} bytes at most");
    UploadCut: BAD_REQUEST "upload_cut" "The body was cut off",
        "a file that was being sent ended before its end" =>
        "send it again; nothing was done",
        "the body ended before its end; nothing was done, send it again";
    UriTooLong(limit: usize): URI_TOO_LONG "uri_too_long" "The address is too long",
        "path and query exceed the limit" =>
        "send less",
        format!("path and query may have {limit} bytes together");
    UnsupportedMediaType(accepted: &'static str): UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "Unsupported content type",
        "the content type is not one the address reads" =>
        "see the `Accept` or `Accept-Patch` header",
        format!("send the body as {accepted}");
    UnsupportedCoding: UNSUPPORTED_MEDIA_TYPE "unsupported_content_coding" "The body is coded in a way that is not read",
        "the body has a `Content-Encoding`, such as gzip" =>
        "send it as it is; `Accept-Encoding` of the answer says `identity`",
        "send the body as it is, without Content-Encoding";
    Invalid(violations: Vec<Violation>): UNPROCESSABLE_ENTITY "invalid" "The body is not valid",
        "the body was read and makes no sense" =>
        "see `errors`: all that is wrong, at once; 100 violations at most",
        summary(violations);
    ImportRejected(lines: u64): UNPROCESSABLE_ENTITY "import_rejected" "The file has lines that cannot be taken",
        "lines of an imported file cannot be taken and nothing was imported; stands in an operation's `result.problem`" =>
        "`result.errors` says what is wrong with which line; mend them, or import with `mode=partial`",
        format!("{lines} lines cannot be taken, so nothing was imported; mend them, or import with mode=partial");
    IdempotencyKeyReused: UNPROCESSABLE_ENTITY "idempotency_key_reused" "The key belongs to another request",
        "the `Idempotency-Key` was used for another address or body" =>
        "make a new key for each request; repeat one unchanged",
        "this Idempotency-Key was used for another address or body within the last 24 hours; make a new key for each request, and repeat one unchanged",
        raised "RH031" |_| Error::IdempotencyKeyReused;
    TooCostly(limit: Duration): UNPROCESSABLE_ENTITY "too_costly" "It would take too long",
        "a search would take longer than a search may" =>
        "ask for fewer words, longer ones, or a smaller page",
        format!("it was given up after {} ms, and would be again; ask for less: fewer words, longer ones, a smaller page", limit.as_millis());
    UpgradeRequired: UPGRADE_REQUIRED "upgrade_required" "A WebSocket is opened here",
        "the request is not one that opens a WebSocket (RFC 6455 §4.1), or of another version than 13" =>
        "open one, with a ticket",
        "open a WebSocket here (RFC 6455, version 13), with a ticket from POST /api/v1/auth/ws-ticket";
    PreconditionRequired: PRECONDITION_REQUIRED "precondition_required" "If-Match is required",
        "`If-Match` is missing" =>
        "send the `ETag` you read",
        "send If-Match with the ETag you read, so that nobody's change is overwritten unseen";
    TooManyAttempts(seconds: u32): TOO_MANY_REQUESTS "too_many_attempts" "Too many attempts",
        "too many tries from one network or of one person, too many invitations of a tenant, or too many tenants in a day" =>
        "wait as long as `Retry-After` says",
        format!("too many attempts; try again in {seconds} seconds"),
        raised "RH011" |_| Error::TooManyAttempts(60 * 60),
        retry *seconds;
    RateLimited { whose: &'static str, requests: u64, seconds: u32 }: TOO_MANY_REQUESTS "rate_limited" "Too many requests",
        "more requests in a minute than the tenant, its people for members, roles, invitations and keys, one member or API key, one session outside any tenant, or one network may make; `detail` says which" =>
        "wait as long as `Retry-After` says; see [limits](limits.md)",
        format!("{whose} may make {requests} requests a minute; try again in {seconds} seconds"),
        retry *seconds;
    KeptTooMuch(seconds: u32): TOO_MANY_REQUESTS "idempotency_quota" "Too many answers are kept",
        "as many bytes of answers are kept for the tenant's `Idempotency-Key`s as may be within a day; nothing was done" =>
        "send it without a key, with `Prefer: return=minimal`, or when `Retry-After` says",
        format!("as many bytes of answers are kept for Idempotency-Keys as may be within a day; nothing was done: send it without a key, with Prefer: return=minimal, or in {seconds} seconds"),
        retry *seconds;
    TenantBusy: TOO_MANY_REQUESTS "tenant_busy" "Too many requests of this tenant at once",
        "the tenant has as many requests under way as it may have at once, and others waiting" =>
        "wait as long as `Retry-After` says; ask for less at once",
        "this tenant has as many requests under way as it may have at once, and others waiting; try again shortly",
        retry 1;
    QuotaExceeded { requests: u64, seconds: u32 }: TOO_MANY_REQUESTS "quota_exceeded" "The month's requests are used up",
        "the tenant has made all the requests it may make this month" =>
        "wait for the next one, or ask whoever runs the platform for more",
        format!("this tenant may make {requests} requests a month, and has; the next month begins on the first, UTC"),
        retry *seconds;
    UnreadAnswers: TOO_MANY_REQUESTS "unread_answers" "Answers are not read",
        "so many bytes of answers to the tenant are on their way and not read that it gets no other large one" =>
        "read them, or hang up; see [failures](failures.md)",
        "large answers to this tenant are on their way and nobody reads them; read those, or hang up, and try again",
        retry 1;
    FilesUnderWay: TOO_MANY_REQUESTS "files_under_way" "Too many files at once",
        "the tenant has three files waiting to be imported, sends two or takes two exports at once, or the member or API key four, in whichever tenants" =>
        "wait for one to end, or cancel it",
        "this tenant, or you, have as many imports or exports under way as may be at once; wait for one to end, or cancel it: GET /api/v1/operations lists imports",
        retry 1;
    TooManyStreams { whose: &'static str, most: usize }: TOO_MANY_REQUESTS "too_many_streams" "Too many streams",
        "the tenant, or the member or API key, has as many streams open on this server as it may have; `detail` says which" =>
        "close one; follow several topics on one WebSocket",
        format!("{whose} may have {most} streams open here; close one"),
        retry 5;
    Internal(what: String): INTERNAL_SERVER_ERROR "internal" "Something is wrong on our side",
        "a bug on our side" =>
        "report it with the `trace_id`",
        "the request failed through no fault of yours; quote the trace_id when you report it",
        raised "RH005" |said| Error::internal(said);
    PoolExhausted: SERVICE_UNAVAILABLE "pool_exhausted" "Too many requests at once",
        "every database connection is busy" =>
        "wait as long as `Retry-After` says",
        "every database connection is busy; try again shortly";
    DatabaseUnavailable: SERVICE_UNAVAILABLE "database_unavailable" "The database cannot be reached",
        "the database cannot be reached" =>
        "wait as long as `Retry-After` says",
        "the database cannot be reached; try again shortly";
    DatabaseTimeout: SERVICE_UNAVAILABLE "database_timeout" "The database took too long",
        "a statement or a lock took too long, or a transaction lost a race" =>
        "try again",
        "the database took longer than it may; try again";
    Locked: SERVICE_UNAVAILABLE "database_timeout" "The database took too long",
        "a statement or a lock took too long, or a transaction lost a race" =>
        "try again",
        "somebody else was writing the same for longer than anybody may wait; try again";
    RequestTimeout: SERVICE_UNAVAILABLE "request_timeout" "The request took too long",
        "the whole request took too long; a write may or may not have happened" =>
        "read before you write again",
        "the request took longer than it may; try again";
    Busy: SERVICE_UNAVAILABLE "busy" "Too much of this at once",
        "too many passwords are being checked, or files sent, imported or written, at once, by everybody together" =>
        "wait as long as `Retry-After` says",
        "too many passwords are being checked, or files sent, imported or written, at once; try again shortly";
    NoNameServer: SERVICE_UNAVAILABLE "no_name_server" "No name server answers",
        "no name server answered when a domain was to be proven" =>
        "try again",
        "no name server answered; try again shortly";
    TooManyConnections: SERVICE_UNAVAILABLE "too_many_connections" "Too many connections",
        "there are as many connections as there may be, altogether or from one network" =>
        "close some, or wait as long as `Retry-After` says",
        "the server, or your network's share of it, has no room for another connection; close some, or try again shortly";
    NoRoomForStreams: SERVICE_UNAVAILABLE "no_room_for_streams" "No room for another stream",
        "there are as many streams on this server as it has room for" =>
        "wait as long as `Retry-After` says; or poll",
        "there are as many streams on this server as it has room for; try again shortly, or poll",
        retry 5;
    Leaving: SERVICE_UNAVAILABLE "leaving" "About to stop",
        "`/readyz`, and where a stream was asked for: the server was told to stop, and still answers other requests" =>
        "send them elsewhere",
        "the server was told to stop and takes no more work; ask another";
    NotReady(reasons: usize): SERVICE_UNAVAILABLE "not_ready" "Not ready to serve",
        "`/readyz` only: the server is not fit to serve" =>
        "its log lists the reasons",
        format!("the server found {reasons} reasons not to serve; its log lists them"),
        raised "RH040" |_| Error::NotReady(1);
}
