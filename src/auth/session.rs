//! Sessions: opened by signing in, kept by refreshing, and what is issued for them.
use jiff::Timestamp;
use rowhouse_pg::new_id;
use uuid::Uuid;

use super::{
    Authn, Client, DeviceToken, Person, RefreshToken, SessionId, SignedIn, TenantId, UserId, device,
    login::PasswordHolds, seal::in_hex, throttle::Attempt,
};
use crate::{Error, Result, from_row, sql};

/// How a session's requests say whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Access and refresh tokens.
    Bearer,
    /// A cookie.
    Browser,
}

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Days at most, however much it is used.
    pub days: u32,
    /// Days without a refresh.
    pub idle_days: u32,
    /// Hours without a request, for browsers.
    pub browser_idle_hours: u32,
}

impl Lifetimes {
    fn whole(self) -> String {
        format!("{} days", self.days)
    }

    fn idle(self) -> String {
        format!("{} days", self.idle_days)
    }

    pub(super) fn browser_idle(self) -> String {
        format!("{} hours", self.browser_idle_hours)
    }
}

/// A session that was just opened or prolonged.
pub struct Opened {
    /// Whose, and which.
    pub person: Person,
    /// The tenant it acts in: the one that was named, or else the one its person joined first.
    pub tenant: Option<TenantId>,
    /// Its next refresh token; none for a browser.
    pub refresh: Option<RefreshToken>,
    /// The token of the device, where it is known from now on.
    pub device: Option<DeviceToken>,
    /// When it ends at the latest, in seconds since 1970, for a browser's cookie to end with it; a rotation leaves it
    /// as it was and does not ask.
    pub expires_at: Option<i64>,
}

struct SessionOpening {
    outcome: String,
    expires_at: Option<Timestamp>,
}

/// Opens a session for somebody whose password was verified.
pub(super) async fn open(
    auth: &Authn,
    client: &Client,
    holds: PasswordHolds,
    kind: Kind,
    attempt: &Attempt,
) -> Result<(Person, Option<RefreshToken>, i64)> {
    let session = new_id();
    let refresh = (kind == Kind::Bearer).then(RefreshToken::new).transpose()?;
    let lifetimes = auth.settings.lifetimes;
    let (kind, idle) = match kind {
        Kind::Bearer => ("bearer", lifetimes.idle()),
        Kind::Browser => ("browser", lifetimes.browser_idle()),
    };
    let refresh_hash = refresh.as_ref().map(RefreshToken::hash);
    let sealed = [
        Some(holds.user.as_uuid().to_string()),
        Some(holds.verified_hash.clone()),
        holds.new_hash.clone(),
        holds.second_factor.step.map(|step| step.to_string()),
        holds.second_factor.recovery_hash.map(|hash| in_hex(&hash)),
        Some(session.to_string()),
        refresh_hash.map(|hash| in_hex(&hash)),
        Some(kind.to_owned()),
    ];
    let mut conn = auth.db.public().await?;
    let seal = auth.seal("open_session", &sealed.each_ref().map(Option::as_deref));
    let opened: SessionOpening = conn
        .write()
        .last()
        .one(
            sql!("auth/open_session"),
            &[
                &holds.user.as_uuid(),
                &holds.verified_hash,
                &holds.new_hash,
                &holds.second_factor.step,
                &holds.second_factor.recovery_hash.as_ref().map(<[u8; 32]>::as_slice),
                &session,
                &refresh_hash.as_ref().map(<[u8; 32]>::as_slice),
                &kind,
                &client.device,
                &client.address(),
                &idle,
                &lifetimes.whole(),
                &attempt.counters,
                &seal,
            ],
        )
        .await?;
    match (opened.outcome.as_str(), opened.expires_at) {
        ("opened", Some(expires_at)) => {
            let person = Person { user: holds.user, session: SessionId::assume_verified(session) };
            Ok((person, refresh, expires_at.as_second()))
        }
        ("second_factor", _) => Err(Error::SecondFactorRequired),
        _ => Err(Error::WrongCredentials),
    }
}

struct ChosenTenant(Option<Uuid>);

/// The tenant a new session acts in, and the device on which it was opened is known from now on. A session whose user is no member of the
/// tenant that was named is ended again.
pub(super) async fn choose_tenant(
    auth: &Authn,
    person: Person,
    named: Option<TenantId>,
    known: Option<&DeviceToken>,
) -> Result<Option<TenantId>> {
    let mut conn = auth.db.user(person).await?;
    let named = named.map(TenantId::as_uuid);
    let choice: crate::db::Call<'_> = (sql!("auth/choose_tenant"), &[&named]);
    let chosen = match known {
        None => conn.write().last().one::<ChosenTenant>(choice.0, choice.1).await,
        Some(known) => {
            let remember = sql!("devices/remember");
            let hash = known.hash();
            let params: crate::db::Params<'_> = &[&person.user.as_uuid(), &hash.as_slice(), &device::MOST];
            conn.write().last().after([choice], remember, params).await.and_then(|([chosen], _)| chosen.one())
        }
    };
    if chosen.is_err() {
        conn.write().last().optional::<()>(sql!("sessions/finish"), &[&person.session.handle()]).await?;
    }
    Ok(chosen?.0.map(TenantId::assume_verified))
}

struct Rotated {
    outcome: String,
    user: Option<Uuid>,
    session: Option<Uuid>,
    tenant: Option<Uuid>,
    sealed: Option<Vec<u8>>,
}

/// One rotation of a refresh token. A replay has ended the session by the time this fails.
pub async fn refresh(auth: &Authn, client: &Client, presented: &RefreshToken) -> Result<Opened> {
    let next = RefreshToken::new()?;
    let (hash, next_hash, sealed) = (presented.hash(), next.hash(), presented.seal(&next));
    let (idle, address) = (auth.settings.lifetimes.idle(), client.address());
    let params: crate::db::Params<'_> = &[&hash.as_slice(), &next_hash.as_slice(), &sealed.as_slice(), &idle, &address];
    let mut conn = auth.db.public().await?;
    let rotated: Rotated = conn.write().last().one(sql!("auth/rotate_refresh_token"), params).await?;
    let next = match (rotated.outcome.as_str(), &rotated.sealed) {
        ("rotated", _) => next,
        ("repeated", Some(sealed)) => presented.open(sealed)?,
        ("replayed", _) => {
            auth.ended
                .sessions(auth.secrets(), rotated.session.map(|session| SessionId::assume_verified(session).handle()));
            let trace_id = crate::telemetry::trace_id();
            tracing::warn!(trace_id, "a refresh token was replayed; its session was ended");
            return Err(Error::RefreshTokenSpent);
        }
        _ => return Err(Error::RefreshTokenSpent),
    };
    let (Some(user), Some(session)) = (rotated.user, rotated.session) else {
        return Err(Error::internal("a rotation answered no session"));
    };
    Ok(Opened {
        person: Person { user: UserId::assume_verified(user), session: SessionId::assume_verified(session) },
        tenant: rotated.tenant.map(TenantId::assume_verified),
        refresh: Some(next),
        device: None,
        expires_at: None,
    })
}

struct Until(Timestamp);

/// The caller's session acts in another of their tenants from now on, which the database has found them in.
pub async fn switch_tenant(me: &SignedIn, wanted: Uuid) -> Result<Opened> {
    let mut conn = me.connect().await?;
    let (_, until) = conn
        .write()
        .last()
        .after([(sql!("me/switch_tenant"), &[&wanted])], sql!("sessions/until"), &[&me.person().session.handle()])
        .await?;
    let Until(until) = until.one()?;
    let tenant = Some(TenantId::assume_verified(wanted));
    Ok(Opened { person: me.person(), tenant, refresh: None, device: None, expires_at: Some(until.as_second()) })
}

from_row! { Until: "expires_at" }

from_row! { SessionOpening: outcome, expires_at }

from_row! { ChosenTenant: "tenant_id" }

from_row! { Rotated: outcome, user = "whose", session, tenant, sealed }
