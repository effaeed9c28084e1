//! What a search of a small tenant takes over HTTP beyond what reading one product takes.
use std::time::Instant;

use reqwest::Client;
use rowhouse::{error::Failure, from_row, sql};
use serde::Serialize;
use uuid::Uuid;

use super::Spread;
use crate::{
    api::Api,
    goods::{Queries, Random},
    servers::Server,
    store::{Caller, Store},
    token::Signer,
};

/// Requests before anything is measured: connections are made, statements prepared, tokens known.
const WARM_UP: u32 = 200;
/// Tenants that are asked.
const ASKED: usize = 100;

/// Small tenants' searches beside their gets.
#[derive(Serialize)]
pub(super) struct BeyondGet {
    pub(super) executions: usize,
    pub(super) get_ms: Spread,
    pub(super) search_ms: Spread,
    pub(super) beyond_ms: f64,
}

struct One {
    tenant: Uuid,
    product: Uuid,
}

from_row! { One: tenant = "tenant_id", product = "id" }

pub(super) async fn measure(
    store: &Store,
    server: &Server,
    signer: &Signer,
    tenants: &[Caller],
    rounds: u32,
) -> Result<BeyondGet, Failure> {
    let queries = Queries::read()?.query;
    let products: Vec<One> = store.superuser().await?.all(sql!("some_products"), &[]).await?;
    let client = Client::new();
    let mut shops = Vec::new();
    for caller in tenants.iter().step_by((tenants.len() / ASKED).max(1)) {
        let product = products.iter().find(|one| one.tenant == caller.tenant);
        let product = product.ok_or_else(|| Failure("a small tenant has no products".to_owned()))?.product;
        shops.push((Api::new(&client, server, signer, *caller)?, format!("/products/{product}")));
    }
    let mut random = Random::new(0, 0);
    let (mut gets, mut searches) = (Vec::new(), Vec::new());
    let measured = u32::try_from(queries.len()).unwrap_or(u32::MAX).saturating_mul(rounds);
    for turn in 0..WARM_UP + measured {
        let (api, product) = random.one(&shops);
        let query = random.one(&queries);
        let begun = Instant::now();
        api.get(product, &[]).await?;
        let got = begun.elapsed();
        let mut parameters = vec![("q", query.q.as_str()), ("limit", "20")];
        parameters.extend(query.tag.as_deref().map(|tag| ("tag", tag)));
        let begun = Instant::now();
        api.get("/products/search", &parameters).await?;
        if turn >= WARM_UP {
            gets.push(got);
            searches.push(begun.elapsed());
        }
    }
    let executions = searches.len();
    let (get_ms, search_ms) = (Spread::of(gets), Spread::of(searches));
    Ok(BeyondGet { executions, get_ms, search_ms, beyond_ms: search_ms.p50 - get_ms.p50 })
}
