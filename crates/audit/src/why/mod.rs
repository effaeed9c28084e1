//! Why a user sees a row, or does not: which clause of which policy says so, without printing the row.
//!
//! PostgreSQL hides rows without a word. This asks the table's policies, one clause at a time, of the one row
//! in question, on a connection that no wall stops, in a read-only transaction that is rolled back. What a
//! policy as a whole says is always asked of the whole expression; clauses only explain it.
mod case;
mod clauses;
mod judge;
mod print;
mod read;
mod reasons;

use serde::Serialize;

pub use judge::ask;
pub use print::text;

/// The names of the settings that policies read.
#[derive(Clone, Debug)]
pub struct WhySettings {
    /// Holds the tenant.
    pub tenant: String,
    /// Holds the user.
    pub user: String,
}

impl Default for WhySettings {
    fn default() -> Self {
        Self { tenant: "app.tenant_id".to_owned(), user: "app.user_id".to_owned() }
    }
}

/// What is to be done with the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "commands", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// See it.
    Select,
    /// Insert one such as it.
    Insert,
    /// Change it.
    Update,
    /// Delete it.
    Delete,
}

impl Verb {
    /// As SQL and audit views write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The question.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// The tenant's id, or in the house its slug.
    pub tenant: String,
    /// The user's id, or in the house the e-mail address.
    pub user: String,
    /// The table, with its schema.
    pub table: String,
    /// The row's key.
    pub id: String,
    /// Which column is the key, where the primary key does not say.
    #[serde(skip)]
    pub key: Option<String>,
    /// Who asks PostgreSQL on the user's behalf.
    pub role: String,
    /// What is to be done.
    pub command: Verb,
    /// Whether another tenant may be named in the answer.
    #[serde(skip)]
    pub reveal_tenant: bool,
    /// Which settings hold tenant and user.
    #[serde(skip)]
    pub settings: WhySettings,
}

/// The answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WhyVerdict {
    /// The command reaches the row.
    Shown,
    /// It does not.
    Hidden,
    /// It cannot be told from here.
    Unknown,
}

/// One reason, for a program and for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable; docs/operations.md lists them.
    pub code: &'static str,
    /// A sentence. It names no value of the row.
    pub sentence: String,
}

/// How a condition came out for the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum ConditionOutcome {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Neither, which hides like false.
    Null,
    /// It raises.
    Raises {
        /// The SQLSTATE.
        sqlstate: String,
        /// What was said, where it cannot quote a row.
        said: Option<String>,
    },
}

/// One condition of a policy and how it came out.
#[derive(Clone, Debug, Serialize)]
pub struct ClauseCheck {
    /// As SQL.
    pub clause: String,
    /// For the row in question.
    pub outcome: ConditionOutcome,
}

/// One policy, asked for one purpose.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyCheck {
    /// The policy's name.
    pub policy: String,
    /// Permissive ones are joined by OR, restrictive ones must all hold.
    pub permissive: bool,
    /// Which part of the command asks it: an update reads the row before it changes it.
    pub asked_for: &'static str,
    /// The policy as a whole.
    pub outcome: ConditionOutcome,
    /// Its conditions.
    pub clauses: Vec<ClauseCheck>,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct WhyReport {
    /// In a word.
    pub verdict: WhyVerdict,
    /// Why; the first is the one to act on.
    pub reasons: Vec<Reason>,
    /// What was asked.
    pub question: Question,
    /// Each policy that was asked; none where none is.
    pub policies: Vec<PolicyCheck>,
    /// Whether PostgreSQL, asked as the role itself, said the same; null when the connection may not do that.
    pub confirmed: Option<bool>,
}
