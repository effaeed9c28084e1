//! What one warm request costs, counted: heap allocations, writes, flushes to PostgreSQL and questions to Redis, through the
//! whole stack with its log, limits and permissions. Counts are exact where clocks are not, so they hold on any machine.
//!
//! A budget may only shrink. Whoever saves something lowers it here; whoever has to spend more says why in
//! docs/performance.md.
use std::{
    fmt, fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
};

use rowhouse::telemetry::{self, Lines};
use tokio::sync::Semaphore;

use crate::support::{TestApp, TestDb, TestRedis, counted, forge, town, tuning};

/// Requests that are counted, after as many that are not.
const REQUESTS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    /// Heap allocations of the server, by the thread it has to itself.
    allocations: u64,
    /// System calls of that thread that write to files, pipes and, with several pieces at once, to sockets
    /// (`syscw`, man 5 `proc_pid_io`): the answer. What goes to PostgreSQL is counted as flushes.
    writes: u64,
    /// Times that something was sent to PostgreSQL.
    flushes: u64,
    /// Times that something was sent to Redis.
    questions: u64,
}

const LIST: Cost = Cost { allocations: 135, writes: 1, flushes: 1, questions: 0 };
const GET: Cost = Cost { allocations: 60, writes: 1, flushes: 1, questions: 0 };

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { allocations, writes, flushes, questions } = self;
        write!(f, "{allocations} allocations, {writes} writes, {flushes} flushes, {questions} questions to Redis")
    }
}

#[test]
fn a_warm_list_costs_no_more_than_its_budget() {
    hold("list", "/api/v1/projects?limit=20", LIST);
}

#[test]
fn a_warm_get_costs_no_more_than_its_budget() {
    hold("get", "/api/v1/projects/{id}", GET);
}

fn hold(what: &str, path: &str, budget: Cost) {
    let cost = count(path);
    println!("{what}: {cost}");
    let both = [
        ("allocations", cost.allocations, budget.allocations),
        ("writes", cost.writes, budget.writes),
        ("flushes", cost.flushes, budget.flushes),
        ("questions", cost.questions, budget.questions),
    ];
    for (name, cost, budget) in both {
        assert!(
            cost <= budget,
            "{what}: {} more {name} than the budget has ({cost}, not {budget}): do without",
            cost - budget
        );
        assert!(
            cost >= budget,
            "{what}: {} fewer {name} ({cost}, not {budget}): lower the budget in {}",
            budget - cost,
            file!()
        );
    }
}

/// The cost of one request of many, on one connection, one after the other.
fn count(path: &str) -> Cost {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Log lines go where those of a server go.
    let lines = Lines::to(io::sink()).unwrap();
    let _log = tracing::subscriber::set_default(telemetry::subscriber(true, "info", lines).unwrap());
    let redis = TestRedis::start();
    let (_db, app, sent) = runtime.block_on(async {
        let db = TestDb::new().await;
        let (url, sent) = counted(&db);
        let app = TestApp::with(&url, &tuning(&["--pool", "1", "--redis-url", &redis.url()])).await;
        (db, app, sent)
    });
    let path = path.replace("{id}", &town().acme.projects[0].id.to_string());
    let token = forge(town().acme.owner.id, Some(town().acme.id)).sign();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    let answered = Arc::new(Semaphore::new(0));
    let caller = {
        let (address, answered) = (app.address, answered.clone());
        thread::spawn(move || ask(address, &request, &answered))
    };
    let one = || {
        caller.thread().unpark();
        runtime.block_on(async { answered.acquire().await.expect("an answer").forget() });
    };
    (0..REQUESTS).for_each(|_| one());
    let before = (written(), sent.flushes(), redis.questions());
    let mut allocations: Vec<u64> = (0..REQUESTS).map(|_| allocation_counter::measure(one).count_total).collect();
    // Now and then a buffer grows, or a task that looks around comes by: not most of the time.
    allocations.sort_unstable();
    let per_request = |now: u64, before: u64| (now - before) / REQUESTS as u64;
    Cost {
        allocations: allocations[REQUESTS / 2],
        writes: per_request(written(), before.0),
        flushes: per_request(sent.flushes(), before.1),
        questions: per_request(redis.questions(), before.2),
    }
}

/// Asks each time it is woken, and says when it was answered.
fn ask(address: SocketAddr, request: &str, answered: &Semaphore) {
    struct Closed<'a>(&'a Semaphore);
    impl Drop for Closed<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.close();
            }
        }
    }
    let _closed = Closed(answered);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..2 * REQUESTS {
        thread::park();
        stream.write_all(request.as_bytes()).unwrap();
        let mut read = 0;
        while !is_whole(&buffer[..read]) {
            read += stream.read(&mut buffer[read..]).unwrap();
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&buffer[..read]));
        answered.add_permits(1);
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).unwrap_or_default();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() == length.parse::<usize>().unwrap()
}

/// Write calls of this thread so far.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("syscw: ")?.parse().ok()).unwrap()
}
