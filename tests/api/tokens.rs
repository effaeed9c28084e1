//! Tokens that are not ours, not now, not for this, or not tokens.
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use reqwest::Method;
use rowhouse::{auth::Clock, db::API_ROLE};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

use crate::support::{Answer, Forge, PASSWORD, TestApp, TestDb, forge, town, tuning};

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let list = async |token: &str| Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(token)).await;
    let ours = || forge(acme.owner.id, Some(acme.id));
    list(&ours().sign()).await.expect(200);

    let jwks = Answer::of(app.request(Method::GET, "/.well-known/jwks.json")).await.expect(200).json();
    let public = jwks["keys"][0]["x"].as_str().unwrap().to_owned();
    let public_pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&public));
    let foreign_key =
        aws_lc_rs::signature::Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
    let foreign_key = EncodingKey::from_ed_der(foreign_key.as_ref());
    let foreign_jwk = Jwk::from_encoding_key(&foreign_key, Algorithm::EdDSA).unwrap();
    let our_jwk = Jwk::from_encoding_key(&ours().key, Algorithm::EdDSA).unwrap();
    let with_jwk = |jwk: &Jwk| ours().header(|header| header.jwk = Some(jwk.clone()));
    let hmac = |secret: &[u8]| Forge {
        key: EncodingKey::from_secret(secret),
        ..ours().header(|header| header.alg = Algorithm::HS256)
    };
    let now = jiff::Timestamp::now().as_second();
    let signed = ours().sign();
    let (head, rest) = signed.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let others_claims = forge(town().globex.owner.id, Some(town().globex.id)).sign();
    let others_claims = others_claims.split('.').nth(1).unwrap();
    for (what, token) in [
        ("alg none", ours().unsigned()),
        ("HS256 signed with the public key", hmac(public.as_bytes()).sign()),
        ("HS256 signed with the public key as PEM", hmac(public_pem.as_bytes()).sign()),
        ("another key under our kid", Forge { key: foreign_key.clone(), ..ours() }.sign()),
        ("an unknown kid", ours().header(|header| header.kid = Some("other".into())).sign()),
        ("no kid", ours().header(|header| header.kid = None).sign()),
        ("a key by address", ours().header(|header| header.jku = Some("https://evil.example/jwks".into())).sign()),
        (
            "a certificate by address",
            ours().header(|header| header.x5u = Some("https://evil.example/x5u".into())).sign(),
        ),
        ("a certificate in itself", ours().header(|header| header.x5c = Some(vec!["MIIB".into()])).sign()),
        ("a key in itself", Forge { key: foreign_key, ..with_jwk(&foreign_jwk) }.sign()),
        ("another's key in itself under our signature", with_jwk(&foreign_jwk).sign()),
        ("our own key in itself", with_jwk(&our_jwk).sign()),
        ("another type", ours().header(|header| header.typ = Some("JWT".into())).sign()),
        ("no type", ours().header(|header| header.typ = None).sign()),
        ("expired", ours().claim("exp", now - 1).sign()),
        ("not yet valid", ours().claim("nbf", now + 60).sign()),
        ("another issuer", ours().claim("iss", "https://evil.example").sign()),
        ("another audience", ours().claim("aud", "platform").sign()),
        ("no expiry", ours().without("exp").sign()),
        ("no start", ours().without("nbf").sign()),
        ("no audience", ours().without("aud").sign()),
        ("no subject", ours().without("sub").sign()),
        ("no session", ours().without("sid").sign()),
        ("a session that is no id", ours().claim("sid", "mine").sign()),
        ("no session to speak of", ours().claim("sid", json!(null)).sign()),
        ("a subject that is no user", ours().claim("sub", "admin").sign()),
        ("a tenant that is no id", ours().claim("tid", "acme").sign()),
        ("several tenants", ours().claim("tid", json!([acme.id, town().globex.id])).sign()),
        ("another's claims under our signature", format!("{head}.{others_claims}.{signature}")),
        ("no signature", format!("{head}.{others_claims}.")),
        ("cut short", signed[..signed.len() - 5].to_owned()),
        ("longer than any of ours", format!("{signed}{}", "A".repeat(5000))),
        ("no token", "token".to_owned()),
        ("dots", "..".to_owned()),
    ] {
        let refused = list(&token).await;
        refused.problem(401, "unauthenticated");
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"rowhouse\", error=\"invalid_token\"", "{what}");
    }
    for header in ["Basic b3duZXI6eA==", "Bearer", "bearer: x", ""] {
        let request = app.request(Method::GET, "/api/v1/projects").header("authorization", header);
        Answer::of(request).await.problem(401, "unauthenticated");
    }
    let twice =
        app.request(Method::GET, "/api/v1/projects").header("authorization", "Bearer a").bearer_auth(ours().sign());
    Answer::of(twice).await.problem(401, "unauthenticated");
    let in_query = format!("/api/v1/projects?access_token={}", ours().sign());
    Answer::of(app.request(Method::GET, &in_query)).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_remembered_token_still_expires() {
    let db = TestDb::new().await;
    let started = jiff::Timestamp::now().as_second();
    let now = Arc::new(AtomicI64::new(started));
    let clock = now.clone();
    let clock = Clock::new(move || clock.load(Ordering::Relaxed));
    let app = TestApp::at(&db.url(API_ROLE), &tuning(&[]), clock).await;
    let acme = &town().acme;
    // To the second, however long the server took to start.
    let token = forge(acme.owner.id, Some(acme.id)).claim("nbf", started).claim("exp", started + 600).sign();
    let list = async || Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(&token)).await;
    list().await.expect(200);
    now.fetch_add(599, Ordering::Relaxed);
    list().await.expect(200);
    now.fetch_add(1, Ordering::Relaxed);
    assert!(list().await.problem(401, "unauthenticated")["detail"].as_str().unwrap().contains("expired"));
}

#[tokio::test]
async fn what_a_token_says_is_critical_and_nobody_understands_is_refused() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    // RFC 7515 §4.1.11: an extension that has to be understood and is not, whoever signed it.
    for extension in ["urn:example:one-use", "b64", "exp"] {
        let token = forge(acme.owner.id, Some(acme.id)).header(|header| header.crit = Some(vec![extension.into()]));
        let list = app.request(Method::GET, "/api/v1/projects").bearer_auth(token.sign());
        Answer::of(list).await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_own_session_alone() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    // In the fixture a person's session has the person's id.
    let ours = |session: Uuid| forge(acme.owner.id, Some(acme.id)).claim("sid", session.to_string());
    for path in ["/api/v1/projects", "/api/v1/me"] {
        let get = async |token: &Forge| Answer::of(app.request(Method::GET, path).bearer_auth(token.sign())).await;
        get(&ours(acme.owner.id)).await.expect(200);
        for (what, session) in [
            ("a fellow member's", acme.member.id),
            ("another tenant's owner's", town().globex.owner.id),
            ("nobody's", town().nowhere),
            ("none", Uuid::nil()),
        ] {
            let refused = get(&ours(session)).await;
            assert_eq!(refused.status.as_u16(), 401, "{what}: {refused:?}");
            refused.problem(401, "session_ended");
            assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"rowhouse\", error=\"invalid_token\"");
        }
        // Neither is another's session a way to another tenant.
        let elsewhere = ours(town().globex.owner.id).claim("tid", town().globex.id.to_string());
        assert!([401, 403].contains(&get(&elsewhere).await.status.as_u16()), "{path}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let login = json!({ "email": town().acme.owner.email, "password": PASSWORD });
    let tokens = Answer::of(app.request(Method::POST, "/api/v1/auth/login").json(&login)).await.expect(200).json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    for path in ["/api/v1/projects", "/api/v1/me"] {
        let get = async |token: &str| Answer::of(app.request(Method::GET, path).bearer_auth(token)).await;
        get(access).await.expect(200);
        get(refresh).await.problem(401, "unauthenticated");
    }
    let swapped = app.request(Method::POST, "/api/v1/auth/refresh").json(&json!({ "refresh_token": access }));
    Answer::of(swapped).await.problem(401, "refresh_token_spent");
}

#[tokio::test]
async fn a_token_of_a_megabyte_is_refused_and_the_server_goes_on() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let long = format!("{token}{}", "A".repeat(1 << 20));
    let head =
        format!("GET /api/v1/projects HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {long}\r\n\r\n", app.address);
    for _ in 0..3 {
        // The server need not read to the end what it refuses, so writing may fail; its answer comes all the same.
        let (mut read, mut write) = TcpStream::connect(app.address).await.unwrap().into_split();
        let sent = head.clone();
        let writing = tokio::spawn(async move { write.write_all(sent.as_bytes()).await });
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
        let _ = writing.await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(&token)).await.expect(200);
}
