//! Keyset pagination: `?limit=&cursor=` in; `items`, `next_cursor` and a `Link` header out.
//!
//! A cursor holds the sort key of the last row of the page before. It is sealed, and bound to its tenant
//! and to its list with sort and filters: altered, cut, foreign or misplaced ones are refused with the
//! reason, not answered with a wrong page. A page ends where it has as many rows as were asked for, or is
//! as long as an answer may be.
use std::marker::PhantomData;

use aws_lc_rs::hmac;
use axum::{
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::{
    extract::json_answer,
    listing::Chosen,
    prefer::{PREFERENCE_APPLIED, Total, TotalIs},
};
use uuid::Uuid;

use crate::{Error, Result, error::Violation};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;
/// Bytes of a page's items, written as JSON: no more, but for a page of one. Whoever asks for 200 rows is not sent 20 MB.
const BYTES: usize = 1 << 20;
/// Raised when the format changes, so that old cursors are refused as old.
const VERSION: u8 = 1;
/// Half of HMAC-SHA-256 (RFC 2104 §5).
const SEAL: usize = 16;

/// One page of a list.
#[derive(Debug, ToSchema)]
pub struct Page<T> {
    /// The rows, in the order asked for.
    #[schema(value_type = Vec<T>)]
    pub items: Items<T>,
    /// Pass as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// With `Prefer: count=exact` or `count=estimated`: how many rows all pages have together.
    #[schema(nullable = false)]
    total: Option<i64>,
    /// With `total`: whether it is all, or there are more. An estimate counts to ten thousand.
    #[schema(nullable = false)]
    total_is: Option<TotalIs>,
    #[schema(ignore)]
    applied: Option<&'static str>,
    /// The next page, as a header.
    #[schema(ignore)]
    pub link: Link,
}

/// What stands beside the items.
#[derive(Serialize)]
struct Beside {
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_is: Option<TotalIs>,
}

/// The items of a page, written into its answer already: how long they are is what tells where the page ends.
#[derive(Debug)]
pub struct Items<T>(Vec<u8>, PhantomData<fn() -> T>);

/// How an answer with items begins.
const ITEMS: &[u8] = br#"{"items":["#;

impl<T: Serialize> Items<T> {
    fn new() -> Self {
        let mut written = Vec::with_capacity(4096);
        written.extend_from_slice(ITEMS);
        Self(written, PhantomData)
    }

    /// With one more, unless that is more than a page may have.
    fn push(&mut self, item: &T) -> Result<bool> {
        let before = self.0.len();
        if before > ITEMS.len() {
            self.0.push(b',');
        }
        serde_json::to_writer(&mut self.0, item)
            .map_err(|error| Error::internal(format!("a row cannot be written: {error}")))?;
        let fits = before == ITEMS.len() || self.0.len() - ITEMS.len() < BYTES;
        if !fits {
            self.0.truncate(before);
        }
        Ok(fits)
    }

    /// An answer that has these as `items`, and the members of `beside`, of which there is one at least.
    pub fn answer(self, beside: &impl Serialize) -> Response {
        let mut body = self.0;
        body.extend_from_slice(b"],");
        let at = body.len();
        match serde_json::to_writer(&mut body, beside) {
            Ok(()) => {
                // Its brace: there is one already.
                body.remove(at);
                json_answer(body)
            }
            Err(error) => Error::internal(format!("a page cannot be written: {error}")).into_response(),
        }
    }
}

/// The `Link` header (RFC 8288) of a page that has a next one.
#[derive(Clone, Debug, Default)]
pub struct Link(Option<HeaderValue>);

impl Link {
    /// An answer with the header.
    pub fn headed(self, answer: impl IntoResponse) -> Response {
        let mut response = answer.into_response();
        if let Some(link) = self.0 {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

impl<T> Page<T> {
    /// The page with the length of the whole list, where it was counted.
    #[must_use]
    pub fn of(mut self, total: Option<Total>) -> Self {
        if let Some(Total { rows, is, applied }) = total {
            (self.total, self.total_is, self.applied) = (Some(rows), Some(is), Some(applied));
        }
        self
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let Self { items, next_cursor, total, total_is, applied, link } = self;
        let mut response = link.headed(items.answer(&Beside { next_cursor, total, total_is }));
        if let Some(applied) = applied {
            response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static(applied));
        }
        response
    }
}

/// Which list a cursor belongs to: the path and what was chosen with it, `limit` and `cursor` aside.
#[derive(Debug)]
pub(super) struct List<'a> {
    path: &'a str,
    chosen: String,
}

impl<'a> List<'a> {
    /// `chosen` are the sort and the filters in force, defaults included, in a fixed order.
    pub(super) fn new(uri: &'a Uri, chosen: Vec<Chosen>) -> Self {
        let chosen = chosen.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        Self { path: uri.path(), chosen: form_urlencoded::Serializer::new(String::new()).extend_pairs(chosen).finish() }
    }
}

/// Where a page starts and how long it is.
#[derive(Debug)]
pub struct PageRequest<'a, K> {
    /// The sort key after which the page starts; none on the first page.
    pub after: Option<K>,
    limit: i64,
    seal: Seal<'a>,
}

impl<'a, K: Serialize + DeserializeOwned> PageRequest<'a, K> {
    /// Reads `limit` and `cursor`; `400` naming the one that does not fit. An empty cursor is the beginning, as none is: it is
    /// what a loop over pages begins with, where a filter that is empty would be a filter forgotten. `owner` is the tenant, or the user where the
    /// list is a user's own.
    pub(super) fn new(
        secret: &'a hmac::Key,
        owner: Uuid,
        list: List<'a>,
        limit: Option<i64>,
        cursor: Option<&str>,
    ) -> Result<Self> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            let detail = format!("must be between 1 and {MAX_LIMIT}");
            return Err(Error::BadRequest(vec![Violation::parameter("limit", "out_of_range", detail)]));
        }
        let seal = Seal { secret, owner, list };
        let after = cursor.filter(|cursor| !cursor.is_empty()).map(|cursor| seal.open(cursor)).transpose()?;
        Ok(Self { after, limit, seal })
    }

    /// One row more than asked, which is how we learn whether there is a next page.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        self.limit + 1
    }

    /// Rows that were asked for.
    #[must_use]
    pub fn limit(&self) -> i64 {
        self.limit
    }

    /// The cursor of a place, for a list that goes on where it ends.
    pub fn cursor(&self, key: &K) -> Result<String> {
        self.seal.close(key)
    }

    /// How many bytes of long texts the database need not go beyond: more than a page has of them. Of these a statement counts no
    /// more than half as many again as they are as JSON, or it would end a page that goes on.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        i64::try_from(BYTES + BYTES / 2).unwrap_or(i64::MAX)
    }

    /// Makes the page; `key` gives a row's sort key.
    #[expect(clippy::needless_pass_by_value, reason = "they are done with: what is sent is written")]
    pub fn page<T: Serialize>(self, rows: Vec<T>, key: impl Fn(&T) -> K) -> Result<Page<T>> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut items, mut shown) = (Items::new(), 0);
        for row in rows.iter().take(limit) {
            if !items.push(row)? {
                break;
            }
            shown += 1;
        }
        let next_cursor = match rows[..shown].last() {
            Some(last) if shown < rows.len() => Some(self.seal.close(&key(last))?),
            _ => None,
        };
        let list = &self.seal.list;
        let link = next_cursor.as_ref().map(|cursor| {
            let and = if list.chosen.is_empty() { "" } else { "&" };
            format!("<{}?{}{and}limit={limit}&cursor={cursor}>; rel=\"next\"", list.path, list.chosen)
        });
        let link = Link(link.and_then(|link| HeaderValue::from_str(&link).ok()));
        Ok(Page { items, next_cursor, total: None, total_is: None, applied: None, link })
    }
}

/// A place in what is read on for ever, as its reader is told: sealed, and good for its owner in the list at this path, by whichever way it
/// is read.
pub fn close_place<K: Serialize>(secret: &hmac::Key, owner: Uuid, path: &str, place: &K) -> Result<String> {
    Seal { secret, owner, list: List { path, chosen: String::new() } }.close(place)
}

/// Opens one.
pub fn open_place<K: DeserializeOwned>(secret: &hmac::Key, owner: Uuid, path: &str, place: &str) -> Result<K> {
    Seal { secret, owner, list: List { path, chosen: String::new() } }.open(place)
}

/// Seals and opens cursors of one list of one tenant, or of one user.
#[derive(Debug)]
struct Seal<'a> {
    secret: &'a hmac::Key,
    owner: Uuid,
    list: List<'a>,
}

impl Seal<'_> {
    /// version, seal, JSON of `[list, key]`; all in URL-safe Base64.
    fn close<K: Serialize>(&self, key: &K) -> Result<String> {
        let payload = serde_json::to_vec(&(self.name(), key))
            .map_err(|error| Error::internal(format!("a cursor cannot be written: {error}")))?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.sign(&payload)[..SEAL]);
        bytes.extend_from_slice(&payload);
        Ok(BASE64.encode(bytes))
    }

    fn open<K: DeserializeOwned>(&self, cursor: &str) -> Result<K> {
        let refused = |why: &str| Err(Error::InvalidCursor(format!("{why}; start again without a cursor")));
        let Ok(bytes) = BASE64.decode(cursor) else { return refused("this is not one of our cursors") };
        let Some((&[version], rest)) = bytes.split_first_chunk::<1>() else { return refused("the cursor is empty") };
        if version != VERSION {
            return refused("the cursor is of another version");
        }
        let Some((seal, payload)) = rest.split_at_checked(SEAL) else { return refused("the cursor was cut short") };
        if aws_lc_rs::constant_time::verify_slices_are_equal(seal, &self.sign(payload)[..SEAL]).is_err() {
            return refused("the cursor was altered, cut, or issued to somebody else");
        }
        let Ok((list, key)) = serde_json::from_slice::<(String, serde_json::Value)>(payload) else {
            return refused("the cursor cannot be read");
        };
        if list != self.name() {
            return refused(&format!("the cursor belongs to {list}, and this is {}", self.name()));
        }
        serde_json::from_value(key).or_else(|_| refused("the cursor cannot be read"))
    }

    fn name(&self) -> String {
        format!("{}?{}", self.list.path, self.list.chosen)
    }

    fn sign(&self, payload: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(self.secret);
        context.update(b"cursor");
        context.update(self.owner.as_bytes());
        context.update(payload);
        let mut signature = [0; 32];
        signature.copy_from_slice(context.sign().as_ref());
        signature
    }
}
