//! Domains are looked at once a day: one that no longer shows its TXT record resolves to nobody.
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Means;
use crate::{
    Error,
    db::Params,
    dns::{TxtLookup as _, txt_record},
    from_row,
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

/// A record that is not seen is looked for once more after this, before anything is made of it: a name server may have been half awake.
const AGAIN: Duration = Duration::from_secs(5);

/// Looks at a tenant's domains that resolve.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CheckDomains {}

impl Job for CheckDomains {
    const KIND: &'static str = "domains.check";
    const PERMISSIONS: &'static [&'static str] = &["domains:check"];
    const ASKS: Option<&'static str> = Some("domains:write");
    const BACKOFF: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_hours(1), 5);
}

struct Claim {
    id: Uuid,
    domain: String,
    challenge: String,
}
from_row! { Claim: id, domain, challenge }

struct Seen(Option<bool>);
from_row! { Seen: "seen" }

type Checking = std::pin::Pin<Box<dyn Future<Output = Result<Value, Failed>> + Send>>;

pub(super) fn checking(means: &Means) -> impl Fn(CheckDomains, Held) -> Checking + Send + Sync + 'static + use<> {
    let means = means.clone();
    move |_, held| Box::pin(check(means.clone(), held))
}

async fn check(means: Means, held: Held) -> Result<Value, Failed> {
    let (Some(dns), Some(post)) = (means.dns, means.post) else {
        return Err(Failed::again("no_name_servers", "this worker asks no name servers".to_owned()));
    };
    let (mut after, mut shown, mut gone, mut unanswered) = (Uuid::nil(), 0, 0, 0);
    loop {
        let mut conn = held.writes().await?;
        let page: Vec<Claim> = conn.read().last().all(sql!("work/domains"), &[&after]).await.map_err(Error::from)?;
        // A name server may take its time; no connection waits for it.
        drop(conn);
        let Some(last) = page.last() else { break };
        after = last.id;
        for Claim { id, domain, challenge } in page {
            let (name, value) = txt_record(&domain, &challenge);
            let mut texts = dns.texts(&name).await;
            if texts.as_ref().is_ok_and(|texts| !texts.contains(&value)) {
                tokio::time::sleep(AGAIN).await;
                texts = dns.texts(&name).await;
            }
            // Nobody answers: nothing changes.
            let Ok(texts) = texts else {
                unanswered += 1;
                continue;
            };
            let (of, of_claim) = (held.tenant().as_uuid().to_string(), id.to_string());
            let proven: Vec<Option<&str>> =
                [&of, &of_claim].into_iter().chain(&texts).map(|field| Some(field.as_str())).collect();
            let seal = post.keys().seal("note_domain_check", &proven);
            let note: Params<'_> = &[&id, &texts, &seal];
            let mut conn = held.writes().await?;
            match conn.write().last().one(sql!("work/note_domain_check"), note).await {
                Ok(Seen(Some(true))) => shown += 1,
                Ok(Seen(Some(false))) => gone += 1,
                // It was given up meanwhile.
                Ok(Seen(None)) => {}
                Err(error) => return Err(Error::from(error).into()),
            }
            if !held.progress(shown + gone + unanswered, None) {
                return Err(Failed::again("stopped", "it was asked to stop".to_owned()));
            }
        }
    }
    Ok(json!({ "shown": shown, "gone": gone, "unanswered": unanswered }))
}
