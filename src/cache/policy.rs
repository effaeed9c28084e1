//! What is kept, and for how long: one table, which docs/cache.md prints.
use std::time::Duration;

/// A kind of answer that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// Its name in keys.
    pub name: &'static str,
    /// How long an answer counts that nothing else has put out of date: figures go by the clock as well.
    pub ttl: Duration,
    /// Which form its answers have. One more with each change of them, and instances of two versions of the server do not
    /// take each other's.
    pub form: u8,
}

impl CachePolicy {
    /// Pages of products.
    pub const PRODUCTS: Self = Self { name: "products", ttl: Duration::from_mins(10), form: 1 };
    /// What a search found.
    pub const SEARCH: Self = Self { name: "search", ttl: Duration::from_mins(10), form: 1 };
    /// The figures a dashboard opens with.
    pub const KPIS: Self = Self { name: "kpis", ttl: Duration::from_mins(2), form: 1 };
    /// A figure over time.
    pub const ANALYTICS: Self = Self { name: "analytics", ttl: Duration::from_mins(5), form: 1 };
}

/// All of them.
pub const POLICIES: [CachePolicy; 4] =
    [CachePolicy::PRODUCTS, CachePolicy::SEARCH, CachePolicy::KPIS, CachePolicy::ANALYTICS];
