//! What carries questions and answers: much at once, much that nobody asked for, and a server that goes while nobody looks.
use std::{
    path::PathBuf,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rowhouse_dev::{Durability, PrivatePostgres};
use rowhouse_pg::AdminConn;
use rowhouse_walls::{Call, FromRow, Pool, PoolOptions, Result, Share, Sql, TenantReads};

#[path = "../examples/notes.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a program, of which this takes a member")]
mod notes;
use notes::member;

const MANY: Sql = Sql::file(
    "test/many",
    "select n::text || repeat('x', 100) as text from generate_series(1, $2) n, (select $1::uuid) t",
);
const NOISY: Sql = Sql::file("test/noisy", "select noisy.shout($2) as text from (select $1::uuid) as tenant");
const ONE: Sql = Sql::file("test/one", "select $2::text as text from (select $1::uuid) as tenant");
const DAWDLE: Sql = Sql::file("test/dawdle", "select pg_sleep(60)::text as text from (select $1::uuid) as tenant");

const HELD: Sql = Sql::file("test/held", "select text from held, (select $1::uuid) as tenant");

struct Text(String);
impl FromRow for Text {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get("text").map(Self)
    }
}

/// One server for all of these. It ends when the process does.
static POSTGRES: LazyLock<PrivatePostgres> = LazyLock::new(|| {
    let dir: PathBuf = std::env::temp_dir().join(format!("rowhouse-wire-{}", std::process::id()));
    PrivatePostgres::start(&dir, Durability::Throwaway).expect("tests need a PostgreSQL server")
});

/// One connection, of a role of the test's own.
async fn server(role: &str) -> (AdminConn, Pool) {
    let owner = AdminConn::connect(&POSTGRES.url("postgres", "postgres")).await.unwrap();
    let schema = format!(
        "create role {role} login;
        create schema {role} authorization {role};
        create function {role}.shout(times integer) returns text language plpgsql as $$
            begin for n in 1..times loop raise notice 'hear, hear %', n; end loop; return 'said'; end $$"
    );
    owner.script("schema", &schema).await.unwrap();
    let url = POSTGRES.url(role, "postgres").into();
    let pool = Pool::open(&url, PoolOptions { connections: 1, share: 1, ..PoolOptions::default() }).unwrap();
    (owner, pool)
}

async fn borrow(pool: &Pool) -> Result<TenantReads> {
    let (tenant, who) = member(1);
    pool.tenant_reads(tenant, who, Share::Tenant(tenant)).await
}

/// Ends every connection of the pool's, from outside.
async fn cut(owner: &AdminConn, role: &str) {
    let cut = format!("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '{role}'");
    owner.script("cut", &cut).await.unwrap();
}

#[tokio::test]
async fn an_answer_of_many_rows_comes_whole_and_others_of_the_thread_have_their_turns_meanwhile() {
    let (_owner, pool) = server("many").await;
    let turns = Arc::new(AtomicU32::new(0));
    let counts = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counts.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let rows: Vec<Text> = borrow(&pool).await.unwrap().read().last().all(MANY, &[&100_000]).await.unwrap();
    assert_eq!(rows.len(), 100_000);
    assert!(rows.iter().enumerate().all(|(n, row)| row.0.starts_with(&format!("{}x", n + 1)) && row.0.ends_with("xx")));
    let had = turns.load(Ordering::Relaxed);
    assert!(had > 50, "they had {had} turns while 12 MB were read");
    other.abort();
}

#[tokio::test]
async fn a_thousand_statements_leave_together_and_are_answered_in_their_order() {
    let (_owner, pool) = server("together").await;
    let texts: Vec<String> = (0..1000).map(|n| format!("{n}{}", "x".repeat(3000))).collect();
    let params: Vec<[&(dyn postgres_types::ToSql + Sync); 1]> = texts.iter().map(|text| [text as _]).collect();
    let calls: Vec<Call<'_>> = params.iter().map(|params| (ONE, params.as_slice())).collect();
    let mut conn = borrow(&pool).await.unwrap();
    let mut tx = conn.read();
    let (before, last) = tx.after_all(&calls, ONE, &[&"last"]).await.unwrap();
    tx.commit().await.unwrap();
    let answered: Vec<String> = before.iter().map(|rows| rows.one::<Text>().unwrap().0).collect();
    assert_eq!(answered, texts);
    assert_eq!(last.one::<Text>().unwrap().0, "last");
}

#[tokio::test]
async fn what_the_server_says_unasked_is_nobodys_answer() {
    let (_owner, pool) = server("noisy").await;
    let mut conn = borrow(&pool).await.unwrap();
    for _ in 0..2 {
        assert_eq!(conn.read().last().one::<Text>(NOISY, &[&5_000]).await.unwrap().0, "said");
    }
    drop(conn);
    assert_eq!(pool.size().0, 1);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_while_nobody_looked_is_not_lent_again() {
    let (owner, pool) = server("shut").await;
    for round in 0..3 {
        let mut conn = borrow(&pool).await.unwrap();
        assert_eq!(conn.read().last().one::<Text>(ONE, &[&"here"]).await.unwrap().0, "here", "round {round}");
        drop(conn);
        cut(&owner, "shut").await;
        // What the server has sent is in the socket when it says that it is done; the runtime hears of it a moment later.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_connection_that_ends_under_a_question_is_an_error_and_the_next_one_serves() {
    let (owner, pool) = server("cut_off").await;
    let mut conn = borrow(&pool).await.unwrap();
    let asked = async { conn.read().last().one::<Text>(DAWDLE, &[]).await.map(|text| text.0) };
    let (answered, ()) = tokio::join!(asked, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cut(&owner, "cut_off").await;
    });
    answered.unwrap_err();
    drop(conn);
    let mut conn = borrow(&pool).await.unwrap();
    assert_eq!(conn.read().last().one::<Text>(ONE, &[&"there"]).await.unwrap().0, "there");
}

#[tokio::test]
async fn whoever_gives_up_while_a_statement_is_prepared_leaves_nothing_for_the_next_to_wait_for() {
    let (owner, pool) = server("given_up").await;
    owner.script("table", "create table held (text text); grant select on held to given_up").await.unwrap();
    let other = AdminConn::connect(&POSTGRES.url("postgres", "postgres")).await.unwrap();
    other.script("lock", "begin; lock table held in access exclusive mode").await.unwrap();
    let mut conn = borrow(&pool).await.unwrap();
    let asked = conn.read().last().all::<Text>(HELD, &[]);
    assert!(tokio::time::timeout(Duration::from_millis(200), asked).await.is_err());
    drop(conn);
    let mut conn = borrow(&pool).await.unwrap();
    let asked = conn.read().last().one::<Text>(ONE, &[&"at once"]);
    let answered = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("the table is still locked");
    assert_eq!(answered.unwrap().0, "at once");
    other.script("free", "rollback").await.unwrap();
}
