//! Checking what a body says, all at once: a caller learns everything that is wrong in one answer.
use std::ops::RangeInclusive;

use crate::{Error, Result, error::Violation};

/// Collects what is wrong.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// A single line of text: its length in characters, no control characters, no blank ends.
    pub fn line(&mut self, pointer: &str, value: &str, length: RangeInclusive<usize>) {
        self.length(pointer, value, &length);
        if value.chars().any(char::is_control) {
            self.push(pointer, "control_character", "must not contain control characters");
        }
        if value.trim() != value {
            self.push(pointer, "blank_ends", "must not begin or end with white space");
        }
    }

    /// Text of several lines. PostgreSQL's text holds every character but NUL.
    pub fn text(&mut self, pointer: &str, value: &str, length: RangeInclusive<usize>) {
        self.length(pointer, value, &length);
        if value.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
            self.push(
                pointer,
                "control_character",
                "must not contain control characters other than line breaks and tabs",
            );
        }
    }

    /// Anything else.
    pub fn push(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.0.push(Violation::at(pointer, code, detail));
    }

    /// `422` with everything collected, if anything was.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }

    fn length(&mut self, pointer: &str, value: &str, length: &RangeInclusive<usize>) {
        let found = value.chars().count();
        if found < *length.start() {
            self.push(pointer, "too_short", format!("must have at least {} characters", length.start()));
        } else if found > *length.end() {
            self.push(pointer, "too_long", format!("must have at most {} characters, and has {found}", length.end()));
        }
    }
}
