//! Values, names and settings as they stand in a statement.

/// A string as a literal.
#[must_use]
pub fn literal(value: &str) -> String {
    postgres_protocol::escape::escape_literal(value).trim_start().to_owned()
}

/// A name as an identifier.
#[must_use]
pub fn identifier(name: &str) -> String {
    postgres_protocol::escape::escape_identifier(name)
}

/// The statement that sets a setting until the transaction ends. `SET LOCAL` and not `set_config()`, which a
/// careful database does not let one call.
#[must_use]
pub fn set_local(setting: &str, value: &str) -> String {
    let name: Vec<String> = setting.split('.').map(identifier).collect();
    format!("set local {} = {}", name.join("."), literal(value))
}
