//! How statements are sent: by a name the connection keeps, or whole each time, with their types.
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, PoisonError, RwLock},
};

use deadpool_postgres::ClientWrapper;
use postgres_types::{ToSql, Type};
use rowhouse_pg::Sql;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement, error::SqlState};

use crate::{Error, Result, settings::Settings, wire::Wire};

/// How statements are sent to PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statements {
    /// Prepared once on each connection, under a name: for PostgreSQL itself, and for PgBouncer 1.21 and later.
    #[default]
    Named,
    /// Sent whole each time, without a name: for poolers that give each transaction another connection and
    /// carry no names.
    Unnamed,
}

/// The parameter types of each statement, by its text.
type Types = HashMap<&'static str, Arc<[Type]>>;

/// What one pool knows about the statements it sends.
#[derive(Clone, Debug)]
pub(crate) enum StatementCache {
    Named,
    /// Types are learned at a statement's first use in this process.
    Unnamed(Arc<RwLock<Types>>),
}

/// A statement that can be sent at once.
pub(crate) enum Ready {
    Named(Statement),
    Unnamed(&'static str, Arc<[Type]>),
}

impl StatementCache {
    pub(crate) fn new(statements: Statements) -> Self {
        match statements {
            Statements::Named => Self::Named,
            Statements::Unnamed => Self::Unnamed(Arc::default()),
        }
    }

    /// The statement, if nothing has to be asked inside a transaction first. A named statement's first use
    /// on a connection is a round trip, outside any transaction or in the one that is open.
    pub(crate) async fn ready(&self, wire: &mut Wire, sql: Sql, settings: &Settings) -> Result<Option<Ready>> {
        match self {
            Self::Named => match wire.line.carry(pin!(wire.client.prepare_cached(sql.text()))).await {
                Ok(statement) => Ok(Some(Ready::Named(statement))),
                Err(error) => Err(settings.classify(sql.name(), &error)),
            },
            Self::Unnamed(types) => {
                let types = types.read().unwrap_or_else(PoisonError::into_inner).get(sql.text()).cloned();
                Ok(types.map(|types| Ready::Unnamed(sql.text(), types)))
            }
        }
    }

    /// Asks for a statement's parameter types, inside the transaction that is going to send it.
    ///
    /// `PREPARE` is undone in the message that sends it, so nothing is left on a connection that others
    /// use next; a name of the protocol would be, if this future were dropped between its round trips.
    pub(crate) async fn learn(&self, wire: &mut Wire, sql: Sql, settings: &Settings) -> Result<Ready> {
        let ask = format!(
            "prepare rowhouse_learns as {}
             ; select parameter_types::oid[] from pg_catalog.pg_prepared_statements where name = 'rowhouse_learns'
             ; deallocate rowhouse_learns",
            sql.text()
        );
        let answers = wire.line.carry(pin!(wire.client.simple_query(&ask))).await;
        let answers = answers.map_err(|error| settings.classify(sql.name(), &error))?;
        let listed = answers.iter().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let types = listed.and_then(built_in_types).ok_or_else(|| {
            Error::internal(format!("{}: a parameter is of no built-in type; it cannot be sent unnamed", sql.name()))
        })?;
        if let Self::Unnamed(known) = self {
            known.write().unwrap_or_else(PoisonError::into_inner).insert(sql.text(), types.clone());
        }
        Ok(Ready::Unnamed(sql.text(), types))
    }

    /// Takes note of a failure, and says what follows for the connection. What may have changed since the statement was
    /// prepared is forgotten, and learned anew at the next use.
    pub(crate) fn failed(&self, client: &ClientWrapper, sql: Sql, error: &tokio_postgres::Error) -> After {
        match self {
            Self::Named => match error.code() {
                // "cached plan must not change result type": a migration has changed what it answers.
                Some(&SqlState::FEATURE_NOT_SUPPORTED) => {
                    drop(client.statement_cache.remove(sql.text(), &[]));
                    After::Again
                }
                Some(&SqlState::INVALID_SQL_STATEMENT_NAME) => After::ConnectionGoes,
                _ => After::Nothing,
            },
            Self::Unnamed(known) => {
                // Class 42 is what parsing finds wrong; without a SQLSTATE, Rust could not write a parameter.
                let doubtful = error
                    .code()
                    .is_none_or(|code| code.code().starts_with("42") && *code != SqlState::INSUFFICIENT_PRIVILEGE);
                if doubtful {
                    known.write().unwrap_or_else(PoisonError::into_inner).remove(sql.text());
                }
                After::Nothing
            }
        }
    }
}

/// What follows from a statement's failure for the connection it failed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Nothing,
    /// Prepared again it may succeed: where nothing was done before it in its transaction, it is sent once more.
    Again,
    /// The connection does not know it any more and never will.
    ConnectionGoes,
}

impl Ready {
    /// How many parameters it takes.
    pub(crate) fn takes(&self) -> usize {
        match self {
            Self::Named(statement) => statement.params().len(),
            Self::Unnamed(_, types) => types.len(),
        }
    }

    /// Sends it when first polled, in one message either way.
    pub(crate) async fn query(
        &self,
        client: &Client,
        bound: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self {
            Self::Named(statement) => client.query(statement, bound).await,
            Self::Unnamed(text, types) => {
                let params: Vec<_> = bound.iter().copied().zip(types.iter().cloned()).collect();
                client.query_typed(text, &params).await
            }
        }
    }
}

/// Reads `{2950,25}`.
fn built_in_types(listed: &str) -> Option<Arc<[Type]>> {
    let oids = listed.strip_prefix('{')?.strip_suffix('}')?;
    oids.split(',').filter(|oid| !oid.is_empty()).map(|oid| Type::from_oid(oid.parse().ok()?)).collect()
}
