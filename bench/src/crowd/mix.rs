//! What callers ask for, and how often.
use std::fmt;

use serde::Serialize;

use crate::goods::Random;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Login,
    /// Projects or products, one as often as the other; so it is with `Get`.
    List,
    Get,
    Search,
    Create,
    Figures,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [Self::Login, Self::List, Self::Get, Self::Search, Self::Create, Self::Figures];

    /// The only status that is no error.
    pub(super) fn expected(self) -> u16 {
        if self == Self::Create { 201 } else { 200 }
    }

    /// One of those that are drawn: signing in has times of its own.
    pub(super) fn draw(random: &mut Random) -> Self {
        match random.below(100) {
            0..40 => Self::List,
            40..70 => Self::Get,
            70..82 => Self::Search,
            82..90 => Self::Create,
            _ => Self::Figures,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "login",
            Self::List => "list",
            Self::Get => "get",
            Self::Search => "search",
            Self::Create => "create",
            Self::Figures => "figures",
        })
    }
}

/// What is searched for, the first of them most often.
const SEARCHES: [&str; 20] = [
    "lamp",
    "oak",
    "steel+bowl",
    "brass",
    "table",
    "linen+curtain",
    "garden",
    "kitchen+shelf",
    "clock",
    "glass",
    "chair",
    "oak+chair",
    "travel",
    "lamp+brass",
    "shel",
    "office+table",
    "blanket",
    "copper+kettle",
    "wool",
    "stone+vase",
];

/// One of these, of which the n-th has the weight 1/n.
pub(super) fn search(random: &mut Random) -> &'static str {
    let weights = || (1_u64..).map(|n| 1_000_000 / n).zip(SEARCHES);
    let mut drawn = random.below(weights().map(|(weight, _)| weight).sum());
    for (weight, search) in weights() {
        match drawn.checked_sub(weight) {
            Some(rest) => drawn = rest,
            None => return search,
        }
    }
    SEARCHES[0]
}

/// A number from an exponential distribution with this mean.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what there is room for")]
pub(super) fn exponential(random: &mut Random, mean: f64) -> f64 {
    const STEPS: u64 = 1 << 53;
    let uniform = (random.below(STEPS) + 1) as f64 / STEPS as f64;
    -uniform.ln() * mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_have_the_mean_and_the_spread_that_were_asked_for() {
        let mut random = Random::new(1, 1);
        let drawn: Vec<f64> = (0..100_000).map(|_| exponential(&mut random, 2.0)).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let longer = drawn.iter().filter(|one| **one > 2.0).count();
        assert!((1.95..2.05).contains(&mean), "{mean}");
        // One in e is longer than the mean.
        assert!((36_000..37_600).contains(&longer), "{longer}");
    }

    #[test]
    fn everything_is_asked_for() {
        let mut random = Random::new(2, 2);
        let drawn: Vec<Kind> = (0..1_000).map(|_| Kind::draw(&mut random)).collect();
        for kind in Kind::ALL {
            assert_eq!(drawn.contains(&kind), kind != Kind::Login, "{kind}");
        }
        let searches: Vec<_> = (0..2_000).map(|_| search(&mut random)).collect();
        assert!(SEARCHES.iter().all(|one| searches.contains(one)));
    }
}
