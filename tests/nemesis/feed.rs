//! The feed of events under the nemesis: a reader who goes on from where they were, whatever happens to PostgreSQL and to writers, gets each
//! event once, in each writer's order, and none of what was rolled back.
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use rowhouse::events::TYPES;
use tokio_postgres::{Client, types::Type};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    dice::Dice,
    history::Fate,
    world::{Scene, Tenant, World},
};

const LIST: rowhouse::db::Sql = rowhouse::sql!("events/list");

pub async fn begin(api: &Client, tenant: &Tenant, how: &str) -> Result<(), tokio_postgres::Error> {
    let begin = format!(
        "begin {how}; set local app.tenant_id = '{}'; set local app.user_id = '{1}'; set local app.session_id = '{1}'",
        tenant.id, tenant.member
    );
    api.batch_execute(&begin).await
}

/// One writer's projects, each with what came of it, in order.
async fn writes(scene: &Scene<'_>, number: u64, stop: &CancellationToken) -> Vec<(Uuid, Fate)> {
    let mut dice = Dice::of(scene.world.seed, 300 + number);
    let mut api = scene.patient_client("rowhouse_api").await;
    let mut written = Vec::new();
    while !stop.is_cancelled() {
        let (id, tenant) = (rowhouse_pg::new_id(), &scene.world.tenants[0]);
        let insert = async {
            begin(&api, tenant, "").await?;
            let insert = "insert into tenant.projects (tenant_id, id, name) values ($1, $2, $3)";
            api.execute(insert, &[&tenant.id, &id, &id.to_string()]).await?;
            // Others begin later and are committed earlier.
            tokio::time::sleep(Duration::from_millis(dice.within(0..60))).await;
            Ok::<_, tokio_postgres::Error>(())
        };
        let fate = match insert.await {
            Err(_) => Fate::RolledBack,
            Ok(()) if dice.percent(20) => {
                let _ = api.batch_execute("rollback").await;
                Fate::RolledBack
            }
            Ok(()) => api.batch_execute("commit").await.map_or(Fate::Unknown, |()| Fate::Committed),
        };
        written.push((id, fate));
        if api.is_closed() {
            api = scene.patient_client("rowhouse_api").await;
        }
    }
    written
}

/// What a reader has read, and where they are.
struct Reader {
    position: (i64, i64, Uuid),
    read: Vec<Uuid>,
}

impl Reader {
    /// Reads on; says whether there was anything.
    async fn on(&mut self, api: &Client, tenant: &Tenant, list: &str) -> Result<bool, tokio_postgres::Error> {
        begin(api, tenant, "read only").await?;
        let takes = [Type::UUID, Type::INT8, Type::INT8, Type::UUID, Type::TEXT_ARRAY, Type::TEXT_ARRAY, Type::INT8];
        let list = api.prepare_typed(list, &takes).await?;
        let (epoch, xid, id) = self.position;
        let (types, permissions): (Vec<&str>, Vec<&str>) =
            TYPES.iter().map(|kind| (kind.name, kind.permission)).unzip();
        let rows = api.query(&list, &[&tenant.id, &epoch, &xid, &id, &types, &permissions, &7_i64]).await?;
        api.batch_execute("commit").await?;
        for row in &rows {
            self.position = (row.get("epoch"), row.get("xid"), row.get("id"));
            let data: serde_json::Value = row.get("data");
            if row.get::<_, String>("type") == "project.created" {
                self.read.push(data["id"].as_str().unwrap().parse().unwrap());
            }
        }
        Ok(!rows.is_empty())
    }
}

async fn reads(scene: &Scene<'_>, list: &str, stop: &CancellationToken) -> Vec<Uuid> {
    let tenant = &scene.world.tenants[0];
    let mut reader = Reader { position: (0, 0, Uuid::nil()), read: Vec::new() };
    let mut api = scene.patient_client("rowhouse_api").await;
    let mut quiet: Option<Instant> = None;
    // Once nobody writes any more it reads to the end, and whoever is still within a transaction is waited for.
    while quiet.is_none_or(|since| since.elapsed() < Duration::from_secs(3)) {
        match reader.on(&api, tenant, list).await {
            Ok(true) => quiet = None,
            Ok(false) => {
                if stop.is_cancelled() {
                    quiet.get_or_insert_with(Instant::now);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => {
                // Whoever rages ends sessions and servers; a statement that cannot be understood is nobody's doing but ours.
                let ours =
                    error.code().is_some_and(|code| code.code().starts_with("42") || code.code().starts_with("22"));
                assert!(!ours, "{error:?}");
                api = scene.patient_client("rowhouse_api").await;
            }
        }
    }
    reader.read
}

/// What is wrong with what a reader by this statement was told while somebody raged; or how much it was.
async fn lived(scene: &Scene<'_>, list: &str, deeds: u32) -> Result<usize, String> {
    let (world, stop) = (scene.world, CancellationToken::new());
    let rages = async {
        let mut dice = Dice::of(world.seed, 2);
        for _ in 0..deeds {
            tokio::time::sleep(Duration::from_millis(dice.within(300..900))).await;
            if dice.percent(30) {
                tokio::task::block_in_place(|| world.restart());
            } else {
                scene.terminate_backends().await;
            }
        }
        stop.cancel();
    };
    let writer = |number| writes(scene, number, &stop);
    let writers = async { tokio::join!(writer(0), writer(1), writer(2), writer(3)) };
    let ((), (one, two, three, four), read) = tokio::join!(rages, writers, reads(scene, list, &stop));
    let there = "select id from tenant.projects where tenant_id = $1";
    let superuser = scene.patient_client("postgres").await;
    let there = superuser.query(there, &[&world.tenants[0].id]).await.unwrap();
    let there: HashSet<Uuid> = there.iter().map(|row| row.get(0)).collect();
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    for (place, id) in read.iter().enumerate() {
        if places.insert(*id, place).is_some() {
            return Err(format!("{id} was told twice"));
        }
    }
    if let Some(id) = there.iter().find(|id| !places.contains_key(*id)) {
        return Err(format!("{id} was never told"));
    }
    if let Some(id) = places.keys().find(|id| !there.contains(*id)) {
        return Err(format!("{id} was told and is not there"));
    }
    for writer in [one, two, three, four] {
        let mut before = None;
        for (id, fate) in writer {
            let place = places.get(&id).copied();
            match fate {
                Fate::Committed if place <= before => {
                    return Err(format!("{id} was told at {place:?} after {before:?}"));
                }
                Fate::RolledBack if place.is_some() => return Err(format!("{id} was rolled back and told")),
                _ => before = place.or(before),
            }
        }
    }
    Ok(read.len())
}

pub async fn whoever_reads_the_feed_misses_nothing_and_reads_nothing_twice(world: &World) {
    let told = lived(&world.scene("").await, LIST.text(), 8).await;
    println!("  {told:?} told");
    assert!(told.as_ref().is_ok_and(|told| *told > 20), "seed {}: {told:?}", world.seed);
}

/// A reader who does not wait for transactions that are under way.
pub async fn a_feed_that_reads_past_whoever_has_not_ended_is_found(world: &World) {
    let (before, after) = LIST.text().split_once("and (epoch, xid) <").expect("the statement waits for them");
    let hasty = format!("{before}{}", &after[after.find("order by").unwrap()..]);
    let told = lived(&world.scene("").await, &hasty, 4).await;
    println!("  {told:?}");
    assert!(told.is_err_and(|wrong| wrong.ends_with("was never told")), "seed {}", world.seed);
}
