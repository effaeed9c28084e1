//! `bench/run goods`: the made-up products, for looking at and for importing.
use std::{
    borrow::Borrow,
    io::{self, Write as _},
};

use clap::Args;
use rowhouse::error::Failure;
use serde_json::json;

use crate::goods::{Catalogue, Product};

/// Which products.
#[derive(Args)]
pub(crate) struct Goods {
    /// Which shop's; each number has a shop of its own.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The first product's number.
    #[arg(long, default_value_t = 0, value_name = "N")]
    first: u64,
    /// How many.
    #[arg(long, default_value_t = 20, value_name = "N")]
    count: u64,
    /// What each is (noun, material, colour and so on), beside what it says.
    #[arg(long)]
    traits: bool,
}

impl Goods {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let catalogue = Catalogue::new()?;
        let mut out = io::BufWriter::new(io::stdout().lock());
        for number in self.first..self.first.saturating_add(self.count) {
            let product = catalogue.product(self.seed, number);
            let mut line = to_json(&product);
            if self.traits {
                line["traits"] = serde_json::to_value(&product.traits).map_err(|error| Failure(error.to_string()))?;
            }
            match writeln!(out, "{line}") {
                // Whoever reads has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
        }
        Ok(out.flush()?)
    }
}

/// Products as the API takes them, one a line.
pub(crate) fn to_ndjson(products: impl Iterator<Item = impl Borrow<Product>>) -> Vec<u8> {
    let mut lines = String::new();
    for product in products {
        lines.push_str(&format!("{}\n", to_json(product.borrow())));
    }
    lines.into_bytes()
}

/// A product as the API takes it.
pub(crate) fn to_json(product: &Product) -> serde_json::Value {
    json!({
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "price": { "amount_minor": product.price_minor, "currency": product.currency },
        "stock": product.stock,
        "status": product.status,
        "tags": product.tags,
    })
}
