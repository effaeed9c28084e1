//! What a tenant is on, and what its plan lets it do.
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Member, TestApp, TestDb, Way, both_ways, town};

both_ways! {
    #[tokio::test]
    a_tenant_is_on_what_tenants_begin_with;
    #[tokio::test]
    what_the_plan_has_not_is_refused_by_the_database_and_named;
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
