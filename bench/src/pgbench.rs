//! pgbench runs the same transaction without any HTTP: how fast PostgreSQL itself is, asked this way.
use std::{fs, path::Path, path::PathBuf};

use rowhouse::error::Failure;
use tokio::process::Command;
use uuid::Uuid;

use crate::{data::Project, load::Answered, minimal::BYTES, rig::Operation, servers::POOL, store::Caller};

const LIST: &str = include_str!("../../sql/queries/projects/list_newest.sql");
const GET: &str = include_str!("../../sql/queries/projects/get.sql");

/// `SET LOCAL` takes no parameters, so there is a script for each of some tenants. pgbench takes 128 at
/// most, and prepares each script's statements on every connection: few enough that preparing is not what
/// is measured.
const SCRIPTS: usize = 32;

/// pgbench with its scripts.
pub(crate) struct Pgbench {
    program: PathBuf,
    database_url: String,
    list: Vec<String>,
    get: Vec<String>,
}

impl Pgbench {
    /// Takes the pgbench that lies beside the running server's own program, and writes the scripts.
    pub(crate) fn new(
        postmaster: u32,
        dir: &Path,
        database_url: String,
        callers: &[Caller],
        projects: &[Project],
    ) -> Result<Self, Failure> {
        let program = fs::read_link(format!("/proc/{postmaster}/exe"))?.with_file_name("pgbench");
        let (mut list, mut get) = (Vec::new(), Vec::new());
        for (number, caller) in spread(callers).enumerate() {
            let page = [Uuid::max().to_string(), "21".to_owned(), BYTES.to_string()];
            list.extend(script(&dir.join(format!("list_{number}.sql")), caller, LIST, &page)?);
        }
        for (number, project) in spread(projects).enumerate() {
            let Some(caller) = callers.iter().find(|caller| caller.tenant == project.tenant) else { continue };
            get.extend(script(&dir.join(format!("get_{number}.sql")), caller, GET, &[project.id.to_string()])?);
        }
        Ok(Self { program, database_url, list, get })
    }

    /// Runs one operation's scripts on as many connections as the servers have.
    pub(crate) async fn run(&self, operation: Operation, seconds: u32) -> Result<Answered, Failure> {
        let scripts = if operation == Operation::Get { &self.get } else { &self.list };
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol", "prepared", "--client", &POOL.to_string()]);
        command.args(["--time", &seconds.to_string()]).args(scripts).arg(&self.database_url);
        let output = command.kill_on_drop(true).output().await;
        let output = output.map_err(|error| Failure(format!("{} cannot be run: {error}", self.program.display())))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let number = |label: &str| text.lines().find_map(|line| number_after(line, label));
        match (number("number of transactions actually processed: "), number("tps = ")) {
            (Some(requests), Some(per_second)) if output.status.success() && requests >= 1.0 => {
                Ok(Answered { requests, per_second })
            }
            _ => Err(Failure(format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim()))),
        }
    }
}

/// Writes a script and answers the options that give it to pgbench with its parameters. All scripts share
/// one set of variables, so each has the script's name in its own.
fn script(path: &Path, caller: &Caller, sql: &str, parameters: &[String]) -> Result<Vec<String>, Failure> {
    let Caller { tenant, user } = caller;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut options = vec![format!("--file={}", path.display())];
    let mut statement = sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
    for (position, value) in std::iter::once(&tenant.to_string()).chain(parameters).enumerate() {
        let number = position + 1;
        statement = statement.replace(&format!("${number}"), &format!(":{name}_{number}"));
        options.push(format!("--define={name}_{number}={value}"));
    }
    let lines = [
        "\\startpipeline".to_owned(),
        "begin read only;".to_owned(),
        format!("set local app.tenant_id = '{tenant}';"),
        format!("set local app.user_id = '{user}';"),
        format!("set local app.session_id = '{user}';"),
        format!("{statement};"),
        "commit;".to_owned(),
        "\\endpipeline\n".to_owned(),
    ];
    fs::write(path, lines.join("\n"))?;
    Ok(options)
}

/// Some of all, evenly over the whole.
fn spread<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().step_by((all.len() / SCRIPTS).max(1)).take(SCRIPTS)
}

fn number_after(line: &str, label: &str) -> Option<f64> {
    line.strip_prefix(label)?.split([' ', '/']).next()?.parse().ok()
}
