//! From a host name to a tenant: a subdomain of the base domain, or a tenant's own verified domain.
use std::{
    borrow::Cow,
    net::IpAddr,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, Uri, header::HOST, uri::Authority};
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::TenantId;
use crate::{Error, Result, db::Db, error::Violation, from_row, sql};

/// How long a host's tenant is remembered. A stale answer opens nothing: it can only make a request
/// disagree with its token, or name a tenant in which the membership is asked anyway.
const FRESH: Duration = Duration::from_secs(30);
const REMEMBERED: usize = 10_000;

/// Which hosts stand for which tenant.
pub struct Hosts {
    base_domain: String,
    neutral: Vec<String>,
    remembered: Cache<String, (TenantId, Instant)>,
}

struct HostTenant(Option<Uuid>);
from_row! { HostTenant: "tenant_id" }

impl Hosts {
    /// `neutral` are names that stand for no tenant, besides the base domain itself, `localhost` and
    /// bare addresses.
    #[must_use]
    pub fn new(base_domain: &str, neutral: &[String]) -> Self {
        let base_domain = normal(base_domain).into_owned();
        let mut neutral: Vec<String> = neutral.iter().map(|name| normal(name).into_owned()).collect();
        neutral.extend([base_domain.clone(), format!("api.{base_domain}"), "localhost".to_owned()]);
        Self { base_domain, neutral, remembered: Cache::new(REMEMBERED) }
    }

    /// Whether a name is the platform's own, or a subdomain of its: no tenant can claim it.
    #[must_use]
    pub fn is_ours(&self, domain: &str) -> bool {
        let below = |name: &String| {
            domain.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.neutral.iter().any(below)
    }

    /// Forgets which tenant a host stands for, because that has just changed.
    pub fn forget(&self, host: &str) {
        self.remembered.remove(host);
    }

    /// The tenant the request's host stands for, if that was asked lately.
    pub(super) fn remembered(&self, uri: &Uri, headers: &HeaderMap) -> Option<TenantId> {
        self.recall(&self.telling(uri, headers).ok()??)
    }

    /// The host, if it can stand for a tenant.
    fn telling<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<Cow<'a, str>>> {
        let is_neutral = |host: &str| self.neutral.iter().any(|neutral| neutral == host) || is_address(host);
        Ok(host_name(uri, headers)?.filter(|host| !is_neutral(host)))
    }

    fn recall(&self, host: &str) -> Option<TenantId> {
        self.remembered.get(host).filter(|(_, when)| when.elapsed() < FRESH).map(|(tenant, _)| tenant)
    }

    /// The tenant the request's host stands for, if it stands for one.
    ///
    /// A name nobody has stands for the tenant nobody is a member of (the nil UUID, RFC 9562 §5.9), so
    /// that a foreign tenant's host and a missing one are answered alike, by the same path.
    pub async fn tenant(&self, db: &Db, uri: &Uri, headers: &HeaderMap) -> Result<Option<TenantId>> {
        let Some(host) = self.telling(uri, headers)? else { return Ok(None) };
        if let Some(tenant) = self.recall(&host) {
            return Ok(Some(tenant));
        }
        Box::pin(self.look_up(db, &host)).await.map(Some)
    }

    async fn look_up(&self, db: &Db, host: &str) -> Result<TenantId> {
        let slug = host.strip_suffix(self.base_domain.as_str()).and_then(|rest| rest.strip_suffix('.'));
        let domain = slug.is_none().then_some(host);
        let mut conn = db.public().await?;
        let found: HostTenant = conn.read().last().one(sql!("auth/tenant_of_host"), &[&slug, &domain]).await?;
        // Only what was found is remembered: a tenant may be made, and a domain proven, the next moment.
        if let Some(tenant) = found.0.map(TenantId::assume_verified) {
            self.remembered.insert(host.to_owned(), (tenant, Instant::now()));
            return Ok(tenant);
        }
        Ok(TenantId::assume_verified(Uuid::nil()))
    }
}

/// The request's host without port, in lower case (RFC 9112 §3.2: exactly one, and well-formed).
pub fn host_name<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<Cow<'a, str>>> {
    let wrong = |detail| Error::BadRequest(vec![Violation::parameter("Host", "invalid", detail)]);
    let mut given = headers.get_all(HOST).iter();
    let host = match (uri.authority(), given.next(), given.next()) {
        (_, _, Some(_)) => return Err(wrong("is given more than once")),
        (Some(authority), _, _) => authority.as_str(),
        (None, Some(host), None) => host.to_str().map_err(|_| wrong("is not a host name"))?,
        (None, None, None) => return Ok(None),
    };
    let (name, port) = match host.rsplit_once(']') {
        Some((_, port)) => (&host[..host.len() - port.len()], port.strip_prefix(':')),
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let is_port = port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok());
    // Most are plain names; what else there is, is looked at in full.
    let plain =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if !is_port || host.contains('@') || !(plain || host.parse::<Authority>().is_ok()) {
        return Err(wrong("is not a host name"));
    }
    // RFC 1035 §2.3.4.
    if name.len() > 253 {
        return Err(wrong("is longer than any host name"));
    }
    Ok(Some(normal(name)))
}

fn normal(host: &str) -> Cow<'_, str> {
    let host = host.trim_end_matches('.');
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) { host.to_ascii_lowercase().into() } else { host.into() }
}

fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}
