//! The house's own kinds of job: which there are, who does them, with what, and what recurs. A kind is a file here.
pub mod audit_log;
pub mod audit_verify;
pub mod domains;
pub mod forget;
pub mod invitations;
pub mod letters;
pub mod operation;
pub mod reindex;
pub mod webhooks;

use std::sync::Arc;

use crate::{
    Result,
    auth::AuditKey,
    dns::NameServers,
    error::Failure,
    jobs::{Job, Kinds, NewJob, cron::Recurring, enqueue::Priority, kind::KindsBuilder},
    sql,
};

/// What those who do jobs work with, beside the tenant's rows.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Means {
    /// Who sends letters; every worker of ours has one.
    pub post: Option<letters::Post>,
    /// Who tells what domains show; every worker of ours has them.
    pub dns: Option<Arc<NameServers>>,
    /// What is sent to tenants' receivers; without, it waits for somebody who has it.
    pub webhooks: Option<Arc<webhooks::Office>>,
    /// What the audit log is sealed with; without, it waits for somebody who has it.
    pub audit_key: Option<Arc<AuditKey>>,
}

impl Means {
    /// With somebody who sends letters.
    #[must_use]
    pub fn with_post(self, post: letters::Post) -> Self {
        Self { post: Some(post), ..self }
    }

    /// With name servers.
    #[must_use]
    pub fn with_dns(self, dns: NameServers) -> Self {
        Self { dns: Some(Arc::new(dns)), ..self }
    }

    /// With what the audit log is sealed with.
    #[must_use]
    pub fn with_audit_key(self, key: AuditKey) -> Self {
        Self { audit_key: Some(Arc::new(key)), ..self }
    }

    /// With what sends webhooks.
    #[must_use]
    pub fn with_webhooks(self, office: webhooks::Office) -> Self {
        Self { webhooks: Some(Arc::new(office)), ..self }
    }
}

/// What every worker of ours does, but for what resources bring along (`compose`).
#[must_use]
pub fn kinds(means: &Means) -> KindsBuilder {
    let kinds = Kinds::builder()
        .with(forget::jobs)
        .with(forget::idempotency_keys)
        .with(forget::notifications)
        .with(forget::events)
        .with(invitations::sending(means))
        .with(domains::checking(means))
        .with(reindex::reindex)
        .with(webhooks::relay)
        .with(webhooks::replay)
        .with(webhooks::forget);
    let kinds = match means.webhooks.clone() {
        Some(office) => kinds.with(move |job, held| webhooks::deliver(job, held, office.clone())),
        None => kinds,
    };
    match means.audit_key.clone() {
        Some(key) => {
            let sealing = key.clone();
            kinds
                .with(move |job, held| audit_log::seal(job, held, sealing.clone()))
                .with(move |job, held| audit_log::forget(job, held, key.clone()))
        }
        None => kinds,
    }
}

/// What recurs: in each tenant, and among accounts.
pub fn recurring() -> Result<Vec<Recurring>, Failure> {
    fn low<J: Job>(job: &J) -> Result<NewJob> {
        Ok(NewJob::new(job)?.priority(Priority::Low).unique("all"))
    }
    Ok(vec![
        Recurring::new("jobs.forget", "17 3 * * *", || low(&forget::ForgetJobs::USUAL))?,
        Recurring::new("idempotency_keys.forget", "27 3 * * *", || low(&forget::ForgetIdempotencyKeys {}))?,
        Recurring::new("notifications.forget", "37 3 * * *", || low(&forget::ForgetNotifications::USUAL))?,
        Recurring::new("events.forget", "47 3 * * *", || low(&forget::ForgetEvents::USUAL))?,
        Recurring::new("audit_log.seal", "7 * * * *", || low(&audit_log::SealAuditLog {}))?,
        Recurring::new("audit_log.forget", "27 4 * * *", || low(&audit_log::ForgetAuditLog::USUAL))?,
        Recurring::new("domains.check", "7 4 * * *", || low(&domains::CheckDomains {}))?,
        Recurring::outside("subscriptions.advance", "*/5 * * * *", sql!("work/advance_due"))?,
        Recurring::outside("invoices.collect", "2-59/5 * * * *", sql!("work/collect_overdue"))?,
        Recurring::outside("accounts.forget", "57 3 * * *", sql!("work/forget_of_accounts"))?,
        Recurring::new("webhooks.forget", "17 */6 * * *", || {
            low(&webhooks::ForgetDeliveries { days: webhooks::FORGET_DAYS })
        })?,
    ])
}
