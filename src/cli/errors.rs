//! `rowhouse errors`: what can go wrong, as it is committed in docs/errors.md.
use crate::error;

pub(super) fn print() {
    print!("{}", error::documentation());
}
