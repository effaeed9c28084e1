//! Checking what a body says, all at once: a caller learns everything that is wrong in one answer.
use std::{collections::BTreeSet, ops::RangeInclusive};

use secrecy::SecretString;
use unicode_normalization::char::is_combining_mark;
use utoipa::ToSchema;

use super::patch::Field;
use crate::{
    Error, Result,
    auth::{normal_email, password_faults},
    error::Violation,
    line::breaks_line,
};

/// Violations in one answer, at most: what a caller can read, and not many times the request.
pub(super) const MOST: usize = 100;

/// The name of a permission.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 60, example = "projects:read")]
pub struct PermissionName(#[expect(dead_code, reason = "only its schema is used")] String);

/// A text that may not be there: a field that can be left out, or one of a patch. Where there is none, nothing is wrong with it.
pub trait Text {
    /// The text, where there is one.
    fn text(&self) -> Option<&str>;
}

impl Text for str {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Text for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl<T: Text> Text for Option<T> {
    fn text(&self) -> Option<&str> {
        self.as_ref().and_then(Text::text)
    }
}

impl<T: Text> Text for Field<T> {
    fn text(&self) -> Option<&str> {
        self.value().and_then(Text::text)
    }
}

impl<T: Text + ?Sized> Text for &T {
    fn text(&self) -> Option<&str> {
        (**self).text()
    }
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// A single line of text: its length in characters, no control characters, no blank ends.
    pub fn line(&mut self, pointer: &str, value: &(impl Text + ?Sized), length: RangeInclusive<usize>) {
        let Some(value) = value.text() else { return };
        self.length(pointer, value, &length);
        if value.chars().any(breaks_line) {
            self.push(pointer, "control_character", "must not contain control characters");
        }
        if value.trim() != value {
            self.push(pointer, "blank_ends", "must not begin or end with white space");
        }
    }

    /// Text of several lines. PostgreSQL's text holds every character but NUL.
    pub fn text(&mut self, pointer: &str, value: &(impl Text + ?Sized), length: RangeInclusive<usize>) {
        let Some(value) = value.text() else { return };
        self.length(pointer, value, &length);
        if value.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
            self.push(
                pointer,
                "control_character",
                "must not contain control characters other than line breaks and tabs",
            );
        }
    }

    /// A new password; `about` are words its owner is known by.
    pub fn password(&mut self, pointer: &str, password: &SecretString, second_factor: bool, about: &[&str]) {
        for (code, detail) in password_faults(password, second_factor, about) {
            self.push(pointer, code, detail);
        }
    }

    /// An e-mail address, in the form in which it is kept; empty when it is none.
    pub fn email(&mut self, pointer: &str, email: &str) -> String {
        normal_email(email).unwrap_or_else(|| {
            self.push(pointer, "invalid", "is not an e-mail address");
            String::new()
        })
    }

    /// Names of permissions. Whether there are such, the database says; what can be none is refused here.
    pub fn permissions(&mut self, pointer: &str, permissions: &BTreeSet<String>) {
        for (index, permission) in permissions.iter().enumerate() {
            self.line(&format!("{pointer}/{index}"), permission, 1..=60);
        }
    }

    /// Anything else.
    pub fn push(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Violation::at(pointer, code, detail));
        }
    }

    /// `422` with everything collected, if anything was.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }

    fn length(&mut self, pointer: &str, value: &str, length: &RangeInclusive<usize>) {
        let found = value.chars().count();
        if found < *length.start() {
            self.push(pointer, "too_short", too_short(*length.start()));
        } else if found > *length.end() {
            self.push(pointer, "too_long", too_long(*length.end(), found));
        }
    }
}

/// Marks behind one letter, at most: what Unicode calls stream-safe (UAX #15, UAX15-D3). No writing needs more, and to put
/// them in order can take as long as the square of their number.
const MARKS: usize = 30;

/// What is wrong with a text that piles marks upon a letter.
pub const PILE: (&str, &str) = ("too_many_marks", "must not have more than 30 combining marks in a row");

/// Whether a text piles up more marks than any writing does.
#[must_use]
pub fn piles_marks(text: &str) -> bool {
    let mut run = 0;
    // A mark has two bytes at least.
    text.len() > 2 * MARKS
        && text.chars().any(|c| {
            run = if is_combining_mark(c) { run + 1 } else { 0 };
            run > MARKS
        })
}

pub(super) fn too_short(least: usize) -> String {
    format!("must have at least {least} characters")
}

pub(super) fn too_long(most: usize, found: usize) -> String {
    format!("must have at most {most} characters, and has {found}")
}
