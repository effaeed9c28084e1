//! Statements live under `sql/queries` of the crate that sends them, one a file; this is how Rust names them.
use tokio_postgres::Row;

/// A statement kept under `sql/queries/`. Only [`sql!`](crate::sql) makes one, from a literal name, so
/// no statement is ever put together at run time:
/// ```compile_fail,E0277
/// let name = String::from("projects/get");
/// let sql: rowhouse_pg::Sql = format!("select * from {name}").into();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    name: &'static str,
    text: &'static str,
}

impl Sql {
    #[doc(hidden)]
    #[must_use]
    pub const fn file(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// The file's path under `sql/queries`, without its ending; names the statement in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What is sent.
    #[must_use]
    pub const fn text(self) -> &'static str {
        self.text
    }
}

/// Embeds `sql/queries/<name>.sql` of the calling crate as a [`Sql`](crate::Sql).
#[macro_export]
macro_rules! sql {
    ($name:literal) => {
        $crate::Sql::file($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/queries/", $name, ".sql")))
    };
}

/// Reads one row by column name, so that a reordered `select` list cannot swap two fields.
pub trait FromRow: Sized {
    /// Fails when a column is missing or has another type, which is a bug in the statement.
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error>;
}

/// Reads a struct's fields from the columns of the same names, or of another where one is said, or as a row of its own (`= *`); a struct of
/// one value from the column that is said. A field that is left out does not compile.
/// ```
/// struct Member { id: uuid::Uuid, active: bool }
/// rowhouse_pg::from_row! { Member: id, active = "account_active" }
///
/// struct Found { member: Member, rank: f32 }
/// rowhouse_pg::from_row! { Found: member = *, rank }
///
/// struct Free(bool);
/// rowhouse_pg::from_row! { Free: "free" }
/// ```
/// ```compile_fail,E0063
/// struct Member { id: uuid::Uuid, active: bool }
/// rowhouse_pg::from_row! { Member: id }
/// ```
#[macro_export]
macro_rules! from_row {
    ($of:ident: $column:literal) => {
        $crate::from_row! { @impl $of, row, Self(row.try_get($column)?) }
    };
    ($of:ident: $($field:ident $(= $from:tt)?),+ $(,)?) => {
        $crate::from_row! { @impl $of, row, Self { $($field: $crate::from_row!(@read row, $field $($from)?)?,)+ } }
    };
    (@impl $of:ident, $row:ident, $made:expr) => {
        impl $crate::FromRow for $of {
            fn from_row($row: &$crate::tokio_postgres::Row) -> Result<Self, $crate::tokio_postgres::Error> {
                Ok($made)
            }
        }
    };
    (@read $row:ident, $field:ident) => { $row.try_get(stringify!($field)) };
    (@read $row:ident, $field:ident *) => { $crate::FromRow::from_row($row) };
    (@read $row:ident, $field:ident $column:literal) => { $row.try_get($column) };
}

/// For statements whose rows nobody reads.
impl FromRow for () {
    fn from_row(_: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(())
    }
}

/// For statements that answer ids.
impl FromRow for uuid::Uuid {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get("id")
    }
}
