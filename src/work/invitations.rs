//! Invitations are sent: a job of the tenant that invites, written down with the invitation.
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Means,
    letters::{BACKOFF, Post},
};
use crate::{
    Error,
    auth::invitation_of,
    from_row,
    jobs::{Failed, Held, Job, backoff::Backoff},
    mail::{Letter, Link},
    sql,
};

/// Sends an invitation to whom it is to, with the link that follows from this job's id. One that was taken back, accepted or sent once more
/// meanwhile is not sent: its link is not good.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SendInvitation {
    /// Which invitation.
    pub invitation: Uuid,
    /// The tenant's name.
    pub tenant: String,
    /// The name of the member who invites.
    pub inviter: Option<String>,
}

impl Job for SendInvitation {
    const KIND: &'static str = "invitations.send";
    const PERMISSIONS: &'static [&'static str] = &["invitations:send"];
    const ASKS: Option<&'static str> = Some("invitations:write");
    const BACKOFF: Backoff = BACKOFF;
    const TIMEOUT: Duration = Duration::from_secs(90);
}

struct To(String);
from_row! { To: "email" }

pub(super) fn sending(means: &Means) -> impl Fn(SendInvitation, Held) -> Sending + Send + Sync + 'static + use<> {
    let post = means.post.clone();
    move |job, held| Box::pin(send(post.clone(), job, held))
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<Value, Failed>> + Send>>;

async fn send(post: Option<Post>, job: SendInvitation, held: Held) -> Result<Value, Failed> {
    let post = post.ok_or_else(|| Failed::again("no_post", "this worker sends no letters".to_owned()))?;
    let link = invitation_of(post.keys().secrets(), held.tenant(), job.invitation, held.id());
    let mut conn = held.writes().await?;
    let params: crate::db::Params<'_> = &[&job.invitation, &link.hash.as_slice()];
    let to: Option<To> = conn.read().last().optional(sql!("work/invitation"), params).await.map_err(Error::from)?;
    drop(conn);
    let Some(To(to)) = to else { return Ok(json!({ "sent": false })) };
    let link = Link::Invitation { tenant: job.tenant, inviter: job.inviter, token: link.token };
    match post.mailer().send(&Letter { to, link }).await {
        Ok(()) => Ok(json!({ "sent": true })),
        Err(unsent) => {
            tracing::warn!(job = %held.id(), why = unsent.why, "an invitation was not taken");
            Err(if unsent.for_good {
                Failed::never("refused", "the mail server refuses it".to_owned())
            } else {
                Failed::again("not_taken", "the mail server did not take it".to_owned())
            })
        }
    }
}
