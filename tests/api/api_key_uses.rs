//! When an API key was last used: written beside the request, now and then, for the tenant to see.
use std::time::Duration;

use rowhouse::auth::sha256;
use uuid::Uuid;

use super::api_keys::{KEYS, PROJECTS, change, get, well_formed};
use crate::support::{TestApp, TestDb, hex, town};

/// When a key was last used, once that has been written.
async fn last_used(app: &TestApp, id: Uuid) -> String {
    let acme = &town().acme;
    for _ in 0..200 {
        let key = app.get(&format!("{KEYS}/{id}"), acme.owner.id, acme.id).await.expect(200).json();
        if let Some(when) = key["last_used_at"].as_str() {
            return when.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no use was noted");
}

#[tokio::test]
async fn a_use_is_noted_once_a_minute_and_is_no_change_of_the_key() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    get(&app, PROJECTS, &acme.key).await.expect(200);
    let when = last_used(&app, acme.api_key).await;
    for _ in 0..5 {
        get(&app, PROJECTS, &acme.key).await.expect(200);
    }
    assert_eq!(last_used(&app, acme.api_key).await, when);
    let read = app.get(&format!("{KEYS}/{}", acme.api_key), acme.owner.id, acme.id).await.expect(200);
    assert_eq!(read.header("etag"), "\"1\"");

    // Servers share no memory: that it is once a minute, the database says.
    let api = db.api().await;
    let touch = async |secret: &[u8]| {
        let hash = hex(&sha256(secret));
        let (tenant, key) = (acme.id, acme.api_key);
        let call = format!(
            "begin; set local app.tenant_id = '{tenant}'; set local app.user_id = ''; set local app.api_key = '{key}.{hash}';
             select registry.touch_api_key(); commit"
        );
        api.batch_execute(&call).await.unwrap();
    };
    let lately = async || {
        let lately = "select last_used_at > now() - interval '10 seconds' from tenant.api_keys where id = $1";
        db.superuser().await.query_one(lately, &[&acme.api_key]).await.unwrap().get::<_, bool>(0)
    };
    let secret = sha256(acme.api_key.as_bytes());
    change(&db, acme.api_key, "last_used_at = now() - interval '50 seconds'").await;
    touch(&secret).await;
    assert!(!lately().await);
    change(&db, acme.api_key, "last_used_at = now() - interval '61 seconds'").await;
    touch(b"another secret").await;
    assert!(!lately().await);
    touch(&secret).await;
    assert!(lately().await);
}

#[tokio::test]
async fn whoever_does_not_hold_a_key_hides_no_use_of_it() {
    let db = TestDb::new().await;
    let app = TestApp::new(&db).await;
    let acme = &town().acme;
    // A key's id is no secret: whoever may list keys knows it.
    get(&app, PROJECTS, &well_formed(acme.id, acme.api_key, &[7; 32])).await.problem(401, "unauthenticated");
    get(&app, PROJECTS, &acme.key).await.expect(200);
    last_used(&app, acme.api_key).await;
}
