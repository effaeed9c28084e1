//! The lints: one file each under sql/audit, with a header that says what it finds, why it matters and how
//! to mend it, and a statement that lists the objects concerned.
use std::{fmt, sync::LazyLock};

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};

use rowhouse_pg::Failure;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/sql/audit");

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "commands", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A defence is missing.
    Warning,
    /// A tenant can reach another's rows, or learn of them.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl Severity {
    /// Reads the word; the lints use the same.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "info" => Some(Self::Info),
            "warning" => Some(Self::Warning),
            "error" => Some(Self::Error),
            _ => None,
        }
    }
}

/// One lint.
#[derive(Clone, Debug, Serialize)]
pub struct Lint {
    /// Its name, which is its file's.
    pub id: &'static str,
    /// How bad its findings are unless they say otherwise.
    pub severity: Severity,
    /// What it finds.
    pub finds: String,
    /// Why that matters.
    pub why: String,
    /// How to mend it.
    pub mend: String,
    /// The statement: object, detail, fix and, if it likes, severity.
    #[serde(skip)]
    pub sql: &'static str,
}

impl Lint {
    /// Whether it reads how the policies were judged.
    pub(crate) fn reads_verdicts(&self) -> bool {
        self.sql.contains("'audit.verdicts'")
    }
}

/// All lints, by name.
pub fn all() -> Result<&'static [Lint], Failure> {
    static LINTS: LazyLock<Result<Vec<Lint>, Failure>> = LazyLock::new(|| {
        let mut lints = Vec::new();
        for file in FILES.files() {
            let path = file.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                lints.push(read(id, file.contents_utf8().unwrap_or_default())?);
            }
        }
        lints.sort_by_key(|lint| lint.id);
        Ok(lints)
    });
    LINTS.as_deref().map_err(Clone::clone)
}

fn read(id: &'static str, text: &'static str) -> Result<Lint, Failure> {
    let wrong = |what: &str| Failure(format!("sql/audit/{id}.sql: {what}"));
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().map_while(|line| line.strip_prefix("--")) {
        let more = line.starts_with("   ") || line.is_empty();
        match (line.trim().split_once(": "), more) {
            (Some((name, value)), false) => fields.push((name.to_owned(), value.trim().to_owned())),
            (_, true) => {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
            (None, false) => return Err(wrong("a header line is `-- field: text`, or goes on after three spaces")),
        }
    }
    let field = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim().to_owned());
        found.ok_or_else(|| wrong(&format!("the header lacks `{wanted}:`")))
    };
    if field("id")? != id {
        return Err(wrong("its id is not its file's name"));
    }
    let severity = Severity::parse(&field("severity")?).ok_or_else(|| wrong("severity is error, warning or info"))?;
    Ok(Lint { id, severity, finds: field("finds")?, why: field("why")?, mend: field("mend")?, sql: text })
}
