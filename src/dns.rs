//! TXT records, by which a tenant proves that a domain is its own.
use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};

use crate::{Error, Result, error::Failure};

/// What a look-up answers, when it does.
pub type Texts<'a> = Pin<Box<dyn Future<Output = Result<Vec<String>>> + Send + 'a>>;

/// Looks up TXT records.
pub trait TxtLookup: Send + Sync {
    /// The texts at a name; none when there is no such name. Fails when nobody answers.
    fn texts<'a>(&'a self, name: &'a str) -> Texts<'a>;
}

/// Where the record has to be that proves a domain, and what it has to say.
#[must_use]
pub fn txt_record(domain: &str, challenge: &str) -> (String, String) {
    (format!("_rowhouse.{domain}"), format!("rowhouse-verify={challenge}"))
}

/// Asks name servers (RFC 1035): those of the machine, or others.
pub struct NameServers {
    resolver: TokioResolver,
}

impl std::fmt::Debug for NameServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NameServers").finish_non_exhaustive()
    }
}

impl NameServers {
    /// `servers` empty stands for the machine's own.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, Failure> {
        resolver(servers).map(|resolver| Self { resolver })
    }
}

/// Asks these name servers, or the machine's own where there are none, and keeps no answer.
pub fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, Failure> {
    let failed = |error: NetError| Failure(format!("name servers cannot be asked: {error}"));
    let mut builder = if servers.is_empty() {
        Resolver::builder_tokio().map_err(failed)?
    } else {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.to_vec())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        Resolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.timeout = Duration::from_secs(2);
    options.attempts = 1;
    // Whoever has just added a record does not want to hear for an hour that there was none.
    options.cache_size = 0;
    builder.build().map_err(failed)
}

impl TxtLookup for NameServers {
    fn texts<'a>(&'a self, name: &'a str) -> Texts<'a> {
        Box::pin(async move {
            match self.resolver.txt_lookup(format!("{name}.")).await {
                Ok(found) => Ok(found
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        // One text may come in several strings (RFC 7208 §3.3 says how they are joined).
                        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
                        _ => None,
                    })
                    .collect()),
                Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
                Err(error) => {
                    tracing::warn!(%error, "a name server did not answer");
                    Err(Error::NoNameServer)
                }
            }
        })
    }
}
