//! Searching products: ranked full text behind the wall, with facets and highlights, and completing what is typed.
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Product, ProductStatus, query_parser::Words};
use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    cache::{CachePolicy, Lookup},
    db::{FromRow, Params},
    error::Violation,
    from_row,
    http::{
        Asks, Chosen, Json, Listing, Page, Query,
        page::{Items, PageRequest},
    },
    sql,
};

/// How long a search, or completing one, may take in PostgreSQL.
const SEARCH: Duration = Duration::from_millis(1500);
/// Characters of a search.
const TYPED: std::ops::RangeInclusive<usize> = 1..=300;
const SUGGESTIONS: i64 = 10;
/// What the statement puts around what matched: two characters of no alphabet.
const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    /// Words, `"phrases"`, `-without` and `or`. The last word may be unfinished; misspelt ones are mended.
    #[param(min_length = 1, max_length = 300)]
    q: String,
    /// Only products with this tag.
    #[param(min_length = 1, max_length = 50)]
    tag: Option<String>,
    /// Only products of this status.
    status: Option<ProductStatus>,
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was found, best first.
#[derive(Debug, ToSchema)]
pub(super) struct SearchPage {
    #[schema(value_type = Vec<ProductHit>)]
    items: Items<ProductHit>,
    facets: SearchFacets,
    /// Pass as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

impl IntoResponse for SearchPage {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Beside {
            facets: SearchFacets,
            next_cursor: Option<String>,
        }
        let Self { items, facets, next_cursor } = self;
        items.answer(&Beside { facets, next_cursor })
    }
}

impl Asks for SearchQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        let status = self.status.map(|status| status.as_str().to_owned());
        vec![("q", Some(self.q.clone())), ("tag", self.tag.clone()), ("status", status)]
    }
}

/// A product that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductHit {
    #[serde(flatten)]
    product: Product,
    highlights: SearchHighlights,
    /// How well it fits; comparable within one search.
    score: f32,
}

/// What matched, as HTML: the text escaped, `<mark>` around what matched and nothing else.
#[derive(Debug, Serialize, ToSchema)]
struct SearchHighlights {
    /// The whole name; null when nothing in it matched.
    name: Option<String>,
    /// A part of the description; null when nothing in its beginning matched.
    description: Option<String>,
}

/// How many of all that matched have which value.
#[derive(Debug, Default, Serialize, ToSchema)]
struct SearchFacets {
    /// The 20 most frequent tags.
    tags: Vec<SearchFacet>,
    status: Vec<SearchFacet>,
}

/// One value and how often it is there.
#[derive(Debug, Serialize, ToSchema)]
struct SearchFacet {
    value: String,
    count: i64,
}

/// Search products.
///
/// Needs `products:read`. What is written is found by the next search. A word of four letters and more that the
/// catalogue does not know is taken for what it does know one letter away.
#[utoipa::path(get, path = "/products/search", tag = "products", params(SearchQuery),
    responses((status = OK, body = SearchPage, headers(("Cache-Status" = String),
        ("Link" = String, description = "The next page, RFC 8288")))))]
pub(super) async fn search(tenant: Tenant, State(app): State<App>, listing: Listing<SearchQuery>) -> Result<Response> {
    let query = &listing.query;
    let typed = typed(&query.q)?;
    super::list::check_tag(query.tag.as_deref())?;
    let page = listing.page(&tenant)?;
    let address = listing.address();
    let asked = Lookup { rule: CachePolicy::SEARCH, may: sql!("cache/search"), params: &[], what: &[&address] };
    app.cache.answer(app.secrets(), &tenant, asked, find(&tenant, query, &typed, page)).await
}

async fn find(
    tenant: &Tenant,
    query: &SearchQuery,
    typed: &str,
    page: PageRequest<'_, (f32, Uuid)>,
) -> Result<Response> {
    let words = Words::of(typed);
    let (score, id) = page.after.unzip();
    let (limit, bytes) = (page.fetch(), page.bytes());
    let SearchQuery { status, tag, .. } = query;
    let asked: Params<'_> =
        &[&words.groups, &words.kinds, &words.texts, &words.negated, status, tag, &score, &id, &limit, &bytes];
    let mut conn = tenant.reads().await?;
    let rows: Vec<FoundRow> = conn.read().within(SEARCH).last().all(sql!("products/search"), asked).await?;
    let mut facets = SearchFacets::default();
    let mut hits = Vec::with_capacity(rows.len());
    for row in rows {
        facets = row.facets;
        hits.extend(row.hit);
    }
    let Page { items, next_cursor, link, .. } = page.page(hits, |hit: &ProductHit| (hit.score, hit.product.id))?;
    Ok(link.headed(SearchPage { items, facets, next_cursor }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SuggestQuery {
    /// What was typed so far.
    #[param(min_length = 1, max_length = 300)]
    q: String,
}

/// How what was typed may go on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Suggestions {
    /// Ten at most: names first, then words.
    items: Vec<Suggestion>,
}
from_row! { Suggestion: value, kind }

/// One way to go on.
#[derive(Debug, Serialize, ToSchema)]
struct Suggestion {
    value: String,
    /// `name`: of an active product; `word`: one that stands in the catalogue, for the last word typed.
    #[schema(pattern = "^(name|word)$")]
    kind: String,
}

/// Complete what is typed.
///
/// Needs `products:read`.
#[utoipa::path(get, path = "/products/suggest", tag = "products", params(SuggestQuery),
    responses((status = OK, body = Suggestions)))]
pub(super) async fn suggest(tenant: Tenant, Query(query): Query<SuggestQuery>) -> Result<Json<Suggestions>> {
    let typed = typed(&query.q)?;
    let mut conn = tenant.reads().await?;
    let asked: Params<'_> = &[&typed, &Words::last(&typed), &SUGGESTIONS];
    let items = conn.read().within(SEARCH).last().all(sql!("products/suggest"), asked).await?;
    Ok(Json(Suggestions { items }))
}

/// What was typed, with characters that are no text as spaces.
fn typed(q: &str) -> Result<String> {
    if !TYPED.contains(&q.chars().count()) {
        let detail = format!("must have {} to {} characters", TYPED.start(), TYPED.end());
        return Err(Error::BadRequest(vec![Violation::parameter("q", "out_of_range", detail)]));
    }
    Ok(q.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}

/// Escapes a text for HTML and turns the statement's marks into `<mark>`; none when nothing is marked.
fn highlighted(marked: Option<&str>) -> Option<String> {
    let marked = marked.filter(|text| text.contains(BEGIN))?;
    let mut html = String::with_capacity(marked.len() + 32);
    for c in marked.chars() {
        match c {
            BEGIN => html.push_str("<mark>"),
            END => html.push_str("</mark>"),
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    Some(html)
}

struct FoundRow {
    facets: SearchFacets,
    hit: Option<ProductHit>,
}

impl FromRow for FoundRow {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let facet = |values, counts| {
            let values: Vec<String> = row.try_get(values)?;
            let counts: Vec<i64> = row.try_get(counts)?;
            Ok(values.into_iter().zip(counts).map(|(value, count)| SearchFacet { value, count }).collect())
        };
        let facets = SearchFacets {
            tags: facet("facet_tags", "facet_tag_counts")?,
            status: facet("facet_statuses", "facet_status_counts")?,
        };
        let hit = match row.try_get("score")? {
            None => None,
            Some(score) => Some(ProductHit {
                product: Product::from_row(row)?,
                highlights: SearchHighlights {
                    name: highlighted(row.try_get("name_marked")?),
                    description: highlighted(row.try_get("description_marked")?),
                },
                score,
            }),
        };
        Ok(Self { facets, hit })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_in_a_name_is_text() {
        let marked = "\u{e000}lamp\u{e001} <script>\"&'";
        let html = "<mark>lamp</mark> &lt;script&gt;&quot;&amp;&#39;";
        assert_eq!(super::highlighted(Some(marked)).as_deref(), Some(html));
        assert_eq!(super::highlighted(Some("lamp")), None);
    }
}
