//! The reasons, in sentences. None of them holds a value of the row.
use super::{ConditionOutcome, PolicyCheck, Reason, Verb, case::Case, read::Name};
use rowhouse_pg::{Failure, Refusal, sql};

fn reason(code: &'static str, sentence: impl Into<String>) -> Reason {
    Reason { code, sentence: sentence.into() }
}

pub(super) fn no_such_row(table: &str) -> Reason {
    reason("no_such_row", format!("{table} has no such row, in any tenant"))
}

pub(super) fn no_usage(role: &str, table: &str) -> Reason {
    reason("no_grant", format!("{role} may not look into the schema of {table}"))
}

pub(super) fn no_grant(role: &str, verb: &str, table: &str) -> Reason {
    reason("no_grant", format!("{role} holds no grant to {verb} on {table}"))
}

pub(super) fn no_policy(table: &str, asked_for: &str, role: &str) -> Reason {
    reason("no_policy", format!("no permissive policy of {table} is for {role} and this command ({asked_for})"))
}

pub(super) fn bypasses(role: &str, how: &str) -> Reason {
    reason("role_bypasses", format!("no policy is asked: {role} {how}"))
}

pub(super) fn row_security_off(table: &str) -> Reason {
    reason("row_security_off", format!("no policy is asked: row security of {table} is off"))
}

pub(super) fn policies_hold(table: &str, role: &str, verb: Verb) -> Reason {
    reason("policies_hold", format!("{role} may {} it: every policy of {table} that must hold does", verb.name()))
}

pub(super) fn other_tenant(check: &PolicyCheck, clause: &str, whose: Option<&str>) -> Reason {
    let whose = whose.map(|id| format!(", {id}")).unwrap_or_default();
    reason(
        "other_tenant",
        format!("the row belongs to another tenant{whose}: policy {}, {clause} is false", check.policy),
    )
}

pub(super) fn other_user(check: &PolicyCheck, clause: &str) -> Reason {
    reason("other_user", format!("the row belongs to another user: policy {}, {clause} is false", check.policy))
}

pub(super) fn is_false(check: &PolicyCheck, clause: &str) -> Reason {
    reason("clause_false", format!("policy {}: {clause} is false", check.policy))
}

pub(super) fn null(check: &PolicyCheck, clause: &str) -> Reason {
    reason("clause_null", format!("policy {}: {clause} is null, which hides like false", check.policy))
}

/// The whole does not hold and no clause says why: taken apart, it reads otherwise.
pub(super) fn as_a_whole(check: &PolicyCheck) -> Reason {
    reason("clause_false", format!("policy {} as a whole does not hold", check.policy))
}

pub(super) fn contradicted(role: &str, seen: bool) -> Reason {
    let seen = if seen { "finds" } else { "does not find" };
    reason(
        "contradicted",
        format!(
            "asked as {role}, PostgreSQL {seen} it; a policy may depend on the role that asks, or this command is wrong"
        ),
    )
}

/// What may be said of an error: a message can quote a row, and only some are known not to.
pub(super) fn raised(refusal: Refusal, house: bool) -> ConditionOutcome {
    let harmless = match refusal.code.as_str() {
        "RH001" | "RH002" | "RH003" | "RH004" => house,
        "42704" => refusal.message.starts_with("unrecognized configuration parameter"),
        "42501" => refusal.message.starts_with("permission denied for"),
        _ => false,
    };
    ConditionOutcome::Raises { sqlstate: refusal.code, said: harmless.then_some(refusal.message) }
}

/// Whether the error is this connection's own and says nothing of the user's.
pub(super) fn cannot_be_told(outcome: &ConditionOutcome) -> bool {
    matches!(outcome, ConditionOutcome::Raises { sqlstate, .. } if matches!(&sqlstate[..2], "08" | "53" | "57") || sqlstate == "42501")
}

/// What an error of a policy means; in the house, those of registry.require.
pub(super) async fn raises(
    case: &Case<'_>,
    check: &PolicyCheck,
    sqlstate: &str,
    said: Option<&str>,
) -> Result<Reason, Failure> {
    let (user, tenant, policy) = (&case.question.user, &case.question.tenant, &check.policy);
    Ok(match (sqlstate, said) {
        ("RH001", Some(_)) => reason("account_deactivated", format!("the account of {user} is deactivated")),
        ("RH002", Some(_)) => reason("not_a_member", format!("{user} is not a member of {tenant}")),
        ("RH003", Some(status)) => reason("tenant_not_open", format!("the tenant {tenant} is {status}")),
        ("RH004", Some(permission)) => {
            let held: Vec<Name> = case.admin.all(sql!("why/role_held"), &[&case.tenant, &case.user]).await?;
            let granting: Vec<Name> = case.admin.all(sql!("why/roles_granting"), &[&case.tenant, &permission]).await?;
            let list = |names: &[Name]| names.iter().map(|name| name.0.as_str()).collect::<Vec<_>>().join(", ");
            let remedy = match list(&granting) {
                none if none.is_empty() => "no role of the tenant holds it".to_owned(),
                roles => format!("roles that hold it: {roles}"),
            };
            let held = list(&held);
            reason(
                "permission_denied",
                format!("{user} lacks {permission}: the role held in {tenant} is {held}; {remedy}"),
            )
        }
        ("42704", Some(said)) => {
            reason("setting_missing", format!("policy {policy} reads a setting that nobody set: {said}"))
        }
        ("22P02", _) => reason(
            "malformed",
            format!("policy {policy} cannot read a setting, or a value, as the type it should have (SQLSTATE 22P02)"),
        ),
        ("42501", said) => reason(
            "connection_may_not",
            format!("policy {policy} could not be asked on this connection: {}", said.unwrap_or("permission denied")),
        ),
        (other, _) => reason("clause_raises", format!("policy {policy} raises SQLSTATE {other}")),
    })
}
