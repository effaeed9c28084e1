//! `rowhouse why`: each reason by its name, and no value of the row in any answer.
use serde_json::Value;
use uuid::Uuid;

use super::{rowhouse, run};
use crate::support::{TestDb, town};

/// Stands in the row that is asked about; never in an answer.
const SECRETS: [&str; 2] = ["Zanzibar takeover", "Nobody may read this"];

/// A database, and a project of acme's with the secrets in it.
struct Scene {
    db: TestDb,
    project: Uuid,
}

/// What was answered.
struct Told {
    code: Option<i32>,
    said: String,
    complaint: String,
}

impl Scene {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let project = town().acme.projects[0].id;
        let secrets = format!(
            "update tenant.projects set name = '{}', description = '{}' where id = '{project}'",
            SECRETS[0], SECRETS[1]
        );
        db.superuser().await.batch_execute(&secrets).await.unwrap();
        Self { db, project }
    }

    async fn change(&self, statement: &str) {
        self.db.superuser().await.batch_execute(statement).await.unwrap();
    }

    fn run_as(&self, connection: &str, arguments: &[&str]) -> Told {
        let mut command = rowhouse();
        command.arg("why").args(arguments).env("MIGRATE_DATABASE_URL", self.db.url(connection));
        let (code, said, complaint) = run(&mut command);
        for secret in SECRETS {
            assert!(!said.contains(secret) && !complaint.contains(secret), "{arguments:?}: {said}{complaint}");
        }
        Told { code, said, complaint }
    }

    /// About acme's project, as the migrator and as a superuser, who must not be told anything else: a
    /// superuser's question is put to PostgreSQL once more, as the role itself.
    fn ask(&self, user: &str, more: &[&str]) -> (Option<i32>, Vec<String>, Value) {
        let id = self.project.to_string();
        self.ask_for("acme", user, "tenant.projects", &id, more)
    }

    fn ask_for(
        &self,
        tenant: &str,
        user: &str,
        table: &str,
        id: &str,
        more: &[&str],
    ) -> (Option<i32>, Vec<String>, Value) {
        let mut arguments = vec!["--tenant", tenant, "--user", user, "--table", table, "--id", id, "--format", "json"];
        arguments.extend(more);
        let told = self.run_as("rowhouse_migrator", &arguments);
        let as_superuser = self.run_as("postgres", &arguments);
        assert_eq!(told.code, as_superuser.code, "{arguments:?}: {}{}", as_superuser.said, as_superuser.complaint);
        let report = json(&told);
        let confirmed = json(&as_superuser);
        assert_eq!(report["reasons"], confirmed["reasons"]);
        assert_ne!(confirmed["confirmed"], false);
        let codes = report["reasons"].as_array().unwrap().iter();
        let codes = codes.map(|reason| reason["code"].as_str().unwrap().to_owned()).collect();
        (told.code, codes, report)
    }

    /// A question that cannot be answered: the sentence.
    fn refuses(&self, connection: &str, tenant: &str, user: &str, table: &str, id: &str) -> String {
        let told = self.run_as(connection, &["--tenant", tenant, "--user", user, "--table", table, "--id", id]);
        assert_eq!((told.code, told.said.as_str()), (Some(2), ""), "{}", told.complaint);
        told.complaint
    }
}

#[track_caller]
fn json(told: &Told) -> Value {
    serde_json::from_str(&told.said).unwrap_or_else(|error| panic!("{error}: {}{}", told.said, told.complaint))
}

fn sentence(report: &Value, n: usize) -> &str {
    report["reasons"][n]["sentence"].as_str().unwrap()
}

#[tokio::test]
async fn what_is_shown_is_shown_for_each_command() {
    let scene = Scene::new().await;
    let owner = town().acme.owner.email;
    for command in ["select", "insert", "update", "delete"] {
        let (code, reasons, report) = scene.ask(owner, &["--command", command]);
        assert_eq!((code, reasons), (Some(0), vec!["policies_hold".to_owned()]), "{command}: {report}");
        assert_eq!(report["verdict"], "shown");
    }
    let id = scene.project.to_string();
    let arguments = ["--tenant", "acme", "--user", owner, "--table", "tenant.projects", "--id", &id];
    let told = scene.run_as("postgres", &arguments);
    assert!(told.said.starts_with("shown: rowhouse_api may select it"), "{}", told.said);
    assert!(told.said.contains("  ✓ select  wall              restrictive  tenant_id = "), "{}", told.said);
    assert!(told.said.contains("PostgreSQL, asked as rowhouse_api, says the same"), "{}", told.said);
    assert!(!told.said.contains('\u{1b}'), "colour is for terminals");
}

#[tokio::test]
async fn rows_of_others_and_rows_that_are_not() {
    let scene = Scene::new().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let (code, reasons, _) =
        scene.ask_for("acme", acme.owner.email, "tenant.projects", &town().nowhere.to_string(), &[]);
    assert_eq!((code, reasons), (Some(1), vec!["no_such_row".to_owned()]));

    let foreign = globex.projects[0].id.to_string();
    let (code, reasons, report) = scene.ask_for("acme", acme.owner.email, "tenant.projects", &foreign, &[]);
    assert_eq!((code, reasons), (Some(1), vec!["other_tenant".to_owned()]));
    assert!(sentence(&report, 0).contains("policy wall, tenant_id = "), "{report}");
    assert!(!report.to_string().contains(&globex.id.to_string()), "whose it is, is not said unless asked: {report}");
    let more = ["--reveal-tenant"];
    let (.., report) = scene.ask_for("acme", acme.owner.email, "tenant.projects", &foreign, &more);
    assert!(sentence(&report, 0).contains(&globex.id.to_string()), "{report}");
    // Both reasons, the row's first.
    let (_, reasons, _) = scene.ask_for("acme", globex.owner.email, "tenant.projects", &foreign, &[]);
    assert_eq!(reasons, ["other_tenant", "not_a_member"]);

    let other = acme.member.id.to_string();
    let (code, reasons, _) =
        scene.ask_for("acme", acme.owner.email, "registry.users", &other, &["--role", "rowhouse_gate"]);
    assert_eq!((code, reasons), (Some(1), vec!["other_user".to_owned(), "clause_false".to_owned()]));
    // Keys of other shapes: the tenant itself, a name, and a person who is a member in both tenants.
    for (table, id) in [
        ("registry.tenants", acme.id.to_string()),
        ("registry.domains", acme.claim.to_string()),
        ("registry.permissions", "tasks:read".to_owned()),
        ("tenant.memberships", acme.both.id.to_string()),
    ] {
        let (code, _, report) = scene.ask_for("acme", acme.owner.email, table, &id, &[]);
        assert_eq!(code, Some(0), "{table}: {report}");
    }
    let (_, reasons, _) = scene.ask_for("acme", acme.owner.email, "registry.domains", &globex.claim.to_string(), &[]);
    assert_eq!(reasons, ["other_tenant"]);
}

#[tokio::test]
async fn people_and_tenants_who_may_not() {
    let scene = Scene::new().await;
    let (acme, globex) = (&town().acme, &town().globex);
    let only = |code: &str| (Some(1), vec![code.to_owned()]);
    let (code, reasons, report) = scene.ask(globex.owner.email, &[]);
    assert_eq!((code, reasons), only("not_a_member"));
    assert_eq!(sentence(&report, 0), "owner@globex.example is not a member of acme");

    let (code, reasons, report) = scene.ask(&acme.viewer.id.to_string(), &["--command", "update"]);
    assert_eq!((code, reasons), only("permission_denied"));
    let said = sentence(&report, 0);
    assert!(said.contains("lacks projects:write: the role held in acme is viewer"), "{said}");
    assert!(said.ends_with("roles that hold it: admin, member, owner"), "{said}");
    scene.change("update tenant.roles set permissions = array_remove(permissions, 'projects:delete')").await;
    let (.., report) = scene.ask(acme.owner.email, &["--command", "delete"]);
    assert!(sentence(&report, 0).ends_with("no role of the tenant holds it"), "{report}");

    for status in ["suspended", "closed"] {
        scene.change(&format!("update registry.tenants set status = '{status}' where slug = 'acme'")).await;
        let (code, reasons, report) = scene.ask(acme.owner.email, &[]);
        assert_eq!((code, reasons), only("tenant_not_open"));
        assert_eq!(sentence(&report, 0), format!("the tenant acme is {status}"));
    }
    scene.change("update registry.tenants set status = 'active'").await;
    scene.change(&format!("update registry.users set active = false where id = '{}'", acme.owner.id)).await;
    let (code, reasons, _) = scene.ask(acme.owner.email, &[]);
    assert_eq!((code, reasons), only("account_deactivated"));
    // The account's own record as well.
    let own = acme.owner.id.to_string();
    let (code, reasons, _) =
        scene.ask_for("acme", acme.owner.email, "registry.users", &own, &["--role", "rowhouse_gate"]);
    assert_eq!((code, reasons), only("account_deactivated"));
}

#[tokio::test]
async fn roles_grants_and_policies_that_are_missing_or_not_asked() {
    let scene = Scene::new().await;
    let owner = town().acme.owner.email;
    let (code, reasons, _) = scene.ask(owner, &["--role", "rowhouse_platform"]);
    assert_eq!((code, &*reasons[0]), (Some(1), "no_grant"));
    let tenant = town().acme.id.to_string();
    let (code, reasons, report) = scene.ask_for("acme", owner, "registry.tenants", &tenant, &["--command", "delete"]);
    assert_eq!((code, reasons), (Some(1), vec!["no_grant".to_owned(), "no_policy".to_owned()]));
    assert_eq!(sentence(&report, 0), "rowhouse_api holds no grant to delete on registry.tenants");
    scene.change("grant delete on registry.tenants to rowhouse_api").await;
    let (_, reasons, _) = scene.ask_for("acme", owner, "registry.tenants", &tenant, &["--command", "delete"]);
    assert_eq!(reasons, ["no_policy"]);

    for (role, how) in [("rowhouse_migrator", "has BYPASSRLS"), ("postgres", "is a superuser")] {
        let told = scene.run_as(
            "postgres",
            &[
                "--tenant",
                "acme",
                "--user",
                owner,
                "--table",
                "tenant.projects",
                "--id",
                &scene.project.to_string(),
                "--role",
                role,
            ],
        );
        assert_eq!(told.code, Some(0));
        assert!(told.said.starts_with(&format!("shown: no policy is asked: {role} {how}")), "{}", told.said);
    }
    scene.change("alter table tenant.projects no force row level security").await;
    let (code, reasons, _) = scene.ask(owner, &["--role", "rowhouse_owner"]);
    assert_eq!((code, reasons), (Some(0), vec!["role_bypasses".to_owned()]));
    scene.change("alter table tenant.projects disable row level security").await;
    let (code, reasons, _) = scene.ask(town().globex.owner.email, &[]);
    assert_eq!((code, reasons), (Some(0), vec!["row_security_off".to_owned()]));
}

#[tokio::test]
async fn clauses_are_told_apart() {
    let scene = Scene::new().await;
    let owner = town().acme.owner.email;
    scene
        .change(
            "create policy quiet on tenant.projects as restrictive to rowhouse_api
                 using (version > 0 and status = 'archived' and (name is not null or status = 'x'));
             alter table tenant.projects add column reviewed boolean;
             create policy reviewed on tenant.projects as restrictive to rowhouse_api using (reviewed)",
        )
        .await;
    scene.change("update tenant.projects set status = 'active'").await;
    let (code, reasons, report) = scene.ask(owner, &[]);
    assert_eq!((code, reasons), (Some(1), vec!["clause_false".to_owned(), "clause_null".to_owned()]));
    let policies = report["policies"].as_array().unwrap();
    let quiet = policies.iter().find(|check| check["policy"] == "quiet").unwrap();
    let outcomes: Vec<&Value> =
        quiet["clauses"].as_array().unwrap().iter().map(|clause| &clause["outcome"]["is"]).collect();
    assert_eq!(outcomes, ["true", "false", "true"], "{quiet}");

    // An error that quotes the row is told by its SQLSTATE alone; `run_as` looks for the secrets.
    scene.change("drop policy quiet on tenant.projects; drop policy reviewed on tenant.projects").await;
    scene.change("create policy loud on tenant.projects as restrictive to rowhouse_api using (name::int > 0)").await;
    let (code, reasons, _) = scene.ask(owner, &[]);
    assert_eq!((code, reasons), (Some(1), vec!["malformed".to_owned()]));
    scene
        .change(
            "drop policy loud on tenant.projects; create policy lost on tenant.projects as restrictive
                 to rowhouse_api using (current_setting('app.region') = 'eu')",
        )
        .await;
    let (code, reasons, report) = scene.ask(owner, &[]);
    assert_eq!((code, reasons), (Some(1), vec!["setting_missing".to_owned()]));
    assert!(sentence(&report, 0).contains("app.region"), "{report}");
    // What depends on who asks cannot be told by somebody else; a superuser is told by PostgreSQL.
    scene
        .change(
            "drop policy lost on tenant.projects; create policy self on tenant.projects as restrictive
                 to rowhouse_api using (current_user = 'rowhouse_api')",
        )
        .await;
    let id = scene.project.to_string();
    let arguments = ["--tenant", "acme", "--user", owner, "--table", "tenant.projects", "--id", &id];
    let told = scene.run_as("postgres", &arguments);
    assert_eq!(told.code, Some(2));
    assert!(told.said.starts_with("cannot tell: asked as rowhouse_api, PostgreSQL finds it"), "{}", told.said);
}

#[tokio::test]
async fn questions_that_cannot_be_asked_are_refused_in_a_sentence() {
    let scene = Scene::new().await;
    let (id, owner) = (scene.project.to_string(), town().acme.owner.email);
    let migrator = "rowhouse_migrator";
    for (connection, tenant, user, table, id, expected) in [
        (migrator, "nowhere", owner, "tenant.projects", &*id, "there is no tenant nowhere"),
        (migrator, "acme", "nobody@example.com", "tenant.projects", &id, "there is no user nobody@example.com"),
        (migrator, "acme", owner, "tenant.nothing", &id, "there is no table tenant.nothing"),
        (migrator, "acme", owner, "not a name", &id, "there is no table not a name"),
        (migrator, "acme", owner, "audit.catalog", &id, "audit.catalog is no table"),
        (migrator, "acme", owner, "tenant.projects", "seven", "--id is no uuid"),
        ("rowhouse_api", "acme", owner, "tenant.projects", &id, "connect as a role that no wall stops"),
        ("rowhouse_auditor", "acme", owner, "tenant.projects", &id, "connect as a role that no wall stops"),
        ("rowhouse_platform", "acme", owner, "registry.tenants", &id, "connect as a role that no wall stops"),
    ] {
        let why = scene.refuses(connection, tenant, user, table, id);
        assert!(why.starts_with("rowhouse: ") && why.contains(expected), "{expected}: {why}");
    }
    let told = scene.run_as(
        migrator,
        &["--tenant", "acme", "--user", owner, "--table", "tenant.projects", "--id", &id, "--role", "nobody"],
    );
    assert!(told.code == Some(2) && told.complaint.contains("there is no role nobody"), "{}", told.complaint);
    let told = scene.run_as(
        migrator,
        &["--tenant", "acme", "--user", owner, "--table", "tenant.projects", "--id", &id, "--setting", "a.b; drop"],
    );
    assert!(told.code == Some(2) && told.complaint.contains("named like app.tenant_id"), "{}", told.complaint);
}

#[tokio::test]
async fn another_database_is_asked_in_its_own_words() {
    let db = TestDb::empty().await;
    db.superuser()
        .await
        .batch_execute(
            "create schema shop; grant usage on schema shop to rowhouse_api;
             create table shop.\"Orders\" (number int primary key, company int not null, note text);
             alter table shop.\"Orders\" enable row level security;
             create policy own on shop.\"Orders\" using (company = current_setting('shop.company')::int);
             grant select on shop.\"Orders\" to rowhouse_api;
             insert into shop.\"Orders\" values (1, 10, 'Zanzibar takeover'), (2, 20, 'Nobody may read this')",
        )
        .await
        .unwrap();
    let scene = Scene { db, project: Uuid::nil() };
    let ask = |id: &str| {
        let told = scene.run_as(
            "postgres",
            &[
                "--tenant",
                "10",
                "--user",
                "7",
                "--table",
                "shop.\"Orders\"",
                "--id",
                id,
                "--setting",
                "shop.company",
                "--user-setting",
                "shop.person",
                "--format",
                "json",
            ],
        );
        let report = json(&told);
        (told.code, report["reasons"][0]["code"].as_str().unwrap().to_owned(), report["confirmed"].clone())
    };
    assert_eq!(ask("1"), (Some(0), "policies_hold".to_owned(), true.into()));
    assert_eq!(ask("2"), (Some(1), "other_tenant".to_owned(), true.into()));
    assert_eq!(ask("3").1, "no_such_row");
}
