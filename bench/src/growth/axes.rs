//! What grows, and who asks for what meanwhile.
use std::sync::Arc;

use clap::ValueEnum;
use reqwest::Client;
use rowhouse::error::Failure;
use serde::Serialize;

use super::{
    Growth, Place, TENANTS,
    drive::{Ask, Asking},
};
use crate::{api::Api, servers::POOL, store::Store, token::Signer};

/// Clients where their number is not what grows.
const CLIENTS: u32 = 16;
/// Clients where the pool grows: more than any pool has connections.
const CROWD: u32 = 64;
/// Clients of one tenant, which has half of the pool.
const OF_ONE: u32 = 4;
/// Projects on a page.
const PAGE: u32 = 20;
/// The most that one request asks for.
const LONGEST: u32 = 200;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Axis {
    Tenants,
    Clients,
    Pool,
    Pages,
    Large,
    Memory,
}

impl Axis {
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Tenants => "tenants (16 clients, pool 8)",
            Self::Clients => "clients (1000 tenants, pool 8)",
            Self::Pool => "connections to PostgreSQL (1000 tenants, 64 clients)",
            Self::Pages => "pages of the large tenant (4 clients of it)",
            Self::Large => "a large tenant beside small ones (pool 8)",
            Self::Memory => "memory",
        }
    }
}

/// What is measured.
pub(super) struct Subject {
    /// Of what grows.
    pub(super) value: String,
    pub(super) operation: &'static str,
    /// Whether those that follow are compared with it.
    pub(super) first: bool,
    pub(super) place: Arc<Place>,
    pub(super) asks: Arc<[Ask]>,
    pub(super) clients: u32,
    /// Who else asks meanwhile, and is not measured.
    pub(super) beside: Option<(Arc<[Ask]>, u32)>,
}

impl Growth {
    pub(super) async fn subjects(
        &self,
        axis: Axis,
        store: &mut Store,
        signer: &Signer,
    ) -> Result<Vec<Subject>, Failure> {
        let mut subjects = Vec::new();
        match axis {
            Axis::Tenants => {
                for tenants in &self.tenants {
                    let place = Arc::new(self.place(store, signer, *tenants, POOL).await?);
                    subjects.extend(both(*tenants, &place, CLIENTS));
                }
            }
            Axis::Clients => {
                let place = Arc::new(self.place(store, signer, TENANTS, POOL).await?);
                for clients in &self.clients {
                    subjects.extend(both(*clients, &place, *clients));
                }
            }
            Axis::Pool => {
                for pool in &self.pools {
                    let place = Arc::new(self.place(store, signer, TENANTS, *pool).await?);
                    subjects.extend(both(*pool, &place, CROWD));
                }
            }
            Axis::Pages => {
                let place = Arc::new(self.large_place(store, signer).await?);
                for page in &self.pages {
                    let asks = self.page(&place, signer, *page).await?;
                    subjects.push(subject(page.to_string(), "list", &place, asks, OF_ONE));
                }
            }
            Axis::Large => return self.beside(store, signer).await,
            Axis::Memory => {}
        }
        // Lists are compared with lists: one operation after the other.
        subjects.sort_by_key(|subject| subject.operation != "list");
        for at in 0..subjects.len() {
            subjects[at].first = at == 0 || subjects[at - 1].operation != subjects[at].operation;
        }
        Ok(subjects)
    }

    /// The list's page with this number.
    async fn page(&self, place: &Place, signer: &Signer, page: u32) -> Result<Arc<[Ask]>, Failure> {
        let large = place.callers.first().copied().ok_or_else(|| Failure("there are no tenants".to_owned()))?;
        let api = Api::new(&Client::new(), &place.server, signer, large)?;
        let mut left = (page - 1) * PAGE;
        let mut cursor = String::new();
        while left > 0 {
            let limit = left.min(LONGEST);
            let answer = api.get(&format!("/projects?limit={limit}{cursor}"), &[]).await?;
            let next = answer["next_cursor"].as_str();
            let next = next.ok_or_else(|| Failure(format!("the large tenant has no page {page}")))?;
            cursor = format!("&cursor={next}");
            left -= limit;
        }
        Asking(signer).each([(large, format!("/projects?limit={PAGE}{cursor}"))].into_iter())
    }

    /// The large tenant and a small one, each alone; and all small ones, alone and while the large one asks.
    async fn beside(&self, store: &mut Store, signer: &Signer) -> Result<Vec<Subject>, Failure> {
        let place = Arc::new(self.large_place(store, signer).await?);
        let [large, .., small] = place.callers[..] else { return Err(Failure("there are no tenants".to_owned())) };
        let mut subjects = Vec::new();
        for (operation, asks) in [("list", &place.lists), ("get", &place.gets)] {
            let of =
                |whose: &dyn Fn(&Ask) -> bool| asks.iter().filter(|ask| whose(ask)).cloned().collect::<Arc<[Ask]>>();
            let of_large = of(&|ask| ask.tenant == large.tenant);
            let (of_small, of_others) = (of(&|ask| ask.tenant == small.tenant), of(&|ask| ask.tenant != large.tenant));
            let subject = |value: &str, asks: &Arc<[Ask]>, clients| {
                subject(value.to_owned(), operation, &place, asks.clone(), clients)
            };
            subjects.push(Subject { first: true, ..subject("a small tenant", &of_small, OF_ONE) });
            subjects.push(subject("the large tenant", &of_large, OF_ONE));
            subjects.push(Subject { first: true, ..subject("all small tenants", &of_others, CLIENTS) });
            let beside = Some((of_large, CLIENTS));
            subjects.push(Subject { beside, ..subject("all small ones while the large asks", &of_others, CLIENTS) });
        }
        Ok(subjects)
    }
}

fn subject(value: String, operation: &'static str, place: &Arc<Place>, asks: Arc<[Ask]>, clients: u32) -> Subject {
    Subject { value, operation, first: false, place: place.clone(), asks, clients, beside: None }
}

fn both(value: u32, place: &Arc<Place>, clients: u32) -> [Subject; 2] {
    [("list", &place.lists), ("get", &place.gets)]
        .map(|(operation, asks)| subject(value.to_string(), operation, place, asks.clone(), clients))
}
