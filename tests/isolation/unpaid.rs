//! What each route answers to a tenant that has not paid, as the table of docs/billing.md has it: whoever does not pay reads, stops what goes on
//! and pays, and later only pays.
use std::fmt::Write as _;

use uuid::Uuid;

use super::routes::{Fire, when_free};
use crate::support::{TestDb, Way, forge, town};

/// What leads from `active` into each state, every event long after it is due.
const STATES: [(&str, &[&str]); 3] = [
    ("past_due", &["payment_failed"]),
    ("grace", &["payment_failed", "past_due_ended"]),
    ("suspended", &["payment_failed", "past_due_ended", "grace_ended"]),
];

/// Has events come about, in turn, as a door of the billing owner does.
async fn advance(fire: &Fire, tenant: Uuid, events: &[&str]) -> String {
    let mut state = String::new();
    for (later, event) in events.iter().enumerate() {
        let caused = format!(
            "select state from registry.advance_subscription('{tenant}', '{event}', now() + interval '{} years')",
            9 + later
        );
        state = fire.superuser.query_one(&caused, &[]).await.unwrap().get(0);
    }
    state
}

/// The rows of the table in the document.
fn documented() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/billing.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text.split("| route | past due | grace | suspended |").nth(1).expect("the table of routes");
    table.lines().skip(2).take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
}

#[tokio::test]
async fn what_each_route_answers_to_whoever_has_not_paid_is_as_documented() {
    let db = TestDb::new().await;
    let fire = Fire::at(Way::Direct, &db).await;
    let acme = &town().acme;
    assert_eq!(advance(&fire, acme.id, &["trial_ended"]).await, "active");
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let mut found = Vec::new();
    for case in &fire.cases {
        let name = case.operation.name();
        // Of those that may be sent with a key, once.
        if case.keyed && !case.operation.requires("Idempotency-Key") {
            continue;
        }
        let mut answers = Vec::new();
        for (state, events) in STATES {
            advance(&fire, acme.id, &["payment_succeeded", "resumed"]).await;
            let path = fire.fresh(case, acme).await;
            assert_eq!(advance(&fire, acme.id, events).await, state);
            let answer = when_free(&fire.superuser, || fire.request(case, &path, acme).bearer_auth(&token)).await;
            answers.push(match answer.status.as_u16() {
                402 => {
                    let problem = answer.problem(402, "payment_required");
                    assert!(problem["detail"].as_str().unwrap().contains("/tenant/subscription"), "{problem}");
                    "402"
                }
                // A plan is not changed while a payment is overdue, and one that is suspended is not resumed.
                409 if answer.text.contains("subscription_state") => "409",
                status => {
                    assert_eq!(status, case.success, "{name}, {state}: {answer:?}");
                    "as ever"
                }
            });
            // What was canceled is chosen again.
            if advance(&fire, acme.id, &["resumed"]).await == "canceled" {
                let again =
                    format!("select registry.subscribe_again('{}', 'free', 1::smallint, 'month', 'EUR')", acme.id);
                fire.superuser.batch_execute(&again).await.unwrap();
            }
        }
        // What is promised, whatever the table says.
        assert_ne!(answers[0], "402", "{name}: what is overdue is no reason yet");
        if case.operation.method == reqwest::Method::GET {
            assert_eq!(answers[1], "as ever", "{name}: reads are let through in grace");
        }
        if name.contains("/subscription") {
            assert!(!answers.contains(&"402"), "{name}: paying is let through");
        }
        found.push(format!("| `{name}` | {} |", answers.join(" | ")));
    }
    found.dedup();
    let documented = documented();
    let mut now = String::new();
    for row in &found {
        writeln!(now, "{row}").unwrap();
    }
    assert!(found == documented, "the table of docs/billing.md would be\n{now}");
    assert!(found.len() > 80 && found.iter().any(|row| row.contains("| 402 | 402 |")));
}
