//! What an audit looks at: schemas, tables with a tenant column, runtime roles, the tenant setting.
use serde::Serialize;

use super::Options;
use rowhouse_pg::{AdminConn, Failure, set_local};

/// What was found to look at.
#[derive(Clone, Debug, Serialize)]
pub struct Scope {
    /// The database.
    pub database: String,
    /// The server's version, as it prints it.
    pub server: String,
    /// Names that mark a table as a tenant's.
    pub tenant_columns: Vec<String>,
    /// The setting that says which tenant a transaction is in.
    pub setting: String,
    /// Schemas looked at.
    pub schemas: Vec<String>,
    /// Tables with a tenant column.
    pub tables: Vec<String>,
    /// Roles that serve.
    pub roles: Vec<String>,
    #[serde(skip)]
    ids: Ids,
}

#[derive(Clone, Debug, Default)]
struct Ids {
    schemas: String,
    tables: String,
    roles: String,
}

impl Scope {
    /// Finds it, inside the transaction the caller has opened, and leaves it in the session's `audit.…`
    /// settings, where the lints read it.
    pub async fn discover(session: &AdminConn, options: &Options) -> Result<Self, Failure> {
        let here = session
            .run("select current_database() as database, current_setting('server_version') as server, current_setting('server_version_num')::int >= 130000 as known")
            .await?;
        let value = |name: &str| here.value(0, name).unwrap_or_default().to_owned();
        if here.value(0, "known") != Some("t") {
            return Err(Failure(format!("PostgreSQL {} is too old to audit; 13 is the oldest", value("server"))));
        }
        let schemas = schemas(session, &options.schemas).await?;
        let mut scope = Self {
            database: value("database"),
            server: value("server").split(' ').next().unwrap_or_default().to_owned(),
            tenant_columns: options.tenant_columns.clone(),
            setting: options.setting.clone(),
            ids: Ids { schemas: ids(&schemas), ..Ids::default() },
            schemas: names(schemas),
            tables: Vec::new(),
            roles: Vec::new(),
        };
        let tables = scope.named(session, include_str!("../../sql/audit/discover/tables.sql"), "name").await?;
        if tables.is_empty() {
            return Err(Failure(format!(
                "no table in {} has a column {}: say --tenant-column (or --schema) so that there is something to audit",
                list(&scope.schemas, "this database"),
                list(&options.tenant_columns, "tenant_id"),
            )));
        }
        scope.ids.tables = ids(&tables);
        scope.tables = names(tables);
        let mut roles = scope.serving(session, &options.roles).await?;
        scope.ids.roles = ids(&roles);
        // Whom they become by SET ROLE, with rights they do not have as themselves, serves as well.
        for role in scope.named(session, include_str!("../../sql/audit/discover/reachable.sql"), "rolname").await? {
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        scope.ids.roles = ids(&roles);
        scope.roles = names(roles);
        scope.announce(session).await?;
        Ok(scope)
    }

    /// The same roles over the tables there are by now: a broken database may have more.
    pub async fn again(&self, session: &AdminConn, options: &Options) -> Result<Self, Failure> {
        Self::discover(session, &Options { roles: self.roles.clone(), ..options.clone() }).await
    }

    /// Puts the scope where the lints read it, until the transaction ends.
    pub async fn announce(&self, session: &AdminConn) -> Result<(), Failure> {
        session.run(&self.announcement()).await?;
        Ok(())
    }

    /// The statements that do.
    pub(crate) fn announcement(&self) -> String {
        let settings = [
            ("audit.columns", self.tenant_columns.join(",")),
            ("audit.setting", self.setting.clone()),
            ("audit.schemas", self.ids.schemas.clone()),
            ("audit.tables", self.ids.tables.clone()),
            ("audit.roles", self.ids.roles.clone()),
        ];
        let text: Vec<String> = settings.iter().map(|(name, value)| set_local(name, value)).collect();
        text.join("; ")
    }

    /// What a statement finds in the scope as far as it is known.
    async fn named(&self, session: &AdminConn, text: &str, name: &str) -> Result<Vec<(String, String)>, Failure> {
        named(session, &format!("{}; {text}", self.announcement()), name).await
    }

    async fn serving(&self, session: &AdminConn, wanted: &[String]) -> Result<Vec<(String, String)>, Failure> {
        if wanted.is_empty() {
            let found = self.named(session, include_str!("../../sql/audit/discover/roles.sql"), "rolname").await?;
            if found.is_empty() {
                return Err(Failure(
                    "no role that can log in holds a grant on a tenant table, superusers apart: say with --role which role serves"
                        .to_owned(),
                ));
            }
            return Ok(found);
        }
        let all = named(session, "select oid, rolname from pg_roles order by rolname", "rolname").await?;
        let mut found = Vec::new();
        for name in wanted {
            match all.iter().find(|(_, known)| known == name) {
                Some(role) => found.push(role.clone()),
                None => return Err(Failure(format!("there is no role {name} on this server"))),
            }
        }
        Ok(found)
    }
}

async fn schemas(session: &AdminConn, wanted: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut all = named(session, include_str!("../../sql/audit/discover/schemas.sql"), "nspname").await?;
    for name in wanted {
        if !all.iter().any(|(_, known)| known == name) {
            return Err(Failure(format!("there is no schema {name} in this database")));
        }
    }
    if !wanted.is_empty() {
        all.retain(|(_, name)| wanted.contains(name));
    }
    if all.is_empty() {
        return Err(Failure("this database has no schema of its own to audit".to_owned()));
    }
    Ok(all)
}

async fn named(session: &AdminConn, text: &str, name: &str) -> Result<Vec<(String, String)>, Failure> {
    let answer = session.run(text).await?;
    let value = |row, column: &str| answer.value(row, column).unwrap_or_default().to_owned();
    Ok((0..answer.rows.len()).map(|row| (value(row, "oid"), value(row, name))).collect())
}

fn ids(found: &[(String, String)]) -> String {
    found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(",")
}

fn names(found: Vec<(String, String)>) -> Vec<String> {
    found.into_iter().map(|(_, name)| name).collect()
}

fn list(names: &[String], otherwise: &str) -> String {
    match names {
        [] => otherwise.to_owned(),
        names if names.len() > 8 => format!("{} and {} more", names[..8].join(", "), names.len() - 8),
        names => names.join(", "),
    }
}
