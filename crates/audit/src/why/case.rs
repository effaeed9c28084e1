//! Looks up what a question names: role, table, tenant, user, policies, key; and the row itself.
use super::{
    Question, Reason,
    clauses::{Clause, Whose, split},
    read::{Answer, Column, House, Id, Place, Policy, Role, Table},
    reasons,
};
use rowhouse_pg::{AdminConn, Failure, Refusal, sql};

/// A question whose every name was looked up.
pub(super) struct Case<'a> {
    pub(super) admin: &'a AdminConn,
    pub(super) question: &'a Question,
    pub(super) house: bool,
    /// The ids, as text.
    pub(super) tenant: String,
    pub(super) user: String,
    /// A session for the user, made for the question, where policies ask for one.
    pub(super) session: Option<String>,
    role: Role,
    pub(super) table: Table,
    /// Each with the clauses of its USING and of its WITH CHECK.
    pub(super) policies: Vec<(Policy, Vec<Clause>, Vec<Clause>)>,
    pub(super) key: Column,
    /// The column that says whose tenant's a row is, if a policy shows it.
    tenant_column: Option<Column>,
}

impl<'a> Case<'a> {
    pub(super) async fn open(admin: &'a AdminConn, question: &'a Question) -> Result<Self, Failure> {
        let name = &question.table;
        let unknown = || Failure(format!("there is no table {name}; say it with its schema"));
        let Some(role) = admin.all::<Role>(sql!("why/role"), &[&question.role]).await?.pop() else {
            return Err(Failure(format!("there is no role {}", question.role)));
        };
        let cannot_see = |what: &str| {
            Failure(format!(
                "this connection cannot see every row of {what}, so it cannot tell; connect as a role that no wall stops, such as rowhouse_migrator"
            ))
        };
        match admin.ask::<Answer>("select to_regclass($1) is not null as answer", &[name]).await? {
            Ok(answer) if answer.iter().any(|answer| answer.0 == Some(true)) => {}
            Err(refusal) if refusal.code == "42501" => return Err(cannot_see(name)),
            // A name that cannot be one is refused by some versions and unknown to others.
            _ => return Err(unknown()),
        }
        let table = admin.all::<Table>(sql!("why/table"), &[name, &question.role]).await?.pop().ok_or_else(unknown)?;
        if !table.ordinary {
            return Err(Failure(format!("{name} is no table; ask about the tables it reads")));
        }
        let House { house, behind } = admin
            .all::<House>(sql!("why/house"), &[])
            .await?
            .pop()
            .ok_or_else(|| Failure("PostgreSQL said nothing".to_owned()))?;
        if !table.sees_all {
            return Err(cannot_see(name));
        }
        if behind {
            return Err(cannot_see("registry and tenant"));
        }
        let (tenant, user) =
            if house { people(admin, question).await? } else { (question.tenant.clone(), question.user.clone()) };
        let policies: Vec<Policy> = admin.all(sql!("why/policies"), &[name, &question.role]).await?;
        let clauses = |expression: &Option<String>| {
            expression.as_deref().map(|text| split(text, &question.settings)).unwrap_or_default()
        };
        let policies: Vec<_> = policies
            .into_iter()
            .map(|policy| {
                let (using, check) = (clauses(&policy.using), clauses(&policy.check));
                (policy, using, check)
            })
            .collect();
        let tenant_column =
            policies.iter().flat_map(|(_, using, check)| using.iter().chain(check)).find_map(|clause| {
                clause.column.as_ref().filter(|(whose, _)| *whose == Whose::Tenant).map(|(_, column)| column.clone())
            });
        let key = key_column(&table, question, tenant_column.as_deref())?;
        let column = async |column: &str| -> Result<Column, Failure> {
            let found = admin.all::<Column>(sql!("why/column"), &[name, &column]).await?.pop();
            found.ok_or_else(|| Failure(format!("{name} has no column {column}")))
        };
        let key = column(&key).await?;
        let tenant_column = match tenant_column {
            Some(name) => Some(column(&name).await?),
            None => None,
        };
        let session =
            if house { admin.all::<Id>(sql!("why/session"), &[&user]).await?.pop().map(|Id(id)| id) } else { None };
        // From here on nothing is written, whatever a policy's functions might want.
        admin.script("read only", "set transaction read only").await?;
        Ok(Self { admin, question, house, tenant, user, session, role, table, policies, key, tenant_column })
    }

    /// The row, in whichever tenant; in the one asked about, if several have the key.
    pub(super) async fn find(&self) -> Result<Option<Place>, Failure> {
        let (Column { quoted, type_name }, id) = (&self.key, self.question.id.as_str());
        let readable = format!("select cast($1::text as {type_name}) is null as answer");
        if self.admin.ask::<Answer>(&readable, &[id]).await?.is_err() {
            return Err(Failure(format!(
                "--id is no {type_name}, which is what {quoted} of {} holds",
                self.table.name
            )));
        }
        let here =
            self.tenant_column.as_ref().map_or("$2::text is null".to_owned(), |c| format!("t.{}::text = $2", c.quoted));
        let find = format!(
            "select t.ctid::text as ctid, t.tableoid::text as table_oid from {} t
             where t.{quoted} = cast($1::text as {type_name}) order by ({here}) desc nulls last limit 1",
            self.table.quoted
        );
        let found = self.admin.ask::<Place>(&find, &[id, &self.tenant]).await?;
        found.map(|mut places| places.pop()).map_err(|refusal| cannot(&refusal))
    }

    /// What the role may not do on the table, whatever the row.
    pub(super) fn missing_grant(&self, wanted: &[&str]) -> Option<Reason> {
        let held = |what: &str| self.table.granted.iter().any(|granted| granted == what);
        let (role, table) = (&self.question.role, &self.table.name);
        if !held("usage") {
            return Some(reasons::no_usage(role, table));
        }
        wanted.iter().find(|verb| !held(verb)).map(|verb| reasons::no_grant(role, verb, table))
    }

    /// Why no policy is asked at all, if none is.
    pub(super) fn not_asked(&self) -> Option<Reason> {
        let (role, table) = (&self.question.role, &self.table.name);
        match (&self.role, self.table.exempt.as_deref()) {
            (Role { superuser: true, .. }, _) => Some(reasons::bypasses(role, "is a superuser")),
            (Role { bypasses: true, .. }, _) => Some(reasons::bypasses(role, "has BYPASSRLS")),
            (_, Some("off")) => Some(reasons::row_security_off(table)),
            (_, Some(_)) => Some(reasons::bypasses(role, "owns the table, whose row security is not forced")),
            (_, None) => None,
        }
    }

    /// The tenant whose row it is.
    pub(super) async fn owner(&self, place: &Place) -> Result<Option<String>, Failure> {
        let Some(column) = &self.tenant_column else { return Ok(None) };
        let text = format!(
            "select t.{}::text as id from {} t where t.ctid = $1::text::tid and t.tableoid = $2::text::oid",
            column.quoted, self.table.quoted
        );
        let found = self.admin.ask::<Id>(&text, &[&place.ctid, &place.table_oid]).await?;
        Ok(found.map_err(|refusal| cannot(&refusal))?.pop().map(|id| id.0))
    }
}

/// In the house a tenant has a slug and a user an e-mail address; answers their ids.
async fn people(admin: &AdminConn, question: &Question) -> Result<(String, String), Failure> {
    let none = |what: &str, given: &str| Failure(format!("there is no {what} {given}"));
    let mut tenants: Vec<Id> = admin.all(sql!("why/tenant"), &[&question.tenant]).await?;
    let tenant = tenants.pop().ok_or_else(|| none("tenant", &question.tenant))?;
    let mut users: Vec<Id> = admin.all(sql!("why/user"), &[&question.user]).await?;
    let user = users.pop().ok_or_else(|| none("user", &question.user))?;
    Ok((tenant.0, user.0))
}

/// Which column `--id` is about.
fn key_column(table: &Table, question: &Question, tenant: Option<&str>) -> Result<String, Failure> {
    if let Some(key) = &question.key {
        return Ok(key.clone());
    }
    let others: Vec<&String> = table.key.iter().filter(|column| Some(column.as_str()) != tenant).collect();
    match (others.as_slice(), table.key.as_slice()) {
        ([one], _) => Ok((*one).clone()),
        ([], [one]) => Ok(one.clone()),
        _ => {
            Err(Failure(format!("{} has no key of one column beside the tenant; name a column with --key", table.name)))
        }
    }
}

fn cannot(refusal: &Refusal) -> Failure {
    Failure(format!("the row could not be looked up (SQLSTATE {})", refusal.code))
}
