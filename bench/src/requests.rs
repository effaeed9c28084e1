//! The requests that are sent: made beforehand, one a line in a file for each operation, and tried on both
//! servers once to see that they answer the same.
use std::{collections::HashMap, fs, path::PathBuf};

use reqwest::Client;
use rowhouse::error::Failure;
use serde_json::Value;
use uuid::Uuid;

use crate::{data::Project, rig::Operation, servers::Server, store::Caller, token::Signer};

const PROJECTS: &str = "/api/v1/projects";
/// How many tenants' lists, and how many projects, are compared.
const COMPARED: usize = 20;

/// Who asks for what.
pub(crate) struct Requests {
    dir: PathBuf,
    client: Client,
    callers: Vec<Caller>,
    projects: Vec<Project>,
    tokens: HashMap<Uuid, String>,
}

impl Requests {
    /// Signs a token for each caller.
    pub(crate) fn new(
        dir: PathBuf,
        signer: &Signer,
        callers: Vec<Caller>,
        projects: Vec<Project>,
    ) -> Result<Self, Failure> {
        let tokens = callers.iter().map(|caller| Ok((caller.tenant, signer.token(caller.tenant, caller.user)?)));
        let tokens = tokens.collect::<Result<_, Failure>>()?;
        Ok(Self { dir, client: Client::new(), callers, projects, tokens })
    }

    /// The file with an operation's requests.
    pub(crate) fn file(&self, operation: Operation) -> PathBuf {
        let operation = if operation == Operation::ListLogins { Operation::List } else { operation };
        self.dir.join(format!("{}.txt", operation.name()))
    }

    /// Writes all files.
    pub(crate) async fn write(&self, rowhouse: &Server) -> Result<(), Failure> {
        let everyone = |path: &str| self.callers.iter().map(|caller| (caller.tenant, path.to_owned())).collect();
        self.save(Operation::List, "GET", everyone(&list()))?;
        self.save(Operation::Create, "POST", everyone(PROJECTS))?;
        self.save(Operation::Page1, "GET", everyone(&format!("{PROJECTS}?limit=1")))?;
        let projects = self.projects.iter().map(|project| (project.tenant, one(project))).collect();
        self.save(Operation::Get, "GET", projects)?;
        let mut deep = Vec::new();
        for caller in &self.callers {
            let cursor = self.walk(rowhouse, caller.tenant).await?;
            deep.push((caller.tenant, format!("{PROJECTS}?limit=1&cursor={cursor}")));
        }
        self.save(Operation::Page900, "GET", deep)
    }

    fn save(&self, operation: Operation, method: &str, requests: Vec<(Uuid, String)>) -> Result<(), Failure> {
        let mut lines = String::new();
        for (tenant, path) in requests {
            lines.push_str(&format!("{method} {path} {}\n", self.tokens[&tenant]));
        }
        Ok(fs::write(self.file(operation), lines)?)
    }

    /// The cursor of the page of one row that begins at row 900. A cursor says where to go on and not how
    /// far, so that larger pages lead there sooner.
    async fn walk(&self, rowhouse: &Server, tenant: Uuid) -> Result<String, Failure> {
        let mut cursor = String::new();
        for limit in [200, 200, 200, 200, 99] {
            let path = format!("{PROJECTS}?limit={limit}{cursor}");
            let page = self.ask(rowhouse, &path, tenant).await?;
            let next = page["next_cursor"].as_str();
            let next = next.ok_or_else(|| Failure(format!("{path} is the last page, and should not be")))?;
            cursor = format!("&cursor={next}");
        }
        Ok(cursor.replace("&cursor=", ""))
    }

    /// Fails unless both servers give the same projects for the same requests. Cursors may differ.
    pub(crate) async fn compare(&self, minimal: &Server, rowhouse: &Server) -> Result<(), Failure> {
        let lists = self.callers.iter().map(|caller| (caller.tenant, list(), "/items"));
        let projects = self.projects.iter().map(|project| (project.tenant, one(project), ""));
        for (tenant, path, what) in lists.take(COMPARED).chain(projects.take(COMPARED)) {
            let ours = self.ask(rowhouse, &path, tenant).await?;
            let theirs = self.ask(minimal, &path, tenant).await?;
            if ours.pointer(what).is_none() || ours.pointer(what) != theirs.pointer(what) {
                return Err(Failure(format!("{path} differs: Rowhouse says {ours}, the minimal handler {theirs}")));
            }
        }
        Ok(())
    }

    async fn ask(&self, server: &Server, path: &str, tenant: Uuid) -> Result<Value, Failure> {
        let failed = |error: reqwest::Error| Failure(format!("{path}: {error}"));
        let request = self.client.get(format!("{}{path}", server.base_url)).bearer_auth(&self.tokens[&tenant]);
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let text = answer.text().await.map_err(failed)?;
        let value = if status.is_success() { serde_json::from_str(&text).ok() } else { None };
        value.ok_or_else(|| Failure(format!("{path} was answered {status}: {text}")))
    }
}

fn list() -> String {
    format!("{PROJECTS}?limit=20")
}

fn one(project: &Project) -> String {
    format!("{PROJECTS}/{}", project.id)
}
