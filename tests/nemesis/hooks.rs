//! Webhooks and streams under the nemesis: `rowhouse serve`, three times `rowhouse worker`, receivers that fail now and then, and a Redis that is cut.
//! Each committed event is taken at least once by each receiver that asked for it, in order where that was promised, signed, with the same
//! bytes each time, and told on the stream exactly once; what was rolled back is told nobody.
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    dice::Dice,
    feed::begin,
    history::Fate,
    nemesis::{Deed, Plan, how_long, rage},
    receiver::{Got, Receiver},
    stream::Follower,
    tokens::forge,
    told::{Endpoint, Heard, Told, Tried, Wrong},
    world::{Scene, Tenant, World},
};

const MADE: &[&str] = &["project.created"];
const BOTH: &[&str] = &["project.created", "project.updated"];

/// What a receiver was to be told, and was not yet, of all that happened.
const UNTOLD: &str = "select count(*) from tenant.webhook_endpoints w
    join tenant.events e on e.tenant_id = w.tenant_id and e.type = any (w.event_types)
    left join tenant.webhook_deliveries d on d.tenant_id = w.tenant_id and d.endpoint_id = w.id and d.event_id = e.id
    where d.state is distinct from 'delivered'";
/// A worker has gone on with what another held.
const TAKEN_OVER: &str =
    "select exists (select from tenant.jobs where kind like 'webhooks.%' and attempts > 1 and error_code is null)";
/// What is to be tried again in some seconds is tried now; what nobody would do stays undone.
const HURRY: &[&str] = &[
    "update tenant.webhook_deliveries set next_at = now() where state = 'waiting' and next_at > now()",
    "update tenant.jobs set run_at = now() where state = 'waiting' and kind like 'webhooks.%' and run_at > now()",
];

const PLAN: Plan<'_> = Plan {
    deeds: &[Deed::Kill],
    mode: None,
    least: Duration::from_secs(2),
    until: "select count(*) > 40 from tenant.events where type = 'project.created'",
    most: Duration::from_secs(20),
    left: UNTOLD,
    patience: Duration::from_secs(8),
    hurry: HURRY,
};

/// Somebody who asks the server, as a tenant's owner.
struct Asks<'a> {
    http: reqwest::Client,
    address: &'a str,
    tenant: &'a Tenant,
}

impl<'a> Asks<'a> {
    fn as_owner(address: &'a str, tenant: &'a Tenant) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        Self { http, address, tenant }
    }

    fn ask(&self, method: Method, path: &str, body: &Value) -> RequestBuilder {
        let token = forge(self.tenant.member, Some(self.tenant.id)).sign();
        let ask = self.http.request(method, format!("http://{}/api/v1{path}", self.address)).bearer_auth(token);
        if body.is_null() { ask } else { ask.json(body) }
    }

    /// An answer that has to come.
    async fn told(&self, method: Method, path: &str, body: &Value) -> Value {
        let given_up = Instant::now() + Duration::from_secs(30);
        loop {
            match self.ask(method.clone(), path, body).send().await {
                Ok(answer) if answer.status().is_success() => return answer.json().await.unwrap(),
                Ok(answer) if answer.status().as_u16() < 500 => panic!("{path}: {}", answer.text().await.unwrap()),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
            assert!(Instant::now() < given_up, "{path} is not answered");
        }
    }

    /// Makes projects by the API, and changes some of them; what came of each by its name, which is an id.
    async fn writes(&self, mut dice: Dice, stop: &CancellationToken) -> Vec<(String, Fate)> {
        let mut written = Vec::new();
        while !stop.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(dice.within(50..300))).await;
            let name = Uuid::now_v7().to_string();
            let answer = self.ask(Method::POST, "/projects", &json!({ "name": name })).send().await;
            let fate = match answer {
                Ok(answer) if answer.status() == 201 => {
                    if dice.percent(40) {
                        let path =
                            answer.headers()["location"].to_str().unwrap().trim_start_matches("/api/v1").to_owned();
                        let change = self.ask(Method::PATCH, &path, &json!({ "name": format!("{name} once more") }));
                        let _ = change.header("if-match", "*").send().await;
                    }
                    Fate::Committed
                }
                Ok(answer) if answer.status() == 429 => Fate::RolledBack,
                Ok(answer) if answer.status().as_u16() < 500 => panic!("{}", answer.text().await.unwrap()),
                // It may have been committed before whoever would have said so was gone.
                _ => Fate::Unknown,
            };
            written.push((name, fate));
        }
        written
    }
}

/// Makes projects in transactions that take a while, overtake each other, and are rolled back now and then. Nobody is told that they were committed.
async fn writes(scene: &Scene<'_>, number: u64, stop: &CancellationToken) -> Vec<Tried> {
    let mut dice = Dice::of(scene.world.seed, 400 + number);
    let tenant = &scene.world.tenants[0];
    let mut api = scene.patient_client("rowhouse_api").await;
    let mut written = Vec::new();
    while !stop.is_cancelled() {
        let about = rowhouse_pg::new_id();
        let made = async {
            begin(&api, tenant, "").await?;
            let insert = "insert into tenant.projects (tenant_id, id, name) values ($1, $2, $3)";
            api.execute(insert, &[&tenant.id, &about, &about.to_string()]).await?;
            tokio::time::sleep(Duration::from_millis(dice.within(0..150))).await;
            if dice.percent(30) {
                let change = "update tenant.projects set name = name || ' once more' where tenant_id = $1 and id = $2";
                api.execute(change, &[&tenant.id, &about]).await?;
            }
            Ok::<_, tokio_postgres::Error>(())
        };
        let fate = match made.await {
            Err(error) => {
                let away = error.as_db_error().is_none_or(|error| error.code().code().starts_with("57P"));
                assert!(away, "a project cannot be made: {error:?}");
                Fate::RolledBack
            }
            Ok(()) if dice.percent(25) => {
                let _ = api.batch_execute("rollback").await;
                Fate::RolledBack
            }
            Ok(()) => api.batch_execute("commit").await.map_or(Fate::Unknown, |()| Fate::Committed),
        };
        written.push(Tried { about, fate });
        if api.is_closed() {
            api = scene.patient_client("rowhouse_api").await;
        }
        tokio::time::sleep(Duration::from_millis(dice.within(1..150))).await;
    }
    written
}

/// Receivers that fail now and then, each for one endpoint, and what they were told.
struct Receivers {
    endpoints: Vec<(Endpoint, String, Receiver)>,
    heard: Arc<Mutex<Vec<(usize, Got, bool)>>>,
}

impl Receivers {
    async fn set_up(scene: &Scene<'_>, address: &str) -> Self {
        let heard: Arc<Mutex<Vec<(usize, Got, bool)>>> = Arc::default();
        let mut endpoints = Vec::new();
        for (tenant, types, ordered) in [(0, BOTH, true), (0, BOTH, false), (0, MADE, true), (1, MADE, false)] {
            let number = endpoints.len();
            let (seed, all) = (scene.world.seed, heard.clone());
            let receiver = Receiver::slow(move |n, got| {
                let mut dice = Dice::of(seed, 1000 + 100_000 * number as u64 + n as u64);
                let status = match dice.within(0..100) {
                    0..2 => StatusCode::INTERNAL_SERVER_ERROR,
                    2..4 => StatusCode::SERVICE_UNAVAILABLE,
                    4..6 => StatusCode::FOUND,
                    _ => StatusCode::OK,
                };
                all.lock().unwrap().push((number, got.clone(), status == StatusCode::OK));
                // While a worker waits it may be killed, and somebody else does not know that it was taken.
                (Duration::from_millis(dice.within(0..20)), status)
            })
            .await;
            let owner = &scene.world.tenants[tenant];
            let body = json!({ "url": receiver.url(), "event_types": types, "ordered": ordered });
            let made = Asks::as_owner(address, owner).told(Method::POST, "/webhooks", &body).await;
            let endpoint = Endpoint { tenant: owner.id, types, ordered };
            endpoints.push((endpoint, made["secret"].as_str().unwrap().to_owned(), receiver));
        }
        Self { endpoints, heard }
    }

    fn heard(&self) -> Vec<Heard> {
        let all = self.heard.lock().unwrap();
        let one = |(endpoint, got, well): &(usize, Got, bool)| Heard {
            endpoint: *endpoint,
            id: got.header("webhook-id").to_owned(),
            body: got.body.clone(),
            signed: got.is_signed_with(&self.endpoints[*endpoint].1),
            well: *well,
        };
        all.iter().map(one).collect()
    }
}

/// Everything together while somebody rages, and afterwards what was told.
async fn lived(scene: &Scene<'_>, change: &str, plan: Plan<'_>) -> Told {
    let address = scene.serve();
    let tenants = &scene.world.tenants;
    let receivers = Receivers::set_up(scene, &address).await;
    let now = Asks::as_owner(&address, &tenants[0]).told(Method::GET, "/events?from=now", &Value::Null).await;
    scene.change(change).await;
    let (stop, over) = (CancellationToken::new(), CancellationToken::new());
    let follower = Follower { address: &address, tenant: &tenants[0], types: BOTH, seen: Mutex::default() };
    let following = follower.follows(now["cursor"].as_str().unwrap().to_owned(), &over);
    let owners: Vec<Asks<'_>> = [0, 1, 0].iter().map(|n| Asks::as_owner(&address, &tenants[*n])).collect();
    let by_api = |n: usize| owners[n].writes(Dice::of(scene.world.seed, 500 + n as u64), &stop);
    let raging = async {
        let done = rage(scene, plan, &stop).await;
        // The stream is told by the same server, and need not wait for receivers.
        let wanted = Told::happened(scene).await.iter().filter(|event| event.tenant == tenants[0].id).count();
        let given_up = Instant::now() + plan.patience;
        while follower.seen.lock().unwrap().told.len() < wanted && Instant::now() < given_up {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // And whatever was told twice has come.
        tokio::time::sleep(Duration::from_millis(300)).await;
        over.cancel();
        done
    };
    let ((done, _), (), one, two, asked) =
        tokio::join!(raging, following, writes(scene, 0, &stop), writes(scene, 1, &stop), async {
            tokio::join!(by_api(0), by_api(1), by_api(2))
        });
    let superuser = scene.patient_client("postgres").await;
    let rows = superuser.query("select id, split_part(name, ' ', 1) from tenant.projects", &[]).await.unwrap();
    let named = |name: &str| rows.iter().find(|row| row.get::<_, &str>(1) == name).map(|row| row.get::<_, Uuid>(0));
    let by_name = [asked.0, asked.1, asked.2].concat();
    // One that is not there has no id; it is its name.
    let by_name =
        by_name.iter().map(|(name, fate)| Tried { about: named(name).unwrap_or(name.parse().unwrap()), fate: *fate });
    let tried: Vec<Tried> = [one, two].concat().into_iter().chain(by_name).collect();
    let delivered = "select position(d.endpoint_id::text in $1), event_id from tenant.webhook_deliveries d where state = 'delivered'";
    let ids = "select string_agg(id::text, ' ' order by id) from tenant.webhook_endpoints";
    let ids: String = superuser.query_one(ids, &[]).await.unwrap().get(0);
    let delivered = superuser.query(delivered, &[&ids]).await.unwrap();
    let number = |place: i32| usize::try_from(place - 1).unwrap() / 37;
    let seen = std::mem::take(&mut *follower.seen.lock().unwrap());
    let told = Told {
        tried,
        events: Told::happened(scene).await,
        endpoints: receivers.endpoints.iter().map(|(endpoint, ..)| endpoint.clone()).collect(),
        heard: receivers.heard(),
        delivered: delivered.iter().map(|row| (number(row.get(0)), row.get(1))).collect(),
        streamed: seen.told,
        resyncs: seen.resyncs,
    };
    let of = |fate| told.tried.iter().filter(|tried| tried.fate == fate).count();
    println!(
        "  {} made, {} rolled back, {} unknown, {} events; {} messages, {} of them not taken, {} delivered; {} told on {} streams; {done:?}",
        of(Fate::Committed),
        of(Fate::RolledBack),
        of(Fate::Unknown),
        told.events.len(),
        told.heard.len(),
        told.heard.iter().filter(|heard| !heard.well).count(),
        told.delivered.len(),
        told.streamed.len(),
        seen.connections,
    );
    told
}

pub async fn whatever_happens_receivers_and_streams_are_told_of_each_committed_event(world: &World) {
    let scene = world.plain_scene().await;
    let deeds = [
        Deed::Kill,
        Deed::KillRedis,
        Deed::Stop,
        Deed::KillServer,
        Deed::TerminateBackends,
        Deed::StopRedis,
        Deed::Replace,
        Deed::RestartPostgres,
    ];
    let plan = Plan {
        deeds: &deeds,
        least: how_long() * 2 / 3,
        until: TAKEN_OVER,
        most: how_long() * 2,
        patience: Duration::from_secs(30),
        ..PLAN
    };
    let told = lived(&scene, "", plan).await;
    let wrong = told.wrong();
    assert!(wrong.is_empty(), "seed {}: {wrong:#?}", world.seed);
    assert!(told.heard.len() > told.delivered.len(), "nothing was sent again: this shows nothing");
}

/// Nobody told the worker that this endpoint asks for order.
pub async fn an_order_that_is_not_kept_is_found(world: &World) {
    let scene = world.plain_scene().await;
    let change = "update tenant.webhook_endpoints set ordered = false";
    let wrong = lived(&scene, change, PLAN).await.wrong();
    assert_eq!(wrong.keys().collect::<Vec<_>>(), [&Wrong::Order], "seed {}: {wrong:#?}", world.seed);
}

/// Some events stand before others that were there earlier, as they would where the order were not that of commits.
pub async fn events_behind_those_that_were_read_are_found(world: &World) {
    let scene = world.plain_scene().await;
    let change = "create function public.earlier() returns trigger language plpgsql security definer set search_path = '' as $$ begin
            update tenant.events set xid = xid - 200 where tenant_id = new.tenant_id and type = new.type and id = new.id;
            return null;
        end $$;
        create trigger zz_earlier after insert on tenant.events for each row
            when (new.type = 'project.created' and random() < 0.2) execute function public.earlier()";
    let plan = Plan { patience: Duration::from_secs(2), ..PLAN };
    let wrong = lived(&scene, change, plan).await.wrong();
    let found: Vec<_> = wrong.keys().collect();
    assert!(found.starts_with(&[&Wrong::Lost]) && found.contains(&&Wrong::Missed), "seed {}: {wrong:#?}", world.seed);
}
