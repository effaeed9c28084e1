//! What receivers and a stream were told, beside what happened, and what is wrong with that.
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    history::Fate,
    world::{Scene, World},
};

/// A row of `tenant.events`.
#[derive(Clone, Debug)]
pub struct Event {
    pub tenant: Uuid,
    pub id: Uuid,
    pub kind: String,
    /// The project.
    pub about: Uuid,
}

/// A project that somebody tried to make.
#[derive(Clone, Debug)]
pub struct Tried {
    pub about: Uuid,
    pub fate: Fate,
}

/// An endpoint as whoever made it wants it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub tenant: Uuid,
    pub types: &'static [&'static str],
    pub ordered: bool,
}

/// A message as its receiver has it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Which endpoint's.
    pub endpoint: usize,
    pub id: String,
    pub body: String,
    /// By this endpoint's secret.
    pub signed: bool,
    /// It was answered with 2xx.
    pub well: bool,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Something was committed that a receiver did not take.
    Lost,
    /// A receiver, or the stream, was told of what was rolled back, or never was.
    Ghost,
    /// A receiver was told of another tenant's, or of what it did not ask for.
    Foreign,
    /// One was told in another order than the feed's, though it asked for that.
    Order,
    /// The same message had other bytes, or says something else than its event.
    Altered,
    Unsigned,
    /// A delivery is said to have been made, and nobody took it.
    Claimed,
    /// The stream has passed something over.
    Missed,
    /// The stream has told something twice, or too late.
    Disorder,
    /// The stream could not go on from where it was.
    Resync,
}

#[derive(Debug, Default)]
pub struct Told {
    pub tried: Vec<Tried>,
    /// In the order of the feed, tenant by tenant.
    pub events: Vec<Event>,
    pub endpoints: Vec<Endpoint>,
    /// As they came.
    pub heard: Vec<Heard>,
    /// Endpoints and events of which it is said that they were delivered.
    pub delivered: Vec<(usize, Uuid)>,
    /// Of the first endpoint's tenant and types, as they came.
    pub streamed: Vec<Uuid>,
    pub resyncs: usize,
}

impl Told {
    /// What happened, in each tenant that has an endpoint.
    pub async fn happened(scene: &Scene<'_>) -> Vec<Event> {
        let superuser = scene.patient_client("postgres").await;
        let events = "select tenant_id, id, type, data ->> 'id' from tenant.events
            where type like 'project.%' order by tenant_id, epoch, xid, id";
        let read = |row: &tokio_postgres::Row| Event {
            tenant: row.get(0),
            id: row.get(1),
            kind: row.get(2),
            about: row.get::<_, String>(3).parse().unwrap(),
        };
        superuser.query(events, &[]).await.unwrap().iter().map(read).collect()
    }

    /// All that is wrong, each with one example.
    pub fn wrong(&self) -> BTreeMap<Wrong, String> {
        let mut wrong: BTreeMap<Wrong, String> = BTreeMap::new();
        let mut found = |what: Wrong, example: String| {
            wrong.entry(what).or_insert(example);
        };
        let places: HashMap<Uuid, usize> = self.events.iter().enumerate().map(|(n, event)| (event.id, n)).collect();
        for Tried { about, fate } in &self.tried {
            let there = self.events.iter().any(|event| event.about == *about && event.kind == "project.created");
            match fate {
                Fate::Committed if !there => found(Wrong::Lost, format!("{about} was made, and there is no event")),
                Fate::RolledBack if there => found(Wrong::Ghost, format!("{about} was rolled back, and has an event")),
                _ => {}
            }
        }
        let mut bodies: HashMap<(usize, &str), &str> = HashMap::new();
        // Endpoint and event, and the how manieth message was the first that was taken.
        let mut taken: HashMap<(usize, Uuid), usize> = HashMap::new();
        for (n, heard) in self.heard.iter().enumerate() {
            let example = || format!("{heard:?}");
            let endpoint = &self.endpoints[heard.endpoint];
            if !heard.signed {
                found(Wrong::Unsigned, example());
            }
            if bodies.insert((heard.endpoint, &heard.id), &heard.body).is_some_and(|before| before != heard.body) {
                found(Wrong::Altered, example());
            }
            let event = heard.id.parse().ok().and_then(|id| places.get(&id)).map(|place| &self.events[*place]);
            let Some(event) = event else {
                found(Wrong::Ghost, example());
                continue;
            };
            if event.tenant != endpoint.tenant || !endpoint.types.contains(&event.kind.as_str()) {
                found(Wrong::Foreign, example());
            }
            let said: Value = serde_json::from_str(&heard.body).unwrap_or_default();
            let told =
                [("id", event.id.to_string()), ("type", event.kind.clone()), ("tenant_id", event.tenant.to_string())];
            if told.iter().any(|(name, is)| said[name] != is.as_str()) || said["data"]["id"] != event.about.to_string()
            {
                found(Wrong::Altered, example());
            }
            if heard.well {
                taken.entry((heard.endpoint, event.id)).or_insert(n);
            }
        }
        for (number, endpoint) in self.endpoints.iter().enumerate() {
            let mut last = None;
            for event in self.of(endpoint) {
                let Some(came) = taken.get(&(number, event.id)).copied() else {
                    found(Wrong::Lost, format!("endpoint {number} never took {event:?}"));
                    continue;
                };
                if endpoint.ordered && last.is_some_and(|last| came < last) {
                    found(Wrong::Order, format!("endpoint {number} took {event:?} too early"));
                }
                last = Some(came);
            }
        }
        for (endpoint, event) in &self.delivered {
            if !taken.contains_key(&(*endpoint, *event)) {
                found(Wrong::Claimed, format!("endpoint {endpoint}: {event}"));
            }
        }
        self.wrong_of_stream(&mut found);
        wrong
    }

    /// What an endpoint is to be told of.
    fn of<'a>(&'a self, endpoint: &'a Endpoint) -> impl Iterator<Item = &'a Event> {
        self.events
            .iter()
            .filter(|event| event.tenant == endpoint.tenant && endpoint.types.contains(&event.kind.as_str()))
    }

    fn wrong_of_stream(&self, found: &mut impl FnMut(Wrong, String)) {
        let Some(first) = self.endpoints.first() else { return };
        let wanted: Vec<Uuid> = self.of(first).map(|event| event.id).collect();
        let places: HashMap<Uuid, usize> = wanted.iter().enumerate().map(|(n, id)| (*id, n)).collect();
        let mut last = None;
        for id in &self.streamed {
            match places.get(id) {
                None => found(Wrong::Ghost, format!("the stream told of {id}")),
                Some(place) if last.is_some_and(|last| *place <= last) => {
                    found(Wrong::Disorder, format!("{id}, number {place}, after {last:?}"));
                }
                Some(place) => last = Some(*place),
            }
        }
        if let Some(id) = wanted.iter().find(|id| !self.streamed.contains(id)) {
            found(Wrong::Missed, format!("{id}, of {}", wanted.len()));
        }
        if self.resyncs > 0 {
            found(Wrong::Resync, self.resyncs.to_string());
        }
    }
}

/// In histories that are made up: what no missing rule brings about.
pub async fn each_thing_that_can_be_told_wrong_is_told_apart(_: &World) {
    let (tenant, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let event = |n: u128, kind: &str| Event {
        tenant: if n < 100 { tenant } else { other },
        id: Uuid::from_u128(n),
        kind: kind.to_owned(),
        about: Uuid::from_u128(n + 1000),
    };
    let events = [event(10, "project.created"), event(11, "project.updated"), event(110, "project.created")];
    let heard = |event: &Event, well| Heard {
        endpoint: 0,
        id: event.id.to_string(),
        body: serde_json::json!({
            "id": event.id, "type": event.kind, "tenant_id": event.tenant, "data": { "id": event.about },
        })
        .to_string(),
        signed: true,
        well,
    };
    let good = || Told {
        tried: vec![Tried { about: events[0].about, fate: Fate::Committed }],
        events: events.to_vec(),
        endpoints: vec![Endpoint { tenant, types: &["project.created", "project.updated"], ordered: true }],
        // The second fails once, and comes twice.
        heard: [(0, true), (1, false), (1, true), (1, true)].map(|(n, well)| heard(&events[n], well)).to_vec(),
        delivered: vec![(0, events[0].id), (0, events[1].id)],
        streamed: vec![events[0].id, events[1].id],
        resyncs: 0,
    };
    let changed = |change: &dyn Fn(&mut Told)| {
        let mut told = good();
        change(&mut told);
        told.wrong().into_keys().collect::<Vec<_>>()
    };
    assert_eq!(changed(&|_| {}), []);
    assert_eq!(changed(&|told| told.endpoints[0].ordered = false), []);
    assert_eq!(changed(&|told| told.tried[0].about = tenant), [Wrong::Lost]);
    assert_eq!(changed(&|told| told.heard.truncate(2)), [Wrong::Lost, Wrong::Claimed]);
    assert_eq!(changed(&|told| (told.heard.truncate(1), told.delivered.truncate(1)).0), [Wrong::Lost]);
    assert_eq!(changed(&|told| told.tried[0].fate = Fate::RolledBack), [Wrong::Ghost]);
    assert_eq!(changed(&|told| told.heard.push(heard(&event(12, "project.created"), true))), [Wrong::Ghost]);
    assert_eq!(changed(&|told| told.heard.push(heard(&events[2], true))), [Wrong::Foreign]);
    assert_eq!(
        changed(&|told| told.endpoints[0].types = &["project.created"]),
        [Wrong::Ghost, Wrong::Foreign],
        "and the stream tells of it, too"
    );
    assert_eq!(changed(&|told| told.heard.swap(0, 2)), [Wrong::Order]);
    assert_eq!(changed(&|told| told.heard[3].body.push(' ')), [Wrong::Altered]);
    assert_eq!(changed(&|told| told.heard[0].body = told.heard[1].body.clone()), [Wrong::Altered]);
    assert_eq!(changed(&|told| told.heard[1].signed = false), [Wrong::Unsigned]);
    assert_eq!(changed(&|told| told.streamed.truncate(1)), [Wrong::Missed]);
    assert_eq!(changed(&|told| told.streamed.push(events[1].id)), [Wrong::Disorder]);
    assert_eq!(changed(&|told| told.streamed.swap(0, 1)), [Wrong::Disorder]);
    assert_eq!(changed(&|told| told.streamed.push(events[2].id)), [Wrong::Ghost]);
    assert_eq!(changed(&|told| told.resyncs = 1), [Wrong::Resync]);
}
