//! When something that failed is tried again: exponential backoff with full jitter, and `Retry-After` where the other side says so.
//!
//! The rule is the one of Marc Brooker's "Exponential Backoff And Jitter" (AWS Architecture Blog, 4 March 2015): after the n-th failure
//! one waits for a random time between nothing and `min(cap, base * 2^(n - 1))`. Random all the way down to nothing, since those that
//! failed together would otherwise come back together.
use std::time::Duration;

use jiff::{Timestamp, civil::DateTime, fmt::rfc2822::DateTimeParser, tz::TimeZone};
use rowhouse_pg::new_id;

/// However long the other side asks to be left alone, it is asked again after this.
pub const RETRY_AFTER_MOST: Duration = Duration::from_hours(24);

/// How often and after how long something of a kind is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempts: u32,
}

impl Backoff {
    /// The first wait is at most `base`, each further one at most twice the one before and never more than `cap`; after so many
    /// `attempts` in all nobody tries again.
    ///
    /// # Panics
    ///
    /// Without an attempt, without a base, and with a cap below it: at build time, where it is a constant.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration, attempts: u32) -> Self {
        assert!(attempts > 0, "something is tried at least once");
        assert!(base.as_millis() > 0 && cap.as_millis() >= base.as_millis(), "0 < base <= cap");
        Self { base, cap, attempts }
    }

    /// How often it is tried in all.
    #[must_use]
    pub const fn attempts(self) -> u32 {
        self.attempts
    }

    /// The longest wait after so many failed attempts.
    #[must_use]
    pub fn ceiling(self, failed: u32) -> Duration {
        let doubled = 2_u32.checked_pow(failed.saturating_sub(1)).and_then(|factor| self.base.checked_mul(factor));
        doubled.map_or(self.cap, |wait| wait.min(self.cap))
    }

    /// How long to wait after so many failed attempts; nothing, when there are none left. `random` is any number of 64 bits, each as
    /// likely as any other.
    #[must_use]
    pub fn wait(self, failed: u32, random: u64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let ceiling = self.ceiling(failed).as_millis();
        // The upper half of the product: as even as the random number is, without a division.
        let millis = (u128::from(random) * (ceiling + 1)) >> 64;
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    /// The same where the other side has said for how long it wants to be left alone: that long, and the jitter on top, so that those who
    /// were told the same do not come back together.
    #[must_use]
    pub fn wait_at_least(self, failed: u32, random: u64, asked: Duration) -> Option<Duration> {
        self.wait(failed, random).map(|jitter| asked.min(RETRY_AFTER_MOST) + jitter)
    }
}

/// What `Retry-After` asks for, from now on: seconds, or a date in one of the three forms of RFC 9110, 5.6.7. Nothing, where it is neither; a
/// date that has passed asks for no time.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds is longer than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = http_date(value, now)?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

fn http_date(value: &str, now: Timestamp) -> Option<Timestamp> {
    // Sun, 06 Nov 1994 08:49:37 GMT
    if let Some(date) = value.strip_suffix(" GMT")
        && let Ok(date) = DateTimeParser::new().parse_timestamp(format!("{date} +0000"))
    {
        return Some(date);
    }
    // Sun Nov  6 08:49:37 1994
    if let Ok(date) = DateTime::strptime("%a %b %e %H:%M:%S %Y", value) {
        return date.to_zoned(TimeZone::UTC).ok().map(|date| date.timestamp());
    }
    // Sunday, 06-Nov-94 08:49:37 GMT: the last year with these two digits that is not more than fifty ahead.
    let date = DateTime::strptime("%d-%b-%y %H:%M:%S GMT", value.split_once(", ")?.1).ok()?;
    let most = now.to_zoned(TimeZone::UTC).year() + 50;
    let year = most - (most - date.year()).rem_euclid(100);
    date.with().year(year).build().ok()?.to_zoned(TimeZone::UTC).ok().map(|date| date.timestamp())
}

/// 64 bits, each as likely as any other.
#[must_use]
pub fn random() -> u64 {
    // The last bytes of a UUIDv7 are random; two of them make up for those that are not.
    let half = |id: uuid::Uuid| u64::from_be_bytes(id.as_bytes()[8..].try_into().unwrap_or_default()) & 0xffff_ffff;
    half(new_id()) << 32 | half(new_id())
}

#[cfg(test)]
mod tests;
