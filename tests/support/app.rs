//! The application, served on a port of its own, and a client that speaks to it.
use std::{net::SocketAddr, path::Path, time::Duration};

use axum::Router;
use clap::Parser;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use rowhouse::{
    app::App,
    auth::{Clock, Keys},
    compose,
    db::{self, API_ROLE, GATE_ROLE, Statements, WORKER_ROLE, WorkerDb},
    jobs::{Worker, WorkerOptions, lease::LeaseTerms},
    server::{self, Supervisor},
    settings::{Profile, Tuning},
    work::{Means, letters::Post},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{PostBox, TestDb, Way, forge, tokens::KEYS};

/// The application under test. Stops when dropped, or in order with [`stop`](Self::stop).
pub struct TestApp {
    pub app: App,
    pub address: SocketAddr,
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<Duration>>,
    server: JoinHandle<std::io::Result<()>>,
    pub(super) beside: Option<Beside>,
}

/// A worker beside the application; gone when dropped.
pub(super) struct Beside {
    /// As a superuser, to look whether there is anything left to send.
    pub(super) database: String,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// What was asked.
    pub to: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

/// The defaults, changed by options as on the command line; tests are many, may ask as often as they like, and read the
/// document.
pub fn tuning(options: &[&str]) -> Tuning {
    without_documents(&[&["--documents"], options].concat())
}

/// The same, but for the document.
pub fn without_documents(options: &[&str]) -> Tuning {
    #[derive(Parser)]
    #[command(args_override_self = true)]
    struct Line {
        #[command(flatten)]
        tuning: Tuning,
    }
    Line::parse_from(["test", "--outside-per-minute", "1000000"].iter().chain(options)).tuning
}

impl TestApp {
    /// Served from a test's database with the default settings and a pool of four.
    pub async fn new(db: &TestDb) -> Self {
        Self::with(&db.url(API_ROLE), &tuning(&["--pool", "4"])).await
    }

    /// Served from any address with any settings.
    pub async fn with(url: &str, tuning: &Tuning) -> Self {
        Self::at(url, tuning, Clock::system()).await
    }

    /// Served on the way a test takes, with a pool of four.
    pub async fn by(way: Way, db: &TestDb) -> Self {
        Self::with(&db.api_url(way), &tuning(&way.options(&["--pool", "4"]))).await
    }

    /// On the way a test takes, with a pool of this size and with routes of its own beside the real ones.
    pub async fn extended(way: Way, db: &TestDb, pool: &str, routes: Router<App>) -> Self {
        Self::start(&db.api_url(way), &tuning(&way.options(&["--pool", pool])), Clock::system(), &KEYS, routes).await
    }

    /// At any time.
    pub async fn at(url: &str, tuning: &Tuning, clock: Clock) -> Self {
        Self::with_keys(url, tuning, clock, &KEYS).await
    }

    /// With signing keys of its own.
    pub async fn with_keys(url: &str, tuning: &Tuning, clock: Clock, keys: &Path) -> Self {
        Self::start(url, tuning, clock, keys, Router::new()).await
    }

    async fn start(url: &str, tuning: &Tuning, clock: Clock, keys: &Path, routes: Router<App>) -> Self {
        // A test that fails shows what the application warned of.
        let _ = tracing_subscriber::fmt().with_test_writer().with_max_level(tracing::Level::WARN).try_init();
        let gate = db::as_role(url, GATE_ROLE, None).unwrap();
        let database = db::Urls { api: url.to_owned().into(), gate: gate.into() };
        let app = tuning.app(&database, Keys::read(keys).unwrap(), clock).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let supervisor = Supervisor::default();
        supervisor.tend(&app);
        let (stop, stopped) = oneshot::channel();
        let routes = server::extended(&app, routes);
        let serving = tuning.serving();
        let server = tokio::spawn(server::serve(listener, routes, serving, app.leaving.clone(), async move {
            let drain = stopped.await.unwrap_or_default();
            supervisor.stop().await;
            drain
        }));
        // One connection a request, so that no test depends on another's.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap();
        Self { app, address, client, stop: Some(stop), server, beside: None }
    }

    /// With a worker that sends what it writes down to this post box.
    #[must_use]
    pub fn sending(self, db: &TestDb, post: &PostBox) -> Self {
        let mail = tuning(&["--smtp-url", &post.url()]).mail;
        let post = Post::new(mail.mailer(Profile::Production).unwrap(), Keys::read(&KEYS).unwrap());
        let sender = WorkerDb::open(&db.url(WORKER_ROLE).into(), 4, Statements::Named).unwrap();
        let sending = post.clone().run(sender, CancellationToken::new(), Duration::ZERO);
        let mut app = self.with_worker(db, &Means::default().with_post(post));
        app.beside.as_mut().expect("a worker").tasks.push(tokio::spawn(sending));
        app
    }

    /// With a worker that does its jobs: imports, for one.
    #[must_use]
    pub fn working(self, db: &TestDb) -> Self {
        self.with_worker(db, &Means::default())
    }

    fn with_worker(self, db: &TestDb, means: &Means) -> Self {
        let lease = LeaseTerms::new(LeaseTerms::SHORTEST).unwrap();
        let options = WorkerOptions { long: 2, ..WorkerOptions::new(4, lease, Duration::ZERO) };
        let jobs = WorkerDb::open(&db.url(WORKER_ROLE).into(), 4, Statements::Named).unwrap();
        let worker = Worker::new(jobs, compose::kinds(means), options);
        let (heard, waking) = (self.app.wake.heard(), worker.clone());
        let tasks = vec![
            tokio::spawn(async move { worker.run(CancellationToken::new()).await }),
            tokio::spawn(async move { waking.woken_by(heard, CancellationToken::new()).await }),
        ];
        Self { beside: Some(Beside { database: db.url("postgres"), tasks }), ..self }
    }

    /// The start-up check, as `rowhouse serve` makes it.
    pub async fn startup_problems(&self) -> Vec<String> {
        let startup_problems =
            db::refuse_unless_walled(&self.app.db, &self.app.seal("seal_holds", &[Some("")])).await.unwrap();
        startup_problems.iter().map(ToString::to_string).collect()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without a token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request with a token for a user in a tenant.
    pub fn as_user(&self, method: Method, path: &str, user: Uuid, tenant: Uuid) -> RequestBuilder {
        self.request(method, path).bearer_auth(forge(user, Some(tenant)).sign())
    }

    pub async fn get(&self, path: &str, user: Uuid, tenant: Uuid) -> Answer {
        Answer::of(self.as_user(Method::GET, path, user, tenant)).await
    }

    /// Signals the server to stop and waits until it has.
    pub async fn stop(mut self) {
        self.leave(Duration::ZERO);
        self.server.await.unwrap().unwrap();
    }

    /// Waits until a server that was signalled has stopped.
    pub async fn stopped(self) {
        self.server.await.unwrap().unwrap();
    }

    /// Signals the server to stop after so long.
    pub fn leave(&mut self, drain: Duration) {
        let _ = self.stop.take().unwrap().send(drain);
    }
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.unwrap();
        let to = format!("{} {}", request.method(), request.url().path());
        let mut response = client.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        // A stream has no end; how it begins is its answer.
        let text = if headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            String::from_utf8(response.chunk().await.unwrap().unwrap_or_default().into()).unwrap()
        } else {
            response.text().await.unwrap()
        };
        Self { to, status, headers, text }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a problem with this status and code, whole and of the right type.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.json();
        assert_eq!((self.status.as_u16(), problem["code"].as_str()), (status, Some(code)), "{}: {self:?}", self.to);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["type"], format!("urn:rowhouse:problem:{code}"));
        assert_eq!(problem["status"], status);
        for member in ["title", "detail", "instance", "trace_id"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {problem}");
        }
        problem
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}: {self:?}", self.to);
        self
    }
}
