//! How long many things took, in little room: buckets that are never wider than a sixty-fourth of what they hold.
use std::time::Duration;

use serde::Serialize;

/// Buckets for each doubling: two to this power.
const PRECISION: u32 = 6;

/// Durations, to the microsecond below 128 and to 1.6 % above.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest: u64,
}

/// What is told of many durations, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) longest: f64,
}

impl Histogram {
    pub(crate) fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = place(micros);
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, 0);
        }
        self.buckets[place] += 1;
        self.count += 1;
        self.longest = self.longest.max(micros);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// What so many of a hundred took at most, in microseconds; none of nothing.
    fn at(&self, percent: u64) -> Option<u64> {
        let wanted = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.buckets.iter().position(|bucket| {
            seen += bucket;
            seen >= wanted
        });
        // The most that a bucket holds, and no more than there was.
        found.map(|place| end(place).min(self.longest))
    }

    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a run")]
        let ms = |micros: u64| micros as f64 / 1e3;
        Some(Percentiles {
            p50: ms(self.at(50)?),
            p95: ms(self.at(95)?),
            p99: ms(self.at(99)?),
            longest: ms(self.longest),
        })
    }
}

fn place(micros: u64) -> usize {
    let shift = (micros | ((2 << PRECISION) - 1)).ilog2() - PRECISION;
    usize::try_from((u64::from(shift) << PRECISION) + (micros >> shift)).unwrap_or(usize::MAX)
}

/// The most microseconds that belong to a place.
fn end(place: usize) -> u64 {
    let place = place as u64;
    let shift = (place >> PRECISION).saturating_sub(1);
    let first = place - (shift << PRECISION);
    ((first + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_told_to_a_sixty_fourth() {
        let mut last = 0;
        for micros in (0..100_000).chain([1_000_000, 59_999_999, 60_000_000, 3_600_000_000]) {
            let place = place(micros);
            assert!(place >= last, "{micros} comes before a shorter one");
            last = place;
            assert!(end(place) >= micros && end(place) - micros <= micros / 64, "{micros} is told as {}", end(place));
        }
    }

    #[test]
    fn percentiles_are_those_of_all_that_was_added_and_merged() {
        assert!(Histogram::default().percentiles().is_none());
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        for ms in 1..=50 {
            one.add(Duration::from_millis(ms));
            other.add(Duration::from_millis(ms + 50));
        }
        one.merge(&other);
        let Percentiles { p50, p95, p99, longest } = one.percentiles().unwrap();
        for (told, true_one) in [(p50, 50.0), (p95, 95.0), (p99, 99.0), (longest, 100.0)] {
            assert!(told >= true_one && told <= true_one * (1.0 + 1.0 / 64.0), "{told} instead of {true_one}");
        }
        assert_eq!(one.count(), 100);
    }
}
