//! The table of what becomes of a subscription, as docs/billing.md has it: the database's function is that table, and what else changes with an event is what a
//! model says that knows the table, the calendar and arithmetic, whatever comes in whatever order, twice, too early, or by a clock that steps.
use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{TestDb, town};

const STATES: [&str; 6] = ["trialing", "active", "past_due", "grace", "suspended", "canceled"];
const EVENTS: [&str; 11] = [
    "trial_ended",
    "period_ended",
    "payment_failed",
    "payment_succeeded",
    "past_due_ended",
    "grace_ended",
    "suspension_ended",
    "canceled_now",
    "cancel_at_period_end",
    "resumed",
    "plan_changed",
];

/// State and event, to where it leads, and where it leads one that is to end.
type Table = BTreeMap<(String, String), [String; 2]>;

fn table() -> Table {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/billing.md")).unwrap();
    let words = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| state | `trial_ended`"));
    let events = words(lines.next().expect("the table of states"));
    let mut table = Table::new();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let cells = words(line);
        assert_eq!(cells.len(), events.len(), "{line}");
        for (event, cell) in events.iter().zip(&cells).skip(1) {
            if cell == "-" {
                continue;
            }
            let mut leads = cell.split(", ");
            let first = leads.next().unwrap().to_owned();
            let ends = leads.next().map_or_else(|| first.clone(), str::to_owned);
            table.insert((cells[0].clone(), event.clone()), [first, ends]);
        }
    }
    table
}

#[tokio::test]
async fn the_documented_table_is_the_databases() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let table = table();
    let mut led = 0;
    for state in STATES {
        for event in EVENTS {
            let documented = table.get(&(state.to_owned(), event.to_owned()));
            for (ends, index) in [(false, 0), (true, 1)] {
                let asked = "select registry.subscription_after($1, $2, $3)";
                let found: Option<String> = superuser.query_one(asked, &[&state, &event, &ends]).await.unwrap().get(0);
                assert_eq!(found.as_ref(), documented.map(|leads| &leads[index]), "{state}, {event}, ends: {ends}");
                led += usize::from(found.is_some());
            }
        }
    }
    assert!(led > 40, "{led}");
    assert!(table.keys().all(|(state, event)| STATES.contains(&&**state) && EVENTS.contains(&&**event)));
}

/// What is known of a subscription, and what the database says of one.
#[derive(Clone, Debug, PartialEq)]
struct Subscription {
    state: String,
    plan: String,
    amount: i64,
    ends: bool,
    next: Option<String>,
    trial_ends: Timestamp,
    anchor: Option<Timestamp>,
    period: Option<Timestamp>,
    period_ends: Option<Timestamp>,
    state_ends: Option<Timestamp>,
}

/// Plans of the model, with what a month costs.
const PLANS: [(&str, i64); 3] = [("free", 0), ("team", 4900), ("gold", 9901)];

fn price(plan: &str) -> i64 {
    PLANS.iter().find(|(code, _)| *code == plan).unwrap().1
}

/// The end of the month that begins then, of those reckoned from the anchor.
fn month_end(anchor: Timestamp, from: Timestamp) -> Timestamp {
    let begins = anchor.to_zoned(TimeZone::UTC);
    let ends = (1..).map(|months: i64| begins.checked_add(months.months()).unwrap().timestamp());
    ends.into_iter().find(|end| *end > from).unwrap()
}

/// What of a price is for the rest of a period; half of a unit away from zero.
fn rest(amount: i64, from: Timestamp, to: Timestamp, at: Timestamp) -> i64 {
    let (whole, left) = (to.as_microsecond() - from.as_microsecond(), to.as_microsecond() - at.as_microsecond());
    let (whole, left) = (i128::from(whole), i128::from(left).clamp(0, i128::from(whole)));
    i64::try_from((2 * i128::from(amount) * left + whole) / (2 * whole)).unwrap()
}

impl Subscription {
    /// Takes an event, and answers whether anything has changed and what is to be paid.
    fn take(&mut self, table: &Table, event: &str, plan: &str, at_end: bool, at: Timestamp) -> (bool, Vec<i64>) {
        let event = match event {
            "cancel_at_period_end" if self.state == "active" && self.period_ends.is_none() => "canceled_now",
            event => event,
        };
        let Some(leads) = table.get(&(self.state.clone(), event.to_owned())) else { return (false, vec![]) };
        let reached = match event {
            "trial_ended" => self.trial_ends <= at,
            "period_ended" => self.period_ends.is_some_and(|ends| ends <= at),
            "past_due_ended" | "grace_ended" | "suspension_ended" => self.state_ends.is_some_and(|ends| ends <= at),
            _ => true,
        };
        if !reached {
            return (false, vec![]);
        }
        let before = self.clone();
        let to = leads[usize::from(self.ends)].clone();
        let (mut due, mut begins) = (vec![], None);
        match event {
            "cancel_at_period_end" => self.ends = true,
            "resumed" => self.ends = false,
            "plan_changed" => {
                self.next = None;
                if plan != self.plan && at_end && (self.state == "trialing" || self.period_ends.is_some()) {
                    self.next = Some(plan.to_owned());
                } else if plan != self.plan {
                    (self.plan, self.amount) = (plan.to_owned(), price(plan));
                    if self.state == "active" {
                        let running = before.period.zip(before.period_ends);
                        let back = running.map_or(0, |(from, to)| rest(before.amount, from, to, at));
                        if back > 0 {
                            due.push(-back);
                        }
                        match running {
                            Some((from, to)) if self.amount > 0 => due.push(rest(self.amount, from, to, at)),
                            _ => begins = Some(at),
                        }
                    }
                }
            }
            "trial_ended" if to != "canceled" => begins = Some(self.trial_ends),
            "period_ended" if to != "canceled" => begins = self.period_ends,
            "payment_succeeded"
                if ["grace", "suspended"].contains(&&*self.state)
                    && self.period_ends.is_some_and(|ends| ends <= at) =>
            {
                begins = Some(at);
            }
            _ => {}
        }
        if let Some(from) = begins {
            let other = if event.ends_with("_ended") { self.next.take() } else { None };
            let goes_on = event == "period_ended" && other.is_none();
            if let Some(plan) = other {
                (self.amount, self.plan) = (price(&plan), plan);
            }
            self.anchor = if goes_on { self.anchor } else { Some(from) };
            self.period = Some(from);
            self.period_ends = (self.amount > 0).then(|| month_end(self.anchor.unwrap(), from));
            if self.amount > 0 {
                due.push(self.amount);
            }
        }
        if to != self.state {
            let days = match &*to {
                "past_due" => Some(7),
                "grace" => Some(14),
                "suspended" => Some(60),
                _ => None,
            };
            self.state_ends = days.map(|days| at + SignedDuration::from_hours(24 * days));
            self.state = to;
        }
        if self.state == "canceled" {
            (self.ends, self.next) = (false, None);
        }
        due.retain(|amount| *amount != 0);
        (*self != before, due)
    }

    fn due(&self) -> Option<Timestamp> {
        match &*self.state {
            "trialing" => Some(self.trial_ends),
            "active" => self.period_ends,
            "past_due" => self.period_ends.into_iter().chain(self.state_ends).min(),
            "canceled" => None,
            _ => self.state_ends,
        }
    }

    fn status(&self) -> &'static str {
        match &*self.state {
            "trialing" => "trial",
            "active" | "past_due" => "active",
            "suspended" => "unpaid",
            _ => "read_only",
        }
    }

    async fn stored(superuser: &Client, tenant: Uuid) -> (Self, Option<Timestamp>, String, i64) {
        let row = superuser
            .query_one(
                "select s.state, s.plan, s.amount_minor, s.cancel_at_period_end, s.next_plan, s.trial_ends_at, s.anchor_at, s.period_starts_at,
                        s.period_ends_at, s.state_ends_at, s.due_at, t.status,
                        (select count(*) from tenant.events e where e.tenant_id = t.id and e.type = 'subscription.updated') as told
                 from tenant.subscriptions s join registry.tenants t on t.id = s.tenant_id where s.tenant_id = $1",
                &[&tenant],
            )
            .await
            .unwrap();
        let found = Self {
            state: row.get(0),
            plan: row.get(1),
            amount: row.get(2),
            ends: row.get(3),
            next: row.get(4),
            trial_ends: row.get(5),
            anchor: row.get(6),
            period: row.get(7),
            period_ends: row.get(8),
            state_ends: row.get(9),
        };
        (found, row.get(10), row.get(11), row.get(12))
    }
}

/// Numbers that are the same each time: Marsaglia's xorshift.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn whatever_comes_in_whatever_order_ends_where_the_model_says() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let plans = "insert into registry.plans (code, version, name) values ('team', 1, 'Team'), ('gold', 1, 'Gold');
        insert into registry.plan_prices (code, version, period, currency, amount_minor) values ('team', 1, 'month', 'EUR', 4900), ('gold', 1, 'month', 'EUR', 9901)";
    superuser.batch_execute(plans).await.unwrap();
    let table = table();
    let tenant = town().acme.id;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut moves, mut paid, mut seen) = (0, 0, BTreeMap::<String, usize>::new());
    for round in 0..400 {
        superuser.batch_execute("begin").await.unwrap();
        let mut model = Subscription::stored(&superuser, tenant).await.0;
        // Around the end of a month, where calendars differ.
        let mut clock: Timestamp = "2026-12-29T12:00:00Z".parse().unwrap();
        for step in 0..24 {
            // Time goes on by hours or by months, and now and then back.
            let hours = [1, 30, 200, 400, 800, 2000][dice.roll(6)];
            clock = if dice.roll(8) == 0 {
                clock - SignedDuration::from_hours(hours)
            } else {
                clock + SignedDuration::from_hours(hours) + Duration::from_micros(round * 7919 + step)
            };
            // What comes twice comes at once.
            let event = EVENTS[[0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 10, 1, 2, 3, 4, 5][dice.roll(16)]];
            let event = if dice.roll(40) == 0 { "canceled_now" } else { event };
            let (plan, at_end) = (PLANS[dice.roll(3)].0, dice.roll(2) == 0);
            for time in 0..=usize::from(dice.roll(4) == 0) {
                let told_before = Subscription::stored(&superuser, tenant).await.3;
                let (changed, due) = model.take(&table, event, plan, at_end, clock);
                let facts = serde_json::json!({ "plan": plan, "plan_version": 1, "period": "month", "currency": "EUR", "at_period_end": at_end });
                let asked = "select state, changed, array(select (line ->> 'amount_minor')::bigint from jsonb_array_elements(lines) line)
                             from registry.advance_subscription($1, $2, $3, $4)";
                let row = superuser.query_one(asked, &[&tenant, &event, &clock, &facts]).await.unwrap();
                let at = format!("round {round}, step {step}, time {time}: {event} {facts} at {clock}");
                let answered: (String, bool, Vec<i64>) = (row.get(0), row.get(1), row.get(2));
                assert_eq!(answered, (model.state.clone(), changed, due.clone()), "{at}");
                let (stored, due_at, status, told) = Subscription::stored(&superuser, tenant).await;
                assert_eq!((&stored, due_at, &*status), (&model, model.due(), model.status()), "{at}");
                assert!(told - told_before <= i64::from(changed), "{at}: each change is told once, and nothing else");
                moves += usize::from(changed);
                paid += due.len();
                *seen.entry(model.state.clone()).or_default() += 1;
            }
        }
        superuser.batch_execute("rollback").await.unwrap();
    }
    assert!(moves > 1200 && paid > 150, "{moves} {paid}");
    assert!(STATES.iter().all(|state| seen.get(*state).is_some_and(|times| *times > 20)), "{seen:?}");
}
