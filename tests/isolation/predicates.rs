//! The statements the server sends, with every tenant predicate struck out: the wall alone must hold.
use std::path::Path;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{enter, fingerprint, leave};
use crate::support::{TestDb, town};

type Param = Box<dyn ToSql + Sync + Send>;

/// Parameters after the tenant that would reach globex's first project and task, if anything did.
fn aimed_at_globex(file: &str) -> Vec<Param> {
    let project = &town().globex.projects.iter().find(|project| !project.tasks.is_empty()).unwrap();
    let (id, task) = (project.id, project.tasks[0]);
    let any_version = || Box::new(None::<Vec<i64>>) as Param;
    let text = |text: &str| Box::new(text.to_owned()) as Param;
    let uuid = |id: Uuid| Box::new(id) as Param;
    let many = || Box::new(200_i64) as Param;
    let nothing = || Box::new(None::<String>) as Param;
    match file {
        "projects/list_newest" => vec![uuid(Uuid::max()), many()],
        "projects/list_newest_by_status" => vec![text("active"), uuid(Uuid::max()), many()],
        "projects/list_name" => vec![text(""), many()],
        "projects/list_name_by_status" => vec![text("active"), text(""), many()],
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
        unknown => panic!("say here how sql/queries/{unknown}.sql would be aimed at another tenant"),
    }
}

/// The statements that touch schema tenant; those of the migrator's seeds and of `rowhouse why` are not the server's.
fn statements() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/queries");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if name == "seed" || name == "why" {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            if text.contains(" tenant.") {
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
        // An insert has no predicate to strike: it names the other tenant instead.
        let struck =
            text.replace("p.tenant_id = $1", "$1::uuid is not null").replace("tenant_id = $1", "$1::uuid is not null");
        assert_eq!(struck != text, !insert, "{file} has its tenant predicate");
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
            Ok(rows) => {
                assert!(!insert, "{file} inserted into another tenant");
                let seen: Vec<Option<Uuid>> = rows.iter().map(|row| row.get("id")).collect();
                let foreign = |id: &Uuid| globex.projects.iter().any(|row| row.id == *id || row.tasks.contains(id));
                assert!(!seen.iter().flatten().any(foreign), "{file} shows another tenant's rows");
                // The control: a list without its predicate still shows one's own.
                assert_eq!(file.starts_with("projects/list"), !rows.is_empty(), "{file}");
            }
        }
        leave(&api).await;
        assert_eq!(fingerprint(&superuser, globex.id).await, before, "{file}");
    }
}
