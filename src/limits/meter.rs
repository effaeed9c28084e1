//! What each tenant may ask for and has asked for this month: known here, kept in PostgreSQL (`registry.meter`), which is
//! told every few seconds what was counted, and says what has changed.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio_postgres::Row;

use super::{Bucket, Policy, Standing, Whom};
use crate::{
    Error, Result,
    auth::{Principal, TenantId},
    db::{Db, FromRow},
    sql,
};

/// Callers whom PostgreSQL has accepted that are remembered; others are asked for once more.
const REMEMBERED: usize = 100_000;
/// Tenants whose counts are written at a time.
const AT_ONCE: usize = 2;

/// A caller in a tenant: a person's session, or a key with its secret.
type Caller = (TenantId, [u8; 32]);

pub(super) struct Meter {
    accepted: Cache<Caller, ()>,
    accounts: Mutex<HashMap<TenantId, Account>>,
    every: Duration,
    room: Semaphore,
}

/// A tenant, as this process knows it.
struct Account {
    may: May,
    asked: Instant,
    /// Counted and not yet written; and what is being written.
    pending: i64,
    under_way: i64,
    /// Who was counted last, and writes for all.
    principal: Principal,
    /// Whether a task is about to write and ask.
    task: bool,
}

/// What a tenant may, and how much of the month's it has had.
#[derive(Clone, Copy)]
struct May {
    tenant_per_minute: Option<i64>,
    principal_per_minute: Option<i64>,
    tenant_per_month: Option<i64>,
    used: i64,
    month_begins: Timestamp,
    month_ends: Timestamp,
}

/// What goes for a caller in a tenant.
pub(super) struct Inside {
    pub(super) buckets: Vec<Bucket>,
    pub(super) month: Option<Standing>,
}

impl Meter {
    pub(super) fn new(every: Duration) -> Self {
        Self { accepted: Cache::new(REMEMBERED), accounts: Mutex::default(), every, room: Semaphore::new(AT_ONCE) }
    }

    /// What goes for a caller whom PostgreSQL has accepted in this tenant; none for one whom nobody has asked it about.
    pub(super) fn inside(self: &Arc<Self>, db: &Db, tenant: TenantId, principal: Principal) -> Option<Inside> {
        self.accepted.get(&caller(tenant, principal))?;
        let mut accounts = self.accounts();
        let account = accounts.get_mut(&tenant)?;
        if account.asked.elapsed() >= self.every {
            self.write_soon(db, tenant, account, Duration::ZERO);
        }
        Some(Inside { buckets: account.may.buckets(tenant, principal), month: account.month() })
    }

    /// Asks PostgreSQL whether it accepts this caller in this tenant, and what the tenant may.
    pub(super) async fn meet(&self, db: &Db, tenant: TenantId, principal: Principal) -> Result<bool> {
        let may = match ask(db, tenant, principal, 0).await {
            Ok(may) => may,
            Err(error) if is_refusal(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let new = Account { may, asked: Instant::now(), pending: 0, under_way: 0, principal, task: false };
        let mut accounts = self.accounts();
        let account = accounts.entry(tenant).or_insert(new);
        (account.may, account.asked) = (may, Instant::now());
        self.accepted.insert(caller(tenant, principal), ());
        Ok(true)
    }

    /// PostgreSQL accepts this caller no longer.
    pub(super) fn forget(&self, tenant: TenantId, principal: Principal) {
        self.accepted.remove(&caller(tenant, principal));
    }

    /// Counts a request of the month, and says where that leaves the tenant.
    pub(super) fn count(self: &Arc<Self>, db: &Db, tenant: TenantId, principal: Principal) -> Option<Standing> {
        let mut accounts = self.accounts();
        let account = accounts.get_mut(&tenant)?;
        account.pending += 1;
        account.principal = principal;
        self.write_soon(db, tenant, account, self.every);
        account.month()
    }

    /// Writes and asks after a while, in a task of its own: one for each tenant.
    fn write_soon(self: &Arc<Self>, db: &Db, tenant: TenantId, account: &mut Account, after: Duration) {
        if std::mem::replace(&mut account.task, true) {
            return;
        }
        let (meter, db) = (self.clone(), db.clone());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _place = meter.room.acquire().await;
            meter.write(&db, tenant).await;
        });
    }

    async fn write(&self, db: &Db, tenant: TenantId) {
        let (principal, counted) = {
            let mut accounts = self.accounts();
            let Some(account) = accounts.get_mut(&tenant) else { return };
            account.under_way = std::mem::take(&mut account.pending);
            (account.principal, account.under_way)
        };
        let answer = ask(db, tenant, principal, counted).await;
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(&tenant) else { return };
        (account.task, account.under_way) = (false, 0);
        match answer {
            Ok(may) => (account.may, account.asked) = (may, Instant::now()),
            Err(error) => {
                // For whoever comes next to write; this one may be a member no longer.
                tracing::debug!(%error, "counts of requests were not written");
                account.pending += counted;
                account.asked = Instant::now();
                if is_refusal(&error) {
                    self.accepted.remove(&caller(tenant, principal));
                }
            }
        }
        // A tenant that asks for nothing takes no room.
        if accounts.len() > REMEMBERED {
            accounts
                .retain(|_, account| account.task || account.pending > 0 || account.asked.elapsed() < self.every * 2);
        }
    }

    /// Writes all that was counted, before the process ends.
    pub(super) async fn finish(&self, db: &Db) {
        let tenants: Vec<TenantId> =
            self.accounts().iter().filter(|(_, account)| account.pending > 0).map(|(tenant, _)| *tenant).collect();
        for tenant in tenants {
            self.write(db, tenant).await;
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<TenantId, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Where the tenant stands in the month, if it has a quota and the month is the one that was asked about.
    fn month(&self) -> Option<Standing> {
        let now = Timestamp::now();
        let quota = u64::try_from(self.may.tenant_per_month?).ok()?;
        let length = Duration::try_from(self.may.month_ends.duration_since(self.may.month_begins)).ok()?;
        let reset = Duration::try_from(self.may.month_ends.duration_since(now)).ok().filter(|left| !left.is_zero())?;
        let used = u64::try_from(self.may.used + self.under_way + self.pending).unwrap_or_default();
        let remaining = quota.saturating_sub(used);
        let policy = Policy { whom: Whom::Month, requests: quota, window: length };
        Some(Standing { policy, remaining, reset, wait: if remaining == 0 { reset } else { Duration::ZERO } })
    }
}

impl May {
    fn buckets(&self, tenant: TenantId, principal: Principal) -> Vec<Bucket> {
        let id = match principal {
            Principal::Person(person) => person.user.as_uuid(),
            Principal::Key(key) => key.id(),
        };
        // Braces: a cluster keeps all that is counted for one request in one place (Redis cluster specification, hash tags).
        let place = format!("rowhouse:{{{}}}:rate", tenant.as_uuid());
        let policy = |whom, requests: Option<i64>| {
            requests.and_then(|requests| u32::try_from(requests).ok()).map(|requests| Policy::a_minute(whom, requests))
        };
        let of_tenant = policy(Whom::Tenant, self.tenant_per_minute)
            .map(|policy| Bucket { key: format!("{place}:tenant"), policy });
        let of_principal = policy(Whom::Principal, self.principal_per_minute)
            .map(|policy| Bucket { key: format!("{place}:principal:{id}"), policy });
        of_tenant.into_iter().chain(of_principal).collect()
    }
}

async fn ask(db: &Db, tenant: TenantId, principal: Principal, counted: i64) -> Result<May> {
    let mut conn = db.tenant(tenant, principal).await?;
    let meter = sql!("limits/meter");
    if counted == 0 {
        conn.read().last().one(meter, &[&counted]).await
    } else {
        conn.write().last().one(meter, &[&counted]).await
    }
}

/// Whether an answer says that somebody is not who may ask here.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::Unauthenticated(_)
            | Error::SessionEnded
            | Error::AccountDeactivated
            | Error::NotAMember
            | Error::TenantNotOpen(_)
    )
}

fn caller(tenant: TenantId, principal: Principal) -> Caller {
    let mut whose = [0; 32];
    match principal {
        Principal::Person(person) => {
            whose[..16].copy_from_slice(person.user.as_uuid().as_bytes());
            whose[16..].copy_from_slice(person.session.as_uuid().as_bytes());
        }
        Principal::Key(key) => whose.copy_from_slice(key.secret_hash()),
    }
    (tenant, whose)
}

impl FromRow for May {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            tenant_per_minute: row.try_get("tenant_per_minute")?,
            principal_per_minute: row.try_get("principal_per_minute")?,
            tenant_per_month: row.try_get("tenant_per_month")?,
            used: row.try_get("used")?,
            month_begins: row.try_get("month_begins")?,
            month_ends: row.try_get("month_ends")?,
        })
    }
}
