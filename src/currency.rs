//! Currencies, ISO 4217: one list for whatever names one. `registry.currencies` is the same in the database.
use iso_currency::{Currency, Flag};

/// The code, where it is that of a currency that people pay in, or did: no metal, and no code for tests. The crate's word
/// on which are no longer in use is not taken: it is ahead of the standard for some.
#[must_use]
pub fn known(code: &str) -> Option<&'static str> {
    let found = Currency::from_code(code).filter(|currency| !currency.has_flag(Flag::Special));
    found.map(|currency| currency.code())
}

/// What a code that is none is told.
pub const UNKNOWN: &str = "is not the code of a currency (ISO 4217), such as EUR";
