//! How many connections somebody has had lately, on average, and how many they may have beside others.
use std::time::{Duration, Instant};

/// What was longer ago counts for less than half (for a third, after so long).
const LATELY: Duration = Duration::from_secs(2);
/// Whoever has asked for nothing for so long is nobody to leave room for.
const ABOUT: Duration = Duration::from_mins(1);

/// Connections held lately, on average: one, for whoever has had one all the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    held: f64,
    at: Instant,
}

impl Load {
    pub(crate) fn none(now: Instant) -> Self {
        Self { held: 0.0, at: now }
    }

    /// With so many held from when it was last asked until now.
    #[must_use]
    pub(crate) fn until(self, now: Instant, taken: usize) -> Self {
        let kept = (-now.saturating_duration_since(self.at).as_secs_f64() / LATELY.as_secs_f64()).exp();
        let taken = u32::try_from(taken).map_or(f64::MAX, f64::from);
        Self { held: self.held * kept + taken * (1.0 - kept), at: now }
    }

    pub(crate) fn held(self) -> f64 {
        self.held
    }

    /// So little that nobody need remember it.
    pub(crate) fn is_nothing(self) -> bool {
        self.held < 0.005
    }
}

/// How many places there are, and who may have how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) all: usize,
    /// Of one share, at once.
    pub(crate) share: usize,
    /// The same, of one that is greedy while others are about.
    pub(crate) greedy: usize,
    /// Of all that are greedy, together.
    pub(crate) together: usize,
    /// Left for those who have none.
    pub(crate) spare: usize,
}

impl Bounds {
    /// A pool has about four connections to a processor (docs/adr/0020): all that are greedy together have as many as keep
    /// the processors busy, and one of them half of that.
    pub(crate) fn new(all: usize, share: usize) -> Self {
        let together = (all / 4).max(2).min(all.saturating_sub(1)).max(1);
        Self {
            all,
            share: share.clamp(1, all.max(1)),
            greedy: (all / 8).max(1),
            together,
            spare: all.div_ceil(8).min(all / 4),
        }
    }

    /// Whether somebody has more than their part.
    pub(crate) fn is_greedy(self, load: Load) -> bool {
        let greedy = u32::try_from(self.greedy).map_or(f64::MAX, f64::from);
        load.held() > greedy / 2.0
    }
}

/// Who has asked last, and when anybody else has: whether there are others to leave room for.
#[derive(Debug)]
pub(crate) struct About<K> {
    last: Option<(K, Instant)>,
    before: Option<(K, Instant)>,
}

impl<K: Copy + PartialEq> About<K> {
    pub(crate) fn nobody() -> Self {
        Self { last: None, before: None }
    }

    pub(crate) fn note(&mut self, who: K, now: Instant) {
        if self.last.is_some_and(|(last, _)| last != who) {
            self.before = self.last;
        }
        self.last = Some((who, now));
    }

    /// Whether anybody but them has asked lately.
    pub(crate) fn others(&self, who: Option<K>, now: Instant) -> bool {
        let newest = [self.last, self.before].into_iter().flatten().find(|(other, _)| Some(*other) != who);
        newest.is_some_and(|(_, when)| now.saturating_duration_since(when) < ABOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_load_is_what_was_held_on_average_and_is_forgotten() {
        let begun = Instant::now();
        let held = Load::none(begun).until(begun + 20 * SECOND, 3);
        assert!((held.held() - 3.0).abs() < 0.01, "{held:?}");
        // However often it is asked.
        let often = (1..=200).fold(Load::none(begun), |load, n| load.until(begun + n * SECOND / 10, 3));
        assert!((often.held() - held.held()).abs() < 1e-9, "{often:?} {held:?}");
        let half =
            (1..=20_000).fold(Load::none(begun), |load, n| load.until(begun + n * SECOND / 1_000, (n % 2) as usize));
        assert!((half.held() - 0.5).abs() < 0.01, "{half:?}");
        assert!(held.until(begun + 40 * SECOND, 0).is_nothing());
    }

    #[test]
    fn others_are_about_for_a_minute_after_they_have_asked() {
        let begun = Instant::now();
        let mut about = About::nobody();
        assert!(!about.others(Some(1), begun));
        about.note(1, begun);
        about.note(1, begun + SECOND);
        assert!(!about.others(Some(1), begun + SECOND) && about.others(Some(2), begun + SECOND));
        assert!(about.others(None, begun + SECOND), "nobody is no other than anybody");
        about.note(2, begun + 2 * SECOND);
        about.note(1, begun + 3 * SECOND);
        about.note(1, begun + 50 * SECOND);
        assert!(about.others(Some(1), begun + 61 * SECOND) && !about.others(Some(1), begun + 62 * SECOND));
    }

    #[test]
    fn bounds_leave_room_in_pools_of_every_size() {
        let of = |all| {
            let Bounds { greedy, together, spare, .. } = Bounds::new(all, all.div_ceil(2));
            (greedy, together, spare)
        };
        assert_eq!([of(1), of(2), of(3), of(4)], [(1, 1, 0), (1, 1, 0), (1, 2, 0), (1, 2, 1)]);
        assert_eq!([of(8), of(16), of(64)], [(1, 2, 1), (2, 4, 2), (8, 16, 8)]);
    }
}
