//! What each tenant may ask for and has asked for this month: known here, kept in PostgreSQL (`registry.meter`), which is
//! told every few seconds what was counted, and says what has changed.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    LimitScope, Policy, Remaining,
    bucket::{Bucket, Counted},
};
use crate::{
    Error, Result,
    auth::{Principal, TenantId},
    clock,
    db::{Db, Share},
    from_row, sql,
};

/// Callers whom PostgreSQL has accepted that are remembered; others it is asked about once more.
const REMEMBERED: usize = 100_000;
/// After so many times the interval in which counts are written PostgreSQL is asked about a caller once more, beside their
/// request: they may have been taken out, and ask for nothing that it would be asked about.
const AGAIN: u32 = 6;
/// Questions to PostgreSQL at a time.
const AT_ONCE: usize = 2;
/// The same when the process ends.
const FINISHED_AT_ONCE: usize = 4;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Those who asked last and write for all: where one was taken out meanwhile, another does.
const WRITERS: usize = 4;

/// A caller in a tenant: a person's session, or a key's id with its secret.
type Caller = (TenantId, Uuid, [u8; 32]);

pub(super) struct Meter {
    accepted: Cache<Caller, Instant>,
    accounts: Mutex<HashMap<TenantId, Account>>,
    every: Duration,
    room: Arc<Semaphore>,
}

/// A tenant, as this process knows it.
struct Account {
    may: Quota,
    asked: Instant,
    /// Counted and not yet written; and what is being written.
    pending: i64,
    under_way: i64,
    /// The last one first.
    writers: VecDeque<Principal>,
    /// Whether a task is about to write and ask.
    task: bool,
    /// How often it was written.
    writes: u64,
}

/// What a tenant may, and how much of the month's it has had.
#[derive(Clone, Copy)]
struct Quota {
    tenant_per_minute: Option<i64>,
    principal_per_minute: Option<i64>,
    tenant_per_month: Option<i64>,
    used: i64,
    month_begins: Timestamp,
    month_ends: Timestamp,
}

impl Meter {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            accepted: Cache::new(REMEMBERED),
            accounts: Mutex::default(),
            every,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// What goes for a caller whom PostgreSQL has accepted in this tenant; none for one whom nobody has asked it about.
    pub(super) fn inside(self: &Arc<Self>, db: &Db, tenant: TenantId, principal: Principal) -> Option<Vec<Bucket>> {
        let caller = caller(tenant, principal);
        let since = self.accepted.get(&caller)?;
        let mut accounts = self.accounts();
        let account = accounts.get_mut(&tenant)?;
        account.note(principal);
        if account.asked.elapsed() >= self.every {
            self.write_soon(db, tenant, account, Duration::ZERO);
        }
        if since.elapsed() >= self.every * AGAIN {
            self.ask_again(db, tenant, principal);
        }
        Some(account.may.buckets(tenant, principal))
    }

    /// Asks PostgreSQL whether it accepts this caller in this tenant, and what the tenant may.
    pub(super) async fn meet(&self, db: &Db, tenant: TenantId, principal: Principal) -> Result<bool> {
        let writes = self.accounts().get(&tenant).map_or(0, |account| account.writes);
        let may = match ask(db, tenant, principal, 0).await {
            Ok(may) => may,
            Err(error) if is_refusal(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut accounts = self.accounts();
        let account = accounts.entry(tenant).or_insert_with(|| Account::new(may));
        // Whether what was written meanwhile is in this answer, nobody knows.
        let same_month = account.may.month_begins == may.month_begins;
        let unsure = same_month && (account.under_way > 0 || account.writes != writes);
        let used = if unsure { account.may.used } else { may.used };
        (account.may, account.asked) = (Quota { used, ..may }, Instant::now());
        self.accepted.insert(caller(tenant, principal), Instant::now());
        Ok(true)
    }

    fn ask_again(self: &Arc<Self>, db: &Db, tenant: TenantId, principal: Principal) {
        // What is to be written goes first; whoever finds no room is asked about at their next request.
        let Ok(place) = self.room.clone().try_acquire_owned() else { return };
        self.accepted.insert(caller(tenant, principal), Instant::now());
        let (meter, db) = (self.clone(), db.clone());
        tokio::spawn(async move {
            let _place = place;
            if ask(&db, tenant, principal, 0).await.is_err_and(|error| is_refusal(&error)) {
                meter.forget(tenant, principal);
            }
        });
    }

    /// Whether PostgreSQL has accepted this caller in this tenant.
    pub(super) fn knows(&self, tenant: TenantId, principal: Principal) -> bool {
        self.accepted.get(&caller(tenant, principal)).is_some()
    }

    /// PostgreSQL accepts this caller no longer.
    pub(super) fn forget(&self, tenant: TenantId, principal: Principal) {
        self.accepted.remove(&caller(tenant, principal));
    }

    /// Counts a request of the month, where there is one left, and says where that leaves the tenant.
    pub(super) fn count(self: &Arc<Self>, db: &Db, tenant: TenantId) -> Metered {
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(&tenant) else { return Metered::Yes(None) };
        if let Some(over) = account.month().filter(|month| month.remaining == 0) {
            return Metered::Over(over);
        }
        account.pending += 1;
        self.write_soon(db, tenant, account, self.every);
        Metered::Yes(account.month())
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
        let (writers, counted) = {
            let mut accounts = self.accounts();
            let Some(account) = accounts.get_mut(&tenant) else { return };
            let counted = std::mem::take(&mut account.pending);
            account.under_way += counted;
            (account.writers.clone(), counted)
        };
        let mut answer = Err(Error::NotAMember);
        for principal in writers {
            answer = ask(db, tenant, principal, counted).await;
            if !answer.as_ref().is_err_and(is_refusal) {
                break;
            }
            self.forget(tenant, principal);
        }
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(&tenant) else { return };
        account.task = false;
        account.under_way -= counted;
        account.writes += 1;
        match answer {
            Ok(may) => (account.may, account.asked) = (may, Instant::now()),
            Err(error) => {
                tracing::debug!(%error, "counts of requests were not written");
                account.pending += counted;
                if is_refusal(&error) {
                    // The next one who is accepted asks at once.
                    account.writers.clear();
                } else {
                    account.asked = Instant::now();
                }
            }
        }
        // A tenant that asks for nothing, and of whom everything is written, takes no room.
        if accounts.len() > REMEMBERED {
            accounts
                .retain(|_, account| account.task || account.pending > 0 || account.asked.elapsed() < self.every * 2);
        }
    }

    /// Writes all that was counted, before the process ends; waits for what others are writing.
    pub(super) async fn finish(&self, db: &Db, patience: Duration) {
        let all_written = async {
            loop {
                let (under_way, left): (Vec<_>, Vec<_>) = self
                    .accounts()
                    .iter()
                    .filter(|(_, account)| account.pending > 0 && !account.writers.is_empty() || account.under_way > 0)
                    .map(|(tenant, account)| (*tenant, account.under_way))
                    .partition(|(_, under_way)| *under_way > 0);
                if under_way.is_empty() && left.is_empty() {
                    return;
                }
                stream::iter(left).for_each_concurrent(FINISHED_AT_ONCE, |(tenant, _)| self.write(db, tenant)).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(patience, all_written).await;
        let lost: i64 = self.accounts().values().map(|account| account.pending + account.under_way).sum();
        if lost > 0 {
            tracing::warn!(lost, "requests were counted and not written down before the end");
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<TenantId, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a request of the month was counted.
pub(super) enum Metered {
    /// It was; where that leaves the tenant, if it has a quota.
    Yes(Option<Remaining>),
    /// There is none left.
    Over(Remaining),
}

impl Account {
    fn new(may: Quota) -> Self {
        Self { may, asked: Instant::now(), pending: 0, under_way: 0, writers: VecDeque::new(), task: false, writes: 0 }
    }

    /// Somebody asks who may write.
    fn note(&mut self, principal: Principal) {
        if self.writers.front() != Some(&principal) {
            self.writers.retain(|writer| *writer != principal);
            self.writers.push_front(principal);
            self.writers.truncate(WRITERS);
        }
    }

    /// Where the tenant stands in the month, if it has a quota and the month is the one that was asked about.
    fn month(&self) -> Option<Remaining> {
        // One that is wrong shows another time until the month is over; what is counted, PostgreSQL counts.
        let now = clock::now();
        let quota = u64::try_from(self.may.tenant_per_month?).ok()?;
        let length = Duration::try_from(self.may.month_ends.duration_since(self.may.month_begins)).ok()?;
        let reset = Duration::try_from(self.may.month_ends.duration_since(now)).ok().filter(|left| !left.is_zero())?;
        let used = u64::try_from(self.may.used + self.under_way + self.pending).unwrap_or_default();
        let remaining = quota.saturating_sub(used);
        let policy = Policy { whom: LimitScope::Month, requests: quota, window: length };
        Some(Remaining { policy, remaining, reset, wait: if remaining == 0 { reset } else { Duration::ZERO } })
    }
}

impl Quota {
    fn buckets(&self, tenant: TenantId, principal: Principal) -> Vec<Bucket> {
        let limit = |limit: Option<i64>| limit.and_then(|limit| u32::try_from(limit).ok());
        let of_tenant = limit(self.tenant_per_minute).map(|limit| Bucket {
            whose: Counted::tenant(tenant),
            policy: Policy::a_minute(LimitScope::Tenant, limit),
        });
        let of_principal = limit(self.principal_per_minute).map(|limit| self::principal(tenant, principal, limit));
        of_tenant.into_iter().chain(of_principal).collect()
    }
}

/// A member or a key, and how many they may ask a minute.
pub(super) fn principal(tenant: TenantId, principal: Principal, a_minute: u32) -> Bucket {
    Bucket { whose: Counted::principal(tenant, principal), policy: Policy::a_minute(LimitScope::Principal, a_minute) }
}

async fn ask(db: &Db, tenant: TenantId, principal: Principal, counted: i64) -> Result<Quota> {
    let asked = tokio::time::timeout(PATIENCE, async {
        // Not the tenant's share: whether they belong to it is the question, and what it may is asked however busy it is.
        let (share, meter) = (Share::unproven(principal), sql!("limits/meter"));
        if counted == 0 {
            Ok(db.tenant_reads(tenant, principal, share).await?.read().last().one(meter, &[&counted]).await?)
        } else {
            Ok(db.tenant_writes(tenant, principal, share).await?.write().last().one(meter, &[&counted]).await?)
        }
    });
    asked.await.unwrap_or(Err(Error::DatabaseTimeout))
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
    match principal {
        Principal::Person(person) => {
            let mut session = [0; 32];
            session[..16].copy_from_slice(person.session.as_uuid().as_bytes());
            (tenant, person.user.as_uuid(), session)
        }
        // The id as well: whoever has one key could send its secret under the id of another.
        Principal::Key(key) => (tenant, key.id(), *key.secret_hash()),
    }
}

from_row! { Quota: tenant_per_minute, principal_per_minute, tenant_per_month, used, month_begins, month_ends }
