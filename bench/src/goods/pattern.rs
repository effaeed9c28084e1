//! Names and sentences with slots.
use rowhouse::error::Failure;
use serde::Deserialize;

/// What can be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Noun,
    Brand,
    Series,
    Material,
    Colour,
    Quality,
    Model,
    Size,
    Pack,
    Use,
    Use2,
    Feature,
    Feature2,
    Other,
    Batch,
    Year,
    /// A word that follows the noun's number: what it is for one, and for several.
    Number(&'static str, &'static str),
}

impl Slot {
    const COUNT: usize = 16;

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "noun" => Self::Noun,
            "brand" => Self::Brand,
            "series" => Self::Series,
            "material" => Self::Material,
            "colour" => Self::Colour,
            "quality" => Self::Quality,
            "model" => Self::Model,
            "size" => Self::Size,
            "pack" => Self::Pack,
            "use" => Self::Use,
            "use2" => Self::Use2,
            "feature" => Self::Feature,
            "feature2" => Self::Feature2,
            "other" => Self::Other,
            "batch" => Self::Batch,
            "year" => Self::Year,
            "This" => Self::Number("This", "These"),
            "these" => Self::Number("this", "these"),
            "It" => Self::Number("It", "They"),
            "is" => Self::Number("is", "are"),
            "has" => Self::Number("has", "have"),
            "does" => Self::Number("does", "do"),
            "them" => Self::Number("it", "them"),
            "a" => Self::Number("a ", ""),
            "A" => Self::Number("A ", ""),
            "s" => Self::Number("s", ""),
            _ => return None,
        })
    }

    fn index(self) -> Option<usize> {
        let all = [
            Self::Noun,
            Self::Brand,
            Self::Series,
            Self::Material,
            Self::Colour,
            Self::Quality,
            Self::Model,
            Self::Size,
            Self::Pack,
            Self::Use,
            Self::Use2,
            Self::Feature,
            Self::Feature2,
            Self::Other,
            Self::Batch,
            Self::Year,
        ];
        all.iter().position(|slot| *slot == self)
    }
}

/// What fills the slots of one product, and which of it has been told.
#[derive(Clone, Default)]
pub(crate) struct Filling<'v> {
    values: [Option<&'v str>; Slot::COUNT],
    told: [bool; Slot::COUNT],
    plural: bool,
}

impl<'v> Filling<'v> {
    pub(crate) fn new(plural: bool) -> Self {
        Self { plural, ..Self::default() }
    }

    pub(crate) fn fill<const N: usize>(&mut self, values: [(Slot, Option<&'v str>); N]) {
        for (slot, value) in values {
            if let Some(index) = slot.index() {
                self.values[index] = value;
            }
        }
    }

    fn get(&self, slot: Slot) -> Option<&'v str> {
        match slot {
            Slot::Number(one, several) => Some(if self.plural { several } else { one }),
            other => other.index().and_then(|index| self.values[index]),
        }
    }

    /// What a slot holds, if a name or a sentence has said it. What nobody says of a product, the product is not.
    pub(crate) fn told(&self, slot: Slot) -> Option<&'v str> {
        slot.index().and_then(|index| self.values[index].filter(|_| self.told[index]))
    }

    /// There is something in the slot, and nothing has said it.
    pub(crate) fn untold(&self, slot: Slot) -> bool {
        slot.index().is_some_and(|index| self.values[index].is_some() && !self.told[index])
    }
}

/// A text with slots.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

enum Part {
    Text(String),
    Slot(Slot),
}

impl TryFrom<String> for Pattern {
    type Error = Failure;

    fn try_from(text: String) -> Result<Self, Failure> {
        let mut parts = Vec::new();
        for (position, piece) in text.split('{').enumerate() {
            let (slot, rest) = if position == 0 { (None, piece) } else { name_and_rest(piece, &text)? };
            parts.extend(slot.map(Part::Slot));
            if !rest.is_empty() {
                parts.push(Part::Text(rest.to_owned()));
            }
        }
        Ok(Self { parts })
    }
}

fn name_and_rest<'p>(piece: &'p str, text: &str) -> Result<(Option<Slot>, &'p str), Failure> {
    let (name, rest) = piece.split_once('}').ok_or_else(|| Failure(format!("{text}: a brace is not closed")))?;
    let slot = Slot::named(name).ok_or_else(|| Failure(format!("{text}: nothing is called {name}")))?;
    Ok((Some(slot), rest))
}

impl Pattern {
    /// Whether a product has all that is asked for.
    pub(crate) fn fits(&self, filling: &Filling<'_>) -> bool {
        self.slots().all(|slot| filling.get(slot).is_some())
    }

    /// The text, beginning with a capital letter; notes what has now been told.
    pub(crate) fn fill(&self, filling: &mut Filling<'_>) -> String {
        let mut text = String::with_capacity(160);
        for part in &self.parts {
            match part {
                Part::Text(words) => text.push_str(words),
                Part::Slot(slot) => {
                    text.push_str(filling.get(*slot).unwrap_or_default());
                    if let Some(index) = slot.index() {
                        filling.told[index] = true;
                    }
                }
            }
        }
        capital(&articles(&text))
    }

    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.parts.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(*slot),
            Part::Text(_) => None,
        })
    }
}

/// "a oak" becomes "an oak".
fn articles(text: &str) -> String {
    let mut mended = String::with_capacity(text.len() + 4);
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        mended.push_str(word);
        if let Some(next) = words.peek() {
            let vowel = next.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']);
            let sounds_like_you = ["uni", "uku", "USB"].iter().any(|start| next.starts_with(start));
            if matches!(word, "a" | "A") && vowel && !sounds_like_you {
                mended.push('n');
            }
            mended.push(' ');
        }
    }
    mended
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
