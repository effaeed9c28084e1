//! Queries and what is right for them. Right is what a product is (its traits), whatever a search finds.
use std::fmt;

use rowhouse::error::Failure;
use serde::{Deserialize, Serialize};

use super::{Catalogue, Product, read};

/// `bench/data/queries.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Queries {
    /// The shop's seed.
    pub(crate) seed: u64,
    /// How many products it has.
    pub(crate) products: u64,
    pub(crate) query: Vec<Query>,
}

/// A query somebody might type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    pub(crate) kind: Kind,
    pub(crate) q: String,
    /// The filter that is sent with it, if any.
    pub(crate) tag: Option<String>,
    /// What was done to the word, for kind `typo`.
    pub(crate) edit: Option<Edit>,
    /// A product is right if it is one of these.
    pub(crate) right: Vec<Wanted>,
}

/// What a query tries.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Words as they stand in the product.
    Exact,
    /// Another form of the words.
    Stemmed,
    /// The last word has only begun.
    Prefix,
    /// One letter is wrong.
    Typo,
    Sku,
    /// What it is for, or a filter beside the words.
    Tag,
    Phrase,
    Minus,
    Or,
    /// Two things it is, in any order.
    Attributes,
}

/// One edit.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Edit {
    Substitution,
    Deletion,
    Insertion,
    Transposition,
}

/// What a product must be; what is not said does not matter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    noun: Option<String>,
    /// A word of the noun: "kettle" is a word of "camping kettle".
    noun_word: Option<String>,
    category: Option<String>,
    brand: Option<String>,
    series: Option<String>,
    material: Option<String>,
    /// A word of the material: "steel" is a word of "carbon steel".
    material_word: Option<String>,
    colour: Option<String>,
    quality: Option<String>,
    size: Option<String>,
    feature: Option<String>,
    #[serde(rename = "use")]
    use_: Option<String>,
    tag: Option<String>,
    sku: Option<String>,
    /// And none of these.
    #[serde(default)]
    not: Vec<Wanted>,
}

impl Queries {
    pub(crate) fn read() -> Result<Self, Failure> {
        read("queries.toml", include_str!("../../data/queries.toml"))
    }

    /// The shop they are asked in.
    pub(crate) fn shop(&self, catalogue: &Catalogue) -> Vec<Product> {
        (0..self.products).map(|number| catalogue.product(self.seed, number)).collect()
    }
}

impl Query {
    /// Whether a product is one that was meant.
    pub(crate) fn is_right(&self, product: &Product) -> bool {
        self.right.iter().any(|wanted| wanted.is(product))
    }
}

impl Wanted {
    fn is(&self, product: &Product) -> bool {
        let traits = &product.traits;
        let is =
            |wanted: &Option<String>, has: Option<&str>| wanted.as_deref().is_none_or(|wanted| has == Some(wanted));
        let among = |wanted: &Option<String>, has: &[String]| wanted.as_ref().is_none_or(|wanted| has.contains(wanted));
        let word = |wanted: &Option<String>, has: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| has.is_some_and(|has| has.split(' ').any(|word| word == wanted)))
        };
        is(&self.noun, Some(&traits.noun))
            && word(&self.noun_word, Some(&traits.noun))
            && is(&self.category, Some(&traits.category))
            && is(&self.brand, traits.brand.as_deref())
            && is(&self.series, traits.series.as_deref())
            && is(&self.material, traits.material.as_deref())
            && word(&self.material_word, traits.material.as_deref())
            && is(&self.colour, traits.colour.as_deref())
            && is(&self.quality, traits.quality.as_deref())
            && is(&self.size, traits.size.as_deref())
            && among(&self.feature, &traits.features)
            && among(&self.use_, &traits.uses)
            && among(&self.tag, &product.tags)
            && is(&self.sku, Some(&product.sku))
            && !self.not.iter().any(|other| other.is(product))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exact => "exact words",
            Self::Stemmed => "other forms",
            Self::Prefix => "last word begun",
            Self::Typo => "one letter wrong",
            Self::Sku => "SKU",
            Self::Tag => "tag",
            Self::Phrase => "phrase",
            Self::Minus => "minus",
            Self::Or => "or",
            Self::Attributes => "two attributes",
        })
    }
}
