//! A catalogue that looks like one: made of words by chance, the same every time. A product knows what it is, and
//! its name, description and tags say so; what they leave out, it is not.
mod labels;
mod pattern;
mod random;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use labels::{Edit, Kind, Queries, Query};
use pattern::{Filling, Pattern, Slot};
pub(crate) use random::Random;
use rowhouse::error::Failure;
use serde::Serialize;
pub(crate) use words::read;
use words::{Sentences, Vocabulary, is_plural, tag};

/// Products of one seed whose SKUs differ: five signs out of 31.
const SKUS: u64 = 31 * 31 * 31 * 31 * 31;
/// Without those that are taken for each other, and without vowels, which make words.
const SIGNS: &[u8; 31] = b"0123456789BCDFGHJKLMNPQRSTVWXYZ";
/// Written out, since most shops have more of the one than of the others.
const CURRENCIES: [&str; 10] = ["EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "USD", "GBP"];

/// Makes products.
pub(crate) struct Catalogue {
    vocabulary: Vocabulary,
    sentences: Sentences,
    brands: Vec<String>,
    /// Category, group and place in the group of every noun: all are as likely.
    nouns: Vec<(usize, usize, usize)>,
}

/// A product, as it is sent to the API, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) price_minor: i64,
    pub(crate) currency: &'static str,
    pub(crate) stock: i32,
    pub(crate) status: &'static str,
    pub(crate) tags: Vec<String>,
    pub(crate) traits: Traits,
}

/// What a product is, as far as its name or description tell.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Traits {
    pub(crate) category: String,
    pub(crate) noun: String,
    pub(crate) brand: Option<String>,
    pub(crate) series: Option<String>,
    pub(crate) material: Option<String>,
    pub(crate) colour: Option<String>,
    pub(crate) quality: Option<String>,
    pub(crate) size: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) uses: Vec<String>,
}

impl Catalogue {
    pub(crate) fn new() -> Result<Self, Failure> {
        let (vocabulary, sentences) = (Vocabulary::read()?, Sentences::read()?);
        let heads = vocabulary.brand_heads.iter();
        let brands = heads.flat_map(|head| vocabulary.brand_tails.iter().map(move |tail| format!("{head}{tail}")));
        let brands = brands.collect();
        let mut nouns = Vec::new();
        for (c, category) in vocabulary.category.iter().enumerate() {
            for (g, group) in category.group.iter().enumerate() {
                nouns.extend((0..group.nouns.len()).map(|noun| (c, g, noun)));
            }
        }
        Ok(Self { vocabulary, sentences, brands, nouns })
    }

    /// Product so-and-so of the shop with this seed. Shops of different seeds share words and nothing else.
    pub(crate) fn product(&self, seed: u64, number: u64) -> Product {
        let mut random = Random::new(seed, number);
        let random = &mut random;
        let &(category, group, noun) = random.one(&self.nouns);
        let category = &self.vocabulary.category[category];
        let group = &category.group[group];
        let noun = group.nouns[noun].as_str();
        let series = self.series(random);
        let [model, batch, year] = [model(random), (random.below(40) * 25 + 50).to_string(), year(random)];

        let mut filling = Filling::new(is_plural(noun));
        let (meant_for, also_for) = random.two(&category.uses);
        let (feature, feature2) = random.two(&category.features);
        // Where a brand is at home it has much of the trade.
        let brand =
            (category.code.bytes().map(usize::from).sum::<usize>() * 37 + random.skewed(400)) % self.brands.len();
        let other_group = random.one(&category.group);
        let other = random.one(&other_group.nouns).as_str();
        filling.fill([
            (Slot::Noun, Some(noun)),
            (Slot::Use, Some(meant_for)),
            (Slot::Use2, Some(also_for)),
            (Slot::Feature, Some(feature)),
            (Slot::Feature2, Some(feature2)),
            (Slot::Batch, Some(&batch)),
            (Slot::Year, Some(&year)),
            (Slot::Brand, Some(&self.brands[brand])),
            (Slot::Series, random.percent(45).then_some(series.as_str())),
            (Slot::Material, Some(random.one(&group.materials).as_str())),
            (Slot::Other, (other != noun).then_some(other)),
            (Slot::Colour, random.percent(75).then(|| random.one(&self.vocabulary.colours).as_str())),
            (Slot::Quality, random.percent(70).then(|| random.one(&self.vocabulary.qualities).as_str())),
            (Slot::Model, random.percent(50).then_some(&model)),
            (Slot::Size, random.percent(80).then(|| random.one(&group.sizes).as_str())),
            (Slot::Pack, random.percent(12).then(|| *random.one(&["2", "3", "4", "5", "6", "8", "10", "12", "20"]))),
        ]);

        let name = one_of(random, &self.sentences.names, &mut filling).unwrap_or_default();
        let description = self.describe(random, &mut filling);
        let told = |slot| filling.told(slot).map(str::to_owned);
        let uses: Vec<String> = std::iter::once(meant_for.clone()).chain(told(Slot::Use2)).collect();
        let mut tags = vec![tag(&category.name)];
        tags.extend(uses.iter().map(|words| tag(words)));
        tags.extend(filling.told(Slot::Material).filter(|_| random.percent(70)).map(tag));
        tags.sort_unstable();
        tags.dedup();
        Product {
            sku: sku(&category.code, seed, number),
            name,
            description,
            price_minor: price(random, category.price),
            currency: random.one::<&str>(&CURRENCIES),
            stock: if random.percent(12) { 0 } else { i32::try_from(random.below(400)).unwrap_or_default() + 1 },
            status: match random.below(100) {
                0..86 => "active",
                86..94 => "draft",
                _ => "archived",
            },
            tags,
            traits: Traits {
                category: category.name.clone(),
                noun: noun.to_owned(),
                brand: told(Slot::Brand),
                series: told(Slot::Series),
                material: told(Slot::Material),
                colour: told(Slot::Colour),
                quality: told(Slot::Quality),
                size: told(Slot::Size),
                features: told(Slot::Feature).into_iter().chain(told(Slot::Feature2)).collect(),
                uses,
            },
        }
    }

    /// What a maker calls a family of wares: a word of nobody's language, one of twenty thousand.
    fn series(&self, random: &mut Random) -> String {
        let Vocabulary { series_heads, series_middles, series_tails, .. } = &self.vocabulary;
        format!("{}{}{}", random.one(series_heads), random.one(series_middles), random.one(series_tails))
    }

    /// Two to five sentences. The material is told if the name has not told it, and the colour if there is room.
    fn describe(&self, random: &mut Random, filling: &mut Filling<'_>) -> String {
        let sentences = &self.sentences;
        let mut left = 1 + random.below(4);
        let mut said = Vec::new();
        said.extend(one_of(random, &sentences.opening, filling));
        if filling.untold(Slot::Material) || random.percent(25) {
            said.extend(one_of(random, &sentences.made_of, filling));
            left = left.saturating_sub(1);
        }
        if filling.untold(Slot::Colour) && left > 0 {
            said.extend(one_of(random, &sentences.colour, filling));
            left -= 1;
        }
        let further = [&sentences.feature, &sentences.size, &sentences.care, &sentences.closing];
        let begin = random.below(4);
        for (_, kind) in (0..left).zip(further.iter().cycle().skip(usize::try_from(begin).unwrap_or_default())) {
            said.extend(one_of(random, kind, filling));
        }
        said.join(" ")
    }
}

/// One pattern for which there is all it asks for, filled. A few draws nearly always find one; otherwise it is the first.
fn one_of(random: &mut Random, patterns: &[Pattern], filling: &mut Filling<'_>) -> Option<String> {
    let drawn = (0..50).find_map(|_| Some(random.one(patterns)).filter(|pattern| pattern.fits(filling)));
    let fitting = drawn.or_else(|| patterns.iter().find(|pattern| pattern.fits(filling)));
    fitting.map(|pattern| pattern.fill(filling))
}

/// "KX-240", "R 1150", "T7": what makers call their models.
fn model(random: &mut Random) -> String {
    let mut letters = String::new();
    for _ in 0..=random.below(2) {
        letters.push(char::from(*random.one(b"ABCDEFGHKLMNPQRSTVWXZ")));
    }
    match random.below(3) {
        0 => format!("{letters}-{}", 100 + random.below(9900)),
        1 => format!("{letters} {}", 10 * (1 + random.below(999))),
        _ => format!("{letters}{}", 1 + random.below(99)),
    }
}

fn year(random: &mut Random) -> String {
    (1890 + random.below(135)).to_string()
}

/// Low prices are more frequent than high ones, and most end in 90, 95 or 99.
fn price(random: &mut Random, [lowest, highest]: [u32; 2]) -> i64 {
    let (lowest, highest) = (i64::from(lowest), i64::from(highest));
    let span = u64::try_from(highest - lowest).unwrap_or_default().max(1);
    let amount = random.below(span).min(random.below(span)).min(random.below(span));
    let amount = lowest + i64::try_from(amount).unwrap_or_default();
    amount / 100 * 100 + random.one(&[90, 90, 95, 99, 50, 0])
}

/// The category's code and five signs that no other product of the seed has.
fn sku(code: &str, seed: u64, number: u64) -> String {
    // Multiplying by what shares no divisor with 31 goes once through all of them, and looks like chance.
    let mut rest = number.wrapping_mul(11_400_714).wrapping_add(seed.wrapping_mul(7_654_321)) % SKUS;
    let mut signs = String::new();
    for _ in 0..5 {
        let sign = usize::try_from(rest % 31).unwrap_or_default();
        signs.push(char::from(SIGNS[sign]));
        rest /= 31;
    }
    format!("{code}-{signs}")
}
