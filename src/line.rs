//! What a text of one line may hold.

/// Controls, separators of lines, and what turns the direction of what follows: none belongs in a name that others
/// read, least of all in a letter.
#[must_use]
pub(crate) fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
