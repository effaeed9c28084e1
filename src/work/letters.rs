//! Letters of the directory are sent: taken a few at a time, each under a lease, tried again for some hours, and given up where somebody sees it
//! (`rowhouse letters list`). A letter whose sender was lost behind the mail server's last word is sent once more: SMTP knows no other way.
mod figures;

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use figures::{LetterFigures, Waiting};

use crate::{
    Result,
    auth::{Keys, in_hex, link_of},
    db::{Params, WorkerDb},
    from_row,
    jobs::backoff::{Backoff, random},
    mail::{About, Content, Letter, Link, Mailer, Unsent},
    sql,
};

/// Letters handed over at a time.
const HANDS: usize = 32;
/// For so long, in seconds, a letter is whoever's that took it: longer than the mail server may take.
const LEASE: f64 = 120.0;
/// When one that was not taken is tried again: for six hours or more.
pub(super) const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_hours(1), 24);
/// How often what waits is counted.
const COUNTED: Duration = Duration::from_secs(15);
/// Between two looks while nothing is due: twice as long each time.
const IDLE: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];

/// Sends letters.
#[derive(Clone)]
pub struct Post(Arc<Parts>);

struct Parts {
    mailer: Mailer,
    keys: Keys,
    hands: Arc<Semaphore>,
    tasks: TaskTracker,
    figures: LetterFigures,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post").field("mailer", &self.0.mailer).finish_non_exhaustive()
    }
}

struct Taken {
    id: Uuid,
    about: String,
    sealed: Vec<u8>,
    lease: Uuid,
    attempts: i16,
}
from_row! { Taken: id, about, sealed, lease, attempts }

struct Name(String);
from_row! { Name: "full_name" }

struct Held(bool);
from_row! { Held: "held" }

/// What is to be sent, if anything.
type Found = Option<Letter>;

impl Post {
    /// Whoever hands letters over to this mail server, with the keys of the servers that write them.
    #[must_use]
    pub fn new(mailer: Mailer, keys: Keys) -> Self {
        let (hands, tasks) = (Arc::new(Semaphore::new(HANDS)), TaskTracker::new());
        Self(Arc::new(Parts { mailer, keys, hands, tasks, figures: LetterFigures::default() }))
    }

    /// Who takes letters.
    #[must_use]
    pub fn mailer(&self) -> &Mailer {
        &self.0.mailer
    }

    /// What links follow from.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// What became of letters here, and what waits.
    #[must_use]
    pub fn figures(&self) -> &LetterFigures {
        &self.0.figures
    }

    /// Counts now and then what waits, until it is to stop: for whoever reads figures.
    pub async fn count(&self, db: WorkerDb, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.0.figures.look(&db).await {
                tracing::warn!(%error, "letters that wait could not be counted");
            }
            tokio::select! {
                () = tokio::time::sleep(COUNTED) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Sends what is due, until it is to stop; then what is under way has `grace` to end. What has not by then is sent by another once its
    /// lease has run out.
    pub async fn run(self, db: WorkerDb, stop: CancellationToken, grace: Duration) {
        let mut idle = IDLE[0];
        while !stop.is_cancelled() {
            let wait = match self.turn(&db).await {
                Ok(0) => idle,
                Ok(_) => {
                    idle = IDLE[0];
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "no letters are to be had");
                    IDLE[1]
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => idle = (idle * 2).min(IDLE[1]),
                () = stop.cancelled() => {}
            }
        }
        self.0.tasks.close();
        if tokio::time::timeout(grace, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(
                letters = self.0.tasks.len(),
                "letters were still under way: another sends them, perhaps once more"
            );
        }
    }

    /// Takes as many as there are hands for. How many it was.
    async fn turn(&self, db: &WorkerDb) -> Result<usize> {
        let free = self.0.hands.available_permits();
        if free == 0 {
            return Ok(0);
        }
        let most = i32::try_from(free).unwrap_or(i32::MAX);
        let mut conn = db.outside().await?;
        let taken: Vec<Taken> = conn.write().last().all(sql!("work/take_letters"), &[&most, &LEASE]).await?;
        drop(conn);
        let count = taken.len();
        for letter in taken {
            let Ok(hand) = self.0.hands.clone().acquire_owned().await else { break };
            let (post, db) = (self.clone(), db.clone());
            self.0.tasks.spawn(async move {
                if let Err(error) = post.deliver(&db, &letter).await {
                    tracing::warn!(letter = %letter.id, %error, "what came of a letter could not be written down: it is tried again");
                }
                drop(hand);
            });
        }
        Ok(count)
    }

    async fn deliver(&self, db: &WorkerDb, taken: &Taken) -> Result<()> {
        let Some(subject) = About::named(&taken.about) else {
            // A newer version has written it, and will be there to send it.
            return self.again(db, taken, "unknown").await;
        };
        let about = subject.as_str();
        let Ok(content) = Content::open(self.0.keys.secrets(), taken.id, &taken.sealed) else {
            tracing::error!(letter = %taken.id, about, "a letter cannot be opened: it is of other servers, or their secret was another");
            return self.end(db, taken, Some("unreadable"), None).await;
        };
        let letter = match self.letter(db, taken.id, subject, content).await {
            Ok(Some(letter)) => letter,
            // Nobody's address: there is nothing to send.
            Ok(None) => return self.end(db, taken, None, None).await,
            Err(error) => {
                tracing::warn!(letter = %taken.id, about, %error, "what a letter says could not be found out");
                return self.again(db, taken, "unavailable").await;
            }
        };
        match self.0.mailer.send(&letter).await {
            Ok(()) => self.end(db, taken, None, None).await,
            Err(Unsent { for_good: true, why }) => {
                tracing::error!(letter = %taken.id, about, why, "a letter was refused: `rowhouse letters list`");
                self.end(db, taken, Some("refused"), None).await
            }
            Err(Unsent { why, .. }) => {
                tracing::warn!(letter = %taken.id, about, attempt = taken.attempts, why, "a letter was not taken");
                self.again(db, taken, "not_taken").await
            }
        }
    }

    async fn again(&self, db: &WorkerDb, taken: &Taken, why: &'static str) -> Result<()> {
        let wait = BACKOFF.wait(u32::try_from(taken.attempts).unwrap_or(u32::MAX), random());
        if wait.is_none() {
            tracing::error!(letter = %taken.id, about = taken.about, "a letter was given up: `rowhouse letters list`");
        }
        self.end(db, taken, Some(why), wait.map(|wait| wait.as_secs_f64())).await
    }

    /// Writes down what came of a letter: see `registry.end_letter`.
    async fn end(&self, db: &WorkerDb, taken: &Taken, why: Option<&'static str>, again: Option<f64>) -> Result<()> {
        let mut conn = db.outside().await?;
        let params: Params<'_> = &[&taken.id, &taken.lease, &why, &again];
        let Held(held) = conn.write().last().one(sql!("work/end_letter"), params).await?;
        if held {
            self.0.figures.note(match (why, again) {
                (None, _) => "sent",
                (_, Some(_)) => "again",
                (_, None) => "dead",
            });
        } else {
            tracing::warn!(letter = %taken.id, "a letter was another's by the time it had ended here: it may come twice");
        }
        Ok(())
    }

    /// What it says. Whether there is an account that it is for is asked here, where nobody waits for the answer.
    async fn letter(&self, db: &WorkerDb, id: Uuid, about: About, content: Content) -> Result<Found> {
        let link = link_of(self.0.keys.secrets(), id);
        let Content { to, name, new } = content;
        let token = link.token;
        let link = match about {
            About::ConfirmAddress => Link::ConfirmAddress { token },
            About::ChoosePassword => Link::ChoosePassword { token },
            About::AccountExists => Link::AccountExists,
            About::ConfirmNewAddress => Link::ConfirmNewAddress { name, token },
            About::AddressTaken => Link::AddressTaken,
            About::AddressChanged => Link::AddressChanged { name, new },
            About::PasswordChanged => Link::PasswordChanged { name },
            About::ResetPassword => match self.issue(db, &to, ("reset_password", "1 hour"), &link.hash).await? {
                Some(name) => Link::ResetPassword { name, token },
                None => return Ok(None),
            },
            About::ConfirmAgain => match self.issue(db, &to, ("verify_email", "1 day"), &link.hash).await? {
                Some(_) => Link::ConfirmAddress { token },
                None => return Ok(None),
            },
        };
        Ok(Some(Letter { to, link }))
    }

    /// Lets a link of this purpose be good for so long for the account at an address, and answers its owner's name; none where there is no
    /// account that it is for.
    async fn issue(
        &self,
        db: &WorkerDb,
        to: &str,
        (purpose, lifetime): (&'static str, &'static str),
        hash: &[u8; 32],
    ) -> Result<Option<String>> {
        let seal = self.0.keys.seal("issue_mail_token", &[Some(purpose), Some(to), Some(&in_hex(hash))]);
        let params: Params<'_> = &[&purpose, &to, &hash.as_slice(), &lifetime, &seal];
        let mut conn = db.outside().await?;
        let known: Option<Name> = conn.write().last().optional(sql!("work/issue_mail_token"), params).await?;
        Ok(known.map(|Name(name)| name))
    }
}
