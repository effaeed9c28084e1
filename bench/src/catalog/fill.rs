//! Loading a million products as fast as a superuser can: into a staging table, from there in parts side by side,
//! indexes last.
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use futures_util::SinkExt as _;
use rowhouse::{db::AdminConn, error::Failure, from_row, sql};
use tokio::task::JoinSet;
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::{Catalog, EMPTY};
use crate::{
    goods::{Catalogue, Product, Random},
    say,
    store::{Caller, Store},
};

const STAGING: &str = include_str!("../../sql/catalog/staging.sql");
const COPY: &str = include_str!("../../sql/catalog/copy.sql");
const COPIED: &str = include_str!("../../sql/catalog/copied.sql");
const PRODUCTS: &str = include_str!("../../sql/catalog/products.sql");
const TAGS: &str = include_str!("../../sql/catalog/tags.sql");
const WORDS: &str = include_str!("../../sql/catalog/words.sql");
/// No triggers and no foreign keys: what they would see to is loaded as it should be.
const SESSION: &str = "set session_replication_role = replica; set work_mem = '1GB'; set maintenance_work_mem = '1GB';
                       set max_parallel_maintenance_workers = 0; set jit = off";

/// An index that is built in the transaction that makes it needs no log, and the log need not be kept.
const SERVER: [&str; 3] = ["wal_level = 'minimal'", "max_wal_senders = 0", "max_wal_size = '512MB'"];

/// So many parts that progress can be seen.
const PARTS: u64 = 20;
/// At once; loading is PostgreSQL's work, and small machines have two cores.
const WORKERS: usize = 2;
/// Bytes that are sent to PostgreSQL at a time.
const CHUNK: usize = 1 << 18;

impl Catalog {
    pub(super) async fn fill(&self, store: &mut Store, goods: &Catalogue) -> Result<(), Failure> {
        let Self { large, small, each, .. } = self;
        say(&format!("loading {large} products beside {small} tenants of {each}; it is done once and takes minutes"));
        store.make(1 + small + EMPTY, 0).await?;
        let superuser = store.superuser().await?;
        for setting in SERVER {
            superuser.script("settings", &format!("alter system set {setting}")).await?;
        }
        drop(superuser);
        store.restart()?;
        let superuser = store.superuser().await?;
        superuser.script("bench/sql/catalog/staging.sql", STAGING).await?;
        let begun = Instant::now();
        let rows = self.copy(store, goods).await?;
        superuser.script("bench/sql/catalog/copied.sql", COPIED).await?;
        step(&format!("made and copied {rows} products"), begun.elapsed());

        let indexes: Vec<Index> = superuser.all(sql!("indexes"), &[]).await?;
        for Index { name, .. } in &indexes {
            superuser.script(name, &format!("drop index tenant.{name}")).await?;
        }
        let mut steps = vec![Step::new("words", WORDS), Step::new("tags", TAGS)];
        steps.extend((0..PARTS).map(|part| Step {
            name: format!("products, part {} of {PARTS}", part + 1),
            text: format!("set bench.part = {part}; {PRODUCTS}"),
        }));
        work(store, steps).await?;
        superuser.script("staging", "drop table public.goods").await?;
        work(store, indexes.into_iter().map(|index| Step { name: index.name, text: index.definition }).collect())
            .await?;
        let begun = Instant::now();
        store.complete().await?;
        step("vacuumed and analysed", begun.elapsed());
        Ok(())
    }

    /// Product by product and not tenant by tenant: in life catalogues grow side by side.
    async fn copy(&self, store: &Store, goods: &Catalogue) -> Result<u64, Failure> {
        let failed = |error: tokio_postgres::Error| Failure(format!("bench/sql/catalog/copy.sql: {error}"));
        let (client, connection) = tokio_postgres::connect(&store.url("postgres"), NoTls).await.map_err(failed)?;
        tokio::spawn(connection);
        let sink = client.copy_in::<_, Bytes>(COPY).await.map_err(failed)?;
        futures_util::pin_mut!(sink);

        let callers = store.callers().await?;
        let (large, each) = (u64::from(self.large), u64::from(self.each));
        let all = large + u64::from(self.small) * each;
        let (mut row, mut given, mut text) = (0, 0, String::new());
        for number in 0..each {
            // The large tenant keeps step with the small ones.
            let until = large * (number + 1) / each;
            let of_large = (given..until).map(|number| (0, number));
            let of_small = (1..=u64::from(self.small)).map(|tenant| (tenant, number));
            for (tenant, number) in of_large.chain(of_small) {
                let caller = callers[usize::try_from(tenant).unwrap_or_default()];
                let product = goods.product(1 + tenant, number);
                line(&mut text, row * PARTS / all, row, caller, &product);
                row += 1;
                if text.len() > CHUNK {
                    sink.send(Bytes::from(std::mem::take(&mut text))).await.map_err(failed)?;
                }
            }
            given = until;
        }
        sink.send(Bytes::from(text)).await.map_err(failed)?;
        sink.finish().await.map_err(failed)
    }
}

/// A line as `copy` takes it. No text of ours has anything in it that would have to be escaped.
fn line(text: &mut String, part: u64, row: u64, caller: Caller, product: &Product) {
    let Product { sku, name, description, price_minor, currency, stock, status, tags, .. } = product;
    let (tenant, id, tags) = (caller.tenant, id(row), tags.join(","));
    text.push_str(&format!(
        "{part}\t{tenant}\t{id}\t{name}\t{description}\t{sku}\t{price_minor}\t{currency}\t{stock}\t{status}\t{{{tags}}}\n"
    ));
}

/// UUIDv7, a product each 10 milliseconds.
fn id(row: u64) -> Uuid {
    let (time, mut random) = (1_740_000_000_000 + row * 10, Random::new(0, row));
    let noise = u128::from(random.below(1 << 12)) << 64 | u128::from(random.below(1 << 62));
    Uuid::from_u128(u128::from(time) << 80 | 0x7 << 76 | 0b10 << 62 | noise)
}

/// Something for PostgreSQL to do.
struct Step {
    name: String,
    text: String,
}

impl Step {
    fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned() }
    }
}

struct Index {
    name: String,
    definition: String,
}

from_row! { Index: name, definition }

/// Does all steps, the first ones first, as many at once as there are workers.
async fn work(store: &Store, steps: Vec<Step>) -> Result<(), Failure> {
    let steps = Arc::new(Mutex::new(VecDeque::from(steps)));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let (steps, url) = (steps.clone(), store.url("postgres"));
        workers.spawn(async move {
            let superuser = AdminConn::connect(&url).await?;
            superuser.script("session", SESSION).await?;
            loop {
                let next = steps.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(Step { name, text }) = next else { return Ok::<(), Failure>(()) };
                let begun = Instant::now();
                superuser.script(&name, &text).await?;
                step(&name, begun.elapsed());
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.map_err(|error| Failure(error.to_string()))??;
    }
    Ok(())
}

fn step(name: &str, took: Duration) {
    say(&format!("{name}: {:.1} s", took.as_secs_f64()));
}
