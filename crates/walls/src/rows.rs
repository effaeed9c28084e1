//! What a statement answered, until somebody says what it is.
use rowhouse_pg::{FromRow, Sql};
use tokio_postgres::Row;

use crate::{Error, Result};

/// The rows of one of several statements that were sent together.
#[derive(Debug)]
pub struct Rows {
    sql: Sql,
    rows: Vec<Row>,
}

impl Rows {
    pub(crate) fn new(sql: Sql, rows: Vec<Row>) -> Self {
        Self { sql, rows }
    }

    /// How many there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All of them.
    pub fn all<T: FromRow>(&self) -> Result<Vec<T>> {
        self.rows.iter().map(|row| T::from_row(row).map_err(|error| self.unreadable(&error))).collect()
    }

    /// The first, if any.
    pub fn optional<T: FromRow>(&self) -> Result<Option<T>> {
        self.rows.first().map(|row| T::from_row(row).map_err(|error| self.unreadable(&error))).transpose()
    }

    /// The first; a statement that answers none is a bug and becomes an internal error.
    pub fn one<T: FromRow>(&self) -> Result<T> {
        self.optional()?.ok_or_else(|| Error::internal(format!("{} answered no row", self.sql.name())))
    }

    fn unreadable(&self, error: &tokio_postgres::Error) -> Error {
        Error::Internal(format!("{}: {error}", self.sql.name()))
    }
}
