//! Fields of a merge patch (RFC 7396): absent, null, or a value.
use serde::{Deserialize, Deserializer};

/// For a field that can be cleared: absent leaves it, `null` clears it, a value sets it. Declare it as
/// `#[serde(default, deserialize_with = "patch::nullable")] field: Option<Option<T>>`.
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// For a field that always has a value: absent leaves it, `null` is refused. Declare it as
/// `#[serde(default, deserialize_with = "patch::required")] field: Option<T>`.
pub fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
