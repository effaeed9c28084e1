//! The two ways to PostgreSQL that the attacks take.

/// How a test reaches PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// On connections to PostgreSQL itself.
    Direct,
    /// Through PgBouncer in transaction mode, where two server connections serve all clients of a database.
    PgBouncer,
}

impl Way {
    /// What the server has to be told to go this way, and more options.
    pub fn options<'a>(self, more: &[&'a str]) -> Vec<&'a str> {
        match self {
            Self::Direct => more.to_vec(),
            Self::PgBouncer => [&["--statements", "unnamed"], more].concat(),
        }
    }
}

/// Makes two tests of each body that takes a [`Way`]: `direct::name` and `pgbouncer::name`.
macro_rules! both_ways {
    ($($(#[$test:meta])+ $name:ident;)+) => {
        mod direct {
            $($(#[$test])+ async fn $name() { super::$name($crate::support::Way::Direct).await })+
        }
        mod pgbouncer {
            $($(#[$test])+ async fn $name() { super::$name($crate::support::Way::PgBouncer).await })+
        }
    };
}
pub(crate) use both_ways;
