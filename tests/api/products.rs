//! `/products` as a caller sees it.
