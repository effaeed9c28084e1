//! What a transaction tells PostgreSQL about itself before anything else: who asks, inside which tenant.
use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use uuid::Uuid;

use crate::{
    identity::{HeldJob, Person, Principal, TenantId},
    settings::Settings,
};

/// On whose behalf a transaction runs. There is no default and no way to change it half-way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    /// Nobody is signed in: only the doors made for that answer.
    Public,
    /// A signed-in person outside any tenant.
    User(Person),
    /// A person or an API key inside one tenant.
    Tenant(TenantId, Principal),
    /// A worker inside one tenant, for a job or for none.
    Worker(TenantId, Option<HeldJob>),
}

impl Scope {
    /// The tenant that becomes `$1`, in statements that have one.
    pub(crate) fn tenant(self) -> Option<Uuid> {
        self.inside().map(TenantId::as_uuid)
    }

    /// The tenant that it is in, if any.
    pub(crate) fn inside(self) -> Option<TenantId> {
        match self {
            Self::Tenant(tenant, _) | Self::Worker(tenant, _) => Some(tenant),
            Self::Public | Self::User(_) => None,
        }
    }

    /// Tenant and principal, to bind; nil where there is none. Neither opens anything.
    pub(crate) fn whose(self) -> [Uuid; 2] {
        match self {
            Self::Public => [Uuid::nil(); 2],
            Self::User(person) => [Uuid::nil(), person.user.as_uuid()],
            Self::Tenant(tenant, principal) => [tenant.as_uuid(), principal.id()],
            Self::Worker(tenant, job) => [tenant.as_uuid(), job.map_or(Uuid::nil(), |job| job.id())],
        }
    }

    /// `BEGIN` and the `SET LOCAL`s, as one message.
    ///
    /// This and `PREPARE` around a statement of our own (`statements`) are the only SQL a request has put
    /// together at run time. What goes in here are UUIDs that have been parsed, 36 characters of hex and
    /// hyphens, a digest, 64 of hex, a number of milliseconds, where a request came from without what is no part of an id or an
    /// address, and the names of [`Settings`], which the pool has looked at.
    ///
    /// Tenant and user are always said, the one that is not there as empty: what somebody else left on a
    /// connection that a pooler shares does not count. A session counts only with a user, an API key only
    /// where the user is empty (so policies ask), so neither needs to be said to be absent.
    ///
    /// `within` is how long a statement may take and `locks` how long it waits for a lock, where that is less than the
    /// role's own `statement_timeout` and `lock_timeout`.
    pub(crate) fn preamble(
        self,
        settings: &Settings,
        begin: &'static str,
        writes: bool,
        within: Option<Duration>,
        locks: Option<Duration>,
    ) -> String {
        let mut text = String::with_capacity(448);
        // What whoever had the connection before may have set, for all who come after, goes; it costs nothing where nothing was.
        // BEGIN says the isolation itself: a transaction takes its defaults before the first statement of its message.
        text.push_str("reset all; ");
        text.push_str(begin);
        if let Some(within) = within {
            // Whoever waits for a lock has asked for nothing that costs much, and hears so.
            let (whole, waiting) = (within.as_millis(), within.as_millis() / 2);
            let _ = write!(text, "; set local statement_timeout = {whole}; set local lock_timeout = {waiting}");
        }
        if let Some(locks) = locks {
            let _ = write!(text, "; set local lock_timeout = {}", locks.as_millis());
        }
        let [tenant, user, session, api_key] =
            [settings.tenant, settings.user, settings.session, settings.api_key].map(Quoted);
        let _ = match self {
            Self::Public => {
                write!(text, "; set local {tenant} = ''; set local {user} = ''; set local {api_key} = ''")
            }
            Self::User(person) => write!(
                text,
                "; set local {tenant} = ''; set local {user} = '{}'; set local {session} = '{}'",
                person.user.as_uuid(),
                person.session.as_uuid()
            ),
            Self::Tenant(id, Principal::Person(person)) => write!(
                text,
                "; set local {tenant} = '{}'; set local {user} = '{}'; set local {session} = '{}'",
                id.as_uuid(),
                person.user.as_uuid(),
                person.session.as_uuid()
            ),
            Self::Tenant(id, Principal::Key(key)) => {
                let _ = write!(
                    text,
                    "; set local {tenant} = '{}'; set local {user} = ''; set local {api_key} = '{}.",
                    id.as_uuid(),
                    key.id()
                );
                for byte in key.secret_hash() {
                    let _ = write!(text, "{byte:02x}");
                }
                write!(text, "'")
            }
            Self::Worker(id, job) => {
                let [held, lease] = [settings.job, settings.job_lease].map(Quoted);
                let _ = write!(
                    text,
                    "; set local {tenant} = '{}'; set local {user} = ''; set local {api_key} = ''",
                    id.as_uuid()
                );
                match job {
                    Some(job) => {
                        write!(text, "; set local {held} = '{}'; set local {lease} = '{}'", job.id(), job.lease())
                    }
                    None => write!(text, "; set local {held} = ''; set local {lease} = ''"),
                }
            }
        };
        if writes && let Some(origin) = (settings.origin)() {
            let _ = write!(text, "; set local {} = '", Quoted(settings.request));
            text.extend(origin.chars().filter(|c| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '-' | ' ')));
            text.push('\'');
        }
        text
    }
}

/// A setting's name, in which a word may be one of SQL's own.
struct Quoted(&'static str);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.0.split('.').enumerate() {
            write!(f, "{}\"{word}\"", if at > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}
