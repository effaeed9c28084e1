//! `TenantReads` or `TenantWrites` → `Tx` → committed. Each arrow consumes or borrows the one before.
//!
//! A transaction begins with its first statement and may end with its last, in the same flush: `BEGIN`
//! and `SET LOCAL`, the prepared statement and `COMMIT` leave together before the first answer is awaited.
//!
//! ```no_run
//! # use rowhouse_walls::{Result, Sql, TenantReads};
//! # async fn f(mut conn: TenantReads, note: Sql, id: uuid::Uuid) -> Result<()> {
//! let one: Option<uuid::Uuid> = conn.read().last().optional(note, &[&id]).await?;
//! # Ok(()) }
//! ```
//! A query without a transaction does not compile:
//! ```compile_fail,E0599
//! # use rowhouse_walls::{Result, Sql, TenantReads};
//! # async fn f(mut conn: TenantReads, notes: Sql) -> Result<()> {
//! let all: Vec<uuid::Uuid> = conn.all(notes, &[]).await?;
//! # Ok(()) }
//! ```
//! nor one after `commit`:
//! ```compile_fail,E0382
//! # use rowhouse_walls::{Result, Sql, TenantReads};
//! # async fn f(mut conn: TenantReads, notes: Sql) -> Result<()> {
//! let mut tx = conn.read();
//! tx.commit().await?;
//! let all: Vec<uuid::Uuid> = tx.all(notes, &[]).await?;
//! # Ok(()) }
//! ```
//! nor one after the last:
//! ```compile_fail,E0382
//! # use rowhouse_walls::{Result, Sql, TenantReads};
//! # async fn f(mut conn: TenantReads, notes: Sql) -> Result<()> {
//! let tx = conn.read();
//! let all: Vec<uuid::Uuid> = tx.last().all(notes, &[]).await?;
//! tx.commit().await?;
//! # Ok(()) }
//! ```
//! nor two transactions at once on one connection:
//! ```compile_fail,E0499
//! # use rowhouse_walls::{Result, TenantWrites};
//! # async fn f(mut conn: TenantWrites) -> Result<()> {
//! let (one, two) = (conn.read(), conn.snapshot());
//! one.commit().await?;
//! two.commit().await?;
//! # Ok(()) }
//! ```
//! nor a write on a connection for reading:
//! ```compile_fail,E0599
//! # use rowhouse_walls::{Result, Sql, TenantReads};
//! # async fn f(mut conn: TenantReads, remove: Sql, id: uuid::Uuid) -> Result<()> {
//! conn.write().last().optional::<()>(remove, &[&id]).await?;
//! # Ok(()) }
//! ```
use std::{marker::PhantomData, time::Duration};

use futures_util::future::join3;
use rowhouse_pg::{FromRow, Params, Sql};
use tokio_postgres::{Row, error::SqlState};

use crate::{
    Error, Result,
    error::lost_a_race,
    lease::Lease,
    preamble::Scope,
    statements::{After, Ready},
};

/// Kinds of transaction.
pub trait Mode {
    #[doc(hidden)]
    const BEGIN: &'static str;
}
/// Reads only.
#[derive(Debug)]
pub enum Read {}
/// Reads only, and every statement sees what the first one saw.
#[derive(Debug)]
pub enum Snapshot {}
/// Reads and writes.
#[derive(Debug)]
pub enum Write {}
impl Mode for Read {
    const BEGIN: &'static str = "begin isolation level read committed read only";
}
impl Mode for Snapshot {
    const BEGIN: &'static str = "begin isolation level repeatable read read only";
}
impl Mode for Write {
    const BEGIN: &'static str = "begin isolation level read committed read write";
}

/// A transaction in which PostgreSQL knows who asks. It begins with its first statement.
///
/// In a tenant's transaction `$1` of every statement is the tenant, bound here and nowhere else.
/// Dropped without [`commit`](Self::commit) or [`last`](Self::last), it is rolled back with its connection,
/// which takes no other transaction.
#[must_use = "a transaction that is not committed is rolled back"]
#[derive(Debug)]
pub struct Tx<'c, M: Mode> {
    lease: &'c mut Lease,
    scope: Scope,
    state: State,
    within: Option<Duration>,
    lost_a_race: bool,
    /// The statement was prepared for what a migration has changed since.
    outdated: bool,
    mode: PhantomData<M>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    NotBegun,
    Open,
    /// A statement failed, or its answer was not waited for: there is nothing to commit.
    Failed,
}

impl<'c, M: Mode> Tx<'c, M> {
    pub(crate) fn new(lease: &'c mut Lease, scope: Scope) -> Self {
        Self {
            lease,
            scope,
            state: State::NotBegun,
            within: None,
            lost_a_race: false,
            outdated: false,
            mode: PhantomData,
        }
    }

    /// Each statement may take so long, which is less than all may (the role's `statement_timeout`): for what a
    /// caller can make as costly as they like. A statement that takes longer is [`Error::TooCostly`].
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = Some(limit);
        self
    }

    /// All rows.
    pub async fn all<T: FromRow>(&mut self, sql: Sql, params: Params<'_>) -> Result<Vec<T>> {
        let rows = self.run(sql, params, false).await?;
        read_all(sql, &rows)
    }

    /// The first row, if any.
    pub async fn optional<T: FromRow>(&mut self, sql: Sql, params: Params<'_>) -> Result<Option<T>> {
        let rows = self.run(sql, params, false).await?;
        read_first(sql, &rows)
    }

    /// The first row; a statement that answers none is a bug and becomes an internal error.
    pub async fn one<T: FromRow>(&mut self, sql: Sql, params: Params<'_>) -> Result<T> {
        self.optional(sql, params).await?.ok_or_else(|| no_row(sql))
    }

    /// The statement that follows is the last: `COMMIT` leaves with it.
    pub fn last(self) -> Last<'c, M> {
        Last(self)
    }

    /// Ends the transaction. Nothing is sent when no statement was.
    pub async fn commit(self) -> Result<()> {
        match self.state {
            State::NotBegun => Ok(()),
            State::Failed => Err(Error::internal("committed a transaction in which a statement had failed")),
            State::Open => {
                let ended = self.lease.client()?.batch_execute("commit").await;
                self.lease.in_transaction = ended.is_err();
                ended.map_err(|error| self.lease.settings.classify("commit", &error))
            }
        }
    }

    /// Undoes everything and gives the connection back in order. Dropping does the same at the price of
    /// the connection.
    pub async fn rollback(self) -> Result<()> {
        if self.state == State::Open {
            self.lease.in_transaction = self.lease.client()?.batch_execute("rollback").await.is_err();
        }
        Ok(())
    }

    /// Sends one statement, and once more where it was the whole transaction and lost a race with another: PostgreSQL has
    /// ended one of two that waited for each other, and undone all it did. Once more as well where it was the first of its
    /// transaction and had been prepared for a table that a migration has changed since.
    async fn run(&mut self, sql: Sql, params: Params<'_>, commit: bool) -> Result<Vec<Row>> {
        let first = self.state == State::NotBegun;
        let sent = self.send(sql, params, commit).await;
        let (lost, outdated) = (std::mem::take(&mut self.lost_a_race), std::mem::take(&mut self.outdated));
        if !first || !(lost && commit || outdated) || self.lease.in_transaction {
            return sent;
        }
        self.state = State::NotBegun;
        self.send(sql, params, commit).await
    }

    /// Sends one statement, with `BEGIN` before it if it is the first and `COMMIT` after it if it is the
    /// last, all in one flush.
    async fn send(&mut self, sql: Sql, params: Params<'_>, commit: bool) -> Result<Vec<Row>> {
        if self.state == State::Failed {
            return Err(Error::internal("used a transaction in which a statement had failed"));
        }
        let begins = self.state == State::NotBegun;
        if begins && self.lease.in_transaction {
            return Err(Error::internal("began on a connection whose last transaction had not ended"));
        }
        // Until the answers are in: a future dropped half-way leaves it so, and nothing more is sent.
        self.state = State::Failed;
        let client = self.lease.client()?;
        // Known after its first use: no round trip from then on.
        let known = self.lease.statements.ready(client, sql, &self.lease.settings).await?;
        let mut begin =
            begins.then(|| self.scope.preamble(&self.lease.settings, M::BEGIN, self.within, self.lease.locks));
        let statement = match known {
            Some(statement) => statement,
            None => Box::pin(self.learn(sql, begin.take())).await?,
        };

        let tenant = self.scope.tenant();
        let mut bound: Vec<&(dyn postgres_types::ToSql + Sync)> = Vec::with_capacity(params.len() + 1);
        if let Some(tenant) = &tenant {
            bound.push(tenant);
        }
        bound.extend(params);
        if bound.len() != statement.takes() {
            let (takes, given) = (statement.takes(), bound.len());
            return Err(Error::internal(format!("{} takes {takes} parameters and was given {given}", sql.name())));
        }

        self.lease.in_transaction = true;
        let client = self.lease.client()?;
        // Each future queues its message when it is first polled, in this order; the connection's task
        // runs after that and writes all three at once. rowhouse's tests/api/flush.rs holds the answers
        // back to show that none is awaited in between.
        let (opened, answered, ended) = join3(
            async {
                match &begin {
                    Some(text) => client.batch_execute(text).await,
                    None => Ok(()),
                }
            },
            statement.query(client, &bound),
            async { if commit { client.batch_execute("commit").await } else { Ok(()) } },
        )
        .await;

        let rows = match (opened, answered) {
            (Ok(()), Ok(rows)) => rows,
            (opened, answered) => {
                // After a failed statement COMMIT rolls back, and it has been answered: the session is
                // idle. Otherwise say so ourselves. Whatever goes wrong here costs the connection.
                let over = if commit { ended } else { client.batch_execute("rollback").await };
                let lost = opened.is_err() || over.is_err();
                let error = opened.err().or(answered.err());
                let after =
                    error.as_ref().map_or(After::Nothing, |error| self.lease.statements.failed(client, sql, error));
                self.outdated = after == After::Again;
                // Where its session has to go, the next connection starts afresh.
                self.lease.in_transaction = lost || after == After::ConnectionGoes;
                self.lost_a_race = error.as_ref().is_some_and(lost_a_race);
                let gave_up = error.as_ref().is_some_and(|error| error.code() == Some(&SqlState::QUERY_CANCELED));
                let error = error.map_or_else(
                    || Error::internal("a statement failed without an error"),
                    |error| self.lease.settings.classify(sql.name(), &error),
                );
                return Err(match self.within {
                    Some(limit) if gave_up => Error::TooCostly(limit),
                    _ => error,
                });
            }
        };
        if commit {
            self.lease.in_transaction = ended.is_err();
            ended.map_err(|error| self.lease.settings.classify("commit", &error))?;
        }
        self.state = State::Open;
        Ok(rows)
    }

    /// Begins if there is something to begin with, and asks for a statement's types: at its first use in
    /// this process, when statements have no names.
    async fn learn(&mut self, sql: Sql, begin: Option<String>) -> Result<Ready> {
        self.lease.in_transaction = true;
        let client = self.lease.client()?;
        if let Some(begin) = begin {
            client.batch_execute(&begin).await.map_err(|error| self.lease.settings.classify("begin", &error))?;
        }
        let learned = self.lease.statements.learn(client, sql, &self.lease.settings).await;
        if learned.is_err() {
            self.lease.in_transaction = client.batch_execute("rollback").await.is_err();
        }
        learned
    }
}

/// A transaction whose next statement is its last.
#[doc(alias = "pipelined commit")]
#[must_use = "a transaction that is not committed is rolled back"]
#[derive(Debug)]
pub struct Last<'c, M: Mode>(Tx<'c, M>);

impl<M: Mode> Last<'_, M> {
    /// All rows, committed.
    pub async fn all<T: FromRow>(mut self, sql: Sql, params: Params<'_>) -> Result<Vec<T>> {
        let rows = self.0.run(sql, params, true).await?;
        read_all(sql, &rows)
    }

    /// The first row, if any, committed.
    pub async fn optional<T: FromRow>(mut self, sql: Sql, params: Params<'_>) -> Result<Option<T>> {
        let rows = self.0.run(sql, params, true).await?;
        read_first(sql, &rows)
    }

    /// The first row, committed; a statement that answers none is a bug and becomes an internal error.
    pub async fn one<T: FromRow>(self, sql: Sql, params: Params<'_>) -> Result<T> {
        self.optional(sql, params).await?.ok_or_else(|| no_row(sql))
    }
}

fn read_all<T: FromRow>(sql: Sql, rows: &[Row]) -> Result<Vec<T>> {
    rows.iter().map(|row| T::from_row(row).map_err(|error| unreadable(sql, &error))).collect()
}

fn read_first<T: FromRow>(sql: Sql, rows: &[Row]) -> Result<Option<T>> {
    rows.first().map(|row| T::from_row(row).map_err(|error| unreadable(sql, &error))).transpose()
}

fn unreadable(sql: Sql, error: &tokio_postgres::Error) -> Error {
    Error::Internal(format!("{}: {error}", sql.name()))
}

fn no_row(sql: Sql) -> Error {
    Error::internal(format!("{} answered no row", sql.name()))
}
