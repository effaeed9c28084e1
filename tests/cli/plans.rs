//! `rowhouse plan` and `rowhouse tenant plan`: what whoever runs the platform decides about plans, from a terminal.
use serde_json::{Value, json};

use super::operate::say;
use crate::support::{Member, TestApp, TestDb, town};

fn plans(said: &str) -> Vec<Value> {
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn plans_are_added_in_versions_retired_and_never_rewritten() {
    let db = TestDb::new().await;
    let add = ["plan", "add", "team", "--name", "Team", "--price", "month:EUR:4900", "--price", "year:EUR:49000"];
    let more = ["--feature", "exports", "--limit", "members=25", "--limit", "products=none", "--json"];
    let (code, said) = say(&db, &[&add[..], &more].concat());
    assert_eq!(code, Some(0), "{said}");
    let team = plans(&said).into_iter().find(|plan| plan["code"] == "team").unwrap();
    assert_eq!(
        (&team["version"], &team["prices"], &team["features"], &team["limits"], &team["trial_days"]),
        (
            &json!(1),
            &json!(["month:EUR:4900", "year:EUR:49000"]),
            &json!(["exports"]),
            &json!({ "members": 25 }),
            &json!(14)
        )
    );
    // Another version, which tenants begin with from now on: the trial is as long as it says.
    let other = [
        "plan",
        "add",
        "team",
        "--name",
        "Team",
        "--price",
        "month:EUR:5900",
        "--trial-days",
        "30",
        "--default",
        "--json",
    ];
    let (code, said) = say(&db, &other);
    assert_eq!(code, Some(0), "{said}");
    let begins: Vec<_> = plans(&said).into_iter().filter(|plan| plan["is_default"] == true).collect();
    assert_eq!((begins.len(), &begins[0]["code"], &begins[0]["version"]), (1, &json!("team"), &json!(2)));
    let (code, said) = say(&db, &["tenant", "create", "Initech", "--owner", town().globex.viewer.email, "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let on = "select s.plan || ' ' || s.plan_version || ' ' || s.state || ' ' || (s.trial_ends_at = t.trial_ends_at)::text || ' ' || (s.trial_ends_at > now() + interval '29 days')::text
              from tenant.subscriptions s join registry.tenants t on t.id = s.tenant_id where t.slug = 'initech'";
    assert_eq!(db.value::<String>(on).await, "team 2 trialing true true");

    let (code, said) = say(&db, &["plan", "retire", "team"]);
    assert_eq!(code, Some(2), "tenants begin with it");
    assert!(said.contains("--default"), "{said}");
    let (code, said) = say(&db, &["plan", "retire", "free", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let free = plans(&said).into_iter().find(|plan| plan["code"] == "free").unwrap();
    assert_eq!((&free["retired"], &free["tenants"]), (&json!(true), &json!(2)), "who is on it stays");
    for (wrong, why) in [
        (&["plan", "retire", "gold"][..], "there is no plan gold"),
        (&["plan", "add", "Gold", "--name", "Gold", "--price", "month:EUR:1"], "lower-case"),
        (&["plan", "add", "gold", "--name", "", "--price", "month:EUR:1"], "1 to 100 characters"),
        (&["plan", "add", "gold", "--name", "Gold"], "--price"),
        (&["plan", "add", "gold", "--name", "Gold", "--price", "week:EUR:1"], "no price"),
        (&["plan", "add", "gold", "--name", "Gold", "--price", "month:XXQ:1"], "not a currency"),
        (&["plan", "add", "gold", "--name", "Gold", "--price", "month:EUR:-1"], "no price"),
        (&["plan", "add", "gold", "--name", "Gold", "--price", "month:EUR:1", "--price", "month:EUR:2"], "one price"),
        (
            &["plan", "add", "gold", "--name", "Gold", "--price", "month:EUR:1", "--feature", "flying"],
            "there is no feature flying",
        ),
        (&["plan", "add", "gold", "--name", "Gold", "--price", "month:EUR:1", "--limit", "wings=2"], "no limit"),
    ] {
        let (code, said) = say(&db, wrong);
        assert_eq!((code, said.contains(why)), (Some(2), true), "{wrong:?}: {said}");
    }
}

#[tokio::test]
async fn one_tenant_may_more_or_less_than_its_plan_says() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let own =
        ["tenant", "plan", "acme", "--without", "exports", "--limit", "products=3", "--note", "as agreed", "--json"];
    let (code, said) = say(&db, &own);
    assert_eq!(code, Some(0), "{said}");
    let shown: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&shown["plan"], &shown["limits"], &shown["own"], &shown["note"]),
        (&json!("free"), &json!({ "products": 3 }), &json!(true), &json!("as agreed"))
    );
    owner.get("/products/export?format=csv").await.problem(402, "plan_required");
    let (code, said) = say(&db, &["tenant", "plan", "acme", "--reset", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let shown: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&shown["own"], &shown["limits"]), (&json!(false), &json!({})));
    owner.get("/products/export?format=csv").await.expect(200);
    for (wrong, why) in [
        (&["tenant", "plan", "nobody"][..], "there is no tenant nobody"),
        (&["tenant", "plan", "acme", "--with", "exports", "--without", "exports"], "with exports and without"),
    ] {
        let (code, said) = say(&db, wrong);
        assert_eq!((code, said.contains(why)), (Some(2), true), "{wrong:?}: {said}");
    }
}
