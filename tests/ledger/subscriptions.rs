//! What is owed and what a tenant is on, together: days go by, invoices fall due, and are paid, by a provider that tells it twice and late, by an
//! operator, in part, or made void. After each step the tenant is in arrears where something of it is overdue and nowhere else, each period was
//! billed once, and the books balance.
use proptest::{
    prelude::{Strategy, any, prop_oneof},
    strategy::ValueTree as _,
    test_runner::TestRunner,
};
use uuid::Uuid;

use super::Books;
use crate::support::{TestDb, town};

const SEQUENCES: usize = 8;
const STEPS: usize = 24;

#[derive(Clone, Debug)]
enum Step {
    Days(i32),
    /// All that is owed of an invoice, told so many times.
    Provider {
        invoice: usize,
        times: usize,
    },
    Operator {
        invoice: usize,
        part: i64,
    },
    Void {
        invoice: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..20).prop_map(Step::Days),
        3 => (any::<usize>(), 1_usize..4).prop_map(|(invoice, times)| Step::Provider { invoice, times }),
        2 => (any::<usize>(), 1_i64..4).prop_map(|(invoice, part)| Step::Operator { invoice, part }),
        1 => any::<usize>().prop_map(|invoice| Step::Void { invoice }),
    ]
}

/// One tenant and its days.
struct Tenant<'a> {
    books: &'a Books,
    begun: String,
    days: i32,
    told: usize,
}

impl Tenant<'_> {
    fn now(&self) -> String {
        format!("('{}'::timestamptz + interval '{} days')", self.begun, self.days)
    }

    /// As `registry.advance_due` and `registry.collect_overdue` do, at this tenant's time.
    async fn clock(&self) {
        let (acme, now) = (town().acme.id, self.now());
        let due = format!(
            "select case s.state when 'trialing' then 'trial_ended' when 'active' then 'period_ended' when 'grace' then 'grace_ended'
                                 when 'suspended' then 'suspension_ended'
                                 else case when s.state_ends_at <= s.period_ends_at then 'past_due_ended' else 'period_ended' end end
             from tenant.subscriptions s where s.tenant_id = '{acme}' and s.state <> 'canceled' and s.due_at <= {now}"
        );
        while let Some(row) = self.books.operator.query_opt(&due, &[]).await.unwrap() {
            let event: String = row.get(0);
            self.books.run(&format!("advance_subscription('{acme}', '{event}', {now})")).await;
        }
        if self.overdue().await {
            self.books.run(&format!("advance_subscription('{acme}', 'payment_failed', {now})")).await;
        }
    }

    async fn overdue(&self) -> bool {
        let (acme, now) = (town().acme.id, self.now());
        let overdue = format!(
            "select exists (select from tenant.invoices where tenant_id = '{acme}' and status = 'open' and due_at <= {now})"
        );
        self.books.db.value::<bool>(&overdue).await
    }

    async fn take(&mut self, step: &Step) {
        let (acme, now) = (town().acme.id, self.now());
        let open = format!(
            "select id, total_minor - settled_minor from tenant.invoices where tenant_id = '{acme}' and status = 'open' order by id"
        );
        let open: Vec<(Uuid, i64)> =
            self.books.operator.query(&open, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
        let one = |at: &usize| open.get(at % open.len().max(1)).copied();
        match step {
            Step::Days(days) => self.days += days,
            Step::Provider { invoice, times } => {
                let Some((id, owed)) = one(invoice) else { return };
                self.told += 1;
                // First that nothing has come in, and last once more.
                for received in [0].into_iter().chain((0..*times).map(|_| owed)).chain([owed - 1]) {
                    self.books
                        .run(&format!(
                            "merge_payment('{acme}', '{id}', 'stripe', 'pi_{}', 'EUR', {received}, 0, {now}, 'stripe')",
                            self.told
                        ))
                        .await;
                }
            }
            Step::Operator { invoice, part } => {
                let Some((id, owed)) = one(invoice) else { return };
                self.told += 1;
                let amount = (owed / part).max(1);
                self.books
                    .run(&format!("record_payment('{acme}', '{id}', {amount}, 'tx {}', {now}, 'me')", self.told))
                    .await;
            }
            Step::Void { invoice } => {
                let Some((id, _)) = one(invoice) else { return };
                // Of what something was paid it is refused, and nothing happens.
                let _ = self.books.call(&format!("void_invoice('{acme}', '{id}', {now}, 'me', '')")).await;
            }
        }
        self.clock().await;
    }
}

#[tokio::test]
async fn whoever_is_in_arrears_has_something_overdue_and_each_period_is_billed_once() {
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..SEQUENCES {
        let books = Books::open().await;
        let begun = on_a_plan(&books.db).await;
        let mut tenant = Tenant { books: &books, begun, days: 0, told: 0 };
        tenant.clock().await;
        let steps = proptest::collection::vec(step(), STEPS).new_tree(&mut runner).unwrap().current();
        for (turn, step) in steps.iter().enumerate() {
            tenant.take(step).await;
            let (acme, now) = (town().acme.id, tenant.now());
            let state = books
                .operator
                .query_one(
                    &format!(
                        "select s.state, t.status, s.state_ends_at is null or s.state_ends_at > {now} from tenant.subscriptions s
                         join registry.tenants t on t.id = s.tenant_id where s.tenant_id = '{acme}' order by s.id desc limit 1"
                    ),
                    &[],
                )
                .await
                .unwrap();
            let (state, status, in_time): (String, String, bool) = (state.get(0), state.get(1), state.get(2));
            seen.insert(state.clone());
            if state == "canceled" {
                break;
            }
            let arrears = ["past_due", "grace", "suspended"].contains(&state.as_str());
            assert_eq!(arrears, tenant.overdue().await, "{state} after step {turn} of {steps:#?}");
            assert!(in_time, "{state} is over after step {turn} of {steps:#?}");
            let follows = match state.as_str() {
                "grace" => "read_only",
                "suspended" => "unpaid",
                _ => "active",
            };
            assert_eq!(status, follows, "after step {turn} of {steps:#?}");
            let twice =
                "select count(*) from (select 1 from tenant.invoices where reason = 'period' and kind = 'invoice'
                         group by tenant_id, period_from having count(*) > 1) twice";
            assert_eq!(books.number(twice).await, 0, "after step {turn} of {steps:#?}");
            books.balance().await;
        }
    }
    for state in ["active", "past_due", "grace", "suspended"] {
        assert!(seen.contains(state), "no sequence came to {state}: {seen:?}");
    }
}

/// acme's trial is over, on a plan that costs something, and the fixture's invoice is no more.
async fn on_a_plan(db: &TestDb) -> String {
    let acme = town().acme.id;
    db.run(&format!(
        "insert into registry.plans (code, version, name, listed) values ('team', 1, 'Team', true);
         insert into registry.plan_prices (code, version, period, currency, amount_minor) values ('team', 1, 'month', 'EUR', 4900);
         select registry.write_off_invoice(tenant_id, id, now(), 'me', '') from tenant.invoices where tenant_id = '{acme}';
         update tenant.subscriptions set plan = 'team', plan_version = 1, amount_minor = 4900, trial_ends_at = now(), due_at = now()
         where tenant_id = '{acme}'"
    ))
    .await;
    db.value::<String>(&format!("select trial_ends_at::text from tenant.subscriptions where tenant_id = '{acme}'"))
        .await
}

/// The worker's own function, by PostgreSQL's clock.
#[tokio::test]
async fn what_is_overdue_is_collected_and_what_is_paid_is_not() {
    let books = Books::open().await;
    on_a_plan(&books.db).await;
    let acme = town().acme.id;
    let worker = books.db.client("rowhouse_worker").await;
    worker.batch_execute("set app.tenant_id = ''").await.unwrap();
    let state = "select state from tenant.subscriptions where plan = 'team'";
    books.run(&format!("advance_subscription('{acme}', 'trial_ended')")).await;
    let collect = "select registry.collect_overdue('00000000-0000-0000-0000-000000000000', 100)";
    assert_eq!(worker.query_one(collect, &[]).await.unwrap().get::<_, Option<Uuid>>(0), None, "nothing is overdue yet");
    let issued = format!(
        "select id::text from tenant.invoices where tenant_id = '{acme}' and status = 'open' and total_minor = 4900"
    );
    let issued = books.db.value::<String>(&issued).await;
    // It was issued a month ago, which no function can say.
    books.db.run(&format!("set session_replication_role = replica; update tenant.invoices set due_at = now() - interval '1 day' where id = '{issued}'")).await;
    assert_eq!(worker.query_one(collect, &[]).await.unwrap().get::<_, Option<Uuid>>(0), Some(acme));
    assert_eq!(books.db.value::<String>(state).await, "past_due");
    assert_eq!(worker.query_one(collect, &[]).await.unwrap().get::<_, Option<Uuid>>(0), None, "it was told");
    books.run(&format!("record_payment('{acme}', '{issued}', 4900, 'tx', now(), 'me')")).await;
    assert_eq!(books.db.value::<String>(state).await, "active");
    books.balance().await;
}

/// To cancel and choose again begins nothing anew while something is overdue, nor does another currency.
#[tokio::test]
async fn what_is_overdue_is_not_shed_by_canceling_and_choosing_again() {
    let books = Books::open().await;
    on_a_plan(&books.db).await;
    let acme = &town().acme;
    books.run(&format!("advance_subscription('{}', 'trial_ended')", acme.id)).await;
    let overdue = format!(
        "set session_replication_role = replica;
         update tenant.invoices set due_at = now() - interval '1 day' where tenant_id = '{}' and status = 'open';
         insert into registry.plan_prices (code, version, period, currency, amount_minor) values ('team', 1, 'month', 'USD', 5900)",
        acme.id
    );
    books.db.run(&overdue).await;
    books.run(&format!("advance_subscription('{}', 'payment_failed')", acme.id)).await;
    let api = books.db.api().await;
    for (event, wanted, expected) in [
        ("canceled_now", "{}", ""),
        ("plan_changed", r#"{"plan": "team"}"#, "RH056"),
        ("plan_changed", r#"{"plan": "free"}"#, "RH056"),
        ("plan_changed", r#"{"plan": "team", "currency": "USD"}"#, "RH057"),
    ] {
        let enter = format!(
            "begin; set local app.tenant_id = '{}'; set local app.user_id = '{2}'; set local app.session_id = '{2}'; {1}",
            acme.id,
            format_args!("select from registry.manage_subscription('{event}', '{wanted}', null); commit"),
            acme.owner.id
        );
        let refused = api.batch_execute(&enter).await.err();
        let code = refused.as_ref().and_then(|error| error.code()).map_or("", |code| code.code());
        assert_eq!(code, expected, "{event} {wanted}: {refused:?}");
        if refused.is_some() {
            api.batch_execute("rollback").await.unwrap();
        }
    }
    let owed = books.number("select count(*) from tenant.invoices where status = 'open' and total_minor = 4900").await;
    assert_eq!(owed, 1);
}
