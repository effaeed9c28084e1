//! Schedules beside a clock on the wall that is looked at each minute.
use std::collections::BTreeSet;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(line: &str, zone: &str) -> Schedule {
    Schedule::new(line, zone, MINUTE).unwrap_or_else(|why| panic!("{line}: {why}"))
}

/// The next few, as the wall shows them, with the offset.
fn next(line: &str, zone: &str, after: &str, many: usize) -> Vec<String> {
    let schedule = schedule(line, zone);
    std::iter::successors(schedule.next_after(at(after)), |last| schedule.next_after(*last))
        .take(many)
        .map(|due| due.to_zoned(schedule.zone.clone()).strftime("%m-%d %H:%M %:z").to_string())
        .collect()
}

#[test]
fn a_fixed_time_in_the_gap_is_due_at_its_end_and_one_that_comes_twice_the_first_time() {
    let zone = "Europe/Berlin";
    assert_eq!(
        next("30 2 * * *", zone, "2026-03-28T00:00:00Z", 3),
        ["03-28 02:30 +01:00", "03-29 03:00 +02:00", "03-30 02:30 +02:00"]
    );
    assert_eq!(
        next("0 2,14 * * *", zone, "2026-03-28T20:00:00Z", 3),
        ["03-29 03:00 +02:00", "03-29 14:00 +02:00", "03-30 02:00 +02:00"],
        "so is each of several"
    );
    assert_eq!(
        next("15,45 2 * * *", zone, "2026-03-28T20:00:00Z", 2),
        ["03-29 03:00 +02:00", "03-30 02:15 +02:00"],
        "two that fall together are one"
    );
    assert_eq!(
        next("30 2 * * *", zone, "2026-10-24T00:00:00Z", 3),
        ["10-24 02:30 +02:00", "10-25 02:30 +02:00", "10-26 02:30 +01:00"]
    );
    // Asked between the two, the second of them is not due.
    assert_eq!(next("30 2 * * *", zone, "2026-10-25T00:45:00Z", 1), ["10-26 02:30 +01:00"]);
    assert_eq!(
        next("0 0 * * *", "Europe/London", "2026-03-28T12:00:00Z", 2),
        ["03-29 00:00 +00:00", "03-30 00:00 +01:00"]
    );
}

#[test]
fn a_line_that_says_how_often_follows_the_clock_on_the_wall() {
    assert_eq!(
        next("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", 3),
        ["03-29 01:30 +01:00", "03-29 03:00 +02:00", "03-29 03:30 +02:00"]
    );
    assert_eq!(
        next("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 6),
        [
            "10-25 02:00 +02:00",
            "10-25 02:30 +02:00",
            "10-25 02:00 +01:00",
            "10-25 02:30 +01:00",
            "10-25 03:00 +01:00",
            "10-25 03:30 +01:00"
        ]
    );
    assert_eq!(
        next("5 * * * *", "Australia/Lord_Howe", "2026-10-03T14:30:00Z", 3),
        ["10-04 01:05 +10:30", "10-04 03:05 +11:00", "10-04 04:05 +11:00"],
        "where clocks are moved by half an hour"
    );
}

#[test]
fn a_day_that_an_island_left_out_is_made_up_for_at_its_end() {
    assert_eq!(
        next("0 10 * * *", "Pacific/Apia", "2011-12-28T22:00:00Z", 3),
        ["12-29 10:00 -10:00", "12-31 00:00 +14:00", "12-31 10:00 +14:00"]
    );
}

#[test]
fn days_of_the_calendar_that_are_not_in_each_month_are_due_when_there_is_one() {
    let days = |line| {
        next(line, "UTC", "2026-11-28T00:00:00Z", 3).into_iter().map(|due| due[..5].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(days("0 0 L * *"), ["11-30", "12-31", "01-31"]);
    assert_eq!(days("0 0 31 * *"), ["12-31", "01-31", "03-31"]);
    assert_eq!(days("0 0 * * FRI#5"), ["01-29", "04-30", "07-30"]);
    assert_eq!(days("0 0 13 * FRI"), ["12-04", "12-11", "12-13"], "either, where both are given");
    assert_eq!(days("@weekly"), ["11-29", "12-06", "12-13"]);
    let leap = schedule("0 0 29 2 *", "UTC");
    assert_eq!(leap.next_after(at("2096-03-01T00:00:00Z")), Some(at("2104-02-29T00:00:00Z")), "eight years on");
}

#[test]
fn a_line_that_is_never_due_is_refused() {
    for line in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"] {
        assert_eq!(Schedule::new(line, "UTC", MINUTE).err(), Some(Refused::Never), "{line}");
    }
    let said = Refused::Never.to_string();
    assert_eq!(said, "the schedule is never due: no year has such a day. Give a day that its month has.");
}

#[test]
fn a_line_that_is_due_too_often_is_refused() {
    let refused = |line: &str, minutes| match Schedule::new(line, "UTC", Duration::from_mins(minutes)) {
        Err(Refused::TooOften { every, .. }) => Some(every.as_secs() / 60),
        Err(other) => panic!("{line}: {other}"),
        Ok(_) => None,
    };
    assert_eq!(refused("* * * * *", 5), Some(1));
    assert_eq!(refused("*/7 * * * *", 5), Some(4), "from 56 to the hour");
    assert_eq!(refused("*/5 * * * *", 5), None);
    assert_eq!(refused("0,59 1 * * *", 60), Some(59));
    assert_eq!(refused("2 0 1 1 *", 24 * 60), None);
    assert_eq!(refused("0 0,23 * * *", 120), Some(60), "overnight");
    let said = Schedule::new("* * * * *", "UTC", Duration::from_mins(5)).unwrap_err().to_string();
    assert_eq!(said, "the schedule has two runs 60 s apart, and at least 300 s have to lie between. Give fewer times.");
}

#[test]
fn what_is_no_line_or_no_zone_is_refused_with_what_to_give_instead() {
    for line in [
        "",
        "* * * *",
        "0 * * * * *",
        "0 0 * * * 2027",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 1 13 *",
        "0 0 * * 8",
        "@reboot",
        "L * * * *",
        "* 1W * * *",
        "0/5 * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "\0 * * * *",
    ] {
        let refused = Schedule::new(line, "UTC", MINUTE).map(|schedule| schedule.line().to_owned());
        assert!(matches!(&refused, Err(Refused::Line(_))), "{line:?}: {refused:?}");
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("Give five fields"), "{said}");
    }
    let long = format!("0 0 {} * *", ["1"; 200].join(","));
    assert!(matches!(Schedule::new(&long, "UTC", MINUTE), Err(Refused::Line(_))));
    for zone in ["", "Europe/Nowhere", "../../etc/passwd", "EST5EDT,M3.2.0,M11.1.0"] {
        let refused = Schedule::new("@daily", zone, MINUTE).map(|schedule| schedule.zone().to_owned());
        assert_eq!(refused, Err(Refused::Zone(zone.to_owned())));
    }
    assert_eq!(schedule("@daily", "europe/berlin").zone(), "Europe/Berlin");
}

/// One field: its text, and what it holds.
#[derive(Clone, Debug)]
struct Field {
    text: String,
    values: BTreeSet<i8>,
}

fn field(from: i8, to: i8) -> impl Strategy<Value = Field> {
    let some = move || from..=to;
    prop_oneof![
        2 => Just(Field { text: "*".to_owned(), values: (from..=to).collect() }),
        2 => (2..=(to - from)).prop_map(move |step| Field {
            text: format!("*/{step}"),
            values: (from..=to).step_by(step.unsigned_abs().into()).collect(),
        }),
        3 => prop::collection::btree_set(some(), 1..4).prop_map(|values| Field {
            text: values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            values,
        }),
        1 => (some(), some()).prop_map(|(one, other)| Field {
            text: format!("{}-{}", one.min(other), one.max(other)),
            values: (one.min(other)..=one.max(other)).collect(),
        }),
    ]
}

#[derive(Clone, Debug)]
struct Line {
    minute: Field,
    hour: Field,
    weekday: Field,
}

impl Line {
    fn text(&self) -> String {
        format!("{} {} * * {}", self.minute.text, self.hour.text, self.weekday.text)
    }

    fn matches(&self, wall: DateTime) -> bool {
        let weekday = wall.weekday().to_sunday_zero_offset();
        self.minute.values.contains(&wall.minute())
            && self.hour.values.contains(&wall.hour())
            && self.weekday.values.contains(&weekday)
    }

    /// Whether it is due at that minute: what the wall shows, and for fixed times what it left out just before, and not what it has shown
    /// before.
    fn due(&self, zone: &TimeZone, now: Timestamp) -> bool {
        let wall = zone.to_datetime(now);
        if self.minute.text.contains('*') || self.hour.text.contains('*') {
            return self.matches(wall);
        }
        let first = zone.to_ambiguous_timestamp(wall).earlier().unwrap() == now;
        let mut before = zone.to_datetime(now - SignedDuration::from_mins(1));
        let mut left_out = false;
        while before < wall {
            before = before.checked_add(SignedDuration::from_mins(1)).unwrap();
            left_out |= before < wall && self.matches(before);
        }
        first && self.matches(wall) || left_out
    }
}

/// Moments around which clocks are moved somewhere, and one at which they are not.
fn places() -> impl Strategy<Value = (&'static str, Timestamp)> {
    prop::sample::select(vec![
        ("Europe/Berlin", at("2026-03-29T01:00:00Z")),
        ("Europe/Berlin", at("2026-10-25T01:00:00Z")),
        ("America/New_York", at("2027-03-14T07:00:00Z")),
        ("America/New_York", at("2027-11-07T06:00:00Z")),
        ("America/St_Johns", at("2026-11-01T04:30:00Z")),
        ("Australia/Lord_Howe", at("2026-10-03T15:30:00Z")),
        ("Australia/Lord_Howe", at("2027-04-03T15:00:00Z")),
        ("Pacific/Apia", at("2011-12-30T10:00:00Z")),
        ("Africa/Cairo", at("2027-04-29T22:00:00Z")),
        ("Asia/Kolkata", at("2026-11-28T00:00:00Z")),
        ("UTC", at("2028-02-29T00:00:00Z")),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn the_next_run_is_the_first_minute_at_which_the_wall_says_so(
        (zone, change) in places(),
        before in 0..26 * 3600_i64,
        (minute, hour, weekday) in (field(0, 59), field(0, 23), field(0, 6)),
    ) {
        let line = Line { minute, hour, weekday };
        let schedule = schedule(&line.text(), zone);
        let after = change - SignedDuration::from_secs(before);
        let minutes = (1..36 * 60).map(|minute| Timestamp::from_second((after.as_second().div_euclid(60) + minute) * 60).unwrap());
        let mut next = schedule.next_after(after).unwrap();
        prop_assert!(next > after);
        for minute in minutes {
            if line.due(&schedule.zone, minute) {
                prop_assert_eq!(next, minute, "{} in {}", line.text(), zone);
                next = schedule.next_after(minute).unwrap();
            }
            prop_assert!(next > minute, "{} in {}: {} at {}", line.text(), zone, next, minute);
        }
    }

    #[test]
    fn of_what_was_missed_one_run_is_made_up_for_and_the_next_lies_ahead(
        (zone, change) in places(),
        away in 0..4_000_000_i64,
        (minute, hour, weekday) in (field(0, 59), field(0, 23), field(0, 6)),
    ) {
        let line = Line { minute, hour, weekday };
        let schedule = schedule(&line.text(), zone);
        let now = change + SignedDuration::from_secs(away);
        let mut last = change;
        let mut runs = 0;
        while let Some(due) = schedule.due(last, now) {
            prop_assert!(last < due.at && due.at <= now && due.next > Some(now));
            // Whoever makes up for it writes down that all up to now is done.
            last = now;
            runs += 1;
        }
        let owed = schedule.next_after(change).is_some_and(|first| first <= now);
        prop_assert_eq!(runs, u32::from(owed));
    }

    #[test]
    fn whatever_anybody_gives_is_a_schedule_or_refused(line in "[-0-9*/,LW#+@A-Z? ]{0,30}", zone in "[A-Za-z/_]{0,12}") {
        for zone in [&*zone, "Europe/Berlin"] {
            if let Ok(schedule) = Schedule::new(&line, zone, MINUTE) {
                let now = at("2026-11-28T00:00:00Z");
                prop_assert!(schedule.next_after(now).unwrap() > now);
                prop_assert!(Schedule::new(schedule.line(), schedule.zone(), MINUTE).is_ok(), "what it says is read again");
            }
        }
    }
}
