//! One stream: when it looks, what it reads then, and when it is over. It holds no connection to PostgreSQL but while it reads.
use std::{sync::Arc, time::Duration};

use rowhouse_pg::new_id;
use tokio::time::{Instant, sleep_until};

use super::{Hub, Item, Kind, Reader, Reason, Start, Topic, hub::Seat, reader::May};
use crate::{
    Error, Result,
    auth::{Authn, Tenant},
    error::Violation,
    sql,
};

/// How often it is said that the stream is still there; proxies cut what is silent for a minute.
const BEAT: Duration = Duration::from_secs(15);
/// How often it looks though nobody has woken it.
const BACKSTOP: Duration = Duration::from_secs(10);
/// How soon it looks again, at least: wake-ups that come together are one look.
const PACE: Duration = Duration::from_millis(25);
/// And at most, for one whose looks take long: it rests four times as long as a look took.
const LONGEST_PACE: Duration = Duration::from_secs(1);
/// How soon it looks again where something waits for other transactions to end; twice as long each time.
const SETTLES: Duration = Duration::from_millis(10);
/// And at most.
const SETTLES_AT_LAST: Duration = Duration::from_millis(500);
/// Clocks are not quite the same.
const JUST_AFTER: Duration = Duration::from_millis(20);
/// How often it is asked at most whether its reader may still have what they do not take.
const RECHECK: Duration = Duration::from_millis(250);
/// How many topics one may follow.
const TOPICS: usize = 16;
/// With every how manieth beat it is said where it stands.
const TOLD_EVERY: u32 = 4;
/// How long it may be that it cannot be read, before its reader is told to come again.
const UNREADABLE: Duration = Duration::from_secs(15);

/// What a stream has to do next.
#[derive(Debug)]
pub enum Next {
    /// Look whether there is something.
    Look,
    /// Say that it is still there.
    Beat,
    /// End.
    Over(Reason),
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Looked {
    /// In the order of each topic, with its name.
    pub items: Vec<(Arc<str>, Item)>,
    /// Topics that may not be followed any longer. They are followed no more.
    pub lost: Vec<(Arc<str>, Reason)>,
}

/// One stream.
pub struct Follower {
    auth: Authn,
    tenant: Tenant,
    seat: Seat,
    readers: Vec<Reader>,
    /// When the token expires.
    until: Option<Instant>,
    /// When the session or the key comes to its own end, as far as is known: then it is looked whether it has.
    runs_out: Option<Instant>,
    woken: bool,
    look_at: Instant,
    not_before: Instant,
    settles: Duration,
    beat_at: Instant,
    fails_since: Option<Instant>,
    /// Somebody may have lost a right, and it has not been asked whether it was its reader.
    suspect: bool,
    /// Beats since its reader was last told where the stream stands.
    beats: u32,
}

impl Follower {
    /// A stream for somebody whom PostgreSQL has accepted in the tenant.
    pub fn enter(hub: &Hub, auth: &Authn, tenant: &Tenant, kind: Kind) -> Result<Self> {
        let now = Instant::now();
        let left = tenant.until().map(|until| u64::try_from(until - auth.tokens.now()).unwrap_or_default());
        Ok(Self {
            auth: auth.clone(),
            tenant: tenant.at_work(),
            seat: hub.enter(tenant, kind)?,
            readers: Vec::new(),
            until: left.map(|seconds| now + Duration::from_secs(seconds)),
            runs_out: None,
            // What was written since its readers were begun.
            woken: true,
            look_at: now,
            not_before: now,
            settles: SETTLES,
            beat_at: now + BEAT,
            fails_since: None,
            suspect: false,
            beats: 0,
        })
    }

    /// Follows one more.
    pub fn follow(&mut self, reader: Reader) {
        self.woken = true;
        self.readers.push(reader);
    }

    /// Follows one more, by its name.
    pub(super) async fn subscribe(&mut self, topic: &str, after: Option<&str>) -> Result<Start> {
        let topic = Topic::named(topic)?;
        let wrong = |code, detail: &str| Err(Error::BadRequest(vec![Violation::parameter("topic", code, detail)]));
        if self.readers.len() >= TOPICS {
            return wrong("too_many_subscriptions", &format!("a connection follows {TOPICS} topics at most"));
        } else if self.readers.iter().any(|reader| reader.name == topic.name()) {
            return wrong("subscribed_already", "this topic is followed on this connection already");
        }
        let (reader, start) = {
            let _turn = self.seat.turn().await.ok_or(Error::Leaving)?;
            Reader::begin(&self.auth, &self.tenant, topic, after).await?
        };
        self.follow(reader);
        Ok(start)
    }

    /// Follows it no more; whether it was followed.
    pub(super) fn unfollow(&mut self, topic: &str) -> bool {
        let before = self.readers.len();
        self.readers.retain(|reader| &*reader.name != topic);
        self.readers.len() < before
    }

    /// Resolves when somebody may have lost a right, or the stream is over by its own time.
    pub(super) async fn hint(&mut self) {
        let leaving = self.seat.leaving();
        let backstop = Instant::now() + BACKSTOP;
        let until = [self.until, self.runs_out].into_iter().flatten().fold(backstop, Instant::min);
        // What was heard by somebody who gave up waiting is heard.
        if !self.suspect {
            tokio::select! {
                () = self.seat.heard() => (self.woken, self.suspect) = (true, true),
                () = leaving.begun() => {}
                () = sleep_until(until) => {}
            }
        }
        // Whoever takes nothing is not asked about each time something is written.
        tokio::time::sleep_until(self.not_before).await;
    }

    /// Whether the stream may go on.
    pub(super) async fn still(&mut self) -> Result<(), Reason> {
        let now = Instant::now();
        self.not_before = now + RECHECK;
        self.suspect = false;
        if self.until.is_some_and(|until| until <= now) {
            return Err(Reason::TokenExpired);
        } else if self.seat.leaving().is_so() {
            return Err(Reason::Leaving);
        }
        let asked = async {
            let _turn = self.seat.turn().await.ok_or(Error::Leaving)?;
            still(&self.tenant).await
        };
        match asked.await {
            Ok(ends_in) => {
                self.runs_out = moment(ends_in);
                Ok(())
            }
            Err(error) => Reason::of(error).map_or(Ok(()), Err),
        }
    }

    /// Where it stands in each topic, now and then: a reader who is told nothing for long would come again from a place that is not kept.
    pub(super) fn places(&mut self) -> Result<Vec<(Arc<str>, String)>> {
        self.beats += 1;
        if self.beats < TOLD_EVERY {
            return Ok(Vec::new());
        }
        self.beats = 0;
        let place = |reader: &Reader| Ok((reader.name.clone(), reader.place(&self.auth, &self.tenant)?));
        self.readers.iter().map(place).collect()
    }

    /// Waits until there is something to do. Whoever gives up waiting has lost nothing.
    pub async fn next(&mut self) -> Next {
        let leaving = self.seat.leaving();
        let gone = leaving.begun();
        tokio::pin!(gone);
        loop {
            let now = Instant::now();
            if self.until.is_some_and(|until| until <= now) {
                return Next::Over(Reason::TokenExpired);
            } else if leaving.is_so() {
                return Next::Over(Reason::Leaving);
            } else if (self.woken || self.look_at() <= now) && self.not_before <= now {
                return Next::Look;
            } else if self.beat_at <= now {
                self.beat_at = now + BEAT;
                return Next::Beat;
            }
            let look_at = if self.woken { self.not_before } else { self.look_at().max(self.not_before) };
            let wake_at = look_at.min(self.beat_at).min(self.until.unwrap_or(look_at));
            tokio::select! {
                () = &mut gone => {}
                () = self.seat.heard(), if !self.woken => {
                    self.woken = true;
                    self.settles = SETTLES;
                }
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn look_at(&self) -> Instant {
        self.runs_out.map_or(self.look_at, |at| at.min(self.look_at))
    }

    /// Reads on in all that is followed, a page of each. Fails when the stream is over.
    pub async fn look(&mut self) -> Result<Looked, Reason> {
        let woken = std::mem::take(&mut self.woken);
        let looked = self.read().await;
        let now = Instant::now();
        match looked {
            Ok((looked, Some(again))) => {
                self.fails_since = None;
                self.look_at = now + again;
                Ok(looked)
            }
            Ok((looked, None)) => {
                self.woken = true;
                self.not_before = now + LONGEST_PACE;
                Ok(looked)
            }
            Err(error) => match Reason::of(error) {
                Some(reason) => Err(reason),
                None if self.fails_since.get_or_insert(now).elapsed() > UNREADABLE => Err(Reason::Unavailable),
                None => {
                    self.woken |= woken;
                    self.not_before = now + LONGEST_PACE;
                    Ok(Looked::default())
                }
            },
        }
    }

    /// What there is, and when to look again; none where a topic could not be read after others had been, whose items are told all the same:
    /// those have moved on.
    async fn read(&mut self) -> Result<(Looked, Option<Duration>)> {
        let _turn = self.seat.turn().await.ok_or(Error::Leaving)?;
        let begun = Instant::now();
        // Should it fail.
        self.not_before = begun + PACE;
        let (mut looked, mut more, mut unsettled, mut failed) = (Looked::default(), false, false, false);
        if self.readers.is_empty() {
            self.runs_out = moment(still(&self.tenant).await?);
        }
        for reader in &mut self.readers {
            match reader.read(&self.auth, &self.tenant).await {
                Ok(read) => {
                    more |= read.more;
                    unsettled |= read.unsettled;
                    self.runs_out = moment(read.ends_in);
                    looked.items.extend(read.items.into_iter().map(|item| (reader.name.clone(), item)));
                }
                Err(error) => match Reason::of(error.clone()) {
                    Some(reason) if !reason.is_for_all() => looked.lost.push((reader.name.clone(), reason)),
                    None if !looked.items.is_empty() || !looked.lost.is_empty() => {
                        failed = true;
                        break;
                    }
                    _ => return Err(error),
                },
            }
        }
        let now = Instant::now();
        self.not_before = now + (4 * (now - begun)).clamp(PACE, LONGEST_PACE);
        self.readers.retain(|reader| looked.lost.iter().all(|(lost, _)| *lost != reader.name));
        let again = if failed {
            return Ok((looked, None));
        } else if more {
            Duration::ZERO
        } else if unsettled {
            let soon = self.settles;
            self.settles = (soon * 2).min(SETTLES_AT_LAST);
            soon
        } else {
            self.settles = SETTLES;
            // Not all at once.
            BACKSTOP.mul_f64(0.75 + 0.5 * dice())
        };
        Ok((looked, Some(again)))
    }

    /// Notes why it ends.
    pub fn end(&mut self, why: &'static str) {
        self.seat.why = why;
    }
}

/// Whether the caller is still who they were; and for how many seconds more, where that is known.
async fn still(tenant: &Tenant) -> Result<Option<f64>> {
    let membership: &[Option<&str>] = &[None];
    let mut conn = tenant.reads().await?;
    let may: Option<May> = conn.read().last().optional(sql!("live/may"), &[&membership]).await?;
    Ok(may.and_then(|may| may.ends_in))
}

/// A moment after what comes to its end in so many seconds has; none of what lasts for years.
fn moment(ends_in: Option<f64>) -> Option<Instant> {
    let seconds = ends_in.filter(|seconds| *seconds < 1e6)?;
    Some(Instant::now() + Duration::from_secs_f64(seconds.max(0.0)) + JUST_AFTER)
}

/// Anything from 0 to 1.
pub(super) fn dice() -> f64 {
    let [.., one, two] = new_id().into_bytes();
    f64::from(u16::from_be_bytes([one, two])) / f64::from(u16::MAX)
}
