//! What an application decides about its transactions: how their settings are called, and what it hears of them.
use std::time::Duration;

use rowhouse_pg::Failure;

/// What policies read, by the names they read it by, and what the application wants to know of each connection lent.
///
/// The defaults are rowhouse's names, and an application that keeps nothing of its own beside a request.
#[doc(alias = "GUC")]
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The setting that holds the tenant; empty outside any.
    pub tenant: &'static str,
    /// The one that holds the person; empty where nobody is signed in, and where an API key asks.
    pub user: &'static str,
    /// The one that holds the person's session. It counts only where there is a person.
    pub session: &'static str,
    /// The one that holds an API key's id and SHA-256 of its secret. It counts only where there is no person.
    pub api_key: &'static str,
    /// The one that holds the job for which a worker acts; empty where it acts for none. Only a worker's transactions say it.
    pub job: &'static str,
    /// The one that holds the lease under which a worker holds that job.
    pub job_lease: &'static str,
    /// The one that holds what [`origin`](Self::origin) says; only transactions that write say it.
    pub request: &'static str,
    /// How each SQLSTATE begins with which functions of the schema speak to the application. What they say with one is handed
    /// on ([`Error::Raised`](crate::Error::Raised)); no other text of the database is.
    pub raised: &'static str,
    /// The id of the request that is being served, for the log.
    pub trace_id: fn() -> String,
    /// Which request is being served and where it came from, for whoever writes down who did what; none outside any. Of it hexadecimal digits,
    /// points, colons, hyphens and spaces are said and nothing else.
    pub origin: fn() -> Option<String>,
    /// Hears for how long a connection was held, in the task that held it.
    pub held: fn(Duration),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant: "app.tenant_id",
            user: "app.user_id",
            session: "app.session_id",
            api_key: "app.api_key",
            job: "app.job_id",
            job_lease: "app.job_lease",
            request: "app.request",
            raised: "RH",
            origin: || None,
            trace_id: || "-".to_owned(),
            held: |_| (),
        }
    }
}

impl Settings {
    /// Names become part of each transaction's first message, and anything else would be part of it as well.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        for name in [self.tenant, self.user, self.session, self.api_key, self.job, self.job_lease, self.request] {
            let word = |word: &str| {
                word.starts_with(|c: char| c.is_ascii_lowercase())
                    && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            };
            if !name.split_once('.').is_some_and(|(space, rest)| word(space) && word(rest)) {
                return Err(Failure(format!(
                    "{name:?} is no name for a setting: two words of a-z, 0-9 and _ with a point between, such as app.tenant_id"
                )));
            }
        }
        let names = [self.tenant, self.user, self.session, self.api_key, self.job, self.job_lease, self.request];
        if (1..names.len()).any(|at| names[at..].contains(&names[at - 1])) {
            return Err(Failure("two settings of a transaction have one name".to_owned()));
        }
        // Those below I are the standard's, P0 and XX are PostgreSQL's. An empty beginning would let every error's text through, and
        // those quote rows.
        let own = self.raised.len() == 2 && self.raised.starts_with(|c: char| ('I'..='Z').contains(&c));
        if !own || ["P0", "XX"].contains(&self.raised) {
            return Err(Failure(format!(
                "SQLSTATEs of one's own begin with two characters, the first from I to Z, neither P0 nor XX; not with {:?}",
                self.raised
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_called_by_two_words_and_nothing_else() {
        assert!(Settings::default().check().is_ok());
        for tenant in ["", "tenant", "app.", ".id", "app.Id", "app.id; reset role", "app.id = ''", "app.a.b", "1.a"] {
            let why = Settings { tenant, ..Settings::default() }.check().unwrap_err();
            assert!(why.0.contains("is no name for a setting"), "{tenant}: {why}");
        }
        let why = Settings { tenant: "app.user_id", ..Settings::default() }.check().unwrap_err();
        assert!(why.0.contains("one name"), "{why}");
    }

    #[test]
    fn the_database_speaks_to_the_application_by_codes_that_are_not_its_own() {
        for raised in ["", "R", "23", "42", "AB", "RH0", "P0", "XX"] {
            let why = Settings { raised, ..Settings::default() }.check().unwrap_err();
            assert!(why.0.contains("begin with two characters"), "{raised}: {why}");
        }
    }
}
