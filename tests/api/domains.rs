//! Domains of a tenant's own: claimed, proven, resolved and given up.
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Member, Mood, Names, TestApp, TestDb, Way, both_ways, forge, town, tuning};

both_ways! {
    #[tokio::test]
    a_proven_domain_leads_to_its_tenant_at_once;
    #[tokio::test]
    a_domain_leads_to_one_tenant_at_a_time;
}

async fn start(way: Way, db: &TestDb, names: &Names, more: &[&str]) -> TestApp {
    let server = names.address.to_string();
    let options = [&["--pool", "4", "--name-servers", &server], more].concat();
    TestApp::with(&db.api_url(way), &tuning(&way.options(&options))).await
}

/// A request that names its tenant by its host alone.
async fn at_host(app: &TestApp, host: &str, user: Uuid) -> Answer {
    let request = app.request(Method::GET, "/api/v1/projects").bearer_auth(forge(user, None).sign());
    Answer::of(request.header("host", host)).await
}

async fn claim(by: Member<'_>, domain: &str) -> Value {
    by.post("/tenant/domains", json!({ "domain": domain })).await.expect(201).json()
}

fn path(claim: &Value) -> String {
    format!("/tenant/domains/{}", claim["id"].as_str().unwrap())
}

async fn verify(by: Member<'_>, claim: &Value) -> Answer {
    Answer::of(by.request(Method::POST, &format!("{}/verify", path(claim)))).await
}

async fn give_up(by: Member<'_>, claim: &Value) -> Answer {
    Answer::of(by.request(Method::DELETE, &path(claim))).await
}

fn publish(names: &Names, claims: &[&Value]) {
    let values: Vec<_> = claims.iter().map(|claim| claim["record_value"].as_str().unwrap()).collect();
    names.set(claims[0]["record_name"].as_str().unwrap(), &[&["v=spf1 -all"], values.as_slice()].concat());
}

async fn a_proven_domain_leads_to_its_tenant_at_once(way: Way) {
    let db = TestDb::new().await;
    let names = Names::start().await;
    let app = start(way, &db, &names, &[]).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let made = owner.post("/tenant/domains", json!({ "domain": "Shop.Example.COM." })).await.expect(201);
    let claim = made.json();
    assert_eq!(made.header("location"), format!("/api/v1{}", path(&claim)));
    assert_eq!(
        (&claim["domain"], &claim["record_name"]),
        (&json!("shop.example.com"), &json!("_rowhouse.shop.example.com"))
    );
    assert!(claim["record_value"].as_str().unwrap().len() > "rowhouse-verify=".len() + 40, "{claim}");
    assert_eq!((&claim["verified_at"], &claim["checked_at"]), (&Value::Null, &Value::Null));
    for same in ["shop.example.com", "SHOP.example.com", "shop.example.com."] {
        owner.post("/tenant/domains", json!({ "domain": same })).await.faults(409, "/domain", "taken");
    }
    let list = owner.get("/tenant/domains").await.expect(200).json();
    let listed: Vec<_> = list["items"].as_array().unwrap().iter().map(|row| row["domain"].as_str().unwrap()).collect();
    assert_eq!(listed, [acme.domain, "shop.example.com"]);
    assert_eq!(owner.get(&path(&claim)).await.expect(200).json(), claim);

    // Not before it is proven: neither without a record, nor with another, nor with one of another name.
    at_host(&app, "shop.example.com", acme.owner.id).await.problem(403, "not_a_member");
    let value = claim["record_value"].as_str().unwrap();
    let problem = verify(owner, &claim).await.problem(409, "domain_not_proven");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("_rowhouse.shop.example.com") && detail.contains(value), "{detail}");
    names.set(
        "_rowhouse.shop.example.com",
        &["rowhouse-verify=", &value[..value.len() - 1], &format!("{value} "), &value.to_uppercase()],
    );
    verify(owner, &claim).await.problem(409, "domain_not_proven");
    names.set("shop.example.com", &[value]);
    verify(owner, &claim).await.problem(409, "domain_not_proven");
    assert!(owner.get(&path(&claim)).await.expect(200).json()["checked_at"].is_string());
    at_host(&app, "shop.example.com", acme.owner.id).await.problem(403, "not_a_member");

    publish(&names, &[&claim]);
    let proven = verify(owner, &claim).await.expect(200).json();
    assert!(proven["verified_at"].is_string() && proven["checked_at"].is_string(), "{proven}");
    for host in ["shop.example.com", "SHOP.Example.com", "shop.example.com:8443", "shop.example.com."] {
        let list = at_host(&app, host, acme.owner.id).await.expect(200).json();
        assert_eq!(list["items"][0]["id"], acme.projects[0].id.to_string());
    }
    // A host opens nothing by itself.
    at_host(&app, "shop.example.com", town().globex.owner.id).await.problem(403, "not_a_member");
    at_host(&app, "more.shop.example.com", acme.owner.id).await.problem(403, "not_a_member");
    // Proven again it stays as it is.
    assert_eq!(verify(owner, &proven).await.expect(200).json()["verified_at"], proven["verified_at"]);

    give_up(owner, &claim).await.expect(204);
    at_host(&app, "shop.example.com", acme.owner.id).await.problem(403, "not_a_member");
    give_up(owner, &claim).await.problem(404, "not_found");
    owner.get(&path(&claim)).await.problem(404, "not_found");
    verify(owner, &claim).await.problem(404, "not_found");
    // Claimed anew it has to be proven anew.
    let anew = self::claim(owner, "shop.example.com").await;
    assert_ne!(anew["record_value"], claim["record_value"]);
    verify(owner, &anew).await.problem(409, "domain_not_proven");
}

async fn a_domain_leads_to_one_tenant_at_a_time(way: Way) {
    let db = TestDb::new().await;
    let names = Names::start().await;
    let app = start(way, &db, &names, &[]).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let [first, second] = [acme, globex].map(|tenant| Member::new(&app, &tenant.owner, tenant));
    let [one, other] = [claim(first, "shop.example.com").await, claim(second, "shop.example.com").await];
    assert_ne!(one["record_value"], other["record_value"]);
    let leads_to = async |whom: Option<Member<'_>>| {
        for caller in [first, second] {
            let answer = at_host(&app, "shop.example.com", caller.user).await;
            if whom.is_some_and(|whom| whom.tenant == caller.tenant) {
                answer.expect(200);
            } else {
                answer.problem(403, "not_a_member");
            }
        }
    };
    // The record of one proves nothing for the other.
    publish(&names, &[&one]);
    verify(second, &other).await.problem(409, "domain_not_proven");
    leads_to(None).await;
    verify(first, &one).await.expect(200);
    publish(&names, &[&one, &other]);
    verify(second, &other).await.problem(409, "domain_taken");
    assert_eq!(second.get(&path(&other)).await.expect(200).json()["verified_at"], Value::Null);
    leads_to(Some(first)).await;
    // Whoever claims it as well does not take it away by asking without a record, or by giving the claim up.
    publish(&names, &[&one]);
    verify(second, &other).await.problem(409, "domain_not_proven");
    give_up(second, &other).await.expect(204);
    leads_to(Some(first)).await;

    // The domain has changed hands: the first one's record is gone, and the second one's is there.
    let other = claim(second, "shop.example.com").await;
    publish(&names, &[&other]);
    verify(second, &other).await.expect(200);
    leads_to(Some(second)).await;
    assert_eq!(first.get(&path(&one)).await.expect(200).json()["verified_at"], Value::Null);
    verify(first, &one).await.problem(409, "domain_not_proven");
    leads_to(Some(second)).await;
    publish(&names, &[&one, &other]);
    verify(first, &one).await.problem(409, "domain_taken");
    give_up(second, &other).await.expect(204);
    leads_to(None).await;
    verify(first, &one).await.expect(200);
    leads_to(Some(first)).await;
}

#[tokio::test]
async fn a_name_server_that_does_not_answer_changes_nothing() {
    let db = TestDb::new().await;
    let names = Names::start().await;
    let app = start(Way::Direct, &db, &names, &[]).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let claim = claim(owner, "shop.example.com").await;
    publish(&names, &[&claim]);
    verify(owner, &claim).await.expect(200);
    let before = owner.get(&path(&claim)).await.expect(200).json();
    for mood in [Mood::Silent, Mood::Fails] {
        names.mood(mood);
        let refused = verify(owner, &claim).await;
        refused.problem(503, "no_name_server");
        assert!(!refused.header("retry-after").is_empty());
        // What was proven is not lost because nobody could be asked.
        assert_eq!(owner.get(&path(&claim)).await.expect(200).json(), before, "{mood:?}");
        at_host(&app, "shop.example.com", acme.owner.id).await.expect(200);
    }
    names.mood(Mood::Answers);
    verify(owner, &claim).await.expect(200);
    names.remove("_rowhouse.shop.example.com");
    verify(owner, &claim).await.problem(409, "domain_not_proven");
    at_host(&app, "shop.example.com", acme.owner.id).await.problem(403, "not_a_member");
}

#[tokio::test]
async fn what_is_no_domain_or_the_platforms_own_is_not_claimed() {
    let db = TestDb::new().await;
    let names = Names::start().await;
    let app = start(Way::Direct, &db, &names, &["--base-domain", "Rows.Example", "--hosts", "app.other.example"]).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let label = "a".repeat(63);
    for wrong in [
        "",
        ".",
        "example",
        "localhost",
        "-a.example",
        "a-.example",
        "a..example",
        ".a.example",
        "a b.example",
        "a_b.example",
        "*.a.example",
        "http://a.example",
        "a.example/x",
        "a.example:443",
        "user@a.example",
        "a.example\u{0}",
        "a.example ",
        "127.0.0.1",
        "1.2.3.4.",
        "010.1",
        "::1",
        "[::1]",
        "bücher.example",
        "BÜCHER.example",
        "例え.jp",
        "a。example",
        &format!("a{label}.example"),
        &format!("{label}.{label}.{label}.{label}.example"),
    ] {
        owner.post("/tenant/domains", json!({ "domain": wrong })).await.faults(422, "/domain", "invalid");
    }
    for ours in [
        "rows.example",
        "ROWS.example.",
        "acme.rows.example",
        "Globex.Rows.Example",
        "a.b.rows.example",
        "api.rows.example",
        "app.other.example",
        "x.app.other.example",
        "x.localhost",
    ] {
        owner.post("/tenant/domains", json!({ "domain": ours })).await.faults(422, "/domain", "not_allowed");
    }
    for wrong in
        [json!({}), json!({ "domain": null }), json!({ "domain": "a.example", "verified_at": "2020-01-01T00:00:00Z" })]
    {
        owner.post("/tenant/domains", wrong).await.problem(422, "invalid");
    }
    for right in [
        "notrows.example",
        "other.example",
        "xn--bcher-kva.example",
        "1.example",
        "a-b.c--d.example",
        &format!("{label}.example"),
    ] {
        assert_eq!(claim(owner, right).await["domain"], right);
    }
}

/// The record's name is longer than the domain, and a name has 253 characters at most.
#[tokio::test]
async fn a_domain_whose_record_could_not_be_there_is_not_claimed() {
    let db = TestDb::new().await;
    let names = Names::start().await;
    let app = start(Way::Direct, &db, &names, &[]).await;
    let acme = &town().acme;
    let owner = Member::new(&app, &acme.owner, acme);
    let long = |length: usize| {
        let label = "a".repeat(63);
        format!("{label}.{label}.{label}.{}", "b".repeat(length - 3 * 64))
    };
    let longest = claim(owner, &long(253 - "_rowhouse.".len())).await;
    publish(&names, &[&longest]);
    verify(owner, &longest).await.expect(200);
    owner.post("/tenant/domains", json!({ "domain": long(250) })).await.faults(422, "/domain", "invalid");
}

#[tokio::test]
async fn claims_are_the_tenants_own() {
    let db = TestDb::new().await;
    let names = Names::start().await;
    let app = start(Way::Direct, &db, &names, &[]).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let owner = Member::new(&app, &acme.owner, acme);
    let [theirs, missing] = [globex.claim, Uuid::now_v7()].map(|id| json!({ "id": id }));
    for claim in [&theirs, &missing] {
        owner.get(&path(claim)).await.problem(404, "not_found");
        verify(owner, claim).await.problem(404, "not_found");
        give_up(owner, claim).await.problem(404, "not_found");
    }
    at_host(&app, globex.domain, globex.owner.id).await.expect(200);
    let viewer = Member::new(&app, &acme.viewer, acme);
    let own = json!({ "id": acme.claim });
    viewer.get(&path(&own)).await.expect(200);
    viewer.post("/tenant/domains", json!({ "domain": "shop.example.com" })).await.lacks("domains:write");
    verify(viewer, &own).await.lacks("domains:write");
    give_up(viewer, &own).await.lacks("domains:delete");
    at_host(&app, acme.domain, acme.viewer.id).await.expect(200);
}

async fn found(app: &TestApp, slug: &str) -> Value {
    let new = app.request(Method::POST, "/api/v1/tenants").bearer_auth(forge(town().acme.viewer.id, None).sign());
    Answer::of(new.json(&json!({ "name": "Moon", "slug": slug }))).await.expect(201).json()
}

#[tokio::test]
async fn a_new_tenants_subdomain_leads_to_it_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let tenant = found(&app, "moon").await;
    let (founder, id) = (town().acme.viewer.id, tenant["id"].as_str().unwrap());
    at_host(&app, "moon.localhost", founder).await.expect(200);
    at_host(&app, "moon.localhost", town().acme.owner.id).await.problem(403, "not_a_member");
    let read = app.request(Method::GET, "/api/v1/tenant").bearer_auth(forge(founder, None).sign());
    let read = Answer::of(read.header("host", "Moon.LOCALHOST:8080")).await.expect(200).json();
    assert_eq!(read["id"], id);
}

/// Whoever looks whether a label is free must not make its first half minute useless.
#[tokio::test]
async fn a_subdomain_that_was_asked_for_before_there_was_a_tenant_leads_to_it_at_once() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let founder = town().acme.viewer.id;
    at_host(&app, "mars.localhost", founder).await.problem(403, "not_a_member");
    found(&app, "mars").await;
    at_host(&app, "mars.localhost", founder).await.expect(200);
}
