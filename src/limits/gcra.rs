//! The generic cell rate algorithm (ITU-T I.371, annex A): so many requests within so long, at once or evenly. One number
//! is kept for each caller: when all that was asked for so far would have been due, had it been asked for evenly.
use std::time::Duration;

/// So many requests within so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whom it counts; also how it is called in headers.
    pub whom: LimitScope,
    /// How many.
    pub requests: u64,
    /// Within how long.
    pub window: Duration,
}

/// Whom a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// All of a tenant.
    Tenant,
    /// One member or API key of a tenant.
    Principal,
    /// The session of somebody who is signed in, outside any tenant.
    Session,
    /// All from one network whom nobody knows.
    Network,
    /// All of a tenant, in a month of the calendar.
    Month,
    /// All of a tenant's people, where they look after its members, roles, invitations and API keys.
    Access,
}

impl LimitScope {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Tenant, Self::Principal, Self::Session, Self::Network, Self::Month, Self::Access];

    /// How headers and answers call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Principal => "principal",
            Self::Session => "session",
            Self::Network => "network",
            Self::Month => "month",
            Self::Access => "access",
        }
    }

    /// How a sentence calls it.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Tenant | Self::Month => "this tenant",
            Self::Access => "this tenant, for its members, roles, invitations and API keys,",
            Self::Principal => "one member or API key of this tenant",
            Self::Session => "one session outside any tenant",
            Self::Network => "one network, for all callers in it who are not signed in,",
        }
    }
}

impl Policy {
    /// So many a minute.
    #[must_use]
    pub fn a_minute(whom: LimitScope, requests: u32) -> Self {
        Self { whom, requests: u64::from(requests), window: Duration::from_mins(1) }
    }

    /// A part of it: that of one instance among several.
    pub(super) fn divided(self, by: u32) -> Self {
        Self { requests: (self.requests / u64::from(by.max(1))).max(1), ..self }
    }

    /// Microseconds after which one more may be asked.
    pub(super) fn interval(self) -> u64 {
        (self.micros() / self.requests.max(1)).max(1)
    }

    pub(super) fn micros(self) -> u64 {
        u64::try_from(self.window.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Where a caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// By which policy.
    pub policy: Policy,
    /// How many more they may ask at once.
    pub remaining: u64,
    /// Until they may ask as many as ever.
    pub reset: Duration,
    /// Until they may ask one more; nothing, when they may now.
    pub wait: Duration,
}

impl Remaining {
    /// From when all would have been due, and now, both in microseconds of one clock.
    pub(super) fn of(policy: Policy, due: u64, now: u64) -> Self {
        let (ahead, interval) = (due.saturating_sub(now), policy.interval());
        let room = policy.micros().saturating_sub(ahead);
        Self {
            policy,
            remaining: (room / interval).min(policy.requests),
            reset: Duration::from_micros(ahead),
            wait: Duration::from_micros((ahead + interval).saturating_sub(policy.micros())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which of these moments a policy admits.
    fn admitted(policy: Policy, moments: &[u64]) -> Vec<u64> {
        let mut due = 0;
        let mut admit = |now: u64| {
            let may = Remaining::of(policy, due, now).wait.is_zero();
            if may {
                due = due.max(now) + policy.interval();
            }
            may
        };
        moments.iter().copied().filter(|&now| admit(now)).collect()
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_than_a_window_of_requests_and_what_has_come_free_since(
            requests in 1..200_u32,
            mut moments in prop::collection::vec(0..180_000_000_u64, 1..400),
        ) {
            let policy = Policy::a_minute(LimitScope::Tenant, requests);
            moments.sort_unstable();
            let counted = admitted(policy, &moments);
            for (n, begin) in counted.iter().enumerate() {
                for (m, end) in counted.iter().enumerate().skip(n) {
                    let most = u64::from(requests) + (end - begin) / policy.interval() + 1;
                    prop_assert!((m - n + 1) as u64 <= most);
                }
            }
        }

        #[test]
        fn whoever_waits_as_long_as_they_are_told_is_admitted_and_whoever_has_some_left_need_not_wait(
            requests in 1..2_000_u32,
            due in 0..120_000_000_u64,
            now in 0..120_000_000_u64,
        ) {
            let policy = Policy::a_minute(LimitScope::Tenant, requests);
            let due = due.min(now + policy.micros());
            let standing = Remaining::of(policy, due, now);
            prop_assert_eq!(standing.remaining == 0, !standing.wait.is_zero());
            let later = now + u64::try_from(standing.wait.as_micros()).unwrap();
            prop_assert!(Remaining::of(policy, due, later).wait.is_zero());
            let full = now + u64::try_from(standing.reset.as_micros()).unwrap();
            prop_assert_eq!(Remaining::of(policy, due, full).remaining, u64::from(requests));
        }
    }
}
