//! The types of event: name, version, the permission that whoever reads one must hold, and what its `data` look like.
//!
//! The triggers in `sql/policies` say the same of what they write; `tests/api/event_types.rs` holds one against the other, and
//! every event that the tests cause against its type.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// A type of event.
#[derive(Debug)]
pub struct EventType {
    /// What happened to what: `project.created`.
    pub name: &'static str,
    /// Of what `data` look like; another one when a reader of the one before could no longer read them.
    pub version: i16,
    /// What whoever reads one must hold, beside `events:read`.
    pub permission: &'static str,
    /// When there is one.
    pub meaning: &'static str,
    /// The JSON schema of `data`.
    pub schema: fn() -> Value,
    /// Whether `data` are such, and if not, why.
    pub check: fn(&Value) -> Result<(), String>,
}

/// What a row is known by, and which version of it there is since.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Row {
    id: Uuid,
    /// Of one that is gone, the last.
    version: i64,
}

/// A row, and which of its fields have other values.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RowChanged<F> {
    id: Uuid,
    version: i64,
    #[schema(inline)]
    changed: Vec<F>,
}

/// A task, and its project.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TaskRow {
    id: Uuid,
    project_id: Uuid,
    version: i64,
}

/// A task, its project, and which of its fields have other values.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TaskChanged {
    id: Uuid,
    project_id: Uuid,
    version: i64,
    #[schema(inline)]
    changed: Vec<TaskField>,
}

/// A member, who is known by their account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberRow {
    user_id: Uuid,
    version: i64,
}

/// A member, and what has changed of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChanged {
    user_id: Uuid,
    version: i64,
    #[schema(inline)]
    changed: Vec<MemberField>,
}

/// A claim to a domain.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DomainRow {
    id: Uuid,
}

/// A claim to a domain, and what has changed of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DomainChanged {
    id: Uuid,
    #[schema(inline)]
    changed: Vec<DomainField>,
}

/// The settings, of which a tenant has one row.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SettingsChanged {
    version: i64,
    #[schema(inline)]
    changed: Vec<SettingsField>,
}

/// The tenant itself, and what has changed of it.
type TenantChanged = RowChanged<TenantField>;

/// What a tenant is on, and what has changed of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionChanged {
    id: Uuid,
    version: i64,
    #[schema(inline)]
    state: SubscriptionState,
    #[schema(inline)]
    changed: Vec<SubscriptionField>,
}

/// Work that has ended, and how.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OperationFinished {
    id: Uuid,
    version: i64,
    kind: String,
    #[schema(inline)]
    status: Ended,
    #[schema(inline)]
    changed: Vec<OperationField>,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident: $($field:ident)*;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        enum $name { $($field),* }
    )*};
}

fields! {
    /// Of a project.
    ProjectField: Name Description Status OwnerId;
    /// Of a task.
    TaskField: Name Status;
    /// Of a product.
    ProductField: Name Description Sku PriceMinor Currency Stock Status Tags;
    /// Of a member.
    MemberField: RoleId AccountActive Email FullName;
    /// Of an invitation.
    InvitationField: ExpiresAt;
    /// Of a role.
    RoleField: Name Permissions;
    /// Of an API key; another `hint` is another secret.
    ApiKeyField: Name Hint ExpiresAt;
    /// Of a claim to a domain.
    DomainField: VerifiedAt;
    /// Of an invoice or a credit note.
    InvoiceField: Status Number SettledMinor CreditedMinor;
    /// Of the tenant.
    TenantField: Name;
    /// Of what a tenant is on.
    SubscriptionField: State Plan PlanVersion Period Currency PeriodEndsAt CancelAtPeriodEnd NextPlan;
    /// What has become of a subscription.
    SubscriptionState: Trialing Active PastDue Grace Suspended Canceled;
    /// Of the settings.
    SettingsField: Language TimeZone Currency WeekStarts LowStockThreshold;
    /// Of a webhook endpoint.
    WebhookEndpointField: Url Description EventTypes Ordered State;
    /// Of an operation.
    OperationField: FinishedAt;
    /// How work ends.
    Ended: Succeeded Failed Cancelled;
}

fn schema<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap_or_default()
}

fn check<T: for<'de> Deserialize<'de>>(data: &Value) -> Result<(), String> {
    T::deserialize(data).map(|_| ()).map_err(|error| error.to_string())
}

macro_rules! types {
    ($($name:literal $permission:literal $data:ty, $meaning:literal;)*) => {
        /// All types of event, in the order in which they are listed.
        pub const TYPES: &[EventType] = &[$(EventType {
            name: $name,
            version: 1,
            permission: $permission,
            meaning: $meaning,
            schema: schema::<$data>,
            check: check::<$data>,
        }),*];
    };
}

types! {
    "project.created" "projects:read" Row, "A project was made.";
    "project.updated" "projects:read" RowChanged<ProjectField>, "A project was changed.";
    "project.deleted" "projects:read" Row, "A project is gone, and its tasks with it.";
    "task.created" "tasks:read" TaskRow, "A task was made.";
    "task.updated" "tasks:read" TaskChanged, "A task was changed.";
    "task.deleted" "tasks:read" TaskRow, "A task is gone, by itself or with its project.";
    "product.created" "products:read" Row, "A product was made, or came with an import.";
    "product.updated" "products:read" RowChanged<ProductField>, "A product was changed, by itself or by an import.";
    "product.deleted" "products:read" Row, "A product is gone.";
    "member.joined" "members:read" MemberRow, "Somebody is a member now.";
    "member.changed" "members:read" MemberChanged, "A member has another role, name or address, or their account was switched off or on.";
    "member.removed" "members:read" MemberRow, "Somebody is no member any more: removed, or gone by themselves.";
    "invitation.created" "invitations:read" Row, "Somebody was invited.";
    "invitation.resent" "invitations:read" RowChanged<InvitationField>, "An invitation was sent once more, with another link.";
    "invitation.accepted" "invitations:read" Row, "An invitation was accepted; `member.joined` says by whom.";
    "invitation.withdrawn" "invitations:read" Row, "An invitation was taken back, by somebody or because whoever sent it may no longer.";
    "invoice.updated" "billing:read" RowChanged<InvoiceField>, "An invoice or a credit note was issued, paid, credited, made void or given up.";
    "role.created" "roles:read" Row, "A role was made.";
    "role.updated" "roles:read" RowChanged<RoleField>, "A role has another name, or permits something else.";
    "role.deleted" "roles:read" Row, "A role is gone.";
    "api_key.created" "api-keys:read" Row, "An API key was made.";
    "api_key.updated" "api-keys:read" RowChanged<ApiKeyField>, "An API key has another name, end or secret.";
    "api_key.revoked" "api-keys:read" Row, "An API key is good no more.";
    "domain.claimed" "tenant:read" DomainRow, "A domain was claimed.";
    "domain.changed" "tenant:read" DomainChanged, "A claim to a domain was proven, or another tenant has proven theirs.";
    "domain.released" "tenant:read" DomainRow, "A claim to a domain was given up.";
    "tenant.updated" "tenant:read" TenantChanged, "The tenant has another name.";
    "subscription.updated" "billing:read" SubscriptionChanged, "The tenant is on another plan, or something has become of its subscription: `state` says what.";
    "settings.updated" "settings:read" SettingsChanged, "The settings were changed.";
    "webhook_endpoint.created" "webhooks:read" Row, "A webhook endpoint was made.";
    "webhook_endpoint.updated" "webhooks:read" RowChanged<WebhookEndpointField>, "A webhook endpoint was changed, disabled or enabled.";
    "webhook_endpoint.deleted" "webhooks:read" Row, "A webhook endpoint is gone.";
    "operation.finished" "operations:read" OperationFinished, "Work that takes long has ended.";
}
