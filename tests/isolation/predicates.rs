//! The statements the server sends, with every tenant predicate struck out: the wall alone must hold.
use std::path::Path;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{enter, fingerprint, leave, names};
use crate::support::{TestDb, town};

type Param = Box<dyn ToSql + Sync + Send>;

/// Parameters after the tenant that would reach globex's first project and task, if anything did.
#[expect(clippy::too_many_lines, clippy::match_same_arms, reason = "a table: an arm a statement")]
fn aimed_at_globex(file: &str) -> Vec<Param> {
    let project = &town().globex.projects.iter().find(|project| !project.tasks.is_empty()).unwrap();
    let (id, task) = (project.id, project.tasks[0]);
    let any_version = || Box::new(None::<Vec<i64>>) as Param;
    let text = |text: &str| Box::new(text.to_owned()) as Param;
    let uuid = |id: Uuid| Box::new(id) as Param;
    let many = || Box::new(200_i64) as Param;
    let long = || Box::new(1_i64 << 20) as Param;
    let nothing = || Box::new(None::<String>) as Param;
    let hash = || Box::new(vec![7_u8; 32]) as Param;
    let globex = &town().globex;
    let statuses = || Box::new(vec!["draft", "active", "archived"]) as Param;
    let stocks = || Box::new(vec![true, false]) as Param;
    let tags = || Box::new(vec!["planted"]) as Param;
    let all = || Box::new(None::<i64>) as Param;
    match file {
        "invitations/list" | "api_keys/list" => vec![uuid(Uuid::max()), many()],
        "projects/list_newest" | "operations/list" => vec![uuid(Uuid::max()), many(), long()],
        "projects/list_newest_by_status" => vec![text("active"), uuid(Uuid::max()), many(), long()],
        "members/list" | "roles/list" | "domains/list" => vec![text(""), many()],
        "projects/list_name" => vec![text(""), many(), long()],
        "projects/list_name_by_status" => vec![text("active"), text(""), many(), long()],
        "projects/count" => vec![many()],
        "projects/count_by_status" => vec![text("active"), many()],
        "project_tasks/count" => vec![uuid(id), many()],
        "project_tasks/count_by_status" => vec![uuid(id), text("open"), many()],
        "projects/get" => vec![uuid(id)],
        "projects/insert" => {
            vec![uuid(Uuid::now_v7()), text("planted"), nothing(), text("active"), Box::new(None::<Uuid>)]
        }
        "projects/update" => vec![
            uuid(id),
            any_version(),
            text("taken"),
            Box::new(true),
            text("over"),
            text("paused"),
            Box::new(false),
            Box::new(None::<Uuid>),
        ],
        "projects/delete" => vec![uuid(id), any_version()],
        "project_tasks/list_newest" => vec![uuid(id), uuid(Uuid::max()), many()],
        "project_tasks/list_newest_by_status" => vec![uuid(id), text("open"), uuid(Uuid::max()), many()],
        "project_tasks/list_name" => vec![uuid(id), text(""), uuid(Uuid::nil()), many()],
        "project_tasks/list_name_by_status" => vec![uuid(id), text("open"), text(""), uuid(Uuid::nil()), many()],
        "project_tasks/get" => vec![uuid(id), uuid(task)],
        "project_tasks/insert" => vec![uuid(id), uuid(Uuid::now_v7()), text("planted"), text("open")],
        "project_tasks/update" => vec![uuid(id), uuid(task), any_version(), text("taken"), text("done")],
        "project_tasks/delete" => vec![uuid(id), uuid(task), any_version()],
        "members/list_by_role" => vec![uuid(globex.role), text(""), many()],
        "members/get" => vec![uuid(globex.member.id)],
        "members/update" => vec![uuid(globex.member.id), any_version(), Box::new(Some(globex.role))],
        "members/delete" => vec![uuid(globex.member.id), any_version()],
        "roles/get" => vec![uuid(globex.role)],
        "roles/insert" => vec![uuid(Uuid::now_v7()), text("planted"), Box::new(vec!["tasks:read"])],
        "roles/update" => vec![uuid(globex.role), any_version(), text("taken"), Box::new(None::<Vec<String>>)],
        "roles/delete" => vec![uuid(globex.role), any_version()],
        "invitations/get" => vec![uuid(globex.invitation)],
        "invitations/insert" => vec![
            uuid(Uuid::now_v7()),
            text("planted@example.com"),
            uuid(globex.role),
            hash(),
            Box::new(None::<Uuid>),
            text("1 day"),
        ],
        "invitations/resend" => vec![uuid(globex.invitation), hash(), text("1 day")],
        "invitations/delete" => vec![uuid(globex.invitation), any_version()],
        "api_keys/get" => vec![uuid(globex.api_key)],
        "api_keys/insert" => vec![
            uuid(Uuid::now_v7()),
            text("planted"),
            Box::new(vec!["tasks:read"]),
            hash(),
            text("abcd"),
            Box::new(None::<Uuid>),
            Box::new(None::<jiff::Timestamp>),
        ],
        "api_keys/update" => {
            vec![uuid(globex.api_key), any_version(), text("taken"), Box::new(false), Box::new(None::<jiff::Timestamp>)]
        }
        "api_keys/rotate" => vec![uuid(globex.api_key), hash(), text("abcd"), text("1 day")],
        "api_keys/delete" => vec![uuid(globex.api_key), any_version()],
        "idempotency/find" => vec![uuid(globex.owner.id), text("acme-1"), hash()],
        "idempotency/store" => vec![uuid(globex.owner.id), text("globex-1"), Box::new(201_i16), hash()],
        "idempotency/forget" => vec![uuid(globex.owner.id), text("globex-1")],
        // As if by globex's owner; what is asked of no row in particular, by acme's, who is asking.
        "notifications/list" | "notifications/list_unread" => {
            vec![uuid(town().acme.owner.id), uuid(Uuid::max()), many()]
        }
        "notifications/count_unread" => vec![uuid(town().acme.owner.id), many()],
        "notifications/mark" => vec![uuid(globex.owner.id), uuid(globex.notification), Box::new(true)],
        "notifications/mark_all" => vec![uuid(globex.owner.id), uuid(Uuid::max()), many()],
        "domains/get" | "domains/to_verify" | "domains/delete" => vec![uuid(globex.claim)],
        "domains/insert" => vec![uuid(Uuid::now_v7()), text("planted.example"), text("x")],
        "tenant/get" | "settings/get" => vec![],
        "settings/update" => {
            vec![any_version(), nothing(), nothing(), text("USD"), nothing(), Box::new(None::<i32>)]
        }
        "tenant/update" => vec![any_version(), text("taken")],
        "products/get" => vec![uuid(globex.product)],
        "products/delete" => vec![uuid(globex.product), any_version()],
        "products/insert" => vec![
            uuid(Uuid::now_v7()),
            text("planted"),
            nothing(),
            text("planted"),
            Box::new(1_i64),
            text("EUR"),
            Box::new(1_i32),
            text("active"),
            tags(),
        ],
        "products/update" => vec![
            uuid(globex.product),
            any_version(),
            text("taken"),
            Box::new(true),
            text("over"),
            nothing(),
            Box::new(Some(1_i64)),
            nothing(),
            Box::new(Some(1_i32)),
            nothing(),
            Box::new(None::<Vec<String>>),
        ],
        "products/import" => vec![
            Box::new(vec![Uuid::now_v7()]),
            Box::new(vec!["planted"]),
            Box::new(vec![None::<String>]),
            Box::new(vec!["globex-lamp"]),
            Box::new(vec![1_i64]),
            Box::new(vec!["EUR"]),
            Box::new(vec![1_i32]),
            Box::new(vec!["active"]),
            Box::new(vec!["a"]),
        ],
        "products/export" => vec![text(""), many()],
        "products/reindex" => vec![uuid(Uuid::nil()), many(), text("german")],
        "products/list_newest" => vec![statuses(), stocks(), uuid(Uuid::max()), uuid(Uuid::nil()), many(), long()],
        "products/list_name" => vec![statuses(), stocks(), text(""), uuid(Uuid::nil()), many(), long()],
        "products/list_price" => {
            vec![statuses(), stocks(), Box::new(0_i64), uuid(Uuid::nil()), Box::new(i64::MAX), many(), long()]
        }
        "products/list_sku" => vec![statuses(), stocks(), text(""), many(), long()],
        "products/list_newest_tagged" => {
            vec![statuses(), stocks(), text("lighting"), uuid(Uuid::max()), uuid(Uuid::nil()), many(), long()]
        }
        "products/list_name_tagged" => {
            vec![statuses(), stocks(), text("lighting"), text(""), uuid(Uuid::nil()), many(), long()]
        }
        "products/list_price_tagged" => {
            vec![
                statuses(),
                stocks(),
                text("lighting"),
                Box::new(0_i64),
                uuid(Uuid::nil()),
                Box::new(i64::MAX),
                many(),
                long(),
            ]
        }
        "products/list_sku_tagged" => vec![statuses(), stocks(), text("lighting"), text(""), many(), long()],
        "products/count_newest" => vec![statuses(), stocks(), uuid(Uuid::max()), uuid(Uuid::nil()), all()],
        "products/count_price" => vec![statuses(), stocks(), Box::new(0_i64), Box::new(i64::MAX), all()],
        "products/count_newest_tagged" => {
            vec![statuses(), stocks(), text("lighting"), uuid(Uuid::max()), uuid(Uuid::nil()), all()]
        }
        "products/count_price_tagged" => {
            vec![statuses(), stocks(), text("lighting"), Box::new(0_i64), Box::new(i64::MAX), all()]
        }
        "products/search" => vec![
            Box::new(vec![0_i32]),
            Box::new(vec!["last"]),
            Box::new(vec!["globex"]),
            Box::new(vec![false]),
            nothing(),
            nothing(),
            Box::new(None::<f32>),
            Box::new(None::<Uuid>),
            many(),
            long(),
        ],
        "products/suggest" => vec![text("globex"), text("globex"), many()],
        "operations/get" | "operations/cancel" | "operations/wait" => vec![uuid(globex.operation)],
        "operations/under_way" => vec![],
        "operations/insert" => {
            vec![uuid(Uuid::now_v7()), text("products.import"), Box::new(None::<i64>), Box::new(None::<Uuid>)]
        }
        "operations/progress" => vec![uuid(globex.operation), Box::new(7_i64)],
        "operations/finish" => {
            vec![uuid(globex.operation), text("failed"), Box::new(7_i64), Box::new(serde_json::json!({}))]
        }
        "dashboard/kpis" | "cache/products" | "cache/search" | "cache/kpis" => vec![],
        "cache/analytics" => vec![text("tasks_done")],
        "dashboard/recent_projects" => vec![Box::new(jiff::Timestamp::MAX), uuid(Uuid::max()), many()],
        analytics if analytics.starts_with("dashboard/analytics_") => {
            vec![
                Box::new(None::<jiff::civil::Date>),
                Box::new(None::<jiff::civil::Date>),
                text("day"),
                Box::new(401_i32),
            ]
        }
        unknown => panic!("say here how sql/queries/{unknown}.sql would be aimed at another tenant"),
    }
}

/// How much of what a statement counts is this tenant's.
fn owned(file: &str, tenant: Uuid) -> String {
    match file {
        "projects/count" => format!("select count(*)::text from tenant.projects where tenant_id = '{tenant}'"),
        "projects/count_by_status" => {
            format!("select count(*)::text from tenant.projects where tenant_id = '{tenant}' and status = 'active'")
        }
        "products/count_newest" | "products/count_price" => {
            format!("select count(*)::text from tenant.products where tenant_id = '{tenant}'")
        }
        "products/count_newest_tagged" | "products/count_price_tagged" => {
            format!("select count(*)::text from tenant.product_tags where tenant_id = '{tenant}' and tag = 'lighting'")
        }
        "notifications/count_unread" => format!(
            "select count(*)::text from tenant.notifications
             where tenant_id = '{tenant}' and user_id = '{}' and read_at is null",
            town().acme.owner.id
        ),
        _ => "select '0'".to_owned(),
    }
}

/// The statement without its tenant predicates.
fn strike(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        words.push(word.to_owned());
        let at = words.len();
        // `m.tenant_id = $1`, and in registry.tenants `id = $1`, whatever stands behind it.
        if at >= 3
            && words[at - 2] == "="
            && word.starts_with("$1")
            && !word[2..].starts_with(|c: char| c.is_ascii_digit())
        {
            let named = words[at - 3].rsplit(['.', '(', '\n']).next().unwrap_or_default();
            if named == "tenant_id" || named == "id" {
                let before = words[at - 3]
                    [..words[at - 3].len() - words[at - 3].rsplit(['(', '\n']).next().unwrap_or_default().len()]
                    .to_owned();
                words.truncate(at - 3);
                words.push(format!("{before}$1::uuid is not null{}", &word[2..]));
            }
        }
    }
    words.join(" ")
}

/// The statements that name a tenant: all that touch schema tenant, and those on the tenant's own registry rows. Those
/// of the migrator's commands are not the server's.
fn statements() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/queries");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if ["seed", "why", "operate"].contains(&name.as_str()) {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            let registry = text.contains(" registry.tenants") || text.contains(" registry.domains");
            if text.contains(" tenant.") || text.contains("tenant_id = $1") || registry {
                found.push((format!("{name}/{}", file.file_stem().unwrap().to_string_lossy()), text));
            }
        }
    }
    assert!(found.len() >= 16);
    found
}

#[tokio::test]
async fn with_every_tenant_predicate_struck_nothing_leaks() {
    let db = TestDb::new().await;
    let (api, superuser) = (db.api().await, db.superuser().await);
    let (acme, globex) = (&town().acme, &town().globex);
    let before = fingerprint(&superuser, globex.id).await;
    for (file, text) in statements() {
        let insert = text.contains("insert into");
        // An insert has no predicate to strike, unless it looks something up: it names the other tenant instead.
        let struck = strike(&text);
        assert!(insert || struck != text, "{file} has its tenant predicate");
        enter(&api, acme.id, &acme.owner).await;
        let statement = api.prepare(&struck).await.unwrap_or_else(|error| panic!("{file}: {error:?}"));
        let mut params: Vec<Param> = vec![Box::new(globex.id)];
        params.extend(aimed_at_globex(&file));
        let bound: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| &**param as &(dyn ToSql + Sync)).collect();
        match api.query(&statement, &bound).await {
            Err(error) => {
                assert!(insert, "{file}: {error:?}");
                assert_eq!(error.code().unwrap().code(), "42501", "{file}: {error:?}");
            }
            // A number is as good as a row: all of one's own, and nothing of another tenant's project.
            Ok(rows) if file.contains("/count") => {
                let counted: i64 = rows[0].get("counted");
                let own = names(&superuser, &owned(&file, acme.id)).await;
                assert_eq!(counted.to_string(), own[0], "{file}");
            }
            Ok(rows) => {
                assert!(!insert || rows.is_empty(), "{file} inserted into another tenant");
                let column = if file.starts_with("members/") { "user_id" } else { "id" };
                // A tenant has one row of settings, which needs no id. Figures have none; that they are one's own,
                // tests/api/dashboard.rs counts.
                let no_id = [
                    "domains/delete",
                    "operations/progress",
                    "operations/wait",
                    "products/export",
                    "products/suggest",
                    "products/reindex",
                ];
                // A generation is one row that no id stands in; tests/api/cache.rs sees whose it is.
                let figures =
                    file == "dashboard/kpis" || file.starts_with("cache/") || file.starts_with("dashboard/analytics_");
                let none = no_id.contains(&&*file) || file.starts_with("settings/") || figures;
                let column = if none { None } else { Some(column) };
                let seen: Vec<Option<Uuid>> =
                    rows.iter().filter_map(|row| column.map(|column| row.get(column))).collect();
                let rest = [
                    globex.member.id,
                    globex.role,
                    globex.invitation,
                    globex.api_key,
                    globex.claim,
                    globex.product,
                    globex.operation,
                    globex.notification,
                    globex.id,
                ];
                let foreign = |id: &Uuid| {
                    rest.contains(id) || globex.projects.iter().any(|row| row.id == *id || row.tasks.contains(id))
                };
                assert!(!seen.iter().flatten().any(foreign), "{file} shows another tenant's rows");
                // The control: a list without its predicate still shows one's own. A role of another tenant is
                // nobody's role here.
                let shows = file.starts_with("tenant/")
                    || file.starts_with("settings/")
                    || file.starts_with("dashboard/")
                    || file.starts_with("cache/")
                    // One row carries the counts, whatever is found.
                    || ["products/export", "products/reindex", "products/search"].contains(&&*file)
                    || file.contains("/list") && !file.starts_with("project_tasks") && file != "members/list_by_role";
                assert_eq!(shows, !rows.is_empty(), "{file}");
            }
        }
        leave(&api).await;
        assert_eq!(fingerprint(&superuser, globex.id).await, before, "{file}");
    }
}
