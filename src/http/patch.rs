//! Fields of a merge patch (RFC 7396): absent, null, or a value.
use serde::{Deserialize, Deserializer};

/// A field that can be cleared. Declare it with `#[serde(default)]`.
#[derive(Debug, Default)]
pub enum Field<T> {
    /// Absent: stays as it is.
    #[default]
    Keep,
    /// `null`: holds nothing from now on.
    Clear,
    /// A value: holds it from now on.
    Set(T),
}

impl<T> Field<T> {
    /// Whether the patch speaks of the field.
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// The value to set, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}

/// For a field that always has a value: absent leaves it, `null` is refused. Declare it as
/// `#[serde(default, deserialize_with = "patch::required")] field: Option<T>`.
pub fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
