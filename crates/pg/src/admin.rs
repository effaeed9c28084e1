//! The operators' connection: for the commands that migrate, seed and inspect, and for the tools that look into a
//! database and attack it. It sends any text, so nothing that serves requests may hold one.
use std::pin::pin;

use futures_util::{TryStreamExt as _, future::join_all};
use tokio_postgres::{Client, Config, Row, SimpleQueryMessage};

use crate::{
    Failure, FromRow, Params, Sql,
    connect::{describe, open, parse},
};

/// What a connection calls itself when its maker does not say (`application_name`).
const NAME: &str = "rowhouse";

/// One connection outside any pool, on which anything can be said. It is as strong as the role in its URL.
pub struct AdminConn {
    pub(crate) client: Client,
}

/// What the last statement of a message answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Names of the columns, when rows came.
    pub columns: Vec<String>,
    /// Values as PostgreSQL prints them; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows returned or changed, as the command tag says.
    pub affected: u64,
}

impl Answer {
    /// A value by row and column name.
    #[must_use]
    pub fn value(&self, row: usize, column: &str) -> Option<&str> {
        let column = self.columns.iter().position(|name| name == column)?;
        self.rows.get(row)?.get(column)?.as_deref()
    }

    /// The values of the first column, nulls left out.
    pub fn first_column(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| row.first()?.as_deref())
    }
}

/// A statement the server refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
pub struct Refusal {
    /// SQLSTATE; empty when the connection is gone.
    pub code: String,
    /// The server's primary message. It may quote a value of a row: print it only where that cannot be.
    pub message: String,
    /// The constraint that was broken, when it was one.
    pub constraint: Option<String>,
}

impl Refusal {
    pub(crate) fn from(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self {
                code: db.code().code().to_owned(),
                message: db.message().to_owned(),
                constraint: db.constraint().map(str::to_owned),
            },
            None => Self { code: String::new(), message: describe(error), constraint: None },
        }
    }
}

impl Refusal {
    /// What can be printed wherever it goes. PostgreSQL's own message names objects only when a statement is wrong or
    /// not permitted (class 42 and the like); others may quote a value, such as one that a trigger put in.
    #[must_use]
    pub fn discreet(&self) -> String {
        match self.code.get(..2) {
            Some("42" | "0A" | "25") => self.to_string(),
            Some("23") => {
                let name = self.constraint.as_deref().unwrap_or("a constraint");
                format!("it breaks {name} (SQLSTATE {})", self.code)
            }
            _ => format!("SQLSTATE {}", self.code),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

impl AdminConn {
    /// Connects. The failure says what was tried and why it did not work, without the password.
    pub async fn connect(url: &str) -> Result<Self, Failure> {
        Self::connect_as(url, NAME).await
    }

    /// Connects, under a name that the server lists it by.
    pub async fn connect_as(url: &str, name: &str) -> Result<Self, Failure> {
        Self::with(parse(url)?.application_name(name)).await
    }

    /// Connects to another database of the same server.
    pub async fn connect_to(url: &str, database: &str, name: &str) -> Result<Self, Failure> {
        Self::with(parse(url)?.application_name(name).dbname(database)).await
    }

    async fn with(config: &Config) -> Result<Self, Failure> {
        Ok(Self { client: open(config).await? })
    }

    /// Runs a script of one or more statements; the failure begins with its name.
    pub async fn script(&self, name: &str, text: &str) -> Result<(), Failure> {
        self.client.batch_execute(text).await.map_err(|error| Failure(format!("{name}: {}", describe(&error))))
    }

    /// Runs one statement and reads its rows.
    pub async fn all<T: FromRow>(&self, sql: Sql, params: Params<'_>) -> Result<Vec<T>, Failure> {
        let failed = |error: tokio_postgres::Error| Failure(format!("{}: {}", sql.name(), describe(&error)));
        let rows: Vec<Row> = self.client.query(sql.text(), params).await.map_err(failed)?;
        rows.iter().map(|row| T::from_row(row).map_err(failed)).collect()
    }

    /// What this connection is made of, for a library that applies migrations.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Sends a message in the simple protocol: it may hold several statements, and every value of the answer, which is the
    /// last statement's, is text whatever its type.
    pub async fn run(&self, text: &str) -> Result<Answer, Refusal> {
        let mut answers = self.run_each(text).await.map_err(|(_, refusal)| refusal)?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// The same, and reads what each statement answers. A refusal comes with how many had answered before.
    pub async fn run_each(&self, text: &str) -> Result<Vec<Answer>, (usize, Refusal)> {
        let mut answers = Vec::new();
        let mut answer = Answer::default();
        let refused = |done: usize, error: &tokio_postgres::Error| (done, Refusal::from(error));
        let mut messages = pin!(self.client.simple_query_raw(text).await.map_err(|error| refused(0, &error))?);
        while let Some(message) = messages.try_next().await.map_err(|error| refused(answers.len(), &error))? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    answer.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    answer.rows.push((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect());
                }
                SimpleQueryMessage::CommandComplete(affected) => {
                    answer.affected = affected;
                    answers.push(std::mem::take(&mut answer));
                }
                _ => {}
            }
        }
        Ok(answers)
    }

    /// Sends messages without waiting for answers in between, in any order: none may need what another does.
    pub async fn run_all(&self, texts: &[String]) -> Vec<Result<Answer, Refusal>> {
        join_all(texts.iter().map(|text| self.run(text))).await
    }

    /// Runs `copy … to stdout` and reads what comes.
    pub async fn copy_out(&self, text: &str) -> Result<String, Refusal> {
        let refused = |error: tokio_postgres::Error| Refusal::from(&error);
        let stream = self.client.copy_out(text).await.map_err(refused)?;
        let bytes: Vec<u8> = stream
            .try_fold(Vec::new(), |mut all, chunk| async move {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .map_err(refused)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
