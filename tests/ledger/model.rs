//! What a provider tells, what operators do and what is billed, in any order and as often as one likes: after each step the invoices, what
//! the tenant owes and has in credit, and the money that is there are what a model of some lines says, and the books balance.
use std::collections::BTreeMap;

use proptest::{
    prelude::{Strategy, any, prop_oneof},
    strategy::ValueTree as _,
    test_runner::TestRunner,
};
use uuid::Uuid;

use super::Books;
use crate::support::town;

const SEQUENCES: usize = 24;
const STEPS: usize = 30;

/// A step. Invoices and payments are meant by their place among those there are, modulo.
#[derive(Clone, Debug)]
enum Step {
    Bill {
        amount: i64,
        rate: i32,
    },
    /// What a provider knows of a payment by then, old and new alike.
    Told {
        invoice: usize,
        payment: u8,
        received: i64,
        refunded: i64,
    },
    Paid {
        invoice: usize,
        payment: u8,
        amount: i64,
    },
    GivenBack {
        payment: u8,
        amount: i64,
    },
    Credited {
        invoice: usize,
        amount: i64,
    },
    Void {
        invoice: usize,
    },
    WrittenOff {
        invoice: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (invoice, payment) = (any::<usize>(), 0_u8..4);
    prop_oneof![
        3 => (1_i64..2_000, prop_oneof![proptest::strategy::Just(0), proptest::strategy::Just(1900)])
            .prop_map(|(amount, rate)| Step::Bill { amount, rate }),
        6 => (invoice, payment.clone(), 0_i64..4_000, 0_i64..4_000)
            .prop_map(|(invoice, payment, one, other)| Step::Told { invoice, payment, received: one.max(other), refunded: one.min(other) / 2 }),
        3 => (invoice, payment.clone(), 1_i64..2_500).prop_map(|(invoice, payment, amount)| Step::Paid { invoice, payment, amount }),
        2 => (payment, 1_i64..1_500).prop_map(|(payment, amount)| Step::GivenBack { payment, amount }),
        2 => (invoice, 1_i64..2_000).prop_map(|(invoice, amount)| Step::Credited { invoice, amount }),
        1 => invoice.prop_map(|invoice| Step::Void { invoice }),
        1 => invoice.prop_map(|invoice| Step::WrittenOff { invoice }),
    ]
}

#[derive(Debug)]
struct Invoice {
    id: Uuid,
    status: &'static str,
    total: i64,
    settled: i64,
    credited: i64,
}

#[derive(Clone, Debug, Default)]
struct Payment {
    invoice: usize,
    amount: i64,
    unapplied: i64,
    refunded: i64,
}

/// What there is, in words of accounting: owed, in credit, in cash.
#[derive(Debug, Default)]
struct Model {
    invoices: Vec<Invoice>,
    payments: BTreeMap<String, Payment>,
    owed: i64,
    credit: i64,
    cash: i64,
}

impl Model {
    fn bill(&mut self, id: Uuid, amount: i64, rate: i32) {
        let total = amount + (amount * i64::from(rate) + 5_000) / 10_000;
        let settled = self.credit.clamp(0, total);
        self.credit -= settled;
        self.owed += total - settled;
        let status = if settled == total { "paid" } else { "open" };
        self.invoices.push(Invoice { id, status, total, settled, credited: 0 });
    }

    /// Takes off what is owed of an invoice, no more than that; what is left over is answered.
    fn settle(&mut self, at: usize, amount: i64) -> i64 {
        let invoice = &mut self.invoices[at];
        let applied = if invoice.status == "open" { amount.min(invoice.total - invoice.settled) } else { 0 };
        invoice.settled += applied;
        self.owed -= applied;
        if invoice.status == "open" && invoice.settled == invoice.total {
            invoice.status = "paid";
        }
        amount - applied
    }

    fn told(&mut self, at: usize, called: &str, received: i64, refunded: i64) {
        let mut payment =
            self.payments.get(called).cloned().unwrap_or_else(|| Payment { invoice: at, ..Payment::default() });
        let more = received - payment.amount;
        if more > 0 {
            let over = self.settle(payment.invoice, more);
            self.credit += over;
            self.cash += more;
            payment.unapplied += over;
            payment.amount = received;
        }
        let back = refunded.min(payment.amount) - payment.refunded;
        if back > 0 {
            let from_credit = back.min(payment.unapplied).min(self.credit).max(0);
            let invoice = &mut self.invoices[payment.invoice];
            if ["open", "paid"].contains(&invoice.status) {
                let note = (back - from_credit).min(invoice.total - invoice.credited);
                invoice.credited += note;
                self.credit += note;
            }
            self.credit -= back;
            self.cash -= back;
            payment.unapplied -= from_credit;
            payment.refunded += back;
        }
        self.payments.insert(called.to_owned(), payment);
    }

    /// Whether an operator may; done if so.
    fn paid(&mut self, at: usize, called: &str, amount: i64) -> bool {
        let invoice = &self.invoices[at];
        if let Some(known) = self.payments.get(called) {
            return known.invoice == at && known.amount == amount;
        }
        let may = invoice.status == "open" && amount <= invoice.total - invoice.settled;
        if may {
            self.told(at, called, amount, 0);
        }
        may
    }

    fn given_back(&mut self, called: &str, amount: i64) -> bool {
        let Some(known) = self.payments.get(called).cloned() else { return false };
        let may = amount <= known.amount - known.refunded;
        if may {
            self.told(known.invoice, called, known.amount, known.refunded + amount);
        }
        may
    }

    fn credited(&mut self, at: usize, amount: i64) -> bool {
        let invoice = &mut self.invoices[at];
        let may = ["open", "paid"].contains(&invoice.status) && amount <= invoice.total - invoice.credited;
        if may {
            invoice.credited += amount;
            self.credit += self.settle(at, amount);
        }
        may
    }

    fn end(&mut self, at: usize, status: &'static str) -> bool {
        let invoice = &mut self.invoices[at];
        let untouched = invoice.settled == 0 && invoice.credited == 0;
        let may = invoice.status == "open" && (status != "void" || untouched);
        if may {
            self.owed -= invoice.total - invoice.settled;
            invoice.status = status;
        }
        may
    }
}

#[tokio::test]
async fn in_whatever_order_the_books_are_what_the_model_says() {
    let books = Books::open().await;
    let mut runner = TestRunner::deterministic();
    let mut done = BTreeMap::<&str, usize>::new();
    for sequence in 0..SEQUENCES {
        // A currency each, so that none has credit of another.
        let currency = format!(
            "X{}{}",
            char::from(b'A' + u8::try_from(sequence / 26).unwrap()),
            char::from(b'A' + u8::try_from(sequence % 26).unwrap())
        );
        let steps = proptest::collection::vec(step(), STEPS).new_tree(&mut runner).unwrap().current();
        let mut model = Model::default();
        for (turn, step) in steps.iter().enumerate() {
            let what = take(&books, &mut model, step, &currency).await;
            *done.entry(what).or_default() += 1;
            compare(&books, &model, &currency).await.unwrap_or_else(|why| {
                panic!("{why}\nafter step {turn} of {:#?}\nthe model has {model:#?}", &steps[..=turn])
            });
        }
        books.balance().await;
    }
    for what in [
        "bill",
        "told",
        "paid",
        "not paid",
        "given back",
        "credited",
        "not credited",
        "void",
        "not void",
        "written off",
    ] {
        assert!(done.contains_key(what), "no sequence had {what}: {done:?}");
    }
}

/// Takes a step in the database and in the model, which agree whether it may be taken; says what came of it.
async fn take(books: &Books, model: &mut Model, step: &Step, currency: &str) -> &'static str {
    let acme = town().acme.id;
    if let Step::Bill { amount, rate } = step {
        let lines = format!(r#"[{{"amount_minor":{amount},"tax_rate_bp":{rate}}}]"#);
        let issue = format!(
            "select registry.issue_invoice('{acme}', null, 'manual', '{currency}', null, null, '{lines}', now())"
        );
        model.bill(books.operator.query_one(&issue, &[]).await.unwrap().get(0), *amount, *rate);
        return "bill";
    }
    if model.invoices.is_empty() {
        return "nothing";
    }
    let at = |invoice: &usize| invoice % model.invoices.len();
    let (call, may, names): (String, bool, [&str; 2]) = match step {
        Step::Bill { .. } => unreachable!("taken above"),
        Step::Told { invoice, payment, received, refunded } => {
            let (at, called) = (at(invoice), format!("{currency} pi_{payment}"));
            let id = model.invoices[at].id;
            model.told(at, &called, *received, *refunded);
            let call = format!(
                "merge_payment('{acme}', '{id}', 'stripe', '{called}', '{currency}', {received}, {refunded}, now(), 'stripe')"
            );
            (call, true, ["told", "not told"])
        }
        Step::Paid { invoice, payment, amount } => {
            let (at, called) = (at(invoice), format!("{currency} {payment}"));
            let id = model.invoices[at].id;
            let call = format!("record_payment('{acme}', '{id}', {amount}, '{called}', now(), 'me')");
            (call, model.paid(at, &called, *amount), ["paid", "not paid"])
        }
        Step::GivenBack { payment, amount } => {
            let called = format!("{currency} {payment}");
            let call = format!(
                "record_refund('{acme}', coalesce((select id from tenant.payments where tenant_id = '{acme}' and reference = '{called}'), '{acme}'), {amount}, now(), 'me', '')"
            );
            (call, model.given_back(&called, *amount), ["given back", "not given back"])
        }
        Step::Credited { invoice, amount } => {
            let at = at(invoice);
            let call = format!("credit_invoice('{acme}', '{}', {amount}, now(), 'me', '')", model.invoices[at].id);
            (call, model.credited(at, *amount), ["credited", "not credited"])
        }
        Step::Void { invoice } => {
            let at = at(invoice);
            let call = format!("void_invoice('{acme}', '{}', now(), 'me', '')", model.invoices[at].id);
            (call, model.end(at, "void"), ["void", "not void"])
        }
        Step::WrittenOff { invoice } => {
            let at = at(invoice);
            let call = format!("write_off_invoice('{acme}', '{}', now(), 'me', '')", model.invoices[at].id);
            (call, model.end(at, "uncollectible"), ["written off", "not written off"])
        }
    };
    let answer = books.call(&call).await;
    assert_eq!(answer.is_ok(), may, "{step:?}: {answer:?}\nthe model has {model:#?}");
    names[usize::from(!may)]
}

async fn compare(books: &Books, model: &Model, currency: &str) -> Result<(), String> {
    let acme = town().acme.id;
    let rows = books
        .operator
        .query(
            "select id, status, total_minor, settled_minor, credited_minor from tenant.invoices
             where tenant_id = $1 and currency = $2 and kind = 'invoice' order by id",
            &[&acme, &currency],
        )
        .await
        .unwrap();
    let said: Vec<_> =
        model.invoices.iter().map(|it| (it.id, it.status.to_owned(), it.total, it.settled, it.credited)).collect();
    let found: Vec<(Uuid, String, i64, i64, i64)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect();
    if found != said {
        return Err(format!("invoices are {found:#?}"));
    }
    let sums = books
        .operator
        .query_one(
            "select coalesce(sum(amount_minor) filter (where account = 'accounts_receivable'), 0)::bigint,
                    coalesce(-sum(amount_minor) filter (where account = 'customer_credit'), 0)::bigint,
                    coalesce(sum(amount_minor) filter (where account like 'cash%'), 0)::bigint, coalesce(sum(amount_minor), 0)::bigint
             from tenant.postings where tenant_id = $1 and currency = $2",
            &[&acme, &currency],
        )
        .await
        .unwrap();
    let found: (i64, i64, i64, i64) = (sums.get(0), sums.get(1), sums.get(2), sums.get(3));
    if found == (model.owed, model.credit, model.cash, 0) {
        Ok(())
    } else {
        Err(format!("owed, credit, cash, sum are {found:?}"))
    }
}
