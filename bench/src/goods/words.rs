//! The vocabulary and the sentences, as the data files have them.
use rowhouse::error::Failure;
use serde::Deserialize;

use super::pattern::Pattern;

/// `bench/data/vocabulary.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vocabulary {
    pub(crate) colours: Vec<String>,
    pub(crate) qualities: Vec<String>,
    pub(crate) brand_heads: Vec<String>,
    pub(crate) brand_tails: Vec<String>,
    pub(crate) series_heads: Vec<String>,
    pub(crate) series_middles: Vec<String>,
    pub(crate) series_tails: Vec<String>,
    pub(crate) category: Vec<Category>,
}

/// A shelf of the shop.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Category {
    pub(crate) name: String,
    /// How its SKUs begin.
    pub(crate) code: String,
    /// Lowest and highest price, in minor units.
    pub(crate) price: [u32; 2],
    pub(crate) uses: Vec<String>,
    pub(crate) features: Vec<String>,
    pub(crate) group: Vec<Group>,
}

/// Things that are made of the same and come in the same sizes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) nouns: Vec<String>,
    pub(crate) materials: Vec<String>,
    pub(crate) sizes: Vec<String>,
}

/// `bench/data/sentences.toml`, by the place a sentence has in a description.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sentences {
    pub(crate) names: Vec<Pattern>,
    pub(crate) opening: Vec<Pattern>,
    pub(crate) made_of: Vec<Pattern>,
    pub(crate) feature: Vec<Pattern>,
    pub(crate) size: Vec<Pattern>,
    pub(crate) colour: Vec<Pattern>,
    pub(crate) care: Vec<Pattern>,
    pub(crate) closing: Vec<Pattern>,
}

impl Vocabulary {
    pub(crate) fn read() -> Result<Self, Failure> {
        read("vocabulary.toml", include_str!("../../data/vocabulary.toml"))
    }
}

impl Sentences {
    pub(crate) fn read() -> Result<Self, Failure> {
        read("sentences.toml", include_str!("../../data/sentences.toml"))
    }
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, Failure> {
    toml::from_str(text).map_err(|error| Failure(format!("bench/data/{name}: {error}")))
}

/// A tag: lower case, with hyphens, without accents.
pub(crate) fn tag(words: &str) -> String {
    let plain = |letter: char| match letter {
        'é' | 'è' | 'ê' => 'e',
        'â' => 'a',
        ' ' => '-',
        other => other.to_ascii_lowercase(),
    };
    words.chars().map(plain).filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect()
}

/// Whether English treats the noun as several: "tongs", "leggings", but not "compass" or "chest of drawers".
pub(crate) fn is_plural(noun: &str) -> bool {
    noun.ends_with('s') && !noun.ends_with("ss") && !noun.contains(" of ")
}
