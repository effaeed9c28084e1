//! What a kind of job is: its payload, its version, how often and for how long it is tried, what it may do; and who does it.
use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    backoff::Backoff,
    held::{Failed, Held},
};

/// A kind of job, and what one of it is about. What it may do and what causing it asks for stand in `registry.job_kinds`, which a
/// migration fills; a test holds them against what stands here.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Its name, such as `jobs.forget`.
    const KIND: &'static str;
    /// The version of the payload that is written now.
    const VERSION: i16 = 1;
    /// What it may do, behind its tenant's wall.
    const PERMISSIONS: &'static [&'static str];
    /// What whoever causes one has to hold; none is membership alone.
    const ASKS: Option<&'static str>;
    /// How often it is tried, and after how long again.
    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(15), 8);
    /// How long one attempt may take.
    const TIMEOUT: Duration = Duration::from_mins(5);
    /// It works, and may hold a connection, for so long that others must not wait behind it: a worker has a few at a time.
    const LONG: bool = false;
    /// It acts on behalf of whoever caused it, as long as they hold what it asks for.
    const ON_BEHALF: bool = false;

    /// A payload of an older version as one of now; none where that cannot be, and the job is dead.
    #[must_use]
    fn from_version(_version: i16, _payload: Value) -> Option<Value> {
        None
    }
}

type Run = Pin<Box<dyn Future<Output = Result<Value, Failed>> + Send>>;

/// A kind with its handler, whatever its payload.
pub(super) struct Kind {
    pub(super) backoff: Backoff,
    pub(super) timeout: Duration,
    pub(super) permissions: &'static [&'static str],
    pub(super) asks: Option<&'static str>,
    pub(super) long: bool,
    on_behalf: bool,
    read_and_run: Box<dyn Fn(i16, Value, Held) -> Result<Run, Failed> + Send + Sync>,
}

impl Kind {
    /// Reads the payload and begins; refuses one that nobody understands.
    pub(super) fn begin(&self, version: i16, payload: Value, held: Held) -> Result<Run, Failed> {
        (self.read_and_run)(version, payload, held)
    }
}

/// The kinds that a worker does.
#[derive(Clone, Default)]
pub struct Kinds(Arc<BTreeMap<&'static str, Kind>>);

impl std::fmt::Debug for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Collects kinds.
#[derive(Default)]
pub struct KindsBuilder(BTreeMap<&'static str, Kind>);

impl std::fmt::Debug for KindsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl KindsBuilder {
    /// Adds a kind and who does it. A handler is asked again after a failure, and after a worker was lost half-way: what it does must come to
    /// the same when it is done twice, or be committed with the end of the job ([`Held::succeed_in`]).
    ///
    /// # Panics
    ///
    /// Where a kind is there twice: at the start.
    #[must_use]
    pub fn with<J, F>(mut self, handler: impl Fn(J, Held) -> F + Send + Sync + 'static) -> Self
    where
        J: Job,
        F: Future<Output = Result<Value, Failed>> + Send + 'static,
    {
        let read_and_run = move |version: i16, payload: Value, held: Held| {
            let payload = match version {
                version if version == J::VERSION => payload,
                version if version < J::VERSION => J::from_version(version, payload).ok_or_else(|| {
                    Failed::never(
                        "payload_outdated",
                        format!("its payload is of version {version}, which nobody reads any more"),
                    )
                })?,
                _ => {
                    // A newer version has written it, and will be there to do it.
                    return Err(Failed::again(
                        "payload_newer",
                        format!("its payload is of version {version}, which is newer than this worker"),
                    ));
                }
            };
            // What is wrong with it names members and types, and may quote what stands there: it goes to nobody.
            let job: J = serde_json::from_value(payload).map_err(|_| {
                Failed::never("payload_unreadable", "its payload is not of the form its kind has".to_owned())
            })?;
            Ok(Box::pin(handler(job, held)) as Run)
        };
        let kind = Kind {
            backoff: J::BACKOFF,
            timeout: J::TIMEOUT,
            permissions: J::PERMISSIONS,
            asks: J::ASKS,
            long: J::LONG,
            on_behalf: J::ON_BEHALF,
            read_and_run: Box::new(read_and_run),
        };
        assert!(self.0.insert(J::KIND, kind).is_none(), "{} is there twice", J::KIND);
        self
    }

    /// All of them.
    #[must_use]
    pub fn build(self) -> Kinds {
        Kinds(Arc::new(self.0))
    }
}

impl Kinds {
    /// Begins with none.
    #[must_use]
    pub fn builder() -> KindsBuilder {
        KindsBuilder::default()
    }

    pub(super) fn get(&self, kind: &str) -> Option<&Kind> {
        self.0.get(kind)
    }

    /// The name of one that is known here.
    pub(super) fn named(&self, kind: &str) -> Option<&'static str> {
        self.0.get_key_value(kind).map(|(name, _)| *name)
    }

    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    /// The names of those that are not long, in order.
    pub(super) fn short_names(&self) -> Vec<&'static str> {
        self.0.iter().filter(|(_, kind)| !kind.long).map(|(name, _)| *name).collect()
    }

    /// Name, permissions, what causing one asks for and whether it acts for whoever did, to be held against `registry.job_kinds`.
    #[must_use]
    pub fn rights(&self) -> Vec<(&'static str, &'static [&'static str], Option<&'static str>, bool)> {
        self.0.iter().map(|(name, kind)| (*name, kind.permissions, kind.asks, kind.on_behalf)).collect()
    }
}
