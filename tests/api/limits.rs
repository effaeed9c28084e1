//! How many requests anybody may make, and who is charged for them.
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use reqwest::{Method, RequestBuilder};
use rowhouse::db::API_ROLE;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, Member, PASSWORD, TenantFixture, TestApp, TestDb, forge, key_of, town, tuning};

/// What an answer says of one policy: how many there may be, within how many seconds, how many are left, and in how many
/// seconds there are as many as ever.
pub(crate) fn standing(answer: &Answer, policy: &str) -> Option<[u64; 4]> {
    let number = |header: &str, parameter: &str| {
        let of_policy = answer.header(header).split(", ").find_map(|each| {
            let rest = each.strip_prefix(&format!("\"{policy}\";"))?;
            rest.split(';').find_map(|pair| pair.strip_prefix(parameter)?.strip_prefix('='))
        });
        of_policy.map(|number| number.parse().unwrap())
    };
    let all = [
        number("ratelimit-policy", "q")?,
        number("ratelimit-policy", "w")?,
        number("ratelimit", "r").unwrap(),
        number("ratelimit", "t").unwrap(),
    ];
    Some(all)
}

/// How many a minute a tenant may make, and each who acts in it.
pub(crate) async fn limit(db: &TestDb, tenant: &TenantFixture, tenant_per_minute: &str, principal_per_minute: &str) {
    let id = tenant.id;
    db.run(&format!(
        "update registry.tenant_limits set tenant_per_minute = {tenant_per_minute},
             principal_per_minute = {principal_per_minute} where tenant_id = '{id}'"
    ))
    .await;
}

/// How many of so many requests are let through.
async fn admitted(requests: usize, request: impl Fn() -> RequestBuilder) -> usize {
    let mut admitted = 0;
    for _ in 0..requests {
        let answer = Answer::of(request()).await;
        if answer.status == 429 {
            answer.problem(429, "rate_limited");
        } else {
            admitted += 1;
        }
    }
    admitted
}

#[tokio::test]
async fn a_tenant_and_each_of_its_members_and_keys_have_so_many_a_minute_and_are_told_where_they_stand() {
    let db = TestDb::new().await;
    let (acme, globex) = (&town().acme, &town().globex);
    limit(&db, acme, "20", "6").await;
    let app = TestApp::new(&db).await;
    let (owner, member) = (Member::new(&app, &acme.owner, acme), Member::new(&app, &acme.member, acme));
    for left in (0..6).rev() {
        let answer = owner.get("/projects").await.expect(200);
        let [most, within, mine, _] = standing(&answer, "principal").unwrap();
        assert_eq!((most, within, mine), (6, 60, left), "{answer:?}");
        assert_eq!(standing(&answer, "tenant").unwrap()[2], left + 14);
        assert_eq!(standing(&answer, "month"), None, "there is no quota");
    }
    let refused = owner.get("/projects").await;
    let problem = refused.problem(429, "rate_limited");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("one member or API key of this tenant may make 6 requests a minute; try again in "),
        "{detail}"
    );
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&wait), "one comes free every ten seconds: {wait}");
    assert_eq!(standing(&refused, "principal").unwrap()[2], 0);
    assert_eq!(standing(&refused, "tenant").unwrap()[2], 14, "what is refused is charged to nobody");

    // The others have theirs, until the tenant has none left.
    assert_eq!(admitted(8, || member.request(Method::GET, "/projects")).await, 6);
    let key = || app.request(Method::GET, "/api/v1/projects").bearer_auth(&acme.key);
    assert_eq!(admitted(8, key).await, 6);
    assert_eq!(admitted(4, || Member::new(&app, &acme.viewer, acme).request(Method::GET, "/projects")).await, 2);
    let refused = Member::new(&app, &acme.both, acme).get("/projects").await.problem(429, "rate_limited");
    assert!(refused["detail"].as_str().unwrap().starts_with("this tenant may make 20 requests a minute"), "{refused}");
    // Another tenant has its own, the same person included.
    let there = Member::new(&app, &globex.both, globex).get("/projects").await.expect(200);
    assert_eq!(standing(&there, "tenant").unwrap()[..3], [1_000_000, 60, 999_999]);
    // Whoever looks whether the server lives is not counted.
    for path in ["/livez", "/readyz", "/.well-known/jwks.json", "/api/v1/openapi.json"] {
        let answer = Answer::of(app.request(Method::GET, path).bearer_auth(&acme.key)).await.expect(200);
        assert!(!answer.headers.contains_key("ratelimit"), "{path}");
    }
}

#[tokio::test]
async fn nobody_spends_what_is_a_tenants_whom_postgresql_does_not_accept_in_it() {
    let db = TestDb::new().await;
    let (acme, globex) = (&town().acme, &town().globex);
    limit(&db, acme, "10", "10").await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--outside-per-minute", "5"])).await;
    let left = async || {
        let answer = Member::new(&app, &acme.owner, acme).get("/projects").await.expect(200);
        standing(&answer, "tenant").unwrap()[2]
    };
    let before = left().await;
    let projects = || app.request(Method::GET, "/api/v1/projects");
    // A key that was made up, one that was there once, and none at all: one network, and it has five.
    let (made_up, _) = key_of(acme.id, Uuid::now_v7());
    assert_eq!(admitted(3, || projects().bearer_auth(&made_up)).await, 3);
    Answer::of(projects().bearer_auth(&made_up)).await.problem(401, "unauthenticated");
    let refused = Answer::of(projects().header("x-tenant-id", acme.id.to_string())).await;
    assert_eq!(standing(&refused, "network").unwrap()[2], 0, "{refused:?}");
    for request in [projects().bearer_auth(&made_up), projects(), projects().bearer_auth("rubbish")] {
        let refused = Answer::of(request).await;
        let problem = refused.problem(429, "rate_limited");
        assert!(problem["detail"].as_str().unwrap().starts_with("one network, "), "{problem}");
        assert_eq!(standing(&refused, "network").unwrap()[..3], [5, 60, 0]);
    }
    // Members of another tenant, by a token for this one, by a header and by its host: each has five of their own.
    let stranger = |person: Uuid| app.as_user(Method::GET, "/api/v1/projects", person, acme.id);
    assert_eq!(admitted(9, || stranger(globex.owner.id)).await, 5);
    let token = forge(globex.member.id, None).sign();
    let by_header = || projects().bearer_auth(&token).header("x-tenant-id", acme.id.to_string());
    assert_eq!(admitted(9, by_header).await, 5);
    let token = forge(globex.viewer.id, None).sign();
    assert_eq!(admitted(9, || projects().bearer_auth(&token).header("host", "acme.localhost")).await, 5);
    // Of all these nothing was the tenant's.
    assert_eq!(left().await, before - 1);
    // Those who are accepted by header and by host are charged to it.
    let token = forge(acme.member.id, None).sign();
    for request in [
        projects().bearer_auth(&token).header("x-tenant-id", acme.id.to_string()),
        projects().bearer_auth(&token).header("host", "acme.localhost"),
    ] {
        let answer = Answer::of(request).await.expect(200);
        assert!(standing(&answer, "tenant").is_some(), "{answer:?}");
    }
    assert_eq!(left().await, before - 4);
}

#[tokio::test]
async fn who_is_taken_out_of_a_tenant_is_charged_to_it_once_more_at_most() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    limit(&db, acme, "10", "10").await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &acme.owner, acme);
    let left = async || standing(&owner.get("/projects").await.expect(200), "tenant").unwrap()[2];
    let key = || app.request(Method::GET, "/api/v1/projects").bearer_auth(&acme.key);
    let member = || Member::new(&app, &acme.member, acme).request(Method::GET, "/projects");
    Answer::of(key()).await.expect(200);
    Answer::of(member()).await.expect(200);
    owner.delete(&format!("/tenant/members/{}", acme.member.id), "*").await.expect(204);
    // Of this one the instance knows at once: it was revoked there.
    owner.delete(&format!("/tenant/api-keys/{}", acme.api_key), "*").await.expect(204);
    let before = left().await;
    for _ in 0..10 {
        Answer::of(key()).await.problem(401, "unauthenticated");
        Answer::of(member()).await.problem(403, "not_a_member");
    }
    assert_eq!(left().await, before - 2, "this one, and the member's first");
}

#[tokio::test]
async fn who_is_taken_out_and_asks_nothing_that_postgresql_is_asked_is_charged_to_the_tenant_for_a_while_at_most() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    limit(&db, acme, "10000", "10000").await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--meter-ms", "20"])).await;
    let member = Member::new(&app, &acme.member, acme);
    let inside = async || standing(&member.get("/projects?nope=1").await, "tenant").is_some();
    assert!(inside().await);
    db.run(&format!("delete from tenant.memberships where user_id = '{}'", acme.member.id)).await;
    let mut charged = 0;
    while inside().await {
        charged += 1;
        assert!(charged < 200, "nobody asks about them");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    member.get("/projects").await.problem(403, "not_a_member");
}

#[tokio::test]
async fn outside_any_tenant_sessions_are_counted_by_themselves_and_everybody_else_by_network() {
    let db = TestDb::new().await;
    let options = ["--outside-per-minute", "5", "--trusted-proxies", "1"];
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&options)).await;
    let acme = &town().acme;
    let tenants = |person: Uuid| {
        app.request(Method::GET, "/api/v1/me")
            .bearer_auth(forge(person, None).sign())
            .header("x-forwarded-for", "192.0.2.1")
    };
    let answer = Answer::of(tenants(acme.owner.id)).await.expect(200);
    assert_eq!(standing(&answer, "session").unwrap()[..3], [5, 60, 4]);
    assert_eq!(admitted(9, || tenants(acme.owner.id)).await, 4);
    assert_eq!(admitted(9, || tenants(acme.member.id)).await, 5, "somebody else on the same network");
    let login = |network: &str| {
        let body = json!({ "email": acme.owner.email, "password": PASSWORD });
        app.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", network).json(&body)
    };
    assert_eq!(admitted(9, || login("192.0.2.1")).await, 5);
    assert_eq!(admitted(9, || login("192.0.2.2")).await, 5);
    // Whatever else is sent with it.
    let with = forge(acme.viewer.id, Some(acme.id)).sign();
    assert_eq!(admitted(1, || login("192.0.2.2").bearer_auth(&with)).await, 0);
    // An IPv6 customer has a network of 2⁶⁴ addresses, and counts as one.
    let mut through = 0;
    for address in 1..=9 {
        through += usize::from(Answer::of(login(&format!("2001:db8:0:7::{address}"))).await.status == 200);
    }
    assert_eq!(through, 5);
    assert_eq!(admitted(1, || login("2001:db8:0:8::1")).await, 1);
}

#[tokio::test]
async fn without_redis_each_instance_lets_through_its_part() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    limit(&db, acme, "30", "null").await;
    let tuning = tuning(&["--instances", "3"]);
    for _ in 0..2 {
        let app = TestApp::with(&db.url(API_ROLE), &tuning).await;
        let owner = Member::new(&app, &acme.owner, acme);
        assert_eq!(standing(&owner.get("/projects").await, "tenant").unwrap()[..3], [10, 60, 9], "and says so");
        assert_eq!(admitted(20, || owner.request(Method::GET, "/projects")).await, 9);
    }
}

#[tokio::test]
async fn what_an_operator_decides_goes_within_moments_and_a_tenants_own_limits_go_before_everybodys() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--meter-ms", "50"])).await;
    let owner = Member::new(&app, &acme.owner, acme);
    let until = async |wanted: [Option<u64>; 3]| {
        for _ in 0..100 {
            let answer = owner.get("/projects").await;
            let now = ["tenant", "principal", "month"].map(|policy| standing(&answer, policy).map(|it| it[0]));
            if now == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{wanted:?} did not come");
    };
    until([Some(1_000_000), Some(1_000_000), None]).await;
    db.run("delete from registry.tenant_limits").await;
    until([Some(6000), Some(1200), None]).await;
    let set = |key: &str, value: &str| {
        format!(
            "insert into registry.platform_settings (key, value, public, description) values ('{key}', '{value}', false, 'x')
             on conflict (key) do update set value = excluded.value"
        )
    };
    db.run(&set("limits.tenant_per_minute", "7000")).await;
    db.run(&set("limits.principal_per_minute", "null")).await;
    db.run(&set("limits.tenant_per_month", "123456")).await;
    until([Some(7000), None, Some(123_456)]).await;
    db.run(&format!("insert into registry.tenant_limits values ('{}', null, 8000, null)", acme.id)).await;
    until([None, Some(8000), None]).await;
    for (key, value) in [
        ("limits.tenant_per_minute", "0"),
        ("limits.tenant_per_minute", "1.5"),
        ("limits.principal_per_minute", "\"many\""),
        ("limits.tenant_per_minute", "1000001"),
        ("limits.tenant_per_month", "-1"),
        ("limits.tenant_per_month", "99999999999999999999"),
    ] {
        let superuser = db.superuser().await;
        let refused = superuser.batch_execute(&set(key, value)).await.unwrap_err();
        assert_eq!(refused.as_db_error().unwrap().constraint(), Some("platform_settings_value_check"), "{key} {value}");
    }
}

#[tokio::test]
async fn a_key_is_charged_under_its_own_id_alone() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    limit(&db, acme, "100", "100").await;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--outside-per-minute", "3"])).await;
    let with = |key: &str| app.request(Method::GET, "/api/v1/projects?nope=1").bearer_auth(key);
    let mine = Answer::of(with(&acme.key)).await;
    mine.problem(400, "bad_request");
    assert_eq!(standing(&mine, "principal").unwrap()[2], 99);
    // Its secret, under the id of somebody else: PostgreSQL is asked, and knows no such key.
    let body = BASE64.decode(&acme.key["rh_live_".len()..][..86]).unwrap();
    let as_owner = [&body[..16], acme.owner.id.as_bytes(), &body[32..]].concat();
    let front = format!("rh_live_{}", BASE64.encode(as_owner));
    let forged = format!("{front}{}", BASE64.encode(&rowhouse::auth::sha256(front.as_bytes())[..4]));
    assert_eq!(admitted(9, || with(&forged)).await, 2, "and of the network's three the first met the key");
    let owner = Member::new(&app, &acme.owner, acme).get("/projects").await.expect(200);
    assert_eq!(standing(&owner, "principal").unwrap()[2], 99, "nothing of the owner's was spent");
}

#[tokio::test]
async fn whoever_spends_all_cannot_keep_themselves_from_being_stopped() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    limit(&db, acme, "5", "4").await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &acme.owner, acme);
    let key = || app.request(Method::GET, "/api/v1/projects").bearer_auth(&acme.key);
    assert_eq!(admitted(9, key).await, 4);
    owner.get("/projects").await.expect(200);
    owner.get("/projects").await.problem(429, "rate_limited");
    let keys = owner.get("/tenant/api-keys").await.expect(200);
    assert_eq!(standing(&keys, "tenant"), None, "the tenant is not asked");
    assert_eq!(standing(&keys, "access").unwrap()[..3], [5, 60, 4], "it has as many apart");
    assert_eq!((standing(&keys, "principal").unwrap()[2], standing(&keys, "month")), (2, None), "nor the month");
    owner.get("/tenant/members").await.expect(200);
    owner.delete(&format!("/tenant/api-keys/{}", acme.api_key), "*").await.expect(204);
    // One's own account is one's own, whatever tenant a token is for, and with nothing left at all.
    owner.get("/tenant/members").await.problem(429, "rate_limited");
    owner.get("/me/sessions").await.expect(200);
    Answer::of(owner.request(Method::POST, "/auth/logout")).await.expect(204);
    // Where each may ask as much as they like, of this they may not; and a month that is over does not keep it from them.
    limit(&db, acme, "null", "null").await;
    db.run("update registry.tenant_limits set tenant_per_month = 1").await;
    let app = TestApp::new(&db).await;
    let member = Member::new(&app, &acme.member, acme);
    member.get("/projects").await.expect(200);
    member.get("/projects").await.problem(429, "quota_exceeded");
    let refused = member.get("/tenant/api-keys").await;
    refused.problem(403, "permission_denied");
    assert_eq!(standing(&refused, "principal").unwrap()[..3], [600, 60, 599]);
}

#[tokio::test]
async fn what_is_asked_with_a_session_that_has_ended_is_not_its_owners() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    let app = TestApp::with(&db.url(API_ROLE), &tuning(&["--outside-per-minute", "6"])).await;
    let stolen = app.sign_in(acme.owner.email, PASSWORD).await;
    // By another hand: nobody is told.
    db.run("delete from registry.sessions").await;
    assert_eq!(admitted(9, || stolen.request(Method::GET, "/me")).await, 6);
    let again = app.sign_in(acme.owner.email, PASSWORD).await;
    again.get("/me").await.expect(200);
}

#[tokio::test]
async fn many_together_do_no_more_of_what_is_spared_than_the_tenant_may_do_of_anything() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    limit(&db, acme, "20", "10").await;
    let app = TestApp::new(&db).await;
    let owner = Member::new(&app, &acme.owner, acme);
    let mut keys = Vec::new();
    for n in 0..4 {
        let made =
            owner.post("/tenant/api-keys", json!({ "name": format!("{n}"), "permissions": ["members:read"] })).await;
        keys.push(made.expect(201).json()["key"].as_str().unwrap().to_owned());
    }
    // Keys are the tenant's, wherever they ask.
    let mut by_keys = 0;
    for key in &keys {
        by_keys += admitted(12, || app.request(Method::GET, "/api/v1/tenant/members").bearer_auth(key)).await;
    }
    assert!((20..=22).contains(&by_keys), "{by_keys}");
    // Its people have as many apart, and no more together; four are gone for the keys.
    let mut by_people = 0;
    for person in [&acme.owner, &acme.member, &acme.viewer, &acme.both] {
        let member = Member::new(&app, person, acme);
        by_people += admitted(12, || member.request(Method::GET, "/tenant/members")).await;
    }
    assert!((16..=18).contains(&by_people), "{by_people}");
    owner.get("/tenant/members").await.problem(429, "rate_limited");
}
