//! What a resource is made of, as it was said on the command line.
use crate::error::Failure;

/// A resource to be written.
#[derive(Debug)]
pub(super) struct Resource {
    /// `customers`.
    pub(super) name: String,
    /// `customer`.
    pub(super) one: String,
    pub(super) fields: Vec<Field>,
    /// Listed by name as well, and narrowed to a status.
    pub(super) sorted: bool,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// May be left out.
    pub(super) optional: bool,
    /// Within a tenant no two are alike.
    pub(super) unique: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One line, of up to so many characters.
    Line(usize),
    /// Several lines.
    Text,
    Email,
    Int,
    Flag,
    /// One of these words.
    Words(Vec<String>),
}

/// Characters of a text of several lines.
pub(super) const TEXT: usize = 10_000;

/// Columns that every table has, words that are something else in SQL (PostgreSQL, appendix C) or in Rust, and what handlers call theirs.
#[rustfmt::skip]
const TAKEN: &[&str] = &[
    "abstract", "after", "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "async",
    "attempt", "authorization", "await", "become", "between", "both", "box", "break", "case", "cast", "check",
    "collate", "collation", "column", "concurrently", "conn", "const", "constraint", "continue", "crate", "create",
    "created_at", "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
    "current_timestamp", "current_user", "default", "deferrable", "delete", "deleted", "desc", "distinct", "do",
    "done", "dyn", "else", "end", "enum", "except", "exists", "extern", "false", "fetch", "final", "fn", "for",
    "foreign", "freeze", "from", "full", "gen", "grant", "group", "having", "id", "if", "ilike", "impl", "in",
    "initially", "inner", "insert", "intersect", "into", "is", "isnull", "join", "last", "lateral", "leading", "left",
    "let", "like", "limit", "localtime", "localtimestamp", "loop", "macro", "match", "mod", "move", "mut", "natural",
    "new", "new_id", "not", "notnull", "null", "offset", "on", "once", "only", "or", "order", "outer", "overlaps",
    "override", "params", "patch", "placing", "prefer", "primary", "priv", "pub", "ref", "references", "return",
    "returning", "right", "select", "self", "session_user", "set", "similar", "some", "static", "struct", "super",
    "symmetric", "system_user", "table", "tablesample", "tenant", "tenant_id", "then", "to", "trailing", "trait",
    "true", "try", "type", "typeof", "union", "unique", "unsafe", "unsized", "update", "updated_at", "use", "user",
    "using", "values", "variadic", "verbose", "version", "versions", "violations", "virtual", "when", "where",
    "while", "window", "with", "yield",
];

/// Types that handlers know by these names already.
#[rustfmt::skip]
const TYPES: &[&str] = &[
    "Constraint", "Early", "Endpoints", "Field", "IfMatch", "IfNoneMatch", "ListQuery", "Listing", "MergePatch", "One",
    "Option", "Page", "Params", "Path", "PlainQuery", "Post", "Prefer", "Response", "Result", "Sort", "StatusCode", "String",
    "Tenant", "Timestamp", "ToSchema", "Uuid", "Violations",
];

impl Resource {
    pub(super) fn read(
        name: &str,
        one: Option<&str>,
        fields: &[String],
        list: &[String],
        filter: Option<&str>,
    ) -> Result<Self, Failure> {
        let name = word(name, "a resource")?;
        let one = match one {
            Some(one) => word(one, "one of them")?,
            None => match name.strip_suffix("ies") {
                Some(stem) => format!("{stem}y"),
                None => name.strip_suffix('s').unwrap_or_default().to_owned(),
            },
        };
        if one == name {
            return Err(Failure(format!("one of the {name} is called otherwise than all of them: say another --one")));
        }
        if one.is_empty() {
            return Err(Failure(format!("what is one of the {name} called? say --one NAME")));
        }
        if TYPES.contains(&camel(&one).as_str()) {
            return Err(Failure(format!(
                "{one}: {} is a type already; say --one NAME, such as our_{one}",
                camel(&one)
            )));
        }
        let fields: Vec<Field> = fields.iter().map(|field| Field::read(field)).collect::<Result<_, _>>()?;
        for (at, field) in fields.iter().enumerate() {
            if fields[..at].iter().any(|before| before.name == field.name) {
                return Err(Failure(format!("{} is there twice", field.name)));
            }
        }
        let orders: Vec<&str> = list.iter().map(String::as_str).collect();
        let sorted = match (orders.as_slice(), filter) {
            (["newest"], None) => false,
            (["newest", "name"] | ["name", "newest"], Some("status")) => true,
            _ => {
                return Err(Failure(
                    "lists are written newest first, or with `--list newest,name --filter status`; other orders and filters are a query each, by hand: docs/adding-a-resource.md"
                        .to_owned(),
                ));
            }
        };
        let has = |name: &str, fits: fn(&Kind) -> bool| {
            fields.iter().any(|field| field.name == name && fits(&field.kind) && !field.optional)
        };
        if sorted && !has("name", |kind| matches!(kind, Kind::Line(_))) {
            return Err(Failure("--list name asks for a field name:line(MAX)".to_owned()));
        }
        if sorted && !has("status", |kind| matches!(kind, Kind::Words(_))) {
            return Err(Failure("--filter status asks for a field such as status:active|archived".to_owned()));
        }
        // PostgreSQL cuts names at 63 bytes, and then no error is known by its constraint.
        if let Some(field) = fields.iter().find(|field| name.len() + field.name.len() + "__check".len() > 63) {
            return Err(Failure(format!(
                "{name}_{}_check would be too long a name; make one of the two shorter",
                field.name
            )));
        }
        if fields.iter().any(|field| field.name == one) {
            return Err(Failure(format!("{one} is what one of them is called; call the field otherwise")));
        }
        Ok(Self { name, one, fields, sorted })
    }

    /// `Customer`.
    pub(super) fn type_name(&self) -> String {
        camel(&self.one)
    }

    /// `billing-addresses`: as the path has it, and permissions.
    pub(super) fn path(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The columns that are read, in order.
    pub(super) fn columns(&self) -> String {
        let own = self.fields.iter().map(|field| field.name.as_str());
        let all: Vec<&str> = std::iter::once("id").chain(own).chain(["created_at", "updated_at", "version"]).collect();
        all.join(", ")
    }

    /// Whether there is a vocabulary.
    pub(super) fn words(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.kind, Kind::Words(_)))
    }

    /// Fields of which one is long, which end a page before it has as many rows as it may.
    pub(super) fn long(&self) -> Vec<&Field> {
        self.fields.iter().filter(|field| field.kind == Kind::Text).collect()
    }
}

impl Field {
    fn read(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure(format!("{text}: {why}; a field is NAME:KIND, such as name:line(200), email:email!, notes:text?"))
        };
        let (name, kind) = text.split_once(':').ok_or_else(|| wrong("there is no colon"))?;
        let name = word(name, "a field")?;
        let bare = kind.trim_end_matches(['?', '!']);
        let marks = &kind[bare.len()..];
        let (optional, unique) = (marks.contains('?'), marks.contains('!'));
        if marks.len() > usize::from(optional) + usize::from(unique) {
            return Err(wrong("? or ! is there twice"));
        }
        let kind = match bare {
            "text" => Kind::Text,
            "email" => Kind::Email,
            "int" => Kind::Int,
            "flag" => Kind::Flag,
            _ if bare.starts_with("line(") => {
                let most = bare
                    .strip_prefix("line(")
                    .and_then(|rest| rest.strip_suffix(')'))
                    .and_then(|most| most.parse().ok());
                Kind::Line(
                    most.filter(|most| (1..=TEXT).contains(most))
                        .ok_or_else(|| wrong("line(MAX) asks for 1 to 10000"))?,
                )
            }
            _ if bare.contains('|') => {
                let words: Vec<String> =
                    bare.split('|').map(|one| spelled(one, "a choice")).collect::<Result<_, _>>()?;
                if words
                    .iter()
                    .enumerate()
                    .any(|(at, word)| words[..at].iter().any(|other| camel(other) == camel(word)))
                {
                    return Err(wrong("a word is there twice"));
                }
                Kind::Words(words)
            }
            _ => return Err(wrong("kinds are line(MAX), text, email, int, flag, or words with | between them")),
        };
        if optional && matches!(kind, Kind::Words(_) | Kind::Flag) {
            return Err(wrong("words and flags have a default and are never left out"));
        }
        if unique && !matches!(kind, Kind::Line(_) | Kind::Email | Kind::Int) {
            return Err(wrong("only line, email and int can be unique"));
        }
        Ok(Self { name, kind, optional, unique })
    }

    /// The type of the column.
    pub(super) fn sql_type(&self) -> &'static str {
        match self.kind {
            Kind::Int => "integer",
            Kind::Flag => "boolean",
            _ => "text",
        }
    }

    /// Whether it is a text that may tell who somebody is or open something: the audit's lint `statistics` goes by the same words.
    pub(super) fn is_personal(&self) -> bool {
        let words: Vec<&str> = self.name.split('_').collect();
        let one = ["email", "mail", "phone", "address", "token", "secret", "hash", "password", "passwd"];
        let two = [["full", "name"], ["first", "name"], ["last", "name"]];
        self.kind == Kind::Email
            || matches!(self.kind, Kind::Line(_) | Kind::Text)
                && (words.iter().any(|word| one.contains(word))
                    || words.windows(2).any(|pair| two.iter().any(|two| pair == two)))
    }

    /// What tests bind for it.
    pub(super) fn sample(&self) -> String {
        match &self.kind {
            Kind::Int => "7".to_owned(),
            Kind::Flag => "true".to_owned(),
            Kind::Email => "'planted@example.com'".to_owned(),
            Kind::Words(words) => format!("'{}'", words[words.len() - 1]),
            Kind::Line(most) => format!("'{}'", &"planted"[..7.min(*most)]),
            Kind::Text => "'planted'".to_owned(),
        }
    }
}

/// A name that is one in SQL, in Rust and in a path, and means nothing else there.
fn word(name: &str, what: &str) -> Result<String, Failure> {
    if TAKEN.contains(&name) {
        return Err(Failure(format!("{name}: means something else already; call {what} otherwise")));
    }
    spelled(name, what)
}

/// The same, whatever it means: in quotes it means nothing.
fn spelled(name: &str, what: &str) -> Result<String, Failure> {
    let fits = name.len() <= 40
        && name.starts_with(|char: char| char.is_ascii_lowercase())
        && !name.ends_with('_')
        && name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
    if !fits {
        return Err(Failure(format!(
            "{name}: {what} is called by lower-case letters, digits and _, 40 at most, such as customers"
        )));
    }
    Ok(name.to_owned())
}

/// `in_progress` as `InProgress`.
pub(super) fn camel(name: &str) -> String {
    let part =
        |part: &str| part.chars().take(1).flat_map(char::to_uppercase).chain(part.chars().skip(1)).collect::<String>();
    name.split('_').map(part).collect()
}
