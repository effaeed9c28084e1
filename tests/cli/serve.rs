//! `rowhouse serve`, `migrate`, `bootstrap`, `keys` and `healthcheck`, as a deployment runs them.
use std::{
    io::Read as _,
    net::TcpListener,
    process::{Child, Command},
    time::Duration,
};

use rowhouse::db::{API_ROLE, GATE_ROLE};

use super::{rowhouse, run, signal};
use crate::support::{Answer, KEYS, PASSWORD, TestDb, Way, forge, town};

pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

pub(crate) fn serve(url: &str, address: &str, options: &[&str]) -> Command {
    let mut command = rowhouse();
    command
        .arg("serve")
        .args(options)
        .env("ROWHOUSE_DRAIN_MS", "0")
        .env("DATABASE_URL", url)
        .env("GATE_DATABASE_URL", url.replace(API_ROLE, GATE_ROLE))
        .env("ROWHOUSE_LISTEN", address)
        .env("ROWHOUSE_KEYS", &*KEYS);
    command
}

pub(crate) fn wait_until_ready(child: &mut Child, address: &str) {
    for _ in 0..200 {
        let (code, ..) = run(rowhouse().args(["healthcheck", "--address", address]));
        if code == Some(0) {
            return;
        }
        if let Some(status) = child.try_wait().unwrap() {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it ended with {status}: {said}");
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("it is not ready");
}

/// Sends a signal, waits for the end, and gives what it logged.
fn stop(mut child: Child) -> String {
    signal(child.id(), "-TERM");
    assert!(child.wait().unwrap().success());
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    log
}

#[tokio::test]
async fn it_serves_logs_in_json_and_stops_when_told() {
    let db = TestDb::new().await;
    let address = free_address();
    let mut child = serve(&db.url(API_ROLE), &address, &[]).spawn().unwrap();
    wait_until_ready(&mut child, &address);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let acme = &town().acme;
    let list = client.get(format!("http://{address}/api/v1/projects/{}", acme.projects[0].id));
    let list = Answer::of(list.bearer_auth(forge(acme.owner.id, Some(acme.id)).sign())).await.expect(200);
    let log = stop(child);
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["route"] == "/api/v1/projects/{id}").unwrap_or_else(|| panic!("{log}"));
    assert_eq!((&line["status"], &line["method"]), (&200.into(), &"GET".into()));
    assert_eq!(line["tenant"], acme.id.to_string());
    assert_eq!(line["trace_id"], list.header("x-request-id"));
    assert!(!log.contains(&acme.projects[0].id.to_string()), "ids of rows are not logged");
    let (code, said, _) = run(rowhouse().args(["healthcheck", "--address", &address]));
    assert_eq!(code, Some(1), "nobody listens any more: {said}");
}

#[tokio::test]
async fn no_log_level_prints_statements_parameters_passwords_or_tokens() {
    let db = TestDb::new().await;
    let address = free_address();
    let url = db.url(API_ROLE).replace(&format!("{API_ROLE}@"), &format!("{API_ROLE}:data-base-pass@"));
    let mut child = serve(&url, &address, &["--log", "trace,tokio_postgres::query=debug,tokio_postgres::simple_query=debug,tokio_postgres=trace,postgres=trace,refinery_core=trace"])
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });
    wait_until_ready(&mut child, &address);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let acme = &town().acme;
    let body = serde_json::json!({ "email": acme.owner.email, "password": PASSWORD });
    let token =
        Answer::of(client.post(format!("http://{address}/api/v1/auth/login")).json(&body)).await.expect(200).json();
    let token = token["access_token"].as_str().unwrap();
    // What opens a WebSocket, in an address, and what signs webhooks.
    let ticket = Answer::of(client.post(format!("http://{address}/api/v1/auth/ws-ticket")).bearer_auth(token)).await;
    let ticket = ticket.expect(200).json()["ticket"].as_str().unwrap().to_owned();
    let live = format!("{address}/api/v1/live?ticket={ticket}");
    Answer::of(client.get(format!("http://{live}"))).await;
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{live}")).await.unwrap();
    socket.close(None).await.unwrap();
    assert!(tokio_tungstenite::connect_async(format!("ws://{live}")).await.is_err(), "a ticket is good once");
    let endpoint = serde_json::json!({ "url": "https://hooks.example.com/", "event_types": ["project.created"] });
    let endpoint =
        Answer::of(client.post(format!("http://{address}/api/v1/webhooks")).bearer_auth(token).json(&endpoint)).await;
    let endpoint = endpoint.expect(201).json();
    let projects = format!("http://{address}/api/v1/projects");
    let secret = serde_json::json!({ "name": "Secret plan of acme", "owner_id": town().globex.owner.id });
    Answer::of(client.post(&projects).bearer_auth(token).json(&secret)).await.problem(422, "invalid");
    let same_name = serde_json::json!({ "name": acme.projects[0].name });
    Answer::of(client.post(&projects).bearer_auth(token).json(&same_name)).await.problem(409, "conflict");
    // An error that nobody expected: the cause is logged, what the row holds is not.
    db.superuser()
        .await
        .batch_execute("alter table tenant.projects add constraint surprise check (name <> 'Surprise party') not valid")
        .await
        .unwrap();
    let surprise = serde_json::json!({ "name": "Surprise party" });
    let failed = Answer::of(client.post(&projects).bearer_auth(token).json(&surprise)).await;
    let problem = failed.problem(500, "internal");
    for word in ["surprise", "constraint", "23514", "tenant.projects", "insert into"] {
        assert!(!failed.text.contains(word), "{word} in {problem}");
    }
    signal(child.id(), "-TERM");
    assert!(child.wait().unwrap().success());
    let log = reader.join().unwrap();
    assert!(log.contains("SQLSTATE 23514 on table projects, constraint surprise"), "the cause is in the log");
    assert!(log.contains(problem["trace_id"].as_str().unwrap()));
    for secret in [
        "Secret plan",
        "Surprise party",
        PASSWORD,
        token,
        &ticket,
        endpoint["secret"].as_str().unwrap(),
        "data-base-pass",
        "set local",
        "argon2id",
        &acme.projects[0].name,
        acme.owner.email,
    ] {
        assert!(!log.contains(secret), "{secret} was logged: {:?}", log.lines().find(|line| line.contains(secret)));
    }
}

#[tokio::test]
async fn told_to_stop_it_says_so_and_answers_for_a_while() {
    let db = TestDb::new().await;
    let address = free_address();
    let mut command = rowhouse();
    command
        .args(["serve", "--drain-ms", "2000"])
        .env("DATABASE_URL", db.url(API_ROLE))
        .env("GATE_DATABASE_URL", db.url(GATE_ROLE));
    let mut child = command.env("ROWHOUSE_LISTEN", &address).env("ROWHOUSE_KEYS", &*KEYS).spawn().unwrap();
    wait_until_ready(&mut child, &address);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| Answer::of(client.get(format!("http://{address}{path}"))).await;
    signal(child.id(), "-TERM");
    std::thread::sleep(Duration::from_millis(100));
    get("/readyz").await.problem(503, "leaving");
    assert_eq!(get("/livez").await.expect(200).header("connection"), "close");
    assert_eq!(child.try_wait().unwrap(), None);
    let begun = std::time::Instant::now();
    assert!(child.wait().unwrap().success());
    assert!(begun.elapsed() > Duration::from_secs(1), "it went on for two seconds");
    // A person who sits before it need not wait.
    let mut child = serve(&db.url(API_ROLE), &address, &["--drain-ms", "60000"]).spawn().unwrap();
    wait_until_ready(&mut child, &address);
    signal(child.id(), "-INT");
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn with_few_files_it_serves_fewer_connections_and_says_so() {
    let db = TestDb::new().await;
    let address = free_address();
    let limited = |files: u32, options: &str| {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &format!("ulimit -n {files} && exec {} serve --drain-ms 0 {options}", env!("CARGO_BIN_EXE_rowhouse")),
            ])
            .env("DATABASE_URL", db.url(API_ROLE))
            .env("GATE_DATABASE_URL", db.url(GATE_ROLE))
            .env("ROWHOUSE_LISTEN", &address)
            .env("ROWHOUSE_KEYS", &*KEYS)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        command
    };
    let (code, _, why) = run(&mut limited(80, ""));
    assert_eq!(code, Some(2));
    assert!(why.contains("may open 80 files") && why.contains("ulimit -n"), "{why}");
    let mut child = limited(150, "").spawn().unwrap();
    wait_until_ready(&mut child, &address);
    let sockets: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(300));
    let answer =
        Answer::of(reqwest::Client::builder().no_proxy().build().unwrap().get(format!("http://{address}/livez")));
    assert_eq!(answer.await.status, 503, "an answer, and no silence");
    drop(sockets);
    std::thread::sleep(Duration::from_millis(300));
    wait_until_ready(&mut child, &address);
    let log = stop(child);
    assert!(log.contains("may not open enough files") && log.contains("\"connections\":62"), "{log}");
    // What it may have it takes: the shell's limit is often lower than the hard one.
    let mut child = limited(4096, "--connections 1000").spawn().unwrap();
    wait_until_ready(&mut child, &address);
    assert!(!stop(child).contains("may not open enough files"));
}

#[tokio::test]
async fn it_refuses_to_serve_as_the_wrong_role_or_without_walls_or_keys() {
    let db = TestDb::new().await;
    let address = free_address();
    let (code, _, why) = run(&mut serve(&db.url("postgres"), &address, &["--log", "error"]));
    assert_eq!(code, Some(2));
    assert!(why.contains("refusing to serve") && why.contains("is a superuser"), "{why}");
    db.superuser().await.batch_execute("drop policy wall on tenant.projects").await.unwrap();
    let (code, _, why) = run(&mut serve(&db.url(API_ROLE), &address, &["--log", "error"]));
    assert_eq!(code, Some(2));
    assert!(why.contains("missing  policy          tenant.projects.wall"), "{why}");
    let (code, _, why) = run(serve(&db.url(API_ROLE), &address, &[]).env("ROWHOUSE_KEYS", "/nowhere"));
    assert_eq!(code, Some(2));
    assert!(why.contains("rowhouse keys generate"), "{why}");
    let (code, _, why) =
        run(&mut serve("postgresql://rowhouse_api:pass-word@127.0.0.1:1/x", &address, &["--log", "error"]));
    assert_eq!(code, Some(2));
    assert!(why.contains("cannot be reached") && !why.contains("pass-word"), "{why}");
}

#[tokio::test]
async fn behind_pgbouncer_it_serves_without_names_and_says_so_when_it_has_them() {
    let db = TestDb::new().await;
    let address = free_address();
    let url = db.api_url(Way::PgBouncer);
    let (code, _, why) = run(&mut serve(&url, &address, &["--log", "error"]));
    assert_eq!(code, Some(2));
    assert!(why.contains("does not carry named statements. Set ROWHOUSE_STATEMENTS=unnamed"), "{why}");
    let mut child = serve(&url, &address, &["--statements", "unnamed"]).spawn().unwrap();
    wait_until_ready(&mut child, &address);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let acme = &town().acme;
    let list = client.get(format!("http://{address}/api/v1/projects"));
    Answer::of(list.bearer_auth(forge(acme.owner.id, Some(acme.id)).sign())).await.expect(200);
    stop(child);
}

#[tokio::test]
async fn a_deployment_bootstraps_migrates_and_checks() {
    let db = TestDb::empty().await;
    let migrate = |options: &[&str]| {
        run(rowhouse().arg("migrate").args(options).env("MIGRATE_DATABASE_URL", db.url("rowhouse_migrator")))
    };
    let (code, said, _) = run(rowhouse().arg("bootstrap").env("BOOTSTRAP_DATABASE_URL", db.url("postgres")));
    assert_eq!(code, Some(0), "{said}");
    let (code, said, _) = migrate(&["--check"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("never migrated"), "{said}");
    let (code, said, _) = migrate(&[]);
    assert_eq!(code, Some(0));
    assert!(
        said.contains("applied  migration       V1__")
            && said.contains("added    policy          tenant.projects.wall"),
        "{said}"
    );
    let (code, said, _) = migrate(&[]);
    assert_eq!((code, said.as_str()), (Some(0), "nothing to do: the database equals sql/\n"));
    let (code, said, _) = migrate(&["--check"]);
    assert_eq!((code, said.as_str()), (Some(0), "the database equals sql/\n"));
    db.superuser().await.batch_execute("alter table tenant.projects disable row level security").await.unwrap();
    let (code, said, _) = migrate(&["--check"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("changed  row security    tenant.projects"), "{said}");
    assert_eq!(migrate(&[]).0, Some(0));
    assert_eq!(migrate(&["--check"]).0, Some(0));
    let demo = || run(rowhouse().arg("demo").env("MIGRATE_DATABASE_URL", db.url("rowhouse_migrator")));
    let (code, said, _) = demo();
    assert!(code == Some(0) && said.contains("ada@acme.example"), "{said}");
    assert_eq!(demo().1, said, "a second time changes nothing");
}

#[test]
fn keys_are_made_once_and_kept_from_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = std::env::temp_dir().join(format!("rowhouse-keys-{}", std::process::id()));
    let generate = |options: &[&str]| run(rowhouse().args(["keys", "generate", "--dir"]).arg(&dir).args(options));
    assert_eq!(generate(&["--if-missing"]).0, Some(0));
    let files = || std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap()).collect::<Vec<_>>();
    let fresh = files().len();
    assert_eq!(fresh, 5, "a key, the secret, the sealing key, and both halves of the audit log's");
    // The public half of the audit log's key is anybody's to read.
    for file in files().into_iter().filter(|file| !file.path().to_string_lossy().ends_with("public")) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    assert_eq!(generate(&["--if-missing"]).0, Some(0));
    assert_eq!(files().len(), fresh);
    // A directory of an earlier version is completed, and its signing key stays the one.
    std::fs::remove_file(dir.join("seal")).unwrap();
    let (code, said, _) = generate(&["--if-missing"]);
    assert!(code == Some(0) && said.ends_with("/seal\n"), "{said}");
    assert_eq!(files().len(), fresh);
    std::thread::sleep(Duration::from_millis(1100)); // keys are named by the second
    assert_eq!(generate(&[]).0, Some(0));
    assert_eq!(files().len(), fresh + 1, "the old key stays");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn help_names_every_command_and_setting() {
    let (code, help, _) = run(rowhouse().arg("--help"));
    assert_eq!(code, Some(0));
    for command in ["dev", "serve", "bootstrap", "migrate", "demo", "why", "keys", "openapi", "healthcheck"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    let (_, help, _) = run(rowhouse().args(["serve", "--help"]));
    assert!(help.contains("[env: ROWHOUSE_POOL=]") && help.contains("[default: 8]"), "{help}");
    let (code, _, why) = run(rowhouse().args(["serve", "--pool", "0"]));
    assert!(code == Some(2) && why.contains("--pool"), "{why}");
}

#[tokio::test]
async fn a_password_that_everybody_has_read_in_the_example_is_refused_in_production() {
    let db = TestDb::new().await;
    let placeholder = |role: &str| format!("postgresql://{role}:change-me-x@127.0.0.1:1/rowhouse");
    let (own, address) = (db.url(API_ROLE), free_address());
    let unknown = "redis://:change-me@127.0.0.1:1/0";
    for (setting, mut command) in [
        ("DATABASE_URL", serve(&placeholder("rowhouse_api"), &address, &[])),
        ("REDIS_URL", serve(&own, &address, &["--redis-url", unknown])),
        ("ROWHOUSE_SMTP_URL", serve(&own, &address, &["--smtp-url", "smtp://mail:change-me@127.0.0.1:1"])),
        ("BOOTSTRAP_DATABASE_URL", {
            let mut command = rowhouse();
            command.arg("bootstrap").env("BOOTSTRAP_DATABASE_URL", placeholder("postgres"));
            command
        }),
        ("ROWHOUSE_ROLE_URLS", {
            let mut command = rowhouse();
            command.arg("bootstrap").env("BOOTSTRAP_DATABASE_URL", db.url("postgres"));
            command.env("ROWHOUSE_ROLE_URLS", format!("{own} {}", placeholder("rowhouse_migrator")));
            command
        }),
    ] {
        let (code, _, told) = run(&mut command);
        assert_eq!(code, Some(2), "{setting}: {told}");
        assert!(told.contains(&format!("{setting} has a password that begins with change-me")), "{told}");
        assert!(!told.contains("change-me-x") && !told.contains("@127.0.0.1"), "{told}");
    }
    // On somebody's desk it is taken: what fails then is the connection.
    let (_, _, told) = run(serve(&placeholder("rowhouse_api"), &address, &["--profile", "development"]).env("X", ""));
    assert!(!told.contains("begins with change-me"), "{told}");
}
