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
use std::{marker::PhantomData, pin::pin, time::Duration};

use futures_util::future::{join_all, join4};
use rowhouse_pg::{FromRow, Params, Sql};
use tokio_postgres::error::SqlState;

use crate::{
    Error, Result,
    error::lost_a_race,
    lease::Lease,
    preamble::Scope,
    rows::Rows,
    statements::{After, Ready},
    wire::Wire,
};

/// A statement with what it takes.
pub type Call<'p> = (Sql, Params<'p>);

/// Kinds of transaction.
pub trait Mode {
    #[doc(hidden)]
    const BEGIN: &'static str;
    #[doc(hidden)]
    const WRITES: bool = false;
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
    const WRITES: bool = true;
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
        self.run(&[], (sql, params), false).await?.1.all()
    }

    /// The first row, if any.
    pub async fn optional<T: FromRow>(&mut self, sql: Sql, params: Params<'_>) -> Result<Option<T>> {
        self.run(&[], (sql, params), false).await?.1.optional()
    }

    /// The first row; a statement that answers none is a bug and becomes an internal error.
    pub async fn one<T: FromRow>(&mut self, sql: Sql, params: Params<'_>) -> Result<T> {
        self.run(&[], (sql, params), false).await?.1.one()
    }

    /// A statement after others of which it needs no answer, all in one flush: what those answered, in their order, and what it did.
    /// Each is done only if those before it were; the error is that of the first that was not.
    pub async fn after<const N: usize>(
        &mut self,
        before: [Call<'_>; N],
        sql: Sql,
        params: Params<'_>,
    ) -> Result<([Rows; N], Rows)> {
        self.run(&before, (sql, params), false).await.and_then(each)
    }

    /// [`after`](Self::after) as many as there are.
    pub async fn after_all(&mut self, before: &[Call<'_>], sql: Sql, params: Params<'_>) -> Result<(Vec<Rows>, Rows)> {
        self.run(before, (sql, params), false).await
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
                let (wire, _) = self.lease.wire()?;
                let ended = wire.line.carry(pin!(wire.client.batch_execute("commit"))).await;
                self.lease.in_transaction = ended.is_err();
                ended.map_err(|error| self.lease.settings.classify("commit", &error))?;
                self.tell();
                Ok(())
            }
        }
    }

    /// It is committed, and may have written.
    fn tell(&self) {
        if M::WRITES
            && let (Some(committed), Some(tenant)) = (&self.lease.committed, self.scope.inside())
        {
            committed.tell(tenant);
        }
    }

    /// Undoes everything and gives the connection back in order. Dropping does the same at the price of
    /// the connection.
    pub async fn rollback(self) -> Result<()> {
        if self.state == State::Open {
            let (wire, _) = self.lease.wire()?;
            let ended = wire.line.carry(pin!(wire.client.batch_execute("rollback"))).await;
            self.lease.in_transaction = ended.is_err();
        }
        Ok(())
    }

    /// Another transaction on the same connection, where this one has failed and been undone.
    pub fn anew(&mut self) -> Tx<'_, M> {
        Tx { within: self.within, ..Tx::new(self.lease, self.scope) }
    }

    /// Sends statements, and once more where they were the whole transaction and it lost a race with another: PostgreSQL has
    /// ended one of two that waited for each other, and undone all it did. Once more as well where they were the first of their
    /// transaction and one had been prepared for a table that a migration has changed since.
    async fn run(&mut self, before: &[Call<'_>], with: Call<'_>, commit: bool) -> Result<(Vec<Rows>, Rows)> {
        let first = self.state == State::NotBegun;
        let sent = self.send(before, with, commit).await;
        let (lost, outdated) = (std::mem::take(&mut self.lost_a_race), std::mem::take(&mut self.outdated));
        if !first || !(lost && commit || outdated) || self.lease.in_transaction {
            return sent;
        }
        self.state = State::NotBegun;
        self.send(before, with, commit).await
    }

    /// Sends statements, with `BEGIN` before them if they are the first and `COMMIT` after them if they are the
    /// last, all in one flush.
    async fn send(&mut self, before: &[Call<'_>], last: Call<'_>, commit: bool) -> Result<(Vec<Rows>, Rows)> {
        if self.state == State::Failed {
            return Err(Error::internal("used a transaction in which a statement had failed"));
        }
        let begins = self.state == State::NotBegun;
        if begins && self.lease.in_transaction {
            return Err(Error::internal("began on a connection whose last transaction had not ended"));
        }
        // Until the answers are in: a future dropped half-way leaves it so, and nothing more is sent.
        self.state = State::Failed;
        let mut begin = begins
            .then(|| self.scope.preamble(&self.lease.settings, M::BEGIN, M::WRITES, self.within, self.lease.locks));
        let mut earlier = Vec::with_capacity(before.len());
        for call in before {
            earlier.push(self.ready(call.0, &mut begin).await?);
        }
        let (sql, params) = last;
        let statement = self.ready(sql, &mut begin).await?;

        let tenant = self.scope.tenant();
        let bound_before = before
            .iter()
            .zip(&earlier)
            .map(|((sql, params), statement)| bind(tenant.as_ref(), *sql, params, statement))
            .collect::<Result<Vec<_>>>()?;
        let bound = bind(tenant.as_ref(), sql, params, &statement)?;

        self.lease.in_transaction = true;
        let (Wire { client, line }, _) = self.lease.wire()?;
        // Each future queues its message when it is first polled, in this order; after that they are all written at
        // once. rowhouse's tests/api/flush.rs holds the answers back to show that none is awaited in between.
        let (opened, went_before, answered, ended) = line
            .carry(pin!(join4(
                async {
                    match &begin {
                        Some(text) => client.batch_execute(text).await,
                        None => Ok(()),
                    }
                },
                join_all(earlier.iter().zip(&bound_before).map(|(statement, bound)| statement.query(client, bound))),
                statement.query(client, &bound),
                async { if commit { client.batch_execute("commit").await } else { Ok(()) } },
            )))
            .await;

        let mut failed = opened.err().map(|error| (sql, error));
        let is_open = failed.is_none();
        let mut rows_before = Vec::with_capacity(before.len());
        for ((sql, _), answered) in before.iter().zip(went_before) {
            match answered {
                Ok(rows) => rows_before.push(Rows::new(*sql, rows)),
                Err(error) => failed = failed.or(Some((*sql, error))),
            }
        }
        let rows = match (failed, answered) {
            (None, Ok(rows)) => Rows::new(sql, rows),
            (failed, answered) => {
                let failed = failed.or_else(|| answered.err().map(|error| (sql, error)));
                return Err(Box::pin(self.undo(failed, is_open, commit.then_some(ended))).await);
            }
        };
        if commit {
            self.lease.in_transaction = ended.is_err();
            ended.map_err(|error| self.lease.settings.classify("commit", &error))?;
            self.tell();
        }
        self.state = State::Open;
        Ok((rows_before, rows))
    }

    /// A statement as it is sent. Where its types have to be asked for inside a transaction, this begins it.
    async fn ready(&mut self, sql: Sql, begin: &mut Option<String>) -> Result<Ready> {
        // Known after its first use: no round trip from then on. A first use that is given up half-way costs the connection, as a
        // transaction does: whoever had it next would wait for what this one has asked.
        let settings = self.lease.settings;
        let open = std::mem::replace(&mut self.lease.in_transaction, true);
        let (wire, statements) = self.lease.wire()?;
        let ready = statements.ready(wire, sql, &settings).await;
        self.lease.in_transaction = open;
        match ready? {
            Some(statement) => Ok(statement),
            None => Box::pin(self.learn(sql, begin.take())).await,
        }
    }

    /// What is left to do when a statement has failed, and why it did. `ended` is how `COMMIT` went, where it was sent.
    async fn undo(
        &mut self,
        failed: Option<(Sql, tokio_postgres::Error)>,
        begun: bool,
        ended: Option<Result<(), tokio_postgres::Error>>,
    ) -> Error {
        let (Wire { client, line }, statements) = match self.lease.wire() {
            Ok(parts) => parts,
            Err(error) => return error,
        };
        // After a failed statement COMMIT rolls back, and it has been answered: the session is
        // idle. Otherwise say so ourselves. Whatever goes wrong here costs the connection.
        let over = match ended {
            Some(ended) => ended,
            None => line.carry(pin!(client.batch_execute("rollback"))).await,
        };
        let lost = !begun || over.is_err();
        let Some((sql, error)) = failed else {
            self.lease.in_transaction = lost;
            return Error::internal("a statement failed without an error");
        };
        let after = statements.failed(client, sql, &error);
        self.outdated = after == After::Again;
        // Where its session has to go, the next connection starts afresh.
        self.lease.in_transaction = lost || after == After::ConnectionGoes;
        self.lost_a_race = lost_a_race(&error);
        match self.within {
            Some(limit) if error.code() == Some(&SqlState::QUERY_CANCELED) => Error::TooCostly(limit),
            _ => self.lease.settings.classify(sql.name(), &error),
        }
    }

    /// Begins if there is something to begin with, and asks for a statement's types: at its first use in
    /// this process, when statements have no names.
    async fn learn(&mut self, sql: Sql, begin: Option<String>) -> Result<Ready> {
        self.lease.in_transaction = true;
        let settings = self.lease.settings;
        let (wire, statements) = self.lease.wire()?;
        if let Some(begin) = begin {
            let answered = wire.line.carry(pin!(wire.client.batch_execute(&begin))).await;
            answered.map_err(|error| settings.classify("begin", &error))?;
        }
        let learned = statements.learn(wire, sql, &settings).await;
        if learned.is_err() {
            let ended = wire.line.carry(pin!(wire.client.batch_execute("rollback"))).await;
            self.lease.in_transaction = ended.is_err();
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
        self.0.run(&[], (sql, params), true).await?.1.all()
    }

    /// The first row, if any, committed.
    pub async fn optional<T: FromRow>(mut self, sql: Sql, params: Params<'_>) -> Result<Option<T>> {
        self.0.run(&[], (sql, params), true).await?.1.optional()
    }

    /// The first row, committed; a statement that answers none is a bug and becomes an internal error.
    pub async fn one<T: FromRow>(mut self, sql: Sql, params: Params<'_>) -> Result<T> {
        self.0.run(&[], (sql, params), true).await?.1.one()
    }

    /// [`Tx::after`], committed.
    pub async fn after<const N: usize>(
        mut self,
        before: [Call<'_>; N],
        sql: Sql,
        params: Params<'_>,
    ) -> Result<([Rows; N], Rows)> {
        self.0.run(&before, (sql, params), true).await.and_then(each)
    }
}

fn each<const N: usize>((before, rows): (Vec<Rows>, Rows)) -> Result<([Rows; N], Rows)> {
    let before = before.try_into().map_err(|_| Error::internal("statements were answered that were not sent"))?;
    Ok((before, rows))
}

/// What a statement is sent with: the tenant, where there is one, and what it was given.
fn bind<'p>(
    tenant: Option<&'p uuid::Uuid>,
    sql: Sql,
    params: Params<'p>,
    statement: &Ready,
) -> Result<Vec<&'p (dyn postgres_types::ToSql + Sync)>> {
    let mut bound: Vec<&(dyn postgres_types::ToSql + Sync)> = Vec::with_capacity(params.len() + 1);
    if let Some(tenant) = tenant {
        bound.push(tenant);
    }
    bound.extend(params);
    if bound.len() != statement.takes() {
        let (takes, given) = (statement.takes(), bound.len());
        return Err(Error::internal(format!("{} takes {takes} parameters and was given {given}", sql.name())));
    }
    Ok(bound)
}
