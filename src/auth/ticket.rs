//! Tickets with which a WebSocket is opened, since a browser can send no header with one: good once, for half a minute, and for the tenant, the
//! session or key, and as long as the token with which it was asked for. What it says is locked with the servers' secret, so that it opens
//! nothing for whoever reads the row that says it has not been used; the row is used behind the wall, as whoever it is for.
use axum::http::request::Parts;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use uuid::Uuid;

use super::{
    Authn, Person, PresentedKey, Principal, SessionId, Tenant, TenantId, UserId, secrets::random, tenant::acting_in,
};
use crate::{Error, Result, sql};

/// How long one is good, in seconds.
pub const TICKET_SECONDS: i64 = 30;
/// What it is locked for.
const PURPOSE: &[u8] = b"ticket";
/// Id, tenant, principal, what the principal proves (a session, or the hash of a key's secret), whether it is a key, when it expires, until when
/// what it opens is good.
const BODY: usize = 16 + 16 + 16 + 32 + 1 + 8 + 8;

impl Tenant {
    /// A ticket for whoever asks here.
    pub async fn ticket(&self, auth: &Authn) -> Result<String> {
        let id = Uuid::from_bytes(random()?);
        let principal = self.principal();
        let (mut proof, key) = ([0; 32], matches!(principal, Principal::Key(_)));
        match principal {
            Principal::Person(person) => proof[..16].copy_from_slice(person.session.as_uuid().as_bytes()),
            Principal::Key(key) => proof = *key.secret_hash(),
        }
        let body = [
            id.as_bytes().as_slice(),
            self.id().as_uuid().as_bytes(),
            principal.id().as_bytes(),
            &proof,
            &[u8::from(key)],
            &(auth.tokens.now() + TICKET_SECONDS).to_be_bytes(),
            &self.until().unwrap_or(i64::MAX).to_be_bytes(),
        ]
        .concat();
        let ticket = BASE64.encode(auth.secrets().tickets().lock(PURPOSE, &body)?);
        let (user, api_key) = (self.user(), key.then(|| principal.id()));
        let mut conn = self.writes().await?;
        let forget: crate::db::Params<'_> = &[&principal.id()];
        let forget = [(sql!("tickets/forget"), forget)];
        conn.write().last().after(forget, sql!("tickets/issue"), &[&user, &api_key, &id]).await?;
        Ok(ticket)
    }
}

/// Uses a ticket: whoever it is for acts in its tenant from now on. The host and the header of the request have to name the same, if any.
pub async fn use_ticket(auth: &Authn, parts: &mut Parts, ticket: &str) -> Result<Tenant> {
    let locked = BASE64.decode(ticket).map_err(|_| Error::TicketSpent)?;
    let body = auth.secrets().tickets().open(PURPOSE, &locked).map_err(|_| Error::TicketSpent)?;
    let body: [u8; BODY] = body.try_into().map_err(|_| Error::TicketSpent)?;
    let uuid = |at: usize| Uuid::from_slice(&body[at..at + 16]).map_err(|_| Error::TicketSpent);
    let number = |at: usize| body[at..at + 8].try_into().map(i64::from_be_bytes).map_err(|_| Error::TicketSpent);
    let (id, tenant, whose) = (uuid(0)?, TenantId::assume_verified(uuid(16)?), uuid(32)?);
    let principal = if body[80] == 1 {
        let secret_hash = body[48..80].try_into().map_err(|_| Error::TicketSpent)?;
        Principal::Key(PresentedKey::assume_verified(whose, secret_hash))
    } else {
        Principal::Person(Person {
            user: UserId::assume_verified(whose),
            session: SessionId::assume_verified(uuid(48)?),
        })
    };
    let (expires, until) = (number(81)?, number(89)?);
    if expires <= auth.tokens.now() {
        return Err(Error::TicketSpent);
    }
    let until = Some(until).filter(|until| *until < i64::MAX);
    let tenant = acting_in(auth, parts, principal, tenant, until).await?;
    let mut conn = tenant.writes().await?;
    let spent: Option<()> = conn.write().last().optional(sql!("tickets/spend"), &[&whose, &id]).await?;
    spent.ok_or(Error::TicketSpent)?;
    Ok(tenant)
}
