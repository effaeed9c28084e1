//! Questions whose text is known at run time only: a policy's expression, asked of one row. For operators'
//! commands, on their own connection; nothing that serves can reach this.
use postgres_types::{ToSql, Type};

use crate::{AdminConn, Failure, FromRow, Refusal};

impl AdminConn {
    /// Asks inside the open transaction, which a refusal leaves usable. Parameters travel as text.
    pub async fn ask<T: FromRow>(&self, text: &str, params: &[&str]) -> Result<Result<Vec<T>, Refusal>, Failure> {
        self.script("savepoint", "savepoint question").await?;
        let typed: Vec<(&(dyn ToSql + Sync), Type)> =
            params.iter().map(|param| (param as &(dyn ToSql + Sync), Type::TEXT)).collect();
        let rows = self.client.query_typed(text, &typed).await;
        let answer = rows.and_then(|rows| rows.iter().map(T::from_row).collect());
        let end = if answer.is_ok() { "release question" } else { "rollback to question; release question" };
        self.script("savepoint", end).await?;
        Ok(answer.map_err(|error| Refusal::from(&error)))
    }
}
