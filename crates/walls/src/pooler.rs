//! Asked once at start: does what lies between us and PostgreSQL carry what we are going to send?
//!
//! A pooler that gives each transaction another connection loses named statements (PgBouncer before 1.21
//! does), and one that gives each statement another loses transactions. Under load either would look like
//! random errors. What is found here is proof or nothing: a connection to PostgreSQL itself is never refused.
use std::time::Duration;

use rowhouse_pg::{describe, tls};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Error, error::SqlState};

use crate::{pool::Pool, statements::Statements};

/// How long one answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(2);
/// With other traffic on the pooler a round can go well by luck.
const ROUNDS: usize = 3;

/// Why what lies between cannot be served through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Statements have to be sent [unnamed](Statements::Unnamed), or it has to carry names.
    #[error("it gives each transaction another connection and does not carry named statements")]
    NamesAreLost,
    /// Who asks is said by `SET LOCAL` inside a transaction, so nothing can be served.
    #[error("it allows no transactions")]
    TransactionsAreRefused,
}

/// What was found.
enum PoolerFinding {
    Unfit(Unfit),
    /// Not about poolers: whatever it is, the next who asks meets it too and says it better.
    Nothing(String),
}

impl Pool {
    /// Refuses a pooler that does not carry transactions, or not the way statements are sent.
    pub async fn refuse_unless_carried(&self) -> Result<(), Unfit> {
        let asked = match self.statements() {
            Statements::Named => ask_for_names(self.config()).await,
            Statements::Unnamed => ask_for_transactions(self.config()).await,
        };
        match asked {
            Ok(()) => Ok(()),
            Err(PoolerFinding::Unfit(unfit)) => Err(unfit),
            Err(PoolerFinding::Nothing(why)) => {
                tracing::debug!(why, "could not tell whether a pooler lies between");
                Ok(())
            }
        }
    }
}

async fn ask_for_transactions(config: &Config) -> Result<(), PoolerFinding> {
    let client = alone(config).await?;
    begin(&client).await?;
    rollback(&client).await
}

/// One connection keeps a named statement. Another begins a transaction, which in a pooler takes the
/// server connection the first one has just given back; then the first one uses its statement again.
async fn ask_for_names(config: &Config) -> Result<(), PoolerFinding> {
    let (keeper, taker) = (alone(config).await?, alone(config).await?);
    begin(&taker).await?;
    rollback(&taker).await?;
    let statement = within(keeper.prepare("select pg_catalog.pg_backend_pid()")).await?;
    let pid = async || Ok::<i32, Error>(keeper.query_one(&statement, &[]).await?.get(0));
    for _ in 0..ROUNDS {
        let ours = within(pid()).await?;
        let theirs = begin(&taker).await?;
        let again = pid();
        tokio::pin!(again);
        let Ok(answer) = timeout(PATIENCE, &mut again).await else {
            // Perhaps there is but one server connection, and the other has it. It answers once the
            // other lets go; a server that is merely slow has two backends, not one.
            rollback(&taker).await?;
            within(again).await?;
            return Err(if ours == theirs { PoolerFinding::Unfit(Unfit::NamesAreLost) } else { slow() });
        };
        answer.map_err(|error| found(&error))?;
        rollback(&taker).await?;
    }
    Ok(())
}

/// A connection outside the pool, which may be of one only.
async fn alone(config: &Config) -> Result<Client, PoolerFinding> {
    let (client, connection) = within(config.connect(tls())).await?;
    tokio::spawn(async move {
        let _ = connection.await; // the client's futures tell
    });
    Ok(client)
}

/// Begins a transaction; answers the backend that has it.
async fn begin(client: &Client) -> Result<i32, PoolerFinding> {
    let begun = within(client.batch_execute("begin read only")).await;
    // PostgreSQL never refuses BEGIN this way.
    begun.map_err(|found| match found {
        PoolerFinding::Nothing(why) if why.contains("statement pooling mode") => {
            PoolerFinding::Unfit(Unfit::TransactionsAreRefused)
        }
        other => other,
    })?;
    let rows = within(client.query_typed("select pg_catalog.pg_backend_pid()", &[])).await?;
    rows.first().map(|row| row.get(0)).ok_or_else(|| PoolerFinding::Nothing("no answer".to_owned()))
}

async fn rollback(client: &Client) -> Result<(), PoolerFinding> {
    within(client.batch_execute("rollback")).await
}

async fn within<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, PoolerFinding> {
    timeout(PATIENCE, asked).await.map_err(|_| slow())?.map_err(|error| found(&error))
}

/// A backend never forgets a statement within a second, nor knows one before it was prepared.
fn found(error: &Error) -> PoolerFinding {
    match error.code() {
        Some(&SqlState::INVALID_SQL_STATEMENT_NAME | &SqlState::DUPLICATE_PSTATEMENT) => {
            PoolerFinding::Unfit(Unfit::NamesAreLost)
        }
        _ => PoolerFinding::Nothing(describe(error)),
    }
}

fn slow() -> PoolerFinding {
    PoolerFinding::Nothing("an answer took too long".to_owned())
}
