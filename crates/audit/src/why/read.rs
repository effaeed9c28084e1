//! What the statements under sql/queries/why answer.

use rowhouse_pg::from_row;

pub(super) struct House {
    pub(super) house: bool,
    pub(super) behind: bool,
}
from_row! { House: house, behind }

pub(super) struct Role {
    pub(super) superuser: bool,
    pub(super) bypasses: bool,
}
from_row! { Role: superuser, bypasses }

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
from_row! { Table: quoted, alias, name, ordinary, sees_all, exempt, granted, key }

pub(super) struct Column {
    pub(super) quoted: String,
    pub(super) type_name: String,
}
from_row! { Column: quoted, type_name = "type" }

pub(super) struct Policy {
    pub(super) name: String,
    pub(super) permissive: bool,
    pub(super) command: String,
    pub(super) using: Option<String>,
    pub(super) check: Option<String>,
    /// The role in question is bound by it.
    pub(super) binds: bool,
}
from_row! { Policy: name, permissive, command, using = "using_expression", check = "check_expression", binds }

/// Where the row is: good for this transaction's snapshot.
pub(super) struct Place {
    pub(super) ctid: String,
    pub(super) table_oid: String,
}
from_row! { Place: ctid, table_oid }

pub(super) struct Answer(pub(super) Option<bool>);
from_row! { Answer: "answer" }

pub(super) struct Id(pub(super) String);
from_row! { Id: "id" }

pub(super) struct Name(pub(super) String);
from_row! { Name: "name" }
