//! When something that recurs is due: a cron line in a time zone.
//!
//! Lines are read by `croner`, of five fields (minute, hour, day of month, month, day of week) or a name (`@daily`); what it finds are times of
//! the calendar on the wall, and which instants these are is decided here, by the rule of Vixie cron (`cron(8)`, "Notes") for the days on
//! which clocks are moved:
//!
//! * A line of **fixed times** (no `*` in minute and hour) is due once for each of its times. One that falls into the gap when clocks go forward
//!   is due at its end; one that comes twice when they go back is due the first time.
//! * Any **other** line follows the clock on the wall: in the gap there is nothing to be due, and an hour that comes twice is an hour twice.
//!
//! Of what was missed while nobody ran, one run is made up for ([`Schedule::due`]).
use std::{fmt, time::Duration};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    Timestamp,
    civil::{DateTime, date},
    tz::{AmbiguousOffset, TimeZone},
};

/// The longest line that is read.
const LONGEST: usize = 200;

/// A cron line in a time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
    /// Whether it says when it is due, and not how often.
    fixed: bool,
}

/// Why a line is no schedule.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not understood, for this reason.
    Line(String),
    /// Nobody knows the time zone.
    Zone(String),
    /// No day of any year is one of its days.
    Never,
    /// It is due more often than it may be.
    TooOften {
        /// The shortest time between two runs.
        every: Duration,
        /// What it may be.
        at_least: Duration,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(why) => write!(
                f,
                "the schedule is no cron line: {why}. Give five fields: minute, hour, day of month, month, day of week."
            ),
            Self::Zone(zone) => write!(
                f,
                "the time zone {zone:?} is unknown. Give a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"."
            ),
            Self::Never => {
                f.write_str("the schedule is never due: no year has such a day. Give a day that its month has.")
            }
            Self::TooOften { every, at_least } => write!(
                f,
                "the schedule has two runs {} s apart, and at least {} s have to lie between. Give fewer times.",
                every.as_secs(),
                at_least.as_secs()
            ),
        }
    }
}

impl std::error::Error for Refused {}

/// A run that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it was due: of several that were missed, the first. What is enqueued for it is unique by this, so that two who see the same enqueue one.
    pub at: Timestamp,
    /// When the next one is, after now.
    pub next: Option<Timestamp>,
}

impl Schedule {
    /// Reads a line. Between two runs lies `at_least` that (a day at most), but for the days on which clocks are moved.
    pub fn new(line: &str, zone: &str, at_least: Duration) -> Result<Self, Refused> {
        let zone = TimeZone::get(zone).map_err(|_| Refused::Zone(zone.chars().take(LONGEST).collect()))?;
        if line.len() > LONGEST {
            return Err(Refused::Line(format!("it is longer than {LONGEST} bytes")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron =
            parser.parse(line).map_err(|error| Refused::Line(error.to_string().trim_end_matches('.').to_owned()))?;
        let fixed = !cron.as_str().split_whitespace().take(2).any(|field| field.contains('*'));
        let schedule = Self { cron, zone, fixed };
        // What is due at all is due within four hundred years, after which the calendar repeats itself.
        schedule.wall_after(date(2000, 1, 1).at(0, 0, 0, 0), true).ok_or(Refused::Never)?;
        let every = schedule.most_frequent();
        if every < at_least {
            return Err(Refused::TooOften { every, at_least });
        }
        Ok(schedule)
    }

    /// The line as it is understood: names are spelt out.
    #[must_use]
    pub fn line(&self) -> &str {
        self.cron.as_str()
    }

    /// The name of its time zone, as the IANA database spells it.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The first moment after this one at which it is due; nothing, once the calendar ends.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        if self.fixed { self.fixed_after(after) } else { self.recurring_after(after) }
    }

    /// What is owed now, if the last run was due then (or, where there was none, since the schedule is there): one run, however many were missed.
    #[must_use]
    pub fn due(&self, last: Timestamp, now: Timestamp) -> Option<Due> {
        let at = self.next_after(last).filter(|at| *at <= now)?;
        Some(Due { at, next: self.next_after(now) })
    }

    /// Each time on the wall is one instant, and these are in the same order as the times: who looks for the first one after an instant begins
    /// with what the wall says then.
    fn fixed_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut wall = self.zone.to_datetime(after);
        loop {
            wall = self.wall_after(wall, false)?;
            let at = self.instant(wall)?;
            if at > after {
                return Some(at);
            }
        }
    }

    /// The one instant of a time on the wall.
    fn instant(&self, wall: DateTime) -> Option<Timestamp> {
        let times = self.zone.to_ambiguous_timestamp(wall);
        match times.offset() {
            // Told by the offset of afterwards it lies before the gap, whose end is the next thing that happens.
            AmbiguousOffset::Gap { .. } => self.zone.following(times.earlier().ok()?).next().map(|end| end.timestamp()),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => times.earlier().ok(),
        }
    }

    /// From one change of clocks to the next the wall and the instants go in step.
    fn recurring_after(&self, after: Timestamp) -> Option<Timestamp> {
        let (mut from, mut inclusive) = (after, false);
        loop {
            let offset = self.zone.to_offset(from);
            let at = offset.to_timestamp(self.wall_after(offset.to_datetime(from), inclusive)?).ok()?;
            match self.zone.following(from).next().map(|change| change.timestamp()).filter(|change| at >= *change) {
                None => return Some(at),
                Some(change) => (from, inclusive) = (change, true),
            }
        }
    }

    fn wall_after(&self, wall: DateTime, inclusive: bool) -> Option<DateTime> {
        self.cron.find_next_occurrence(&wall, inclusive).ok()
    }

    /// The shortest time between two of its times of day, and between the last and the first, as if every day were one of its days.
    fn most_frequent(&self) -> Duration {
        let minutes = self.cron.pattern.minutes.values();
        let mut times: Vec<u64> = Vec::new();
        for hour in self.cron.pattern.hours.values() {
            times.extend(minutes.iter().map(|minute| u64::from(hour) * 60 + u64::from(*minute)));
        }
        let overnight = times.first().map(|first| first + 24 * 60);
        let shortest = times.iter().copied().chain(overnight).collect::<Vec<_>>();
        let shortest = shortest.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(24 * 60);
        Duration::from_mins(shortest)
    }
}

#[cfg(test)]
mod tests;
