//! Takeover by door, and with what is stored: every SECURITY DEFINER function a role may call is called in the name of nobody, of oneself
//! and of somebody else, with what is known of the other tenant, and with every secret as it is kept.
//!
//! A door that asks for more than an attacker has, such as a seal of the server's, answers no call. Its control is that it was reached: it
//! refused by itself, and not because a value could not be read.
use std::collections::{BTreeMap, BTreeSet};

use rowhouse_pg::{Failure, Refusal, set_local};

use super::{
    Ending, Only, Outcomes, Set,
    arguments::{Arguments, takes_a_secret},
    breached, held, inconclusive,
    model::{fields, split},
    objects::all_text,
    stage::Persona,
};

/// Calls of a door in each name.
const CALLS: usize = 6;
/// Calls of a door with each stored value, in each place it fits.
const CALLS_WITH_A_SECRET: usize = 3;

/// A function that runs as somebody else.
pub(super) struct Door {
    head: String,
    signature: String,
    owner: String,
    /// The name and the type of each parameter.
    pub(super) takes: Vec<(String, String)>,
}

/// What parameters are called in which a door is given the proof that the server has verified something.
const PROOFS: [&str; 5] = ["seal", "signature", "mac", "hmac", "proof"];

impl Door {
    fn asks_for_a_proof(&self) -> bool {
        self.takes.iter().any(|(name, _)| PROOFS.contains(&name.as_str()))
    }
}

/// What came of one call.
enum Came {
    /// It answered, and nothing of the other's.
    Answered,
    /// The door refused by itself.
    Refused(String),
    /// The call made no sense to it.
    Misunderstood(String),
    /// It gave or changed something of the other's.
    Took(String),
}

/// What a series of calls came to, as long as none took anything.
#[derive(Default)]
struct Tally {
    answered: usize,
    refused: BTreeMap<String, usize>,
    misunderstood: String,
}

pub(super) async fn run(set: &Set<'_>, only: Only<'_>, outcomes: &mut Outcomes<'_>) -> Result<(), Failure> {
    let doors = doors(set).await?;
    let arguments = Arguments::of(set).await?;
    let wanted = |door: &&Door| !matches!(only, Only::Door(signature) if signature != door.signature);
    for door in doors.iter().filter(wanted) {
        set.scene(outcomes, "takeover-by-door", &door.signature, takeover(set, door, &arguments)).await?;
    }
    let doors: Vec<&Door> = doors.iter().filter(wanted).collect();
    for (column, values) in arguments.secrets() {
        set.scene(outcomes, "pass-the-hash", column, pass(set, &doors, &arguments, column, values)).await?;
    }
    Ok(())
}

async fn doors(set: &Set<'_>) -> Result<Vec<Door>, Failure> {
    let session = set.stage.session;
    session.run(&set_local("audit.role", &set.stage.role)).await?;
    let answer = session.run(include_str!("../../sql/attack/doors.sql")).await?;
    let door = |row| {
        let (text, _) = fields(&answer, row);
        let (kinds, mut names) = (split(&text("takes")), split(&text("called")));
        names.resize(kinds.len(), "_".to_owned());
        let verb = if text("kind") == "p" { "call" } else { "select * from" };
        Door {
            head: format!("{verb} {}", text("name")),
            signature: text("signature"),
            owner: text("owner"),
            takes: names.into_iter().zip(kinds).collect(),
        }
    };
    Ok((0..answer.rows.len()).map(door).collect())
}

/// In whose name a door is called: nobody's, one's own outside any tenant and in one's tenant, and, where it takes a secret to be
/// somebody, that of the other, of whom all is known but that.
fn names(set: &Set<'_>) -> Vec<Option<Persona>> {
    let mine = &set.stage.mine;
    let mut all = vec![None, Some(Persona { tenant: String::new(), ..mine.clone() }), Some(mine.clone())];
    let secret =
        |setting: &String| set.config.settings.get(setting).is_some_and(|from| set.config.secrets.contains(from));
    if mine.settings.iter().any(|(setting, _)| secret(setting)) {
        let mut other = set.stage.theirs.clone();
        for (setting, value) in &mut other.settings {
            if secret(setting)
                && let Some((_, own)) = mine.settings.iter().find(|(name, _)| name == setting)
            {
                own.clone_into(value);
            }
        }
        all.push(Some(Persona { tenant: String::new(), ..other.clone() }));
        all.push(Some(other));
    }
    all
}

async fn takeover(set: &Set<'_>, door: &Door, arguments: &Arguments) -> Result<Ending, Refusal> {
    let calls = arguments.calls(door, CALLS, None);
    if calls.is_empty() {
        return Ok(inconclusive("no value could be made up for what it takes"));
    }
    let mut tally = Tally::default();
    for name in names(set) {
        for given in &calls {
            if let Some(what) = tally.note(call(set, name.as_ref(), door, given).await?) {
                return Ok(breached(format!("as {}, {what}", door.owner)));
            }
            // Nothing that is given holds: whatever it would do, for whomever, it must not.
            if tally.answered > 0 && door.asks_for_a_proof() {
                return Ok(breached(format!("as {}, it acts without a seal that holds", door.owner)));
            }
        }
    }
    Ok(tally.ending())
}

/// Presents what is stored as if it were what opens it.
async fn pass(
    set: &Set<'_>,
    doors: &[&Door],
    arguments: &Arguments,
    column: &str,
    values: &[(String, String)],
) -> Result<Ending, Refusal> {
    if set.config.secrets.iter().any(|secret| secret == column)
        && let Some((table, name)) = column.rsplit_once('.')
    {
        set.stage.enter(&set.stage.mine).await?;
        let read = set.stage.rehearse(&format!("select {} from {table} limit 0", rowhouse_pg::identifier(name))).await;
        set.stage.itself().await?;
        if read.is_ok() {
            return Ok(breached("the role may read it, were it only in its own rows"));
        }
    }
    let mut tally = Tally::default();
    let mut tried = 0;
    let outside = Persona { tenant: String::new(), ..set.stage.mine.clone() };
    for door in doors {
        for (kind, value) in values {
            for at in takes_a_secret(door, kind) {
                for given in arguments.calls(door, CALLS_WITH_A_SECRET, Some((at, value))) {
                    for name in [None, Some(&outside)] {
                        tried += 1;
                        if let Some(what) = tally.note(call(set, name, door, &given).await?) {
                            return Ok(breached(format!("given to {}, {what}", door.signature)));
                        }
                    }
                }
            }
        }
    }
    Ok(if tried == 0 { held("nothing that the role may call takes such a value") } else { tally.ending() })
}

/// One call, taken back whatever it did.
async fn call(set: &Set<'_>, name: Option<&Persona>, door: &Door, given: &[String]) -> Result<Came, Refusal> {
    let (stage, session) = (&set.stage, set.stage.session);
    session.run("savepoint door").await?;
    match name {
        Some(persona) => stage.enter(persona).await?,
        None => stage.enter_nowhere().await?,
    }
    let literals: Vec<String> = given
        .iter()
        .zip(&door.takes)
        .map(|(value, (_, kind))| format!("{}::{kind}", rowhouse_pg::literal(value)))
        .collect();
    let answer = match session.run(&format!("{}({})", door.head, literals.join(", "))).await {
        Ok(answer) => answer,
        Err(refusal) if refusal.code.is_empty() => return Err(refusal),
        Err(refusal) => {
            session.run("rollback to savepoint door").await?;
            return Ok(if by_itself(&refusal.code) {
                Came::Refused(refusal.code)
            } else {
                Came::Misunderstood(refusal.discreet())
            });
        }
    };
    stage.itself().await?;
    let text = all_text(&answer);
    let own: BTreeSet<String> = stage.mine.marks().into_iter().collect();
    let marks: Vec<String> = stage.theirs.marks().into_iter().filter(|mark| !own.contains(mark)).collect();
    // What one said oneself is no news.
    let shown = marks.iter().find(|mark| text.contains(*mark) && !given.iter().any(|given| given.contains(*mark)));
    if let Some(mark) = shown {
        session.run("rollback to savepoint door").await?;
        let what = if mark.len() == 36 { "an id" } else { "a text" };
        return Ok(Came::Took(format!("it shows {what} of another tenant")));
    }
    let touched = touched(set).await?;
    let after = theirs_in(set, &touched, &marks).await?;
    session.run("rollback to savepoint door").await?;
    let before = theirs_in(set, &touched, &marks).await?;
    Ok(match touched.iter().zip(after.iter().zip(&before)).find(|(_, (after, before))| after != before) {
        Some((table, _)) => Came::Took(format!("it changes what {table} has of another tenant")),
        None => Came::Answered,
    })
}

/// The tables in which a call has written since the one before.
async fn touched(set: &Set<'_>) -> Result<Vec<String>, Refusal> {
    let answer = set.stage.session.run(include_str!("../../sql/attack/written.sql")).await?;
    let mut known = set.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut grown = Vec::new();
    for row in 0..answer.rows.len() {
        let (text, _) = fields(&answer, row);
        let (name, written) = (text("name"), text("written"));
        if known.get(&name) != Some(&written) {
            grown.push(name.clone());
            known.insert(name, written);
        }
    }
    Ok(grown)
}

/// The rows in which one of these marks stands, of each table. All of them were made in this transaction: others are not looked into.
async fn theirs_in(set: &Set<'_>, tables: &[String], marks: &[String]) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    let any: Vec<String> =
        marks.iter().map(|mark| format!("position({} in t::text) > 0", rowhouse_pg::literal(mark))).collect();
    for table in tables {
        let rows = format!(
            "select coalesce(string_agg(t::text, '|' order by t::text), '') from {table} t
             where age(t.xmin) <= age(pg_current_xact_id()::xid) and ({})",
            any.join(" or ")
        );
        all.push(set.stage.session.run(&rows).await?.first_column().next().unwrap_or_default().to_owned());
    }
    Ok(all)
}

/// Whether a function refused, and not PostgreSQL a value or a name.
fn by_itself(code: &str) -> bool {
    code == "42501"
        || !["08", "0A", "22", "23", "25", "2F", "40", "42", "53", "54", "55", "57", "XX"].contains(&&code[..2])
}

impl Tally {
    /// Notes what came of a call; answers what it took.
    fn note(&mut self, came: Came) -> Option<String> {
        match came {
            Came::Answered => self.answered += 1,
            Came::Refused(code) => *self.refused.entry(code).or_default() += 1,
            Came::Misunderstood(why) => self.misunderstood = why,
            Came::Took(what) => return Some(what),
        }
        None
    }

    fn ending(self) -> Ending {
        if self.answered == 0 && self.refused.is_empty() {
            return inconclusive(format!("no call got as far as a refusal of the door's own: {}", self.misunderstood));
        }
        let refused: Vec<String> = self.refused.iter().map(|(code, calls)| format!("{calls} with {code}")).collect();
        let refused = if refused.is_empty() { "none".to_owned() } else { refused.join(", ") };
        held(format!("calls refused: {refused}; answered, with nothing of another tenant: {}", self.answered))
    }
}
