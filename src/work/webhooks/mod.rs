//! What happens, told to tenants' receivers: [`scout`] looks who has something to tell, `webhooks.relay` makes deliveries of events, and
//! `webhooks.deliver` sends those of one endpoint. docs/webhooks.md says what is promised, docs/adr/0030 why it is so.
mod deliver;
mod forget;
mod relay;
mod replay;
pub mod scout;

pub use deliver::{Deliver, Office, RETRIES};
pub use forget::{DAYS as FORGET_DAYS, ForgetDeliveries};
pub use relay::Relay;
pub use replay::Replay;

pub(super) use deliver::deliver;
pub(super) use forget::forget;
pub(super) use relay::relay;
pub(super) use replay::replay;

use jiff::Timestamp;
use rowhouse_pg::new_id;
use uuid::Uuid;

use crate::{
    Result,
    db::{Tx, Write},
    sql,
};

/// That there is a row is what was asked.
struct There;
impl crate::db::FromRow for There {
    fn from_row(_: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self)
    }
}

/// Has somebody send to these endpoints from then on, or now. Hold them before.
async fn wake(tx: &mut Tx<'_, Write>, endpoints: &[Uuid], due: Option<Timestamp>) -> Result<()> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let jobs: Vec<Uuid> = endpoints.iter().map(|_| new_id()).collect();
    let attempts = i16::try_from(<Deliver as crate::jobs::Job>::BACKOFF.attempts()).unwrap_or(100);
    let params: crate::db::Params<'_> = &[&endpoints, &jobs, &due, &attempts];
    tx.all::<()>(sql!("work/webhooks_wake"), params).await?;
    Ok(())
}
