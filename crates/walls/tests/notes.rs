//! The example, run: what one tenant wrote another does not read, and would if the wall were not there.
use std::{path::PathBuf, time::Duration};

use rowhouse_dev::{Durability, PrivatePostgres};
use rowhouse_pg::AdminConn;
use rowhouse_walls::{Error, Pool, PoolOptions, Settings, Share, Sql};
use uuid::Uuid;

#[path = "../examples/notes.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "it is a program; its main is for people, and what that calls is called here"
)]
mod notes;
use notes::{member, open, read, write};

/// A server of this test alone, with the example's schema.
async fn server(name: &str) -> (PrivatePostgres, AdminConn, Pool) {
    let dir: PathBuf = std::env::temp_dir().join(format!("rowhouse-walls-{name}-{}", std::process::id()));
    let postgres = PrivatePostgres::start(&dir, Durability::Throwaway).expect("tests need a PostgreSQL server");
    let owner = AdminConn::connect(&postgres.url("postgres", "postgres")).await.unwrap();
    owner.script("schema", notes::SCHEMA).await.unwrap();
    let pool = open(&postgres.url("notes_api", "postgres")).unwrap();
    (postgres, owner, pool)
}

#[tokio::test]
async fn a_tenant_does_not_read_what_another_wrote_and_would_without_the_wall() {
    let (_postgres, owner, pool) = server("two").await;
    let (acme, globex) = (member(1), member(2));
    write(&pool, acme, 1, "acme's").await.unwrap();
    write(&pool, globex, 1, "globex's").await.unwrap();
    assert_eq!(read(&pool, acme).await.unwrap(), ["acme's"]);
    assert_eq!(read(&pool, globex).await.unwrap(), ["globex's"]);
    // Nobody's connection reaches a tenant at all: the setting is empty, and no UUID.
    let mut nobody = pool.public(Share::Strangers).await.unwrap();
    let asked = nobody.read().last().all::<notes::Note>(NOTES, &[]).await;
    assert!(matches!(&asked, Err(Error::Internal(what)) if what.contains("SQLSTATE 22P02")), "{:?}", asked.err());
    drop(nobody);

    owner.script("no wall", "drop policy wall on notes").await.unwrap();
    assert_eq!(read(&pool, globex).await.unwrap(), ["acme's", "globex's"], "so it was the wall");
}

#[test]
fn a_name_that_would_be_more_than_a_name_opens_no_pool() {
    let settings = Settings { tenant: "notes.tenant = ''; reset role; --", ..Settings::default() };
    let url = "postgresql://nobody@127.0.0.1/nothing".into();
    let why = Pool::open(&url, PoolOptions { settings, ..PoolOptions::default() }).unwrap_err().to_string();
    assert!(why.contains("is no name for a setting"), "{why}");
}

const NOTES: Sql = Sql::file("test/notes", "select body from notes");
const REFUSE: Sql = Sql::file("test/refuse", "select refuse($2) as id from (select $1::uuid) as tenant");
const DIVIDE: Sql = Sql::file("test/divide", "select ($2 || ' is no number')::int from (select $1::uuid) as tenant");
const DAWDLE: Sql = Sql::file("test/dawdle", "select pg_sleep(60) from (select $1::uuid) as tenant");
const TOO_FEW: Sql = Sql::file("test/too_few", "select $1::uuid as id, $2::uuid, $3::uuid");

#[tokio::test]
async fn what_goes_wrong_is_told_by_codes_and_names_and_never_by_what_a_row_holds() {
    let (_postgres, owner, pool) = server("wrong").await;
    let raises = "create function refuse(said text) returns uuid language plpgsql as
        $$ begin raise exception using errcode = case when said = 'ours' then 'NO001' else 'ZZ001' end, message = said; end $$";
    owner.script("refuse", raises).await.unwrap();
    let acme = member(1);
    write(&pool, acme, 1, "hidden words").await.unwrap();
    let table = "notes".to_owned();
    let (sqlstate, constraint) = ("23505".to_owned(), "notes_pkey".to_owned());
    let statement = "notes/add";
    let twice = write(&pool, acme, 1, "hidden words").await.unwrap_err();
    assert_eq!(twice, Error::Constraint { statement, sqlstate, table, constraint });

    let mut conn = pool.tenant_reads(acme.0, acme.1, Share::Tenant(acme.0)).await.unwrap();
    let ours = conn.read().last().one::<Uuid>(REFUSE, &[&"ours"]).await.unwrap_err();
    let Error::Raised { statement, ref sqlstate, ref said } = ours else { panic!("{ours:?}") };
    assert_eq!((statement, sqlstate.as_str(), said.as_str()), ("test/refuse", "NO001", "ours"));
    assert!(!format!("{ours:?} {ours}").contains("ours"), "what was said may name somebody");
    for (sql, words) in [(REFUSE, "hidden words"), (DIVIDE, "hidden words")] {
        let theirs = conn.read().last().one::<Uuid>(sql, &[&words]).await.unwrap_err();
        let told = format!("{theirs} {theirs:?}");
        assert!(told.contains("SQLSTATE") && !told.contains("hidden"), "{told}");
    }
    let limit = Duration::from_millis(50);
    let late = conn.read().within(limit).last().all::<()>(DAWDLE, &[]).await.unwrap_err();
    assert_eq!(late, Error::TooCostly(limit));
    let few = conn.read().last().all::<()>(TOO_FEW, &[&Uuid::nil()]).await.unwrap_err();
    assert_eq!(few, Error::Internal("test/too_few takes 3 parameters and was given 2".to_owned()));
    // After all that the same connection serves.
    drop(conn);
    assert_eq!((read(&pool, acme).await.unwrap(), pool.size().0), (vec!["hidden words".to_owned()], 1));
}
