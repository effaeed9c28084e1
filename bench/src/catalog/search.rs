//! What the walls cost a search: the product's own statement on the large tenant, as the role that serves and as a
//! superuser, whom row-level security does not touch and for whom `tenant_id = $1` is all there is.
#![expect(clippy::disallowed_types, reason = "stands outside the house, and shows what the house costs")]

use std::time::{Duration, Instant};

use rowhouse::api::products::query_parser::Words;
use rowhouse_pg::{AdminConn, Failure, literal};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{NoTls, types::ToSql};
use uuid::Uuid;

use super::Spread;
use crate::{
    goods::Queries,
    store::{Caller, Store},
};

const SEARCH: &str = include_str!("../../../sql/queries/products/search.sql");
/// A page of twenty and the row that says whether there is another.
const LIMIT: i64 = 21;
/// After how many bytes of descriptions a page ends; no page here has as many.
const BYTES: i64 = 3 << 19;
const LIMIT_ROWS: f64 = 21.0;
const FULL_TEXT: &str = "products_search_idx";
/// Rows off another index for each that matches.
const MORE: f64 = 10.0;

/// The same searches behind the walls and without.
#[derive(Serialize)]
pub(super) struct Wall {
    pub(super) queries: usize,
    pub(super) executions: usize,
    pub(super) behind_ms: Spread,
    pub(super) without_ms: Spread,
    pub(super) ratio: f64,
    /// The query whose own ratio is worst.
    pub(super) worst_ratio: f64,
    pub(super) worst_query: String,
    pub(super) slowest_ms: f64,
    pub(super) slowest_query: String,
    /// The same behind the walls of a small tenant.
    pub(super) small_ms: Spread,
    /// Plans that read much more than what matches.
    pub(super) complaints: Vec<String>,
}

pub(super) async fn measure(store: &Store, tenant: Caller, small: Caller, rounds: u32) -> Result<Wall, Failure> {
    let queries = Queries::read()?;
    let (api, superuser) = (store.api_url(), store.url("postgres"));
    let (mut behind, mut without, mut of_small) = (Vec::new(), Vec::new(), Vec::new());
    let small = Searcher::new(&api, small).await?;
    let session = AdminConn::connect_as(&api, "bench").await?;
    let (api, superuser) = (Searcher::new(&api, tenant).await?, Searcher::new(&superuser, tenant).await?);
    let mut complaints = Vec::new();
    let mut by_query = Vec::new();
    for query in &queries.query {
        let asked = Asked { words: Words::of(&query.q), tag: query.tag.clone() };
        // Plans are made and pages read before anything is measured.
        api.search(&asked).await?;
        superuser.search(&asked).await?;
        small.search(&asked).await?;
        complaints.extend(wasteful(&session, tenant, &query.q, &asked).await?);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Whoever comes second finds the processor's caches warm, so they take turns.
            if round % 2 == 0 {
                ours.push(api.search(&asked).await?);
                theirs.push(superuser.search(&asked).await?);
            } else {
                theirs.push(superuser.search(&asked).await?);
                ours.push(api.search(&asked).await?);
            }
        }
        for _ in 0..rounds {
            of_small.push(small.search(&asked).await?);
        }
        by_query.push((query.q.clone(), Spread::of(ours.clone()).p50, Spread::of(theirs.clone()).p50));
        behind.extend(ours);
        without.extend(theirs);
    }
    let ratio = |(_, ours, theirs): &&(String, f64, f64)| ours / theirs;
    let worst = by_query.iter().max_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    let slowest = by_query.iter().max_by(|one, other| one.1.total_cmp(&other.1));
    let executions = behind.len();
    let (behind_ms, without_ms) = (Spread::of(behind), Spread::of(without));
    Ok(Wall {
        queries: queries.query.len(),
        executions,
        behind_ms,
        without_ms,
        ratio: behind_ms.p50 / without_ms.p50,
        worst_ratio: worst.as_ref().map_or(f64::NAN, ratio),
        worst_query: worst.map(|(q, ..)| q.clone()).unwrap_or_default(),
        slowest_ms: slowest.map_or(f64::NAN, |slowest| slowest.1),
        slowest_query: slowest.map(|(q, ..)| q.clone()).unwrap_or_default(),
        small_ms: Spread::of(of_small),
        complaints,
    })
}

/// Reads of an index that give many more rows than the search finds, in the plan that a connection settles on: one for
/// all tenants.
async fn wasteful(
    session: &AdminConn,
    Caller { tenant, user }: Caller,
    q: &str,
    Asked { words, tag }: &Asked,
) -> Result<Option<String>, Failure> {
    let list = |values: Vec<String>| format!("array[{}]", values.join(", "));
    let groups = list(words.groups.iter().map(ToString::to_string).collect());
    let kinds = list(words.kinds.iter().map(|kind| literal(kind)).collect());
    let texts = list(words.texts.iter().map(|text| literal(text)).collect());
    let negated = list(words.negated.iter().map(ToString::to_string).collect());
    let tag = tag.as_deref().map_or("null".to_owned(), literal);
    let text = format!(
        "begin read only; set local app.tenant_id = '{tenant}'; set local app.user_id = '{user}'; set local app.session_id = '{user}';
         set local plan_cache_mode = force_generic_plan;
         prepare page (uuid, integer[], text[], text[], boolean[], text, text, real, uuid, bigint, bigint) as {SEARCH};
         explain (analyze, format json) execute page ('{tenant}', {groups}, {kinds}, {texts}, {negated}, null, {tag}, null, null, {LIMIT}, {BYTES})"
    );
    let answer = session.run(&text).await?;
    session.run("deallocate page; rollback").await?;
    let plan = answer.first_column().collect::<String>();
    let plan: Value = serde_json::from_str(&plan).map_err(|error| Failure(format!("a plan: {error}")))?;
    let mut reads = Vec::new();
    index_reads(&plan[0]["Plan"], &mut reads);
    let found = reads.iter().filter(|(index, _)| index == FULL_TEXT).map(|(_, rows)| *rows).fold(0.0, f64::max);
    let wasteful = reads.iter().find(|(index, rows)| index != FULL_TEXT && *rows > MORE * (found + LIMIT_ROWS));
    Ok(wasteful.map(|(index, rows)| format!("search for {q}: {rows} rows off {index}, where {found} match")))
}

/// Every index that is read, and how many rows come off it.
fn index_reads(plan: &Value, reads: &mut Vec<(String, f64)>) {
    if let Some(index) = plan["Index Name"].as_str() {
        let of = |what: &str| plan[what].as_f64().unwrap_or_default();
        reads.push((index.to_owned(), of("Actual Rows") * of("Actual Loops")));
    }
    if plan["Node Type"] == "Seq Scan" {
        reads.push((format!("{} read through", plan["Relation Name"].as_str().unwrap_or_default()), f64::INFINITY));
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        index_reads(child, reads);
    }
}

struct Asked {
    words: Words,
    tag: Option<String>,
}

/// A connection like one of the server's: the statement prepared once, a transaction for every search.
struct Searcher {
    client: tokio_postgres::Client,
    statement: tokio_postgres::Statement,
    begin: String,
    tenant: Uuid,
}

impl Searcher {
    async fn new(url: &str, Caller { tenant, user }: Caller) -> Result<Self, Failure> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|error| failed(&error))?;
        tokio::spawn(connection);
        let statement = client.prepare(SEARCH).await.map_err(|error| failed(&error))?;
        // In the data set a person's session has the person's id.
        let begin = format!(
            "begin read only; set local app.tenant_id = '{tenant}'; set local app.user_id = '{user}'; set local app.session_id = '{user}'"
        );
        Ok(Self { client, statement, begin, tenant })
    }

    /// How long the statement took, its answer read.
    async fn search(&self, Asked { words, tag }: &Asked) -> Result<Duration, Failure> {
        let nothing = (None::<&str>, None::<f32>, None::<Uuid>);
        let parameters: [&(dyn ToSql + Sync); 11] = [
            &self.tenant,
            &words.groups,
            &words.kinds,
            &words.texts,
            &words.negated,
            &nothing.0,
            tag,
            &nothing.1,
            &nothing.2,
            &LIMIT,
            &BYTES,
        ];
        self.client.batch_execute(&self.begin).await.map_err(|error| failed(&error))?;
        let begun = Instant::now();
        self.client.query(&self.statement, &parameters).await.map_err(|error| failed(&error))?;
        let took = begun.elapsed();
        self.client.batch_execute("commit").await.map_err(|error| failed(&error))?;
        Ok(took)
    }
}

fn failed(error: &tokio_postgres::Error) -> Failure {
    let said = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    Failure(format!("sql/queries/products/search.sql: {said}"))
}
