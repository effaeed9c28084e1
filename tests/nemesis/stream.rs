//! Somebody who follows a tenant's events as server-sent events, and goes on from where they were however often they are cut off.
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use reqwest::Response;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{tokens::forge, world::Tenant};

/// What was told.
#[derive(Debug, Default)]
pub struct Followed {
    pub told: Vec<Uuid>,
    pub resyncs: usize,
    pub connections: usize,
}

/// A reader on the stream of some types.
pub struct Follower<'a> {
    pub address: &'a str,
    pub tenant: &'a Tenant,
    pub types: &'a [&'a str],
    pub seen: Mutex<Followed>,
}

impl Follower<'_> {
    /// Follows from a position until it is to stop.
    pub async fn follows(&self, mut position: String, stop: &CancellationToken) {
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(1)).build().unwrap();
        let path = format!("http://{}/api/v1/events/stream?type={}", self.address, self.types.join(","));
        while !stop.is_cancelled() {
            let token = forge(self.tenant.member, Some(self.tenant.id)).sign();
            let asked = http.get(&path).bearer_auth(token).header("last-event-id", &position).send();
            match tokio::time::timeout(Duration::from_secs(5), asked).await {
                Ok(Ok(answer)) if answer.status() == 200 => {
                    self.seen.lock().unwrap().connections += 1;
                    self.reads(answer, &mut position, stop).await;
                }
                // What it cannot mean is somebody's fault.
                Ok(Ok(answer)) => assert!(answer.status().as_u16() >= 500 || answer.status() == 429, "{answer:?}"),
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn reads(&self, mut answer: Response, position: &mut String, stop: &CancellationToken) {
        let (mut unread, mut heard) = (Vec::new(), Instant::now());
        while !stop.is_cancelled() {
            match tokio::time::timeout(Duration::from_millis(500), answer.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    heard = Instant::now();
                    unread.extend_from_slice(&chunk);
                }
                Ok(_) => return,
                // A comment comes each 15 seconds.
                Err(_) if heard.elapsed() > Duration::from_secs(20) => return,
                Err(_) => {}
            }
            while let Some(end) = unread.windows(2).position(|two| two == b"\n\n") {
                let piece: Vec<u8> = unread.drain(..end + 2).collect();
                if !self.takes(&String::from_utf8(piece).unwrap(), position) {
                    return;
                }
            }
        }
    }

    /// Takes one piece; whether the stream goes on.
    fn takes(&self, piece: &str, position: &mut String) -> bool {
        let field = |name: &str| piece.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let mut seen = self.seen.lock().unwrap();
        match (field("event"), field("data")) {
            (None, Some(data)) => {
                let data: Value = serde_json::from_str(data).unwrap();
                seen.told.push(data["id"].as_str().unwrap().parse().unwrap());
            }
            (Some("resync"), _) => seen.resyncs += 1,
            (Some("end"), _) => return false,
            _ => {}
        }
        if let Some(id) = field("id") {
            id.clone_into(position);
        }
        true
    }
}
