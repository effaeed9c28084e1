//! rowhouse-audit.toml: what audit, attack and prove cannot find out by themselves.
use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::{Finding, Severity};
use rowhouse_pg::Failure;

/// The file's contents; the command line goes before it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Columns that make a table a tenant's.
    pub tenant_columns: Vec<String>,
    /// The setting that says which tenant a transaction is in.
    pub setting: Option<String>,
    /// The roles that serve.
    pub roles: Vec<String>,
    /// Schemas to look at.
    pub schemas: Vec<String>,
    /// The least severity that makes the command exit 1.
    pub fail_on: Option<Severity>,
    /// Known findings, each with its reason.
    pub ignore: Vec<Ignore>,
    /// How `rowhouse attack` becomes a tenant.
    pub attack: Attack,
}

/// A finding that is known and stays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    /// The lint's name.
    pub lint: String,
    /// The object's name; a `*` at the end stands for any ending. All objects when left out.
    pub object: Option<String>,
    /// The role that attacks; every role when left out. What is meant for one is a hole for another.
    pub role: Option<String>,
    /// Why it stays.
    pub reason: String,
    /// Findings of this severity alone. An attack that could not be set up is a warning; once it is set up and gets
    /// through it is an error, which nobody has given a reason for.
    pub severity: Option<Severity>,
}

/// What the attacks need to know beyond the catalog.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Attack {
    /// More settings a tenant's transaction makes, each from a column of that tenant's generated rows:
    /// `"app.user_id" = "registry.users.id"`.
    pub settings: BTreeMap<String, String>,
    /// Statements that come before the rows are made up, and are taken back with them.
    pub prepare: Vec<String>,
    /// Tables to generate rows in although they have no tenant column.
    pub tables: Vec<String>,
    /// SQL expressions for columns whose right value no constraint tells: `"tenant.roles.permissions" = "…"`.
    pub values: BTreeMap<String, String>,
    /// Foreign keys by which a row is one person's own: all rows made up for a tenant lead to the person that
    /// `settings` name, as `"tenant.notes.notes_author_fkey"`.
    pub own: Vec<String>,
    /// Columns that open something for whoever knows what they hold, whatever they are called: no role that serves may read them, and
    /// an attacker does not know them.
    pub secrets: Vec<String>,
    /// Attacks known to succeed, each with its reason.
    pub ignore: Vec<Ignore>,
}

impl Config {
    /// Reads a file; a misspelt key is an error.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))?;
        toml::from_str(&text).map_err(|error| Failure(format!("{}: {error}", path.display())))
    }

    /// The file in the current directory, if there is one.
    pub fn here() -> Result<Self, Failure> {
        let path = Path::new("rowhouse-audit.toml");
        if path.exists() { Self::read(path) } else { Ok(Self::default()) }
    }
}

impl Ignore {
    /// Reads `lint=reason` or `lint:object=reason` from the command line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (what, reason) = text.split_once('=').ok_or("an ignored finding needs a reason: LINT[:OBJECT]=REASON")?;
        if reason.trim().is_empty() {
            return Err("the reason is empty: LINT[:OBJECT]=REASON".to_owned());
        }
        let (lint, object) = what.split_once(':').map_or((what, None), |(lint, object)| (lint, Some(object)));
        Ok(Self {
            lint: lint.trim().to_owned(),
            object: object.map(|object| object.trim().to_owned()),
            role: None,
            reason: reason.trim().to_owned(),
            severity: None,
        })
    }

    /// Whether it speaks of this finding.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        self.severity.is_none_or(|severity| severity == finding.severity)
            && self.covers_object(finding.lint, &finding.object, finding.role.as_deref())
    }

    /// Whether it speaks of this object of this lint, and of this role.
    #[must_use]
    pub fn covers_object(&self, lint: &str, object: &str, role: Option<&str>) -> bool {
        self.lint == lint
            && self.role.as_deref().is_none_or(|wanted| role == Some(wanted))
            && self.object.as_ref().is_none_or(|wanted| match wanted.strip_suffix('*') {
                Some(beginning) => object.starts_with(beginning),
                None => object == wanted,
            })
    }
}
