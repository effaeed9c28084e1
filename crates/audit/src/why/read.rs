//! What the statements under sql/queries/why answer.
use tokio_postgres::{Error, Row};

use rowhouse_pg::FromRow;

pub(super) struct House {
    pub(super) house: bool,
    pub(super) behind: bool,
}
impl FromRow for House {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { house: row.try_get("house")?, behind: row.try_get("behind")? })
    }
}

pub(super) struct Role {
    pub(super) superuser: bool,
    pub(super) bypasses: bool,
}
impl FromRow for Role {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { superuser: row.try_get("superuser")?, bypasses: row.try_get("bypasses")? })
    }
}

pub(super) struct Table {
    pub(super) quoted: String,
    pub(super) alias: String,
    pub(super) name: String,
    /// Not a view or the like.
    pub(super) ordinary: bool,
    /// The connection may read it, and no policy stands in its way.
    pub(super) sees_all: bool,
    /// Why the role meets no policy here: row security is `off`, or it is not forced on its `owner`.
    pub(super) exempt: Option<String>,
    /// Commands the role may use, on some column at least; and `usage` of the schema.
    pub(super) granted: Vec<String>,
    pub(super) key: Vec<String>,
}
impl FromRow for Table {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            quoted: row.try_get("quoted")?,
            alias: row.try_get("alias")?,
            name: row.try_get("name")?,
            ordinary: row.try_get("ordinary")?,
            sees_all: row.try_get("sees_all")?,
            exempt: row.try_get("exempt")?,
            granted: row.try_get("granted")?,
            key: row.try_get("key")?,
        })
    }
}

pub(super) struct Column {
    pub(super) quoted: String,
    pub(super) type_name: String,
}
impl FromRow for Column {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { quoted: row.try_get("quoted")?, type_name: row.try_get("type")? })
    }
}

pub(super) struct Policy {
    pub(super) name: String,
    pub(super) permissive: bool,
    pub(super) command: String,
    pub(super) using: Option<String>,
    pub(super) check: Option<String>,
    /// The role in question is bound by it.
    pub(super) binds: bool,
}
impl FromRow for Policy {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            name: row.try_get("name")?,
            permissive: row.try_get("permissive")?,
            command: row.try_get("command")?,
            using: row.try_get("using_expression")?,
            check: row.try_get("check_expression")?,
            binds: row.try_get("binds")?,
        })
    }
}

/// Where the row is: good for this transaction's snapshot.
pub(super) struct Place {
    pub(super) ctid: String,
    pub(super) table_oid: String,
}
impl FromRow for Place {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { ctid: row.try_get("ctid")?, table_oid: row.try_get("table_oid")? })
    }
}

pub(super) struct Answer(pub(super) Option<bool>);
impl FromRow for Answer {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.try_get("answer").map(Self)
    }
}

pub(super) struct Id(pub(super) String);
impl FromRow for Id {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.try_get("id").map(Self)
    }
}

pub(super) struct Name(pub(super) String);
impl FromRow for Name {
    fn from_row(row: &Row) -> Result<Self, Error> {
        row.try_get("name").map(Self)
    }
}
