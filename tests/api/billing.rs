//! What a tenant is on, and what its plan lets it do.
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Member, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    a_tenant_is_on_what_tenants_begin_with;
    #[tokio::test]
    what_the_plan_has_not_is_refused_by_the_database_and_named;
    #[tokio::test]
    a_plan_is_chosen_now_or_at_the_periods_end_canceled_and_resumed;
}

const SUBSCRIPTION: &str = "/tenant/subscription";

async fn a_tenant_is_on_what_tenants_begin_with(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let acme = &town().acme;
    let (owner, viewer) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.viewer, acme));
    let found = owner.get(SUBSCRIPTION).await.expect(200);
    let body = found.json();
    assert_eq!(
        (&body["plan"], &body["state"], &body["access"], &body["price"]),
        (&json!("free"), &json!("trialing"), &json!("full"), &json!({ "amount_minor": 0, "currency": "EUR" })),
        "{body}"
    );
    assert_eq!(body["features"], json!(["custom_roles", "domains", "exports", "webhooks"]));
    assert_eq!(
        body["trial_ends_at"],
        owner.get("/tenant").await.json()["trial_ends_at"],
        "the tenant's own row says the same"
    );
    viewer.get(SUBSCRIPTION).await.problem(403, "permission_denied");
    viewer.get("/plans").await.problem(403, "permission_denied");

    // Who read it is told that nothing has changed, until an operator decides something for this tenant alone.
    let tag = found.header("etag").to_owned();
    let again = async || Answer::of(owner.request(Method::GET, SUBSCRIPTION).header("if-none-match", &*tag)).await;
    again().await.expect(304);
    let superuser = db.superuser().await;
    let decided = format!(
        "update registry.plan_overrides set without = '{{exports}}', limits = '{{\"products\": 7}}' where tenant_id = '{}'",
        acme.id
    );
    superuser.batch_execute(&decided).await.unwrap();
    let body = again().await.expect(200).json();
    assert_eq!(
        (&body["features"], &body["limits"]),
        (&json!(["custom_roles", "domains", "webhooks"]), &json!({ "products": 7 }))
    );

    // What may be chosen: no plan that is unlisted or retired, and of each the newest version.
    let plans = "insert into registry.plans (code, version, name, listed, retired_at) values
            ('team', 1, 'Team', true, null), ('team', 2, 'Team', true, null), ('own', 1, 'Own', false, null), ('old', 1, 'Old', true, now());
        insert into registry.plan_prices (code, version, period, currency, amount_minor)
            values ('team', 1, 'month', 'EUR', 1), ('team', 2, 'month', 'EUR', 4900), ('team', 2, 'year', 'EUR', 49000), ('own', 1, 'month', 'EUR', 3)";
    superuser.batch_execute(plans).await.unwrap();
    let listed = owner.get("/plans").await.expect(200).json();
    let codes: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|plan| (&plan["code"], &plan["version"])).collect();
    assert_eq!(codes, [(&json!("free"), &json!(1)), (&json!("team"), &json!(2))]);
    assert_eq!(
        listed["items"][1]["prices"],
        json!([{ "period": "month", "amount_minor": 4900, "currency": "EUR" }, { "period": "year", "amount_minor": 49000, "currency": "EUR" }])
    );
}

async fn what_the_plan_has_not_is_refused_by_the_database_and_named(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let without = format!(
        "update registry.plan_overrides set without = '{{custom_roles,domains,exports,webhooks}}' where tenant_id = '{}'",
        acme.id
    );
    db.superuser().await.batch_execute(&without).await.unwrap();
    let gated = [
        ("exports", Method::GET, "/products/export?format=csv", None),
        ("webhooks", Method::POST, "/webhooks", Some(json!({ "url": "https://example.com/hook" }))),
        (
            "custom_roles",
            Method::POST,
            "/tenant/roles",
            Some(json!({ "name": "of our own", "permissions": ["projects:read"] })),
        ),
        ("domains", Method::POST, "/tenant/domains", Some(json!({ "domain": "shop.acme.example" }))),
    ];
    for (feature, method, path, body) in gated {
        let ask = async |member: &Member| {
            let request = member.request(method.clone(), path);
            Answer::of(match &body {
                Some(body) => request.json(body),
                None => request,
            })
            .await
        };
        let refused = ask(&owner).await.problem(402, "plan_required");
        let detail = refused["detail"].as_str().unwrap().to_owned();
        for named in [feature, "free", "/tenant/subscription/change"] {
            assert!(detail.contains(named), "{path}: {detail}");
        }
        // The control: another tenant on the same plan, which nothing was decided about.
        let other = Member::new(&app, &globex.owner, globex);
        let let_through = ask(&other).await;
        assert!(let_through.status.is_success(), "{path}: {}", let_through.text);
    }
    // What is there stays.
    owner.get("/webhooks").await.expect(200);
}

/// What a version says is never rewritten, whoever tries: a superuser is told what to do instead.
#[tokio::test]
async fn a_version_of_a_plan_stays_as_it_is() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    for attempt in [
        "update registry.plans set features = '{}'",
        "update registry.plans set limits = '{\"members\": 1}'",
        "update registry.plans set name = 'Other'",
        "update registry.plan_prices set amount_minor = 1",
        "delete from registry.plan_prices",
        "delete from registry.plans",
    ] {
        let error = superuser.batch_execute(attempt).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!((error.code().code(), error.hint().is_some()), ("23001", true), "{attempt}: {error}");
    }
    // What may change.
    superuser
        .batch_execute("update registry.plans set listed = false, is_default = false, retired_at = now()")
        .await
        .unwrap();
    // What plans say is of a vocabulary.
    for wrong in [
        "insert into registry.plans (code, version, name, features) values ('x', 1, 'X', '{flying}')",
        "insert into registry.plans (code, version, name, limits) values ('x', 1, 'X', '{\"wings\": 2}')",
        "insert into registry.plans (code, version, name, limits) values ('x', 1, 'X', '{\"members\": -1}')",
        "insert into registry.plans (code, version, name, limits) values ('x', 1, 'X', '{\"members\": 1.5}')",
        "insert into registry.plans (code, version, name, limits) values ('x', 1, 'X', '{\"members\": \"many\"}')",
        "insert into registry.plan_prices (code, version, period, currency, amount_minor) values ('free', 1, 'week', 'EUR', 1)",
        "insert into registry.plan_prices (code, version, period, currency, amount_minor) values ('free', 1, 'year', 'EUR', -1)",
        "insert into tenant.subscriptions (tenant_id, id, plan, plan_version, period, currency, amount_minor, state)
            select tenant_id, gen_random_uuid(), plan, 1, 'month', 'EUR', 0, 'active' from tenant.subscriptions limit 1",
    ] {
        let error = superuser.batch_execute(wrong).await.unwrap_err();
        let code = error.as_db_error().unwrap().code().code().to_owned();
        assert!(["23514", "23505"].contains(&&*code), "{wrong}: {error:?}");
    }
}

/// Plans with prices, beside the one that tenants begin with.
async fn offer(db: &TestDb) {
    db.run(
        "insert into registry.plans (code, version, name, features, limits) values
            ('team', 1, 'Team', '{exports}', '{\"products\": 100000}'), ('gold', 1, 'Gold', '{exports,webhooks}', '{}');
         insert into registry.plans (code, version, name, listed) values ('own', 1, 'Own', false);
         insert into registry.plan_prices (code, version, period, currency, amount_minor) values
            ('team', 1, 'month', 'EUR', 4900), ('team', 1, 'year', 'EUR', 49000), ('team', 1, 'month', 'USD', 5500), ('gold', 1, 'month', 'EUR', 9900),
            ('own', 1, 'month', 'EUR', 1)",
    )
    .await;
}

/// Has the clock say something, or whoever is paid: an event, a while from now.
async fn happens(db: &TestDb, event: &str, after: &str) -> String {
    db.value(&format!(
        "select state from registry.advance_subscription('{}', '{event}', now() + interval '{after}')",
        town().acme.id
    ))
    .await
}

async fn a_plan_is_chosen_now_or_at_the_periods_end_canceled_and_resumed(way: Way) {
    let db = TestDb::new().await;
    let app = TestApp::by(way, &db).await;
    offer(&db).await;
    let acme = &town().acme;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    let ask = async |what: &str, tag: &str, body: Value| {
        Answer::of(owner.request(Method::POST, &format!("{SUBSCRIPTION}/{what}")).header("if-match", tag).json(&body))
            .await
    };
    let change = async |body: Value| ask("change", "*", body).await;
    let refused = Answer::of(member.request(Method::POST, "/tenant/subscription/resume").header("if-match", "*")).await;
    assert!(refused.problem(403, "permission_denied")["detail"].as_str().unwrap().contains("billing:manage"));
    Answer::of(owner.request(Method::POST, "/tenant/subscription/change").json(&json!({ "plan": "team" })))
        .await
        .problem(428, "precondition_required");

    // What is not offered, in this period and currency.
    for (body, pointer) in [
        (json!({ "plan": "nothing" }), "/plan"),
        (json!({ "plan": "own" }), "/plan"),
        (json!({ "plan": "gold", "period": "year" }), "/plan"),
        (json!({ "plan": "team", "currency": "XXQ" }), "/currency"),
        (json!({ "plan": "team", "period": "week" }), "/period"),
        (json!({ "plan": "x".repeat(41) }), "/plan"),
        (json!({ "plan": "team", "price": 1 }), "/price"),
    ] {
        let refused = change(body.clone()).await.problem(422, "invalid");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}: {refused}");
    }

    // On trial another plan is chosen and the trial goes on; of two at once one is told so.
    let tag = owner.get(SUBSCRIPTION).await.header("etag").to_owned();
    let (one, other) =
        tokio::join!(ask("change", &tag, json!({ "plan": "team" })), ask("change", &tag, json!({ "plan": "gold" })));
    let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
    lost.problem(412, "precondition_failed");
    let on = won.expect(200);
    assert_ne!(on.header("etag"), tag);
    assert_eq!((&on.json()["state"], on.json()["period_ends_at"].is_null()), (&json!("trialing"), true));
    let on = change(json!({ "plan": "team" })).await.expect(200).json();
    assert_eq!(
        (&on["plan"], &on["features"], &on["limits"]),
        (&json!("team"), &json!(["exports"]), &json!({ "products": 100_000, "tenant_per_month": 1_000_000_000 }))
    );

    // The trial ends, and a period begins that is to be paid.
    assert_eq!(happens(&db, "trial_ended", "0 days").await, "trialing", "it has not ended");
    db.run(&format!(
        "update tenant.subscriptions set trial_ends_at = now(), due_at = now() where tenant_id = '{}'",
        acme.id
    ))
    .await;
    assert_eq!(happens(&db, "trial_ended", "0 days").await, "active");
    let on = owner.get(SUBSCRIPTION).await.expect(200).json();
    assert_eq!((&on["state"], &on["price"]["amount_minor"]), (&json!("active"), &json!(4900)));
    assert!(on["period_ends_at"].is_string(), "{on}");
    assert_eq!(owner.get("/tenant").await.json()["status"], "active");

    // At the period's end it will be another; once more, and it will not.
    let on = change(json!({ "plan": "gold", "when": "period_end" })).await.expect(200).json();
    assert_eq!(
        (&on["plan"], &on["next"]),
        (&json!("team"), &json!({ "plan": "gold", "plan_version": 1, "period": "month", "currency": "EUR" }))
    );
    let on = change(json!({ "plan": "team" })).await.expect(200).json();
    assert_eq!((&on["plan"], &on["next"]), (&json!("team"), &Value::Null));
    // Another currency at the period's end alone, since something is paid for in this one.
    change(json!({ "plan": "team", "currency": "USD" })).await.problem(409, "currency_balance");
    let on = change(json!({ "plan": "team", "currency": "USD", "when": "period_end" })).await.expect(200).json();
    assert_eq!(on["next"]["currency"], "USD");
    // Now: the same period, at the other price.
    let before = on["period_ends_at"].clone();
    let on = change(json!({ "plan": "gold" })).await.expect(200).json();
    assert_eq!((&on["plan"], &on["period_ends_at"], &on["next"]), (&json!("gold"), &before, &Value::Null));

    // Canceled at the period's end, resumed, canceled again: then it ends, and can be read.
    let on = ask("cancel", "*", json!({})).await.expect(200).json();
    assert_eq!((&on["state"], &on["cancel_at_period_end"]), (&json!("active"), &json!(true)));
    let on = ask("resume", "*", Value::Null).await.expect(200).json();
    assert_eq!(on["cancel_at_period_end"], false);
    ask("cancel", "*", json!({ "when": "now" })).await.expect(200);
    let on = owner.get(SUBSCRIPTION).await.expect(200);
    assert_eq!((&on.json()["state"], &on.json()["access"]), (&json!("canceled"), &json!("read_only")));
    ask("resume", "*", Value::Null).await.problem(409, "subscription_state");
    owner.get("/projects").await.expect(200);
    owner.post("/projects", json!({ "name": "More" })).await.problem(402, "payment_required");

    // And chosen again: from now on, at its price, under another id and a tag that was never given before.
    let again = change(json!({ "plan": "team", "period": "year" })).await.expect(200);
    let (was, is) = (on.json(), again.json());
    assert_eq!(
        (&is["state"], &is["price"]["amount_minor"], &is["access"]),
        (&json!("active"), &json!(49000), &json!("full"))
    );
    assert_ne!(is["id"], was["id"]);
    let number = |tag: &str| tag.trim_matches('"').parse::<i64>().unwrap();
    assert!(number(again.header("etag")) > number(on.header("etag")));
    owner.post("/projects", json!({ "name": "More" })).await.expect(201);

    // While a payment is overdue no plan is changed.
    assert_eq!(happens(&db, "payment_failed", "0 days").await, "past_due");
    change(json!({ "plan": "gold", "period": "month" })).await.problem(409, "subscription_state");
    assert_eq!(happens(&db, "payment_succeeded", "0 days").await, "active");
}

/// What was missed while no worker ran is made up for, by PostgreSQL's clock, one step after the other; and nobody is in anybody's way.
#[tokio::test]
async fn the_clock_moves_on_whatever_is_due() {
    let db = TestDb::new().await;
    offer(&db).await;
    let (acme, globex) = (town().acme.id, town().globex.id);
    db.run(&format!(
        "update tenant.subscriptions set trial_ends_at = now() - interval '100 days', due_at = now() - interval '100 days', plan = 'team', amount_minor = 4900 where tenant_id = '{acme}';
         update tenant.subscriptions set trial_ends_at = now() - interval '1 day', due_at = now() - interval '1 day', cancel_at_period_end = true where tenant_id = '{globex}'"
    ))
    .await;
    let worker = db.client("rowhouse_worker").await;
    worker.batch_execute("set app.tenant_id = ''").await.unwrap();
    let mut after = uuid::Uuid::nil();
    let mut seen = Vec::new();
    while let Some(last) =
        worker.query_one("select registry.advance_due($1, 1)", &[&after]).await.unwrap().get::<_, Option<uuid::Uuid>>(0)
    {
        seen.push(last);
        after = last;
    }
    seen.sort_unstable();
    let mut both = [acme, globex];
    both.sort_unstable();
    assert_eq!(seen, both);
    let state = async |tenant: uuid::Uuid| {
        db.value::<String>(&format!(
            "select s.state || ' ' || t.status || ' ' || coalesce((s.period_starts_at <= now() and s.period_ends_at > now())::text, '-')
             from tenant.subscriptions s join registry.tenants t on t.id = s.tenant_id where t.id = '{tenant}'"
        ))
        .await
    };
    assert_eq!(state(acme).await, "active active true");
    assert_eq!(state(globex).await, "canceled read_only -");
    assert_eq!(
        worker
            .query_one("select registry.advance_due($1, 100)", &[&uuid::Uuid::nil()])
            .await
            .unwrap()
            .get::<_, Option<uuid::Uuid>>(0),
        None
    );
}
