//! Asking for a list: its query, and where it is. [`page`](super::page) has the cursors and the answer.
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{Uri, request::Parts},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    extract::Query,
    page::{List, PageRequest},
    prefer::{Count, Prefer, Total},
};
use crate::{
    Error, Result,
    auth::{Authn, SignedIn, Tenant},
    db::{FromRow, Params, Sql},
};

/// A sort or a filter and what was chosen for it, if anything was.
pub type Chosen = (&'static str, Option<String>);

/// A query of a list. A resource with filters of its own declares a struct for them, such as [`ListQuery`].
pub trait Asks {
    /// `limit` and `cursor`, as they were given.
    fn place(&self) -> (Option<i64>, Option<&str>);

    /// The sort and the filters in force, defaults included, in a fixed order: a cursor is good where they are the same.
    fn chosen(&self) -> Vec<Chosen>;
}

/// A list that is asked for.
#[doc(alias = "pagination")]
pub struct Listing<Q> {
    /// How it is asked for.
    pub query: Q,
    uri: Uri,
    auth: Authn,
    prefer: Prefer,
}

impl<S, Q> FromRequestParts<S> for Listing<Q>
where
    Authn: FromRef<S>,
    S: Send + Sync,
    Q: Asks + DeserializeOwned + IntoParams + Send,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Query(query) = Query::from_request_parts(parts, state).await?;
        Ok(Self { query, uri: parts.uri.clone(), auth: Authn::from_ref(state), prefer: Prefer::of(&parts.headers) })
    }
}

impl<Q: Asks> Listing<Q> {
    /// The page that is asked for, of a list that is the tenant's; `K` is the sort key of a row.
    pub fn page<K: Serialize + DeserializeOwned>(&self, tenant: &Tenant) -> Result<PageRequest<'_, K>> {
        self.page_of(tenant.id().as_uuid())
    }

    /// The page that is asked for, of a list that is one's own.
    pub fn my_page<K: Serialize + DeserializeOwned>(&self, me: &SignedIn) -> Result<PageRequest<'_, K>> {
        self.page_of(me.user().as_uuid())
    }

    fn page_of<K: Serialize + DeserializeOwned>(&self, owner: Uuid) -> Result<PageRequest<'_, K>> {
        let (limit, cursor) = self.query.place();
        let list = List::new(&self.uri, self.query.chosen());
        PageRequest::new(self.auth.secrets().mac(), owner, list, limit, cursor)
    }

    /// How it is to be counted; not at all unless asked for.
    #[must_use]
    pub fn count(&self) -> Option<Count> {
        self.prefer.count()
    }

    /// The whole address, page and all.
    #[must_use]
    pub fn address(&self) -> String {
        self.uri.to_string()
    }
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Newest first.
    #[default]
    Newest,
    /// By name, in the order of Unicode code points.
    Name,
}

/// The query of a list that can be filtered by status; `S` is the vocabulary.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery<S: ToSchema> {
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only rows of this status.
    pub status: Option<S>,
    /// The order; newest first unless said.
    #[serde(default)]
    #[param(required = false)]
    pub sort: Sort,
}

impl<S: Copy + Into<&'static str> + ToSchema> Asks for ListQuery<S> {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        let sort = match self.sort {
            Sort::Newest => "newest",
            Sort::Name => "name",
        };
        let status: Option<&str> = self.status.map(Into::into);
        vec![("sort", Some(sort.to_owned())), ("status", status.map(str::to_owned))]
    }
}

/// The two statements of a list: of all its rows, and of those of one status. The second takes the status before what both take.
pub type OfAllOrStatus = [Sql; 2];

impl<S> Listing<ListQuery<S>>
where
    S: Copy + Into<&'static str> + postgres_types::ToSql + Sync + ToSchema,
{
    /// The rows of a page and, for whoever prefers to know, the length of the whole list. All statements take `within` first, where the
    /// list is inside something; then the status, where one is asked for; then those of `lists` take `page`.
    pub async fn rows<T: FromRow>(
        &self,
        tenant: &Tenant,
        within: Params<'_>,
        counts: OfAllOrStatus,
        lists: OfAllOrStatus,
        page: Params<'_>,
    ) -> Result<(Vec<T>, Option<Total>)> {
        let mut taken = within.to_vec();
        if let Some(status) = &self.query.status {
            taken.push(status);
        }
        let which = usize::from(self.query.status.is_some());
        let mut conn = tenant.reads().await?;
        let (end, params) = (conn.read().last(), [&taken, page].concat());
        let Some(how) = self.count() else {
            return Ok((end.all(lists[which], &params).await?, None));
        };
        let limit = how.limit();
        let count = [&taken[..], &[&limit]].concat();
        let ([counted], rows) = end.after([(counts[which], &count)], lists[which], &params).await?;
        Ok((rows.all()?, Some(how.of(counted.one()?))))
    }
}

/// The query of a list that has one order and no filters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlainQuery {
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl Asks for PlainQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        Vec::new()
    }
}
