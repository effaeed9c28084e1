//! Tokens that are not ours, not now, not for this, or not tokens.
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::Method;
use rowhouse::{auth::Clock, config::API_ROLE};
use serde_json::json;

use crate::support::{Answer, Forge, TestApp, TestDb, forge, town, tuning};

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
        ("another key under our kid", Forge { key: foreign_key, ..ours() }.sign()),
        ("an unknown kid", ours().header(|header| header.kid = Some("other".into())).sign()),
        ("no kid", ours().header(|header| header.kid = None).sign()),
        ("a key by address", ours().header(|header| header.jku = Some("https://evil.example/jwks".into())).sign()),
        (
            "a certificate by address",
            ours().header(|header| header.x5u = Some("https://evil.example/x5u".into())).sign(),
        ),
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
        ("a subject that is no user", ours().claim("sub", "admin").sign()),
        ("a tenant that is no id", ours().claim("tid", "acme").sign()),
        ("several tenants", ours().claim("tid", json!([acme.id, town().globex.id])).sign()),
        ("another's claims under our signature", format!("{head}.{others_claims}.{signature}")),
        ("no signature", format!("{head}.{others_claims}.")),
        ("cut short", signed[..signed.len() - 5].to_owned()),
        ("a megabyte", format!("{signed}{}", "A".repeat(5000))),
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
    let now = Arc::new(AtomicI64::new(jiff::Timestamp::now().as_second()));
    let clock = now.clone();
    let clock = Clock::new(move || clock.load(Ordering::Relaxed));
    let app = TestApp::at(&db.url(API_ROLE), &tuning(&[]), clock).await;
    let acme = &town().acme;
    let token = forge(acme.owner.id, Some(acme.id)).sign();
    let list = async || Answer::of(app.request(Method::GET, "/api/v1/projects").bearer_auth(&token)).await;
    list().await.expect(200);
    now.fetch_add(599, Ordering::Relaxed);
    list().await.expect(200);
    now.fetch_add(1, Ordering::Relaxed);
    assert!(list().await.problem(401, "unauthenticated")["detail"].as_str().unwrap().contains("expired"));
}
