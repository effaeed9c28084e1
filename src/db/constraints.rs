//! Constraint names are the vocabulary between schema and API. What each one means to a caller, the resource whose table has it says
//! (`CONSTRAINTS` in its file under src/api); tests/isolation/catalog.rs fails when one that a request can break means nothing.
use std::sync::OnceLock;

use crate::{Error, error::Violation};

/// What those that a request can break mean. An error is turned into another where `?` stands, which carries nothing but the error: so this
/// is the process's, and set before the first connection is opened.
static KNOWN: OnceLock<&'static [&'static [Constraint]]> = OnceLock::new();

/// Says what constraints mean, once, before anything is asked of the database.
pub fn publish(known: &'static [&'static [Constraint]]) {
    KNOWN.get_or_init(|| known);
}

/// What breaking a constraint means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Taken,
    InUse,
    Unknown,
    OutOfRange,
    NotAllowed,
    Gone,
    Full,
}

/// One constraint a request can break.
#[derive(Clone, Copy, Debug)]
pub struct Constraint {
    name: &'static str,
    pointer: &'static str,
    meaning: Meaning,
    detail: &'static str,
}

macro_rules! meanings {
    ($($(#[$doc:meta])* $make:ident: $meaning:ident;)+) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $make(name: &'static str, pointer: &'static str, detail: &'static str) -> Self {
                Self { name, pointer, meaning: Meaning::$meaning, detail }
            }
        )+
    };
}

/// Each takes the constraint's name in the database, a JSON pointer (RFC 6901) to the field it is about, and a sentence for the caller.
impl Constraint {
    meanings! {
        /// 409: another row has this value already.
        taken: Taken;
        /// 409: other rows refer to this one.
        in_use: InUse;
        /// 422: the value names something that does not exist here.
        unknown: Unknown;
        /// 422: the value is outside what the field may hold.
        out_of_range: OutOfRange;
        /// 422: the value is for something else.
        not_allowed: NotAllowed;
    }

    /// 404: the thing the request acts on, of this kind, is not there (any more).
    #[must_use]
    pub const fn gone(name: &'static str, resource: &'static str) -> Self {
        Self { name, pointer: "", meaning: Meaning::Gone, detail: resource }
    }

    /// 429: as many files as a tenant may have under way are.
    #[must_use]
    pub const fn full(name: &'static str) -> Self {
        Self { name, pointer: "", meaning: Meaning::Full, detail: "" }
    }

    /// Its name in the database.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    fn broken(&self) -> Error {
        let violation = |code| Violation::at(self.pointer, code, self.detail);
        match self.meaning {
            Meaning::Taken => Error::Conflict(violation("taken")),
            Meaning::InUse => Error::Conflict(Violation::at("", "in_use", self.detail)),
            Meaning::Unknown => Error::Invalid(vec![violation("unknown")]),
            Meaning::NotAllowed => Error::Invalid(vec![violation("not_allowed")]),
            Meaning::OutOfRange => Error::Invalid(vec![violation("out_of_range")]),
            Meaning::Gone => Error::NotFound(self.detail),
            Meaning::Full => Error::FilesUnderWay,
        }
    }
}

/// The error a broken constraint becomes, if it is one a request can break.
pub(super) fn meaning(name: &str) -> Option<Error> {
    let known = KNOWN.get().copied().unwrap_or_default();
    known.iter().copied().flatten().find(|constraint| constraint.name == name).map(Constraint::broken)
}
