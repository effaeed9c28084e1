//! The server is killed while it imports a file.
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use rowhouse::db::API_ROLE;

use super::serve::{free_address, serve, wait_until_ready};
use crate::support::{Answer, TestDb, forge, town};

#[tokio::test]
async fn what_it_had_not_committed_is_undone_and_the_operation_is_interrupted() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    let (one, other) = (free_address(), free_address());
    // However busy the machine is, the import waits until it is killed.
    let patient = format!("{}&options=-c%20lock_timeout%3D60s%20-c%20statement_timeout%3D60s", db.url(API_ROLE));
    let mut first = serve(&patient, &one, &[]).spawn().unwrap();
    let mut second = serve(&db.url(API_ROLE), &other, &[]).spawn().unwrap();
    wait_until_ready(&mut first, &one);
    wait_until_ready(&mut second, &other);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = |method: Method, address: &str, path: &str| -> RequestBuilder {
        let request = client.request(method, format!("http://{address}{path}"));
        request.bearer_auth(forge(acme.owner.id, Some(acme.id)).sign())
    };
    let file = (0..1200).fold("sku,name,price_minor\n".to_owned(), |file, n| file + &format!("k-{n},Killed,{n}\n"));

    // It has written a batch, and waits with the next, which changes a product that somebody else is changing.
    db.run(&format!(
        "insert into tenant.products (tenant_id, id, name, sku, price_minor) values ('{}', registry.new_id(), 'Held', 'k-700', 1)",
        acme.id
    ))
    .await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; select from tenant.products where sku = 'k-700' for update").await.unwrap();
    let import = request(Method::POST, &one, "/api/v1/products/import").header("content-type", "text/csv").body(file);
    let accepted = Answer::of(import).await.expect(202);
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while db.value::<i64>(waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.kill().unwrap();
    first.wait().unwrap();
    superuser.batch_execute("commit").await.unwrap();

    // Clones of one template share the ids of their tables, so the database has to be said as well.
    let writes = "select count(*) from pg_locks
                  where database = (select oid from pg_database where datname = current_database())
                    and relation = 'tenant.products'::regclass and mode = 'RowExclusiveLock'";
    let mut tries = 0;
    while db.value::<i64>(writes).await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        tries += 1;
        assert!(tries < 600, "PostgreSQL notices that nobody is there any more");
    }
    let there: i64 = db.value("select count(*) from tenant.products where sku like 'k-%'").await;
    assert_eq!(there, 1, "the one that was there before");
    let path = accepted.header("location");
    let told = async || Answer::of(request(Method::GET, &other, path)).await.expect(200).json()["status"].clone();
    let known = told().await;
    assert!(known == "queued" || known == "running", "as far as anybody knows: {known}");
    db.run("update tenant.operations set alive_at = alive_at - interval '1 minute'").await;
    assert_eq!(told().await, "interrupted");
    second.kill().unwrap();
    second.wait().unwrap();
}

#[tokio::test]
async fn an_import_that_is_cut_by_sigterm_says_so_at_once() {
    let db = TestDb::new().await;
    let acme = &town().acme;
    let (one, other) = (free_address(), free_address());
    let patient = format!("{}&options=-c%20lock_timeout%3D60s%20-c%20statement_timeout%3D60s", db.url(API_ROLE));
    let mut first = serve(&patient, &one, &["--drain-ms", "0"]).spawn().unwrap();
    let mut second = serve(&db.url(API_ROLE), &other, &[]).spawn().unwrap();
    wait_until_ready(&mut first, &one);
    wait_until_ready(&mut second, &other);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = |method: Method, address: &str, path: &str| -> RequestBuilder {
        let request = client.request(method, format!("http://{address}{path}"));
        request.bearer_auth(forge(acme.owner.id, Some(acme.id)).sign())
    };
    // The first waits for a product that somebody else is changing, the second for its turn.
    db.run(&format!(
        "insert into tenant.products (tenant_id, id, name, sku, price_minor) values ('{}', registry.new_id(), 'Held', 'k-7', 1)",
        acme.id
    ))
    .await;
    let superuser = db.superuser().await;
    superuser.batch_execute("begin; select from tenant.products where sku = 'k-7' for update").await.unwrap();
    let import = async |prefix: &str| {
        let file =
            (0..9).fold("sku,name,price_minor\n".to_owned(), |file, n| file + &format!("{prefix}-{n},Cut,{n}\n"));
        let sent = request(Method::POST, &one, "/api/v1/products/import").header("content-type", "text/csv").body(file);
        Answer::of(sent).await.expect(202).header("location").to_owned()
    };
    let waiting = import("k").await;
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while db.value::<i64>(waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let queued = import("q").await;
    let pid = first.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    // What holds the first up goes, once the server is about to end it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    superuser.batch_execute("commit").await.unwrap();
    assert!(first.wait().unwrap().success());
    for path in [&waiting, &queued] {
        let told = Answer::of(request(Method::GET, &other, path)).await.expect(200).json();
        assert_eq!(
            (&told["status"], &told["result"]["problem"]["code"]),
            (&"failed".into(), &"leaving".into()),
            "{told}"
        );
    }
    let there: i64 = db.value("select count(*) from tenant.products where sku ~ '^[kq]-'").await;
    assert_eq!(there, 1, "the one that was there before");
    second.kill().unwrap();
    second.wait().unwrap();
}
