//! Letters as they are written down: to whom, about what, with which names, locked so that no reader of the table learns any of it. No token
//! is in it: what a link carries follows from the letter's id and the servers' secret (`auth::link_of`).
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error, Result,
    auth::{NewLink, Secrets, link_of},
    db::Sql,
    sql, text_enum,
};

text_enum! {
    /// What a letter is about.
    pub enum About {
        /// Confirms an address after signing up.
        ConfirmAddress = "confirm_address",
        /// Lets whoever owns an address that was signed up more than once choose the password.
        ChoosePassword = "choose_password",
        /// Somebody signed up with an address that has an account.
        AccountExists = "account_exists",
        /// Somebody wants a new password for the account at an address, if there is one: whoever sends it finds out.
        ResetPassword = "reset_password",
        /// Somebody wants the address confirmed of the account at it, if there is one that was not: whoever sends it finds out.
        ConfirmAgain = "confirm_again",
        /// Confirms a new address for an account.
        ConfirmNewAddress = "confirm_new_address",
        /// Somebody wants an address for their account that has one of its own.
        AddressTaken = "address_taken",
        /// Tells the former address that it is no longer the account's.
        AddressChanged = "address_changed",
        /// Tells that a password was set.
        PasswordChanged = "password_changed",
    }
}

impl About {
    /// What is called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        use About::{
            AccountExists, AddressChanged, AddressTaken, ChoosePassword, ConfirmAddress, ConfirmAgain,
            ConfirmNewAddress, PasswordChanged, ResetPassword,
        };
        let all = [
            ConfirmAddress,
            ChoosePassword,
            AccountExists,
            ResetPassword,
            ConfirmAgain,
            ConfirmNewAddress,
            AddressTaken,
            AddressChanged,
            PasswordChanged,
        ];
        all.into_iter().find(|about| about.as_str() == name)
    }
}

/// Whom a letter is to, and the names in it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The address.
    pub to: String,
    /// The person's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The address that is the account's from now on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub new: String,
}

impl Content {
    /// To an address, with no name.
    #[must_use]
    pub fn to(to: &str) -> Self {
        Self { to: to.to_owned(), ..Self::default() }
    }

    /// As the servers locked it for this letter.
    pub fn open(secrets: &Secrets, letter: Uuid, sealed: &[u8]) -> Result<Self> {
        let plain = secrets.boxes().open(&bound_to(letter), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Error::internal("a letter cannot be read"))
    }
}

/// A letter to be written down.
pub struct NewLetter {
    id: Uuid,
    about: &'static str,
    address: Vec<u8>,
    same: Vec<u8>,
    sealed: Vec<u8>,
}

fn bound_to(letter: Uuid) -> Vec<u8> {
    [b"letter ".as_slice(), letter.as_bytes()].concat()
}

impl NewLetter {
    /// Writes it down with what else the transaction does: its parameters are [`with`](Self::with).
    pub const WRITE: Sql = sql!("auth/write_letter");

    /// The id of a letter that is to be, and the link that it carries: for what the transaction has to know before it is known what
    /// the letter says.
    #[must_use]
    pub fn link(secrets: &Secrets) -> (Uuid, NewLink) {
        let id = new_id();
        (id, link_of(secrets, id))
    }

    /// A letter of a new id.
    pub fn new(secrets: &Secrets, about: About, content: &Content) -> Result<Self> {
        Self::with_id(secrets, new_id(), about, content)
    }

    /// A letter with the link of this id.
    pub fn with_id(secrets: &Secrets, id: Uuid, about: About, content: &Content) -> Result<Self> {
        // A link that was asked for once more says what the first one said.
        let alike = if about == About::ConfirmAgain { About::ConfirmAddress } else { about };
        let parts: Vec<&[u8]> =
            vec![alike.as_str().as_bytes(), &[0], content.to.as_bytes(), &[0], content.new.as_bytes()];
        let plain = serde_json::to_vec(content).map_err(|_| Error::internal("a letter cannot be written"))?;
        Ok(Self {
            id,
            about: about.as_str(),
            address: secrets.seal("rowhouse letters to", &[content.to.as_bytes()]).to_vec(),
            same: secrets.seal("rowhouse letters alike", &parts).to_vec(),
            sealed: secrets.boxes().lock(&bound_to(id), &plain)?,
        })
    }

    /// The parameters of [`WRITE`](Self::WRITE).
    #[must_use]
    pub fn with(&self) -> [&(dyn postgres_types::ToSql + Sync); 5] {
        [&self.id, &self.about, &self.address, &self.same, &self.sealed]
    }
}
