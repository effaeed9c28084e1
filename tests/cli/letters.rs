//! Letters survive the processes that promised them, and whoever runs the platform looks after those that nobody takes.
use rowhouse::db::{API_ROLE, WORKER_ROLE};
use serde_json::{Value, json};

use super::{free_address, rowhouse, run, serve, signal, wait_until_ready};
use crate::support::{KEYS, PostBox, TestDb, town};

#[tokio::test]
async fn a_letter_arrives_whose_server_was_killed_right_after_its_promise() {
    let (db, post) = (TestDb::new().await, PostBox::start().await);
    let address = free_address();
    let mut server = serve(&db.url(API_ROLE), &address, &[]).spawn().unwrap();
    wait_until_ready(&mut server, &address);
    let owner = town().acme.owner.email;
    let promised = reqwest::Client::new()
        .post(format!("http://{address}/api/v1/auth/password-reset"))
        .json(&json!({ "email": owner }))
        .send()
        .await
        .unwrap();
    server.kill().unwrap();
    assert_eq!(promised.status(), 202);
    let said = String::from_utf8(server.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(post.count(), 0);
    let mut worker = rowhouse()
        .args(["worker", "--smtp-url", &post.url(), "--app-url", "https://app.example"])
        .env("WORKER_DATABASE_URL", db.url(WORKER_ROLE))
        .env("ROWHOUSE_KEYS", &*KEYS)
        .spawn()
        .unwrap();
    let letter = post.letter_to(owner).await;
    assert!(letter.body.contains("https://app.example/reset-password#token="), "{letter:#?} {said}");
    signal(worker.id(), "-TERM");
    assert!(worker.wait().unwrap().success());
    assert_eq!(db.value::<i64>("select count(*) from registry.letters").await, 0);
}

#[tokio::test]
async fn a_server_without_a_worker_says_that_letters_wait() {
    let db = TestDb::new().await;
    let address = free_address();
    let mut server = serve(&db.url(API_ROLE), &address, &[]).spawn().unwrap();
    wait_until_ready(&mut server, &address);
    signal(server.id(), "-TERM");
    let output = server.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(said.contains("does no jobs and sends no letters") && said.contains("--with-worker"), "{said}");
}

#[tokio::test]
async fn whoever_runs_the_platform_sees_what_was_given_up_and_has_it_tried_again() {
    let db = TestDb::new().await;
    db.run(
        "insert into registry.letters (id, about, address, same, sealed, dead_at, error) values
             ('00000000-0000-7000-8000-000000000001', 'reset_password', sha256('a'), sha256('a'), 'x', now(), 'refused'),
             ('00000000-0000-7000-8000-000000000002', 'reset_password', sha256('b'), sha256('b'), 'x', now(), 'not_taken');
         insert into registry.letters (id, about, address, same, sealed) values
             ('00000000-0000-7000-8000-000000000003', 'reset_password', sha256('b'), sha256('b'), 'x')",
    )
    .await;
    let letters = |arguments: &[&str]| {
        let mut command = rowhouse();
        command.args(["letters", "--json"]).args(arguments).env("MIGRATE_DATABASE_URL", db.url("rowhouse_migrator"));
        let (code, out, why) = run(&mut command);
        (code.unwrap(), out.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>(), why)
    };
    let listed = letters(&["list"]).1;
    assert_eq!(listed.len(), 3);
    assert!(listed[0].get("sealed").is_none() && listed[0].get("address").is_none());
    assert_eq!(letters(&["list", "--dead"]).1.len(), 2);
    let tried = letters(&["retry", "00000000-0000-7000-8000-000000000001"]).1;
    assert_eq!((&tried[0]["dead_at"], &tried[0]["attempts"]), (&json!(null), &json!(0)));
    let (code, _, why) = letters(&["retry", "00000000-0000-7000-8000-000000000002"]);
    assert!(code == 2 && why.contains("another that says the same waits"), "{why}");
    assert_eq!(letters(&["list", "--dead"]).1.len(), 1);
}
