//! What is special about PgBouncer: which of its modes the server takes, and which it refuses by name. What
//! attacks share with a direct connection runs both ways where it is written, as `pgbouncer::…`.
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use postgres_types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use reqwest::Method;
use rowhouse::{
    Result,
    app::App,
    auth::Tenant,
    db::API_ROLE,
    db::{FromRow, Sql},
};
use tokio_postgres::Row;

use super::{enter, names};
use crate::support::{Answer, Bouncer, TestApp, TestDb, Way, sockets, town, tuning};

/// Why the server would not start.
async fn refusal(url: &str, statements: &str) -> Option<String> {
    let app = TestApp::with(url, &tuning(&["--statements", statements])).await;
    app.app.db.refuse_unless_carried().await.err().map(|failure| failure.0)
}

#[tokio::test]
async fn a_connection_to_postgresql_itself_is_never_refused() {
    let db = TestDb::new().await;
    for _ in 0..5 {
        for statements in ["named", "unnamed"] {
            assert_eq!(refusal(&db.url(API_ROLE), statements).await, None);
        }
    }
    // A slow server is not a pooler, nor is one that has no room: the checks that follow say what it is.
    db.outside("alter role rowhouse_api in database {db} set default_transaction_isolation = 'serializable'").await;
    db.outside("alter database {db} connection limit 0").await;
    assert_eq!(refusal(&db.url(API_ROLE), "named").await, None);
}

#[tokio::test]
async fn named_statements_through_transaction_mode_are_refused_at_start() {
    let db = TestDb::new().await;
    for size in [1, 2, 5] {
        let bouncer = Bouncer::start(&sockets(), "transaction", size, "");
        let url = db.url_at(&bouncer);
        let begun = Instant::now();
        let why = refusal(&url, "named").await.expect("it must not start");
        assert!(why.contains("Set ROWHOUSE_STATEMENTS=unnamed"), "{size}: {why}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{size}: {:?}", begun.elapsed());
        assert_eq!(refusal(&url, "unnamed").await, None, "{size}");
    }
}

#[tokio::test]
async fn session_mode_serves_either_way_and_statement_mode_is_refused() {
    let db = TestDb::new().await;
    let (session, statement) =
        (Bouncer::start(&sockets(), "session", 4, ""), Bouncer::start(&sockets(), "statement", 2, ""));
    for statements in ["named", "unnamed"] {
        assert_eq!(refusal(&db.url_at(&session), statements).await, None);
        let why = refusal(&db.url_at(&statement), statements).await.expect("it must not start");
        assert!(why.contains("pool_mode = transaction"), "{why}");
    }
}

#[tokio::test]
async fn every_statement_speaks_built_in_types_alone() {
    let db = TestDb::new().await;
    let api = db.api().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/queries");
    let mut seen = 0;
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("seed"))
    {
        for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let text = fs::read_to_string(&file).unwrap();
            let statement = api.prepare(&text).await.unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
            // The client would ask for any other type by a named statement, behind COMMIT.
            let types = statement.params().iter().chain(statement.columns().iter().map(tokio_postgres::Column::type_));
            for kind in types {
                assert!(Type::from_oid(kind.oid()).is_some(), "{}: {kind}", file.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 25, "{seen}");
}

#[tokio::test]
async fn the_server_finds_itself_fit_to_serve_through_it() {
    let db = TestDb::new().await;
    let app = TestApp::by(Way::PgBouncer, &db).await;
    assert_eq!(app.startup_problems().await, Vec::<String>::new());
    Answer::of(app.request(Method::GET, "/readyz")).await.expect(200);
    // What the role's sessions start with holds there, too.
    let api = db.api_by(Way::PgBouncer).await;
    api.batch_execute("begin").await.unwrap();
    let settings = "select current_setting(name) from unnest(array['search_path', 'statement_timeout', 'lock_timeout',
        'idle_in_transaction_session_timeout']) as name";
    assert_eq!(names(&api, settings).await, ["\"\"", "5s", "2s", "10s"]);
}

#[tokio::test]
async fn nothing_of_a_transaction_is_left_on_the_connection_another_gets() {
    let db = TestDb::new().await;
    let app = TestApp::by(Way::PgBouncer, &db).await;
    let acme = &town().acme;
    for path in ["/api/v1/projects", "/api/v1/me", "/api/v1/projects?sort=name"] {
        app.get(path, acme.owner.id, acme.id).await.expect(200);
    }
    // Two others take both server connections and look at what is there.
    let others = [db.api_by(Way::PgBouncer).await, db.api_by(Way::PgBouncer).await];
    for other in &others {
        other.batch_execute("begin").await.unwrap();
        let left = "select coalesce(current_setting('app.' || name, true), '') from unnest(array['tenant_id', 'user_id']) as name";
        assert_eq!(names(other, left).await, ["", ""]);
        // Their own question is a prepared statement while it is asked; the server left none.
        let prepared = names(other, "select statement from pg_prepared_statements").await;
        assert_eq!(prepared, ["select statement from pg_prepared_statements"]);
    }
    for other in &others {
        other.batch_execute("rollback").await.unwrap();
        enter(other, acme.id, &acme.owner).await;
    }
    let pids = [names(&others[0], PID).await, names(&others[1], PID).await];
    assert_ne!(pids[0], pids[1], "these are two");
}

#[tokio::test]
async fn what_a_neighbour_leaves_on_a_server_connection_moves_nobody() {
    let db = TestDb::new().await;
    let app = TestApp::by(Way::PgBouncer, &db).await;
    let (acme, globex) = (&town().acme, &town().globex);
    let neighbours = [db.api_by(Way::PgBouncer).await, db.api_by(Way::PgBouncer).await];
    for neighbour in &neighbours {
        neighbour.batch_execute("begin").await.unwrap();
    }
    for neighbour in &neighbours {
        // Not LOCAL, and committed: it stays with the server connection.
        let leave = format!(
            "set app.tenant_id = '{}'; set app.user_id = '{}'; set lock_timeout = 1; set time zone 'Asia/Tokyo';
             set default_transaction_read_only = on; set default_transaction_isolation = 'serializable';
             set client_encoding = 'latin1'; set row_security = off; set transform_null_equals = on; commit",
            globex.id, globex.owner.id
        );
        neighbour.batch_execute(&leave).await.unwrap();
    }
    neighbours[0].batch_execute("begin").await.unwrap();
    assert_eq!(names(&neighbours[0], "select current_setting('app.tenant_id')").await, [globex.id.to_string()]);
    neighbours[0].batch_execute("rollback").await.unwrap();
    for _ in 0..4 {
        let list = app.get("/api/v1/projects?limit=200", acme.owner.id, acme.id).await.expect(200).json();
        let ids: Vec<&str> = list["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, acme.projects.iter().map(|row| row.id.to_string()).collect::<Vec<_>>());
        // Nor what else it says for all who come after.
        let kept = app.as_user(reqwest::Method::POST, "/api/v1/projects", acme.both.id, acme.id);
        let kept = Answer::of(kept.json(&serde_json::json!({ "name": "Ärger" }))).await.expect(201).json();
        assert_eq!(kept["name"], "Ärger");
        let superuser = db.superuser().await;
        superuser.execute("delete from tenant.projects where name = 'Ärger'", &[]).await.unwrap();
        app.get("/api/v1/projects", acme.owner.id, globex.id).await.problem(403, "not_a_member");
        let me = app.get("/api/v1/me", acme.owner.id, acme.id).await.expect(200);
        assert!(me.text.contains(acme.owner.email) && !me.text.contains("globex"), "{me:?}");
        // Nor a transaction outside any tenant.
        let mut nobody = app.app.db.public().await.unwrap();
        let found: Word = nobody.read().last().one(WHO, &[]).await.unwrap();
        assert_eq!(found.0, "");
    }
}

#[tokio::test]
async fn a_request_that_waits_for_a_server_connection_in_vain_is_503() {
    let db = TestDb::new().await;
    let bouncer = Bouncer::start(&sockets(), "transaction", 1, "query_wait_timeout = 1");
    let app = TestApp::with(&db.url_at(&bouncer), &tuning(&["--statements", "unnamed"])).await;
    let acme = &town().acme;
    let list = async || app.get("/api/v1/projects", acme.owner.id, acme.id).await;
    list().await.expect(200);
    let (holder, connection) = tokio_postgres::connect(&db.url_at(&bouncer), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    holder.batch_execute("begin").await.unwrap();
    list().await.problem(503, "database_unavailable");
    holder.batch_execute("rollback").await.unwrap();
    list().await.expect(200);
}

const WHO: Sql =
    Sql::file("test/who", "select current_setting('app.tenant_id') || current_setting('app.user_id') as word");
const PID: &str = "select pg_backend_pid()::text";

/// Fits two types of PostgreSQL, so that a migration can change one to the other under a running server.
#[derive(Debug)]
struct FourBytes;

impl ToSql for FourBytes {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&[0, 0, 0, 7]);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT4, Type::DATE].contains(ty)
    }

    to_sql_checked!();
}

struct Word(String);

impl FromRow for Word {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(row.try_get("word")?))
    }
}

/// Sends a statement whose second parameter is of whatever type the function takes.
async fn typed(tenant: Tenant) -> Result<String> {
    const TYPED: Sql = Sql::file("test/typed", "select registry.typed($2)::text as word where $1::uuid is not null");
    let mut conn = tenant.reads().await?;
    let word: Word = conn.read().last().one(TYPED, &[&FourBytes]).await?;
    Ok(word.0)
}

#[tokio::test]
async fn types_that_a_migration_changed_are_learned_anew() {
    let db = TestDb::new().await;
    let superuser = db.superuser().await;
    let routes: Router<App> = Router::new().route("/typed", get(typed));
    let app = TestApp::extended(Way::PgBouncer, &db, "2", routes).await;
    let takes = async |kind: &str| {
        let make = format!(
            "drop function if exists registry.typed;
             create function registry.typed(given {kind}) returns {kind} language sql as 'select given'"
        );
        superuser.batch_execute(&make).await.unwrap();
    };
    let ask = async || app.get("/typed", town().acme.owner.id, town().acme.id).await;
    ask().await.expect(500); // there is no such function yet
    takes("boolean").await;
    ask().await.expect(500); // and now Rust cannot write its parameter
    takes("integer").await;
    assert_eq!(ask().await.expect(200).text, "7", "what was learned of a failure is forgotten");
    takes("date").await;
    ask().await.expect(500);
    assert_eq!(ask().await.expect(200).text, "2000-01-08");
}
