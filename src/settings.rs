//! Settings, from the environment or the command line; `.env.example` explains each to its user.
use std::{net::SocketAddr, path::PathBuf};

use axum::http::HeaderValue;
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret as _, SecretString};

pub use crate::db::{API_ROLE, GATE_ROLE};
use crate::{
    db::Statements,
    error::Failure,
    mail::{MailOptions, Mailer},
    server::origin,
    webhooks::{Rules, dial::Network},
};

/// How `rowhouse serve` is configured.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where PostgreSQL is, as the role that serves tenants.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: SecretString,
    /// The same database, as the role that serves who is not signed in, and one's own account.
    #[arg(long, env = "GATE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub gate_database_url: SecretString,
    /// Address and port to listen on.
    #[arg(long, env = "ROWHOUSE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Address and port where Prometheus reads figures at /metrics. They are of all tenants together: let no caller of the API
    /// reach it. None unless said.
    #[arg(long, env = "ROWHOUSE_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Directory with the signing keys; `rowhouse keys generate` fills it.
    #[arg(long, env = "ROWHOUSE_KEYS", value_name = "DIR")]
    pub keys: PathBuf,
    /// Settings with defaults that fit.
    #[command(flatten)]
    pub tuning: Tuning,
}

/// How letters are sent.
#[derive(Args, Clone, Debug)]
pub struct MailArgs {
    /// Where links in letters lead: the address of the pages that take their tokens.
    #[arg(long, env = "ROWHOUSE_APP_URL", default_value = "http://localhost:8080", value_name = "URL")]
    pub app_url: String,
    /// The server that takes letters, such as `smtps://user:password@host` or `smtp://host:587?tls=required`.
    #[arg(long, env = "ROWHOUSE_SMTP_URL", hide_env_values = true, value_name = "URL")]
    pub smtp_url: Option<SecretString>,
    /// Whom letters are from.
    #[arg(long, env = "ROWHOUSE_MAIL_FROM", default_value = "no-reply@rowhouse.localhost", value_name = "MAILBOX")]
    pub mail_from: String,
}

impl MailArgs {
    /// What holds a password, by the name of its setting.
    pub(crate) fn secret(&self) -> Option<(&'static str, &SecretString)> {
        self.smtp_url.as_ref().map(|url| ("ROWHOUSE_SMTP_URL", url))
    }

    /// Whoever sends them; connects to nobody yet.
    pub fn mailer(&self, profile: Profile) -> Result<Mailer, Failure> {
        Mailer::new(&MailOptions {
            smtp_url: self.smtp_url.as_ref(),
            from: &self.mail_from,
            app_url: &self.app_url,
            show: profile == Profile::Development,
        })
    }
}

/// Settings with defaults that fit.
#[derive(Args, Clone, Debug)]
pub struct Tuning {
    /// Subdomains of this domain stand for tenants: acme.example.com is the tenant acme.
    #[arg(long, env = "ROWHOUSE_BASE_DOMAIN", default_value = "localhost", value_name = "DOMAIN")]
    pub base_domain: String,
    /// Host names that stand for no tenant, besides the base domain, its `api.` subdomain and addresses.
    #[arg(long, env = "ROWHOUSE_HOSTS", value_delimiter = ',', value_name = "NAMES")]
    pub hosts: Vec<String>,
    /// `iss` of our tokens.
    #[arg(long, env = "ROWHOUSE_ISSUER", default_value = "https://rowhouse.localhost", value_name = "URL")]
    pub issuer: String,
    /// `aud` of our tokens.
    #[arg(long, env = "ROWHOUSE_AUDIENCE", default_value = "rowhouse", value_name = "NAME")]
    pub audience: String,
    /// How long an access token lives, in seconds; 900 at most.
    #[arg(long, env = "ROWHOUSE_TOKEN_SECONDS", default_value_t = 900, value_parser = clap::value_parser!(i64).range(10..=900), value_name = "N")]
    pub token_seconds: i64,
    /// Connections to PostgreSQL for tenants.
    #[arg(long, env = "ROWHOUSE_POOL", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=512), value_name = "N")]
    pub pool: u16,
    /// Of these, how many one tenant may have at once, so that none can take them all; half of them unless said.
    #[arg(long, env = "ROWHOUSE_POOL_SHARE", value_parser = clap::value_parser!(u16).range(1..=512), value_name = "N")]
    pub pool_share: Option<u16>,
    /// Connections to PostgreSQL for signing up and in and for one's own account.
    #[arg(long, env = "ROWHOUSE_GATE_POOL", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=512), value_name = "N")]
    pub gate_pool: u16,
    /// How long a request waits for a connection, in milliseconds.
    #[arg(long, env = "ROWHOUSE_POOL_WAIT_MS", default_value_t = 2000, value_name = "MS")]
    pub pool_wait_ms: u64,
    /// How statements are sent: named, or unnamed for a pooler that gives each transaction another connection.
    #[arg(long, env = "ROWHOUSE_STATEMENTS", value_enum, default_value_t = Statements::Named)]
    pub statements: Statements,
    /// How long a request may take, in milliseconds.
    #[arg(long, env = "ROWHOUSE_REQUEST_MS", default_value_t = 10_000, value_name = "MS")]
    pub request_ms: u64,
    /// Bytes a body may have.
    #[arg(long, env = "ROWHOUSE_BODY_BYTES", default_value_t = 1 << 20, value_name = "BYTES")]
    pub body_bytes: usize,
    /// Bytes a file of products may have.
    #[arg(long, env = "ROWHOUSE_IMPORT_BYTES", default_value_t = 256 << 20, value_name = "BYTES")]
    pub import_bytes: u64,
    /// Connections from callers at once; more are answered 503.
    #[arg(long, env = "ROWHOUSE_CONNECTIONS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub connections: u32,
    /// Connections at once of one network, an IPv4 address or an IPv6 /64; a quarter of all unless said. Behind proxies of our own
    /// there is no such limit.
    #[arg(long, env = "ROWHOUSE_CONNECTIONS_PER_NETWORK", value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub connections_per_network: Option<u32>,
    /// Streams open at once; half of all connections unless said. More are answered 503.
    #[arg(long, env = "ROWHOUSE_STREAMS", value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub streams: Option<u32>,
    /// Of these, how many one tenant may have; a quarter unless said, and a sixteenth once half of all are taken. More are answered 429.
    #[arg(long, env = "ROWHOUSE_STREAMS_PER_TENANT", value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub streams_per_tenant: Option<u32>,
    /// And how many one member or API key.
    #[arg(long, env = "ROWHOUSE_STREAMS_PER_PRINCIPAL", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub streams_per_principal: u32,
    /// How long an answer may wait to be taken, in milliseconds; whoever reads too slowly loses it too.
    #[arg(long, env = "ROWHOUSE_WRITE_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(100..=600_000), value_name = "MS")]
    pub write_ms: u64,
    /// How long to go on answering after SIGTERM, while /readyz says no, in milliseconds.
    #[arg(long, env = "ROWHOUSE_DRAIN_MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(0..=600_000), value_name = "MS")]
    pub drain_ms: u64,
    /// How long requests under way may take to finish after SIGTERM, in milliseconds.
    #[arg(long, env = "ROWHOUSE_GRACE_MS", default_value_t = 10_000, value_name = "MS")]
    pub grace_ms: u64,
    /// How long a session lives at most, in days.
    #[arg(long, env = "ROWHOUSE_SESSION_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=365), value_name = "N")]
    pub session_days: u32,
    /// How long a session lives without a refresh, in days.
    #[arg(long, env = "ROWHOUSE_SESSION_IDLE_DAYS", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=365), value_name = "N")]
    pub session_idle_days: u32,
    /// How long a browser's session lives without a request, in hours.
    #[arg(long, env = "ROWHOUSE_BROWSER_IDLE_HOURS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=8760), value_name = "N")]
    pub browser_idle_hours: u32,
    /// Proxies of our own in front, each of which adds to X-Forwarded-For; 0 looks at the connection alone.
    #[arg(long, env = "ROWHOUSE_TRUSTED_PROXIES", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=9), value_name = "N")]
    pub trusted_proxies: u8,
    /// How letters are sent, by whoever does jobs.
    #[command(flatten)]
    pub mail: MailArgs,
    /// Name servers that prove domains, as address:port; those of the machine unless said.
    #[arg(long, env = "ROWHOUSE_NAME_SERVERS", value_delimiter = ',', value_name = "ADDRESSES")]
    pub name_servers: Vec<SocketAddr>,
    /// Passwords checked at the same time; the number of cores unless said.
    #[arg(long, env = "ROWHOUSE_HASHES", value_name = "N")]
    pub hashes: Option<usize>,
    /// Where Redis is, such as `redis://localhost:6379/0` or `rediss://…` with TLS; without, answers are kept in this process.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<SecretString>,
    /// Without Redis: how many bytes of answers this process keeps; 0 keeps none.
    #[arg(long, env = "ROWHOUSE_CACHE_BYTES", default_value_t = 64 << 20, value_name = "BYTES")]
    pub cache_bytes: u64,
    /// How many bytes of answers to one tenant this process keeps within ten minutes; without Redis an eighth of all at most.
    #[arg(long, env = "ROWHOUSE_CACHE_SHARE_BYTES", default_value_t = 8 << 20, value_name = "BYTES")]
    pub cache_share_bytes: u64,
    /// How many bytes of answers to requests with an Idempotency-Key this process keeps of one tenant within a day.
    #[arg(long, env = "ROWHOUSE_IDEMPOTENCY_BYTES", default_value_t = 256 << 20, value_parser = clap::value_parser!(u64).range(1..), value_name = "BYTES")]
    pub idempotency_bytes: u64,
    /// Requests a minute of one network, for callers who are not signed in, and of one session outside any tenant; 0 is as many as they
    /// like. What tenants may is in the database: `rowhouse platform settings`, `rowhouse tenant limit`.
    #[arg(long, env = "ROWHOUSE_OUTSIDE_PER_MINUTE", default_value_t = 600, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "N")]
    pub outside_per_minute: u32,
    /// How many instances share the work: each lets through this part of everything while there is no Redis to count for all.
    #[arg(long, env = "ROWHOUSE_INSTANCES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    pub instances: u32,
    /// How often what a tenant has asked for is written down, and what it may is asked again, in milliseconds.
    #[arg(long, env = "ROWHOUSE_METER_MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(10..=600_000), value_name = "MS")]
    pub meter_ms: u64,
    /// Origins of pages that may call the API from a browser, such as `https://app.example.com`; none unless said.
    #[arg(long, env = "ROWHOUSE_CORS_ORIGINS", value_delimiter = ',', value_parser = origin, value_name = "ORIGINS")]
    pub cors_origins: Vec<HeaderValue>,
    /// Whether /api/v1/openapi.json and interactive documentation at /docs are served.
    #[arg(long, env = "ROWHOUSE_DOCUMENTS")]
    pub documents: bool,
    /// Where webhooks may be sent.
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    /// production; or development, which shows letters in the log, serves the documents and sends webhooks to this machine, over http too.
    #[arg(long, env = "ROWHOUSE_PROFILE", value_enum, default_value_t = Profile::Production)]
    pub profile: Profile,
}

/// Where webhooks may be sent, beside the world: for who takes their addresses and for who sends.
#[derive(Args, Clone, Debug)]
pub struct WebhookArgs {
    /// Networks inside to which webhooks may be sent, over http as well, such as `10.1.0.0/16`; none unless said, in development this machine.
    #[arg(long, env = "ROWHOUSE_WEBHOOK_NETWORKS", value_delimiter = ',', value_parser = network, value_name = "NETWORKS")]
    pub webhook_networks: Vec<Network>,
}

impl WebhookArgs {
    /// What follows from them.
    #[must_use]
    pub fn rules(&self, profile: Profile) -> Rules {
        Rules::new(&self.webhook_networks, profile == Profile::Development)
    }
}

fn network(text: &str) -> Result<Network, String> {
    Network::parse(text).ok_or_else(|| format!("{text} is no network such as 10.1.0.0/16, fd00::/8 or 10.1.2.3"))
}

/// Where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Serving customers.
    Production,
    /// On somebody's desk.
    Development,
}

/// How `.env.example` begins every password that somebody has yet to choose.
const PLACEHOLDER: &str = "change-me";

/// Refuses what stands in `.env.example` in place of a password, where customers are served: everybody has read it. Names the
/// setting and no value.
pub fn refuse_placeholders<'a>(
    profile: Profile,
    urls: impl IntoIterator<Item = (&'static str, &'a SecretString)>,
) -> Result<(), Failure> {
    let mut urls = urls.into_iter().filter(|(_, url)| url.expose_secret().contains(PLACEHOLDER));
    match (profile, urls.next()) {
        (Profile::Production, Some((name, _))) => Err(Failure(format!(
            "{name} has a password that begins with {PLACEHOLDER}, which everybody knows from .env.example: choose another, such as `openssl rand -hex 24` makes, or say ROWHOUSE_PROFILE=development"
        ))),
        _ => Ok(()),
    }
}

impl ServeArgs {
    /// Refuses to serve customers with a password that everybody knows.
    pub fn refuse_placeholders(&self) -> Result<(), Failure> {
        let mut urls = vec![("DATABASE_URL", &self.database_url), ("GATE_DATABASE_URL", &self.gate_database_url)];
        urls.extend(self.tuning.redis_url.as_ref().map(|url| ("REDIS_URL", url)));
        urls.extend(self.tuning.mail.secret());
        refuse_placeholders(self.tuning.profile, urls)
    }
}
