//! `bench/run relevance`: does a search find what was meant? A shop of made-up products is imported and every labelled
//! query asked, over HTTP as anybody would.
use std::{collections::HashMap, fmt, path::PathBuf, process::ExitCode};

use clap::Args;
use reqwest::Client;
use rowhouse::{db::Statements, error::Failure};
use rowhouse_dev::Durability;
use serde::Serialize;

use crate::{
    api::Api,
    goods::{Catalogue, Edit, Kind, Product, Queries, Query},
    say,
    servers::{NO_CACHE_AND_JOBS, Server},
    show::to_ndjson,
    store::Store,
    token::Signer,
};

/// Results that are looked at.
const LOOKED_AT: usize = 20;
/// Where the right answer to a mistyped query has to be.
const TOP: usize = 3;

/// Finding what was meant: recall and rank over labelled queries.
#[derive(Args)]
#[command(after_help = "Exits with 1 when a figure is below what is wanted. bench/data/queries.toml has the queries.")]
pub(crate) struct Relevance {
    /// Print one JSON object on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Recall at 20 over all queries: at least this.
    #[arg(long, default_value_t = 0.9, value_name = "SHARE")]
    recall: f64,
    /// Mean reciprocal rank over all queries: at least this.
    #[arg(long, default_value_t = 0.8, value_name = "RANK")]
    mrr: f64,
    /// Share of the queries with one letter wrong whose right answer is among the first three: at least this.
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    typos: f64,
    /// Where the private PostgreSQL lives while this runs.
    #[arg(long, default_value = ".rowhouse/relevance", value_name = "DIR")]
    dir: PathBuf,
}

impl Relevance {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let (catalogue, queries) = (Catalogue::new()?, Queries::read()?);
        let shop = queries.shop(&catalogue);
        let store = Store::start(&self.dir, "relevance".to_owned(), Durability::Throwaway)?;
        say(&format!("PostgreSQL {} is running", store.version()));
        store.make(1, 0).await?;
        let keys = self.dir.join("keys");
        let signer = Signer::generate(&keys)?;
        let log = self.dir.join("rowhouse.log");
        let server = Server::rowhouse(&store.api_url(), &keys, Statements::Named, &log, &NO_CACHE_AND_JOBS).await?;
        let callers = store.callers().await?;
        let caller = callers.first().ok_or_else(|| Failure("there is no tenant".to_owned()))?;
        let api = Api::new(&Client::new(), &server, &signer, *caller)?;
        say(&format!("importing {} products", shop.len()));
        api.import("application/x-ndjson", to_ndjson(shop.iter())).await?;

        let by_sku: HashMap<&str, &Product> = shop.iter().map(|product| (product.sku.as_str(), product)).collect();
        let mut found = Vec::new();
        for query in &queries.query {
            found.push(ask(&api, &shop, &by_sku, query).await?);
        }
        let report = Report::new(&found, shop.len());
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(|error| Failure(error.to_string()))?);
        } else {
            println!("{report}");
        }
        let wanted = [
            ("recall@20", report.all.recall, self.recall),
            ("mean reciprocal rank", report.all.mrr, self.mrr),
            ("the right answer to a mistyped query among the first three", report.typos_in_top_three, self.typos),
        ];
        let missed: Vec<_> = wanted.into_iter().filter(|(_, is, least)| is < least).collect();
        for (what, is, least) in &missed {
            eprintln!("bench/run: {what}: {is:.3} is less than {least}");
        }
        Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

/// What one query found.
#[derive(Serialize)]
struct Found<'q> {
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    edit: Option<Edit>,
    q: &'q str,
    /// How many products are right.
    right: usize,
    /// How many of them are among the first twenty, of those that could be.
    recall: f64,
    /// Where the first right one is, counted from 1.
    rank: Option<usize>,
}

async fn ask<'q>(
    api: &Api,
    shop: &[Product],
    by_sku: &HashMap<&str, &Product>,
    query: &'q Query,
) -> Result<Found<'q>, Failure> {
    let limit = LOOKED_AT.to_string();
    let mut parameters = vec![("q", query.q.as_str()), ("limit", &limit)];
    parameters.extend(query.tag.as_deref().map(|tag| ("tag", tag)));
    let answer = api.get("/products/search", &parameters).await?;
    let items = answer["items"].as_array().ok_or_else(|| Failure(format!("no items for {}: {answer}", query.q)))?;
    let is_right =
        |sku: Option<&str>| sku.and_then(|sku| by_sku.get(sku)).is_some_and(|product| query.is_right(product));
    let hits: Vec<bool> = items.iter().map(|item| is_right(item["sku"].as_str())).collect();
    let right = shop.iter().filter(|product| query.is_right(product)).count();
    let found = hits.iter().filter(|hit| **hit).count();
    Ok(Found {
        kind: query.kind,
        edit: query.edit,
        q: &query.q,
        right,
        recall: share(found, right.min(LOOKED_AT)),
        rank: hits.iter().position(|hit| *hit).map(|place| place + 1),
    })
}

/// Everything that was found.
#[derive(Serialize)]
struct Report<'q> {
    products: usize,
    by_kind: Vec<Figures>,
    all: Figures,
    typos_in_top_three: f64,
    /// What was not found whole, or not first.
    not_first: Vec<&'q Found<'q>>,
}

#[derive(Serialize)]
struct Figures {
    kind: String,
    queries: usize,
    recall: f64,
    mrr: f64,
    in_top_three: f64,
}

impl Figures {
    fn of(kind: String, found: &[&Found<'_>]) -> Self {
        let mean = |value: &dyn Fn(&Found<'_>) -> f64| {
            let count = u32::try_from(found.len()).unwrap_or(u32::MAX).max(1);
            found.iter().map(|found| value(found)).sum::<f64>() / f64::from(count)
        };
        Self {
            kind,
            queries: found.len(),
            recall: mean(&|found| found.recall),
            mrr: mean(&|found| found.rank.map_or(0.0, |rank| share(1, rank))),
            in_top_three: mean(&|found| f64::from(u8::from(found.rank.is_some_and(|rank| rank <= TOP)))),
        }
    }
}

impl<'q> Report<'q> {
    fn new(found: &'q [Found<'q>], products: usize) -> Self {
        let mut kinds: Vec<Kind> = found.iter().map(|found| found.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let of = |kind| found.iter().filter(|found| found.kind == kind).collect::<Vec<_>>();
        Self {
            products,
            by_kind: kinds.into_iter().map(|kind| Figures::of(kind.to_string(), &of(kind))).collect(),
            all: Figures::of("all".to_owned(), &found.iter().collect::<Vec<_>>()),
            typos_in_top_three: Figures::of(String::new(), &of(Kind::Typo)).in_top_three,
            not_first: found.iter().filter(|found| found.recall < 1.0 || found.rank != Some(1)).collect(),
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["recall@20", "MRR", "in top 3"];
        writeln!(f, "\n{} queries among {} products.\n", self.all.queries, self.products)?;
        writeln!(f, "{:<18}{:>8}{:>11}{:>8}{:>10}", "", "queries", heads[0], heads[1], heads[2])?;
        for row in self.by_kind.iter().chain([&self.all]) {
            let Figures { kind, queries, recall, mrr, in_top_three } = row;
            writeln!(f, "{kind:<18}{queries:>8}{recall:>11.3}{mrr:>8.3}{in_top_three:>10.3}")?;
        }
        if !self.not_first.is_empty() {
            writeln!(f, "\nNot found whole, or not first:")?;
        }
        for Found { q, right, recall, rank, .. } in &self.not_first {
            let rank = rank.map_or("nowhere".to_owned(), |rank| format!("place {rank}"));
            writeln!(f, "  {q:<40} {rank:>9}, recall {recall:.2} of {right}")?;
        }
        Ok(())
    }
}

/// Of so few, exact.
fn share(part: usize, whole: usize) -> f64 {
    let number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) / number(whole)
}
