//! `rowhouse openapi`: the document, as it is committed in openapi.json.
use crate::{error::Failure, http};

pub(super) fn print() -> Result<(), Failure> {
    let text = http::document().to_pretty_json().map_err(|error| Failure(error.to_string()))?;
    println!("{text}");
    Ok(())
}
