//! JSON of any shape, for a second look at what a first reading refused.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::validate::MOST;
use crate::error::Violation;

/// JSON, and the members that are in it twice.
#[derive(Debug, Default)]
pub(super) struct DuplicateKeys(pub(super) Vec<String>);

/// Reads JSON of any shape. The second of two members with one name is kept, and both are noted: which one is meant,
/// readers do not agree on (RFC 8259 §4).
pub(super) fn read(bytes: &[u8]) -> serde_json::Result<(Value, DuplicateKeys)> {
    let mut twice = DuplicateKeys::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Reader { twice: &mut twice, at: "" }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, twice))
}

/// Writes whole numbers as such: to JSON Schema 1.0 is an integer (2020-12 core §4.2.3), and so it is to our document.
/// Whether there were any.
pub(super) fn make_whole(value: &mut Value) -> bool {
    /// Up to here every whole number has a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < EXACT => {
                #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
                let whole = double as i64;
                *number = Number::from(whole);
                true
            }
            _ => false,
        },
        Value::Array(items) => items.iter_mut().fold(false, |any, item| make_whole(item) | any),
        Value::Object(members) => members.values_mut().fold(false, |any, member| make_whole(member) | any),
        _ => false,
    }
}

/// Each text of which something is wrong; at most [`MOST`].
pub(super) fn texts(value: &Value, wrong: fn(&str) -> bool, (code, detail): (&'static str, &str)) -> Vec<Violation> {
    fn look(value: &Value, at: &mut String, wrong: fn(&str) -> bool, found: &mut impl FnMut(&str)) {
        let mut below = |name: &str, value: &Value| {
            let length = at.len();
            at.push('/');
            at.push_str(&escaped(name));
            look(value, at, wrong, found);
            at.truncate(length);
        };
        match value {
            Value::String(text) if wrong(text) => found(at),
            Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| below(&n.to_string(), item)),
            Value::Object(members) => members.iter().for_each(|(name, member)| below(name, member)),
            _ => {}
        }
    }
    let mut violations = Vec::new();
    look(value, &mut String::new(), wrong, &mut |at| {
        if violations.len() < MOST {
            violations.push(Violation::at(at, code, detail));
        }
    });
    violations
}

/// RFC 6901 §3.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

struct Reader<'a> {
    twice: &'a mut DuplicateKeys,
    at: &'a str,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        loop {
            let at = format!("{}/{}", self.at, all.len());
            match items.next_element_seed(Reader { twice: self.twice, at: &at })? {
                Some(item) => all.push(item),
                None => return Ok(Value::Array(all)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let at = format!("{}/{}", self.at, escaped(&name));
            let value = members.next_value_seed(Reader { twice: self.twice, at: &at })?;
            if all.insert(name, value).is_some() && self.twice.0.len() < MOST {
                self.twice.0.push(at);
            }
        }
        Ok(Value::Object(all))
    }
}
