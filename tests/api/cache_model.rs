//! Reads, writes, evictions and outages in any order and at once, on two instances, against a model: whoever reads sees
//! their own tenant, and nothing older than the last change that was answered before they asked.
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use futures_util::future::{BoxFuture, join_all};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

use super::cache::{is_hit, served};
use crate::support::{Answer, Member, TestApp, TestDb, TestRedis, forge, town};

#[derive(Clone, Copy, Debug)]
enum Step {
    Read { instance: usize, tenant: usize, view: usize },
    Write { instance: usize, tenant: usize },
    Evict,
    Pause,
    Resume,
    KillAndRestart,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let read =
        (0..2_usize, 0..2_usize, 0..3_usize).prop_map(|(instance, tenant, view)| Step::Read { instance, tenant, view });
    let write = (0..2_usize, 0..2_usize).prop_map(|(instance, tenant)| Step::Write { instance, tenant });
    let step = prop_oneof![15 => read, 3 => write, 1 => Just(Step::Evict)];
    let fault = prop_oneof![
        14 => Just(None),
        1 => Just(Some(Step::Pause)),
        4 => Just(Some(Step::Resume)),
        1 => Just(Some(Step::KillAndRestart))
    ];
    let at_once = (prop::collection::vec(step, 1..8), fault).prop_map(|(mut steps, fault)| {
        steps.extend(fault);
        steps
    });
    prop::collection::vec(at_once, 40)
}

/// A tenant with one product whose stock goes up by one with each change.
struct Tenant {
    user: uuid::Uuid,
    id: uuid::Uuid,
    product: String,
    sku: String,
    /// What has been answered, and what has been asked for.
    answered: AtomicI64,
    asked: AtomicI64,
    /// One change at a time, so that there is a last one.
    writing: tokio::sync::Mutex<()>,
}

impl Tenant {
    fn request(&self, app: &TestApp, method: Method, path: &str) -> reqwest::RequestBuilder {
        app.request(method, path).bearer_auth(forge(self.user, Some(self.id)).sign())
    }

    async fn write(&self, app: &TestApp) {
        let _one = self.writing.lock().await;
        let stock = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let path = format!("/api/v1/products/{}", self.product);
        let change = self.request(app, Method::PATCH, &path).header("if-match", "*").json(&json!({ "stock": stock }));
        Answer::of(change).await.expect(200);
        self.answered.store(stock, Ordering::SeqCst);
    }

    /// Whether it came from the cache.
    async fn read(&self, app: &TestApp, view: usize) -> bool {
        let path = [
            format!("/api/v1/products?tag={}", self.sku),
            format!("/api/v1/products/search?q={}", self.sku),
            "/api/v1/dashboard/kpis".to_owned(),
        ];
        let least = self.answered.load(Ordering::SeqCst);
        let answer = Answer::of(self.request(app, Method::GET, &path[view])).await.expect(200);
        let most = self.asked.load(Ordering::SeqCst);
        let body = answer.json();
        let seen = if view == 2 {
            // The only product with a price in yen costs one.
            let value = body["products"]["stock_value"].as_array().unwrap();
            amount(value.iter().find(|amount| amount["currency"] == "JPY"))
        } else {
            let items = body["items"].as_array().unwrap();
            assert_eq!((items.len(), &items[0]["sku"]), (1, &json!(self.sku)), "{body}");
            items[0]["stock"].as_i64().unwrap()
        };
        assert!(
            (least..=most).contains(&seen),
            "{seen} of {least} to {most} in view {view}, {}",
            answer.header("cache-status")
        );
        is_hit(&answer)
    }
}

fn amount(value: Option<&Value>) -> i64 {
    let amount = value.map(|value| &value["amount_minor"]);
    amount.map_or(0, |amount| amount.as_i64().or_else(|| amount.as_str()?.parse().ok()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_anything_older_than_the_last_change_before_or_of_another_tenant() {
    let (db, mut redis) = (TestDb::new().await, TestRedis::start());
    let apps = [served(&db, &redis.url()).await, served(&db, &redis.url()).await];
    let mut tenants = Vec::new();
    for tenant in [&town().acme, &town().globex] {
        let owner = Member::new(&apps[0], &tenant.owner, tenant);
        let sku = format!("model{}", tenants.len());
        let made =
            json!({ "name": "Counter", "sku": sku, "tags": [sku], "price": { "amount_minor": 1, "currency": "JPY" } });
        let made = owner.make(made).await;
        tenants.push(Arc::new(Tenant {
            user: tenant.owner.id,
            id: tenant.id,
            product: made["id"].as_str().unwrap().to_owned(),
            sku,
            answered: AtomicI64::new(0),
            asked: AtomicI64::new(0),
            writing: tokio::sync::Mutex::default(),
        }));
    }
    let mut runner = TestRunner::default();
    let (mut reads, mut hits) = (0, 0);
    for _ in 0..4 {
        let script = steps().new_tree(&mut runner).unwrap().current();
        for at_once in &script {
            let mut under_way: Vec<BoxFuture<'_, Option<bool>>> = Vec::new();
            for step in at_once {
                under_way.push(match *step {
                    Step::Read { instance, tenant, view } => {
                        let (app, tenant) = (&apps[instance], &tenants[tenant]);
                        Box::pin(async move { Some(tenant.read(app, view).await) })
                    }
                    Step::Write { instance, tenant } => {
                        let (app, tenant) = (&apps[instance], &tenants[tenant]);
                        Box::pin(async move {
                            tenant.write(app).await;
                            None
                        })
                    }
                    _ => continue,
                });
            }
            let redis_is_told = async {
                for step in at_once {
                    match step {
                        Step::Pause => redis.pause(),
                        Step::Resume => redis.resume(),
                        Step::Evict => {
                            redis.resume();
                            redis.tell::<()>(&[b"FLUSHALL"]).await;
                        }
                        Step::KillAndRestart => {
                            redis.kill();
                            redis.start_again();
                        }
                        Step::Read { .. } | Step::Write { .. } => {}
                    }
                }
            };
            let (answers, ()) = tokio::join!(join_all(under_way), redis_is_told);
            for hit in answers.into_iter().flatten() {
                reads += 1;
                hits += u32::from(hit);
            }
        }
        redis.resume();
    }
    assert!(hits >= 10, "{hits} of {reads} came from the cache: the test would not notice");
}
