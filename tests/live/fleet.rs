//! Two instances on one database, joined by Redis or by PostgreSQL, and many who follow on both: each is told what is theirs, in order, once, and
//! whoever loses the right is cut off wherever they are. `bench/run live` does the same with two thousand.
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use rowhouse::db::API_ROLE;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{Socket, Sse};
use crate::support::{Member, TestApp, TestDb, TestRedis, forge, town, tuning};

/// Notifications for each.
const EACH: usize = 12;

/// Two instances, and the Redis that joins them, if one does.
struct Joined {
    db: TestDb,
    apps: [TestApp; 2],
    redis: Option<TestRedis>,
}

impl Joined {
    async fn by(redis: Option<TestRedis>) -> Self {
        let db = TestDb::new().await;
        let url = redis.as_ref().map(TestRedis::url);
        let mut options = vec!["--pool", "4"];
        options.extend(url.iter().flat_map(|url| ["--redis-url", url]));
        let apps = [
            TestApp::with(&db.url(API_ROLE), &tuning(&options)).await,
            TestApp::with(&db.url(API_ROLE), &tuning(&options)).await,
        ];
        let joined = Self { db, apps, redis };
        joined.hear_each_other().await;
        joined
    }

    /// Waits until what is written through the one is heard by the other, long before it would look by itself.
    async fn hear_each_other(&self) {
        let [one, other] = &self.apps;
        let acme = &town().acme;
        let writer = Member::new(one, &acme.owner, acme);
        let path = "/events/stream?type=project.created";
        let (mut stream, _) = Sse::ready(Member::new(other, &acme.owner, acme).request(Method::GET, path)).await;
        for n in 0..50 {
            let begun = Instant::now();
            writer.post("/projects", json!({ "name": format!("Probe {n}") })).await.expect(201);
            stream.item().await;
            if n > 0 && begun.elapsed() < Duration::from_millis(500) {
                return;
            }
        }
        panic!("the instances do not hear each other");
    }
}

/// Somebody who follows their own notifications.
struct Follower {
    tenant: Uuid,
    user: Uuid,
    /// On which instance just now.
    on: usize,
    socket: Socket,
    position: Option<String>,
    received: Vec<String>,
}

fn asked(app: &TestApp, tenant: Uuid, user: Uuid) -> RequestBuilder {
    app.request(Method::POST, "/api/v1/auth/ws-ticket").bearer_auth(forge(user, Some(tenant)).sign())
}

impl Follower {
    async fn open(apps: &[TestApp; 2], on: usize, tenant: Uuid, user: Uuid, position: Option<&str>) -> Socket {
        let ticket = Socket::ticket(asked(&apps[on], tenant, user)).await;
        let mut socket = Socket::open(&apps[1 - on], &ticket).await;
        socket.follow("notifications", position).await;
        socket
    }

    /// Receives until so many have come; now and then it is cut off, and goes on with the other instance.
    async fn receive(mut self, apps: &[TestApp; 2], cut: usize) -> Self {
        while self.received.len() < EACH {
            let item = self.socket.item("notifications").await;
            self.received.push(item["data"]["title"].as_str().unwrap().to_owned());
            self.position = Some(item["position"].as_str().unwrap().to_owned());
            if self.received.len().is_multiple_of(cut) {
                self.on = 1 - self.on;
                self.socket = Self::open(apps, self.on, self.tenant, self.user, self.position.as_deref()).await;
            }
        }
        self
    }
}

async fn each_is_told_what_is_theirs(redis: Option<TestRedis>) {
    let joined = Joined::by(redis).await;
    let (db, apps) = (&joined.db, &joined.apps);
    db.run(include_str!("fleet.sql")).await;
    let superuser = db.superuser().await;
    let people = "select tenant_id, user_id from tenant.memberships where email like '%@fleet-%' order by user_id";
    let people: Vec<(Uuid, Uuid)> =
        superuser.query(people, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(people.len(), 60);
    // A ticket of one instance is good on the other.
    let opened = people.iter().enumerate().map(async |(n, (tenant, user))| {
        let (tenant, user, on) = (*tenant, *user, n % 2);
        let socket = Follower::open(apps, on, tenant, user, None).await;
        Follower { tenant, user, on, socket, position: None, received: Vec::new() }
    });
    let followers = futures_util::future::join_all(opened).await;
    let tell = async {
        for n in 0..EACH {
            let tell = format!(
                "select registry.notify_member(tenant_id, user_id, 'member.joined', user_id || ' {n:02}', null, null)
                 from tenant.memberships where email like '%@fleet-%' order by random();
                 do $$ declare whose uuid; begin
                   for whose in select id from registry.tenants where slug like 'fleet-%' loop
                     execute format('notify rowhouse_wake, %L', whose);
                   end loop;
                 end $$;"
            );
            superuser.batch_execute(&tell).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let received = followers.into_iter().enumerate().map(|(n, follower)| follower.receive(apps, 3 + n % 4));
    let ((), mut followers) = tokio::join!(tell, futures_util::future::join_all(received));
    for follower in &mut followers {
        let all: Vec<String> = (0..EACH).map(|n| format!("{} {n:02}", follower.user)).collect();
        assert_eq!(follower.received, all);
        follower.socket.silent(Duration::from_millis(2)).await;
    }
    // Each second one loses the session, one after the other; each other one stays.
    let mut took = Vec::new();
    let mut left = Vec::new();
    for (n, mut follower) in followers.into_iter().enumerate() {
        if n % 2 == 1 {
            left.push(follower);
            continue;
        }
        let end = format!("delete from registry.sessions where user_id = '{}'", follower.user);
        superuser.batch_execute(&end).await.unwrap();
        took.push(tokio::spawn(async move {
            let begun = Instant::now();
            assert_eq!(follower.socket.closed().await, (4401, "session_ended".to_owned()));
            begun.elapsed()
        }));
    }
    let mut times = Vec::new();
    for one in took {
        times.push(one.await.unwrap());
    }
    times.sort();
    let p99 = times[times.len() * 99 / 100];
    println!("from the end of a session to the end of its stream: median {:?}, p99 {p99:?}", times[times.len() / 2]);
    assert!(p99 < Duration::from_secs(2), "{times:?}");
    for mut follower in left {
        follower.socket.silent(Duration::from_millis(2)).await;
    }
    drop(joined.redis);
}

#[tokio::test]
async fn two_instances_joined_by_postgresql_tell_each_what_is_theirs() {
    each_is_told_what_is_theirs(None).await;
}

#[tokio::test]
async fn two_instances_joined_by_redis_tell_each_what_is_theirs() {
    each_is_told_what_is_theirs(Some(TestRedis::start())).await;
}

#[tokio::test]
async fn what_is_written_through_one_instance_is_told_at_once_by_the_other_and_so_is_a_loss() {
    for redis in [None, Some(TestRedis::start())] {
        let joined = Joined::by(redis).await;
        let [one, other] = &joined.apps;
        let acme = &town().acme;
        let (owner, member) = (Member::new(one, &acme.owner, acme), Member::new(other, &acme.member, acme));
        let (mut stream, _) = Sse::ready(member.request(Method::GET, "/events/stream")).await;
        let ticket = Socket::ticket(member.request(Method::POST, "/auth/ws-ticket")).await;
        let mut socket = Socket::open(other, &ticket).await;
        socket.follow("events:project.created", None).await;
        let mut times = BTreeMap::new();
        for n in 0..10 {
            let begun = Instant::now();
            owner.post("/projects", json!({ "name": format!("Told {n}") })).await.expect(201);
            stream.item().await;
            socket.item("events:project.created").await;
            times.insert(begun.elapsed(), n);
        }
        let (slowest, _) = times.last_key_value().unwrap();
        assert!(*slowest < Duration::from_secs(2), "{times:?}");
        let begun = Instant::now();
        let path = format!("/tenant/members/{}", acme.member.id);
        owner.delete(&path, "*").await.expect(204);
        let end = loop {
            let told = stream.next().await;
            if told.event == "end" {
                break told;
            }
        };
        assert_eq!(end.data["code"], "not_a_member");
        let Message::Close(Some(frame)) = socket.message().await else { panic!("it goes on") };
        assert_eq!(u16::from(frame.code), 4403);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}
