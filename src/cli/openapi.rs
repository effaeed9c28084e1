//! `rowhouse openapi`: the document, as it is committed in openapi.json.
use crate::{error::Failure, server};

pub(super) fn print() -> Result<(), Failure> {
    let text = server::document().to_pretty_json().map_err(|error| Failure(error.to_string()))?;
    println!("{text}");
    Ok(())
}
