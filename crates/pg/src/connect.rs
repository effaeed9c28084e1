//! Connecting: TLS, and readable reasons.
use std::{error::Error as _, str::FromStr, sync::LazyLock};

use secrecy::SecretString;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Failure;

/// TLS towards PostgreSQL, verified against the system's certificates. Used when the server offers it
/// or the URL's `sslmode` asks for it; never over a Unix socket.
#[must_use]
pub fn tls() -> MakeRustlsConnect {
    static TLS: LazyLock<MakeRustlsConnect> = LazyLock::new(|| {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let _ = provider.install_default(); // Err: another part of the process was first, with the same
        MakeRustlsConnect::with_native_certs().map_or_else(
            |_| {
                // No certificate store on this machine: connections without TLS still work, and those
                // with TLS fail when the server's certificate meets an empty list.
                let nobody = rustls::ClientConfig::builder()
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth();
                MakeRustlsConnect::new(nobody)
            },
            |(tls, _)| tls,
        )
    });
    TLS.clone()
}

/// The whole chain of an error in one line, for an operator's eyes: it may quote database text.
#[must_use]
pub fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let mut text = format!("{} (SQLSTATE {})", db.message(), db.code().code());
        for more in [db.detail(), db.hint(), db.where_()].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(more);
        }
        return text;
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Connects outside the pool and drives the connection in a task of its own.
pub async fn open(config: &Config) -> Result<Client, Failure> {
    let mut config = config.clone();
    config.connect_timeout(std::time::Duration::from_secs(5));
    let (client, connection) = config.connect(tls()).await.map_err(|error| {
        let user = config.get_user().unwrap_or("(no user)");
        let database = config.get_dbname().unwrap_or(user);
        Failure(format!("cannot connect to database {database} as {user}: {}", describe(&error)))
    })?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %describe(&error), "a command's connection ended");
        }
    });
    Ok(client)
}

/// Reads a connection URL (`postgresql://…`) or a key-value string.
pub fn parse(url: &str) -> Result<Config, Failure> {
    Config::from_str(url).map_err(|error| {
        Failure(format!(
            "not a PostgreSQL connection URL ({error}); it looks like postgresql://user:password@host:5432/database"
        ))
    })
}

/// The same database as another role, as a key-value string.
pub fn as_role(url: &str, role: &str, password: Option<&str>) -> Result<String, Failure> {
    let config = parse(url)?;
    let database = config.get_dbname().or(config.get_user()).unwrap_or("postgres");
    Ok(key_values(&config, role, database, password))
}

/// Another database of the same server for PostgreSQL's own programs: a key-value string without the
/// password, and the password, which belongs into their environment and not on their command line.
pub fn for_programs(url: &str, database: &str) -> Result<(String, Option<SecretString>), Failure> {
    let config = parse(url)?;
    let password = config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned().into());
    Ok((key_values(&config, config.get_user().unwrap_or("postgres"), database, None), password))
}

fn key_values(config: &Config, role: &str, database: &str, password: Option<&str>) -> String {
    use tokio_postgres::config::{Host, SslMode};
    let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        })
        .collect();
    let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
    let mut text = format!("user={}", quoted(role));
    for (key, value) in [("host", hosts.join(",")), ("port", ports.join(",")), ("dbname", database.to_owned())] {
        if !value.is_empty() {
            text.push_str(&format!(" {key}={}", quoted(&value)));
        }
    }
    match config.get_ssl_mode() {
        SslMode::Disable => text.push_str(" sslmode=disable"),
        SslMode::Require => text.push_str(" sslmode=require"),
        _ => {}
    }
    if let Some(password) = password {
        text.push_str(&format!(" password={}", quoted(password)));
    }
    text
}
