//! Fields of a merge patch (RFC 7396): absent, null, or a value.
use serde::{Deserialize, Deserializer};

/// A field that can be cleared. `merge_patch!` declares it.
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

/// For a field that always has a value: absent leaves it, `null` is refused. `merge_patch!` declares it.
pub fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A merge patch, as a struct whose fields are `Option<T>`, which `null` is refused for, or `Field<T>`, which it clears. It says to
/// reading and to the document what either is, so that no field takes `null` for nothing because an attribute was forgotten.
macro_rules! merge_patch {
    ($(#[$($meta:tt)*])* struct $name:ident { $($fields:tt)* }) => {
        $crate::http::patch::merge_patch! { @ [$(#[$($meta)*])* struct $name] [] $($fields)* }
    };
    (@ $head:tt [$($done:tt)*] $(#[$($meta:tt)*])* $field:ident: Option<$of:ty>, $($rest:tt)*) => {
        $crate::http::patch::merge_patch! { @ $head [
            $($done)*
            $(#[$($meta)*])*
            #[serde(default, deserialize_with = "crate::http::patch::required")]
            #[schema(nullable = false)]
            $field: Option<$of>,
        ] $($rest)* }
    };
    (@ $head:tt [$($done:tt)*] $(#[$($meta:tt)*])* $field:ident: Field<$of:ty>, $($rest:tt)*) => {
        $crate::http::patch::merge_patch! { @ $head [
            $($done)*
            $(#[$($meta)*])*
            #[serde(default)]
            #[schema(value_type = Option<$of>)]
            $field: $crate::http::patch::Field<$of>,
        ] $($rest)* }
    };
    (@ [$($head:tt)*] [$($done:tt)*]) => {
        #[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        $($head)* { $($done)* }
    };
}
pub(crate) use merge_patch;

#[cfg(test)]
mod tests {

    merge_patch! {
        /// Of a test.
        struct Patch {
            #[schema(min_length = 1)]
            name: Option<String>,
            notes: Field<String>,
        }
    }

    fn read(body: &str) -> Result<Patch, String> {
        serde_json::from_str(body).map_err(|error| error.to_string())
    }

    #[test]
    fn null_clears_a_field_that_may_be_empty_and_is_refused_for_any_other() {
        let Patch { name, notes } = read("{}").unwrap();
        assert!(name.is_none() && !notes.is_given());
        let Patch { name, notes } = read(r#"{"name": "a", "notes": null}"#).unwrap();
        assert!(name.as_deref() == Some("a") && notes.is_given() && notes.value().is_none());
        assert!(read(r#"{"name": null}"#).unwrap_err().contains("expected a string"));
        assert!(read(r#"{"nmae": "a"}"#).unwrap_err().contains("unknown field"));
    }

    #[test]
    fn the_document_says_which_may_be_null() {
        let schema = serde_json::to_value(<Patch as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!(schema["properties"]["name"], serde_json::json!({ "type": "string", "minLength": 1 }));
        assert_eq!(schema["properties"]["notes"]["type"], serde_json::json!(["string", "null"]));
        assert_eq!(schema.get("required"), None);
    }
}
