//! `rowhouse dev`: the first command. Database, roles, schema, demo tenants, server; and what to do next.
use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
};

use clap::Args;
use rowhouse_dev::{Durability, PrivatePostgres, PrivateRedis};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{
    demo::{self, DemoTenant, PASSWORD},
    descriptors,
    serve::{listen, refuse_unless_walled, stopped},
    worker::{self, WorkerArgs},
};
use crate::{
    auth::{Clock, Keys, SealKey, complete_keys, random_secret},
    db::{self, API_ROLE, AdminConn, GATE_ROLE, Urls, WORKER_ROLE, as_role, seed},
    error::Failure,
    server::{self, Supervisor},
    settings::{Profile, Tuning},
};

const MIGRATOR: &str = "rowhouse_migrator";
#[derive(Args)]
pub(super) struct Dev {
    /// Use this PostgreSQL, as a superuser, instead of a private one.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<SecretString>,
    /// Where the private PostgreSQL and the keys are kept.
    #[arg(long, env = "ROWHOUSE_DEV_DIR", default_value = ".rowhouse", value_name = "DIR")]
    dir: PathBuf,
    /// Address and port; when the port is taken and was not asked for, the next free one.
    #[arg(long, env = "ROWHOUSE_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Throw the private database away first.
    #[arg(long)]
    fresh: bool,
    /// Print one line of JSON once ready, and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Whether jobs are left alone.
    #[arg(long)]
    without_worker: bool,
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    tuning: Tuning,
}

#[derive(Serialize)]
struct Ready {
    base_url: String,
    docs_url: String,
    /// As a superuser, to look around.
    database_url: String,
    /// As the role that serves tenants, behind the walls.
    api_database_url: String,
    tenants: Vec<DemoTenant>,
}

impl Dev {
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        descriptors::fit(&mut self.tuning)?;
        let stop = stopped(std::time::Duration::ZERO)?;
        let (_lock, private) = match &self.database_url {
            Some(_) if self.fresh => {
                return Err(Failure("--fresh throws away the private database only; DATABASE_URL is set".to_owned()));
            }
            Some(_) => (None, None),
            None => {
                let lock = self.lock()?;
                (Some(lock), Some(self.private_cluster()?))
            }
        };
        let superuser_url = match (&self.database_url, &private) {
            (Some(url), _) => url.expose_secret().to_owned(),
            (None, Some(cluster)) => cluster.url("postgres", "rowhouse"),
            (None, None) => return Err(Failure("no database".to_owned())),
        };
        let (database, worker_url, migrator_url) = self.prepare(&superuser_url, private.as_ref()).await?;

        let mut migrator = AdminConn::connect(&migrator_url).await?;
        let report = db::migrate(&mut migrator, false).await?;
        self.say(&match report.migrations.len() {
            0 => "schema and policies are up to date".to_owned(),
            n => format!("{n} migrations applied, policies in place"),
        });
        let (tenants, new) = demo::make(&migrator).await?;
        self.say(if new { "demo tenants made: acme and globex" } else { "demo tenants are there: acme and globex" });

        let redis = self.private_redis()?;
        self.tuning.profile = Profile::Development;
        let keys = self.keys()?;
        SealKey::read(&self.dir.join("keys"))?.keep(&migrator).await?;
        drop(migrator);
        let app = self.tuning.app(&database, keys, Clock::system())?;
        refuse_unless_walled(&app).await?;
        let worker = if self.without_worker {
            None
        } else {
            let Tuning { mail, profile, name_servers, .. } = &self.tuning;
            let means = worker::means(mail, *profile, self.keys()?, name_servers)?;
            let office = self.tuning.webhooks.office(self.keys()?, name_servers, *profile)?;
            let means = means.with_webhooks(office);
            Some(self.worker.begin(&worker_url, self.tuning.statements, app.wake.clone(), means).await?)
        };
        let listener = self.listener().await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let ready = Ready {
            docs_url: format!("{base_url}/docs"),
            base_url,
            database_url: superuser_url,
            api_database_url: database.api.expose_secret().to_owned(),
            tenants,
        };
        if self.json {
            let line = serde_json::to_string(&ready).map_err(|error| Failure(error.to_string()))?;
            println!("{line}");
        } else {
            print!("{}", welcome(&ready));
        }
        std::io::stdout().flush()?;
        let supervisor = Supervisor::default();
        supervisor.tend(&app);
        server::serve(listener, server::application(&app), self.tuning.serving(), app.leaving.clone(), stop).await?;
        self.say("stopping");
        if let Some(worker) = worker {
            worker.finish().await?;
        }
        supervisor.wind_down(&app, std::time::Duration::from_secs(2)).await?;
        drop(redis);
        drop(private);
        Ok(())
    }

    /// One at a time: two servers on one data directory would be two truths.
    fn lock(&self) -> Result<fs::File, Failure> {
        let failed = |error| Failure(format!("cannot use {}: {error}", self.dir.display()));
        fs::create_dir_all(&self.dir).map_err(failed)?;
        let file = fs::File::create(self.dir.join("lock")).map_err(failed)?;
        file.try_lock().map_err(|_| {
            Failure(format!(
                "another `rowhouse dev` is running on {}; stop it, or give this one another --dir",
                self.dir.display()
            ))
        })?;
        Ok(file)
    }

    fn private_cluster(&self) -> Result<PrivatePostgres, Failure> {
        let dir = self.dir.join("postgresql");
        if self.fresh {
            PrivatePostgres::remove(&dir)?;
            self.say("threw the old database away");
        }
        let cluster = PrivatePostgres::start(&dir, Durability::Safe)?;
        self.say(&format!("PostgreSQL {} is running", cluster.version()));
        Ok(cluster)
    }

    /// A Redis, unless one was said; without any, answers are kept in this process.
    fn private_redis(&mut self) -> Result<Option<PrivateRedis>, Failure> {
        if self.tuning.redis_url.is_some() {
            return Ok(None);
        }
        if !PrivateRedis::is_installed() {
            self.say("no redis-server is installed: answers are kept in this process");
            return Ok(None);
        }
        let options = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"].map(str::to_owned);
        let redis = PrivateRedis::start(&self.dir.join("redis"), &options)?;
        self.tuning.redis_url = Some(SecretString::from(redis.url()));
        self.say("Redis is running");
        Ok(Some(redis))
    }

    /// The database and its roles; answers how to connect as the roles that serve and as the migrator.
    async fn prepare(
        &self,
        superuser_url: &str,
        private: Option<&PrivatePostgres>,
    ) -> Result<(Urls, SecretString, String), Failure> {
        if let Some(cluster) = private {
            let postgres = AdminConn::connect(&cluster.url("postgres", "postgres")).await?;
            if !seed::database_exists(&postgres, "rowhouse").await? {
                postgres.script("create database", "create database rowhouse").await?;
            }
            db::bootstrap(&AdminConn::connect(superuser_url).await?).await?;
            let [api, gate, worker] =
                [API_ROLE, GATE_ROLE, WORKER_ROLE].map(|role| cluster.url(role, "rowhouse").into());
            return Ok((Urls { api, gate }, worker, cluster.url(MIGRATOR, "rowhouse")));
        }
        let superuser = AdminConn::connect(superuser_url).await?;
        // Before anything is touched: roles, passwords and policies of a real database are not ours.
        demo::refuse_real_tenants(&seed::tenants(&superuser).await?)?;
        db::bootstrap(&superuser).await?;
        // A server that asks for passwords gets new ones each time; nobody has to know them.
        let password = random_secret()?;
        let url = |role| as_role(superuser_url, role, Some(&password)).map(SecretString::from);
        let (api, gate, worker, migrator) = (url(API_ROLE)?, url(GATE_ROLE)?, url(WORKER_ROLE)?, url(MIGRATOR)?);
        db::set_passwords(&superuser, &[api.clone(), gate.clone(), worker.clone(), migrator.clone()]).await?;
        Ok((Urls { api, gate }, worker, migrator.expose_secret().to_owned()))
    }

    fn keys(&self) -> Result<Keys, Failure> {
        let dir = self.dir.join("keys");
        complete_keys(&dir, Clock::system().now())?;
        Keys::read(&dir)
    }

    async fn listener(&self) -> Result<tokio::net::TcpListener, Failure> {
        if let Some(address) = self.listen {
            return listen(address).await;
        }
        for port in 8080..8100 {
            if let Ok(listener) = listen(SocketAddr::from(([127, 0, 0, 1], port))).await {
                return Ok(listener);
            }
        }
        listen(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Progress, for people: standard output belongs to the result.
    fn say(&self, what: &str) {
        if !self.json {
            eprintln!("{} {what}", style("32", "•", std::io::stderr().is_terminal()));
        }
    }
}

fn style(code: &str, text: &str, terminal: bool) -> String {
    if terminal && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

fn welcome(ready: &Ready) -> String {
    let terminal = std::io::stdout().is_terminal();
    let bold = |text: &str| style("1", text, terminal);
    let dim = |text: &str| style("2", text, terminal);
    let base = &ready.base_url;
    let mut text = format!(
        "\n{}  {}\n\n  API   {base}/api/v1\n  Docs  {}\n  psql  psql '{}'\n\n",
        bold("Rowhouse is running."),
        dim("Ctrl-C stops everything."),
        ready.docs_url,
        ready.database_url,
    );
    text.push_str(&demo::table(&ready.tenants));
    let email = &ready.tenants[0].users[0].email;
    text.push_str(&format!(
        "\n{}  {}\n\n",
        bold("Try it."),
        dim("Sign in as acme's owner, list acme's projects, make one:")
    ));
    text.push_str(&format!(
        "TOKEN=$(curl -s {base}/api/v1/auth/login -H 'content-type: application/json' -d '{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n"
    ));
    text.push_str(&format!("curl -s \"{base}/api/v1/projects?limit=3\" -H \"authorization: Bearer $TOKEN\"\n"));
    text.push_str(&format!(
        "curl -si {base}/api/v1/projects -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' -d '{{\"name\":\"My first project\"}}'\n\n"
    ));
    text
}
