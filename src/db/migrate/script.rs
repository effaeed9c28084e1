//! SQL text cut into statements and words: as much of the grammar as it takes to say what a statement is about.

/// One statement of a script.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    /// As it is written, without the semicolon.
    pub(super) text: &'a str,
    pub(super) words: Vec<Word<'a>>,
    /// The comment lines right before it.
    pub(super) comments: Vec<&'a str>,
}

/// A word, a literal or a sign of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) kind: Kind,
    /// Where it begins in the statement's text.
    pub(super) at: usize,
    /// The line of the script, from 1.
    pub(super) line: usize,
    /// How many parentheses are open around it.
    pub(super) depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name.
    Name,
    /// A string.
    Literal,
    /// What stands between `$$` and `$$`, without them.
    Body,
    Sign,
}

impl Word<'_> {
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind != Kind::Literal && self.kind != Kind::Body && self.text.eq_ignore_ascii_case(word)
    }
}

impl Statement<'_> {
    /// The line it begins on.
    pub(super) fn line(&self) -> usize {
        self.words.first().map_or(1, |word| word.line)
    }

    /// Whether it begins with these words.
    pub(super) fn begins(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len() && self.words.iter().zip(words).all(|(word, wanted)| word.is(wanted))
    }

    /// Where these words follow each other for the first time, from a word on.
    pub(super) fn find(&self, from: usize, words: &[&str]) -> Option<usize> {
        (from..self.words.len()).find(|&start| {
            self.words.len() >= start + words.len()
                && self.words[start..].iter().zip(words).all(|(word, wanted)| word.is(wanted))
        })
    }

    /// The name that begins with a word, qualified or not, in lower case, and the word after it.
    pub(super) fn name(&self, from: usize) -> Option<(String, usize)> {
        let first = self.words.get(from).filter(|word| word.kind == Kind::Name)?;
        let (mut name, mut next) = (first.text.to_ascii_lowercase(), from + 1);
        while self.words.get(next).is_some_and(|word| word.is("."))
            && let Some(part) = self.words.get(next + 1).filter(|word| word.kind == Kind::Name)
        {
            name.push('.');
            name.push_str(&part.text.to_ascii_lowercase());
            next += 2;
        }
        Some((name, next))
    }

    /// Its words with one space between them: what stays the same when only comments and spaces change.
    pub(super) fn normal(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text).collect();
        words.join(" ")
    }
}

/// The statements of a script, in order.
pub(super) fn statements(script: &str) -> Vec<Statement<'_>> {
    let mut cut = Cut { script, at: 0, line: 1, depth: 0, words: Vec::new(), comments: Vec::new(), found: Vec::new() };
    while cut.step() {}
    cut.end(script.len());
    cut.found
}

struct Cut<'a> {
    script: &'a str,
    at: usize,
    line: usize,
    depth: usize,
    /// Of the statement that is being read; `at` counts from the script's beginning until it ends.
    words: Vec<Word<'a>>,
    comments: Vec<&'a str>,
    found: Vec<Statement<'a>>,
}

impl Cut<'_> {
    /// Reads what comes next. False at the end.
    fn step(&mut self) -> bool {
        let rest = &self.script[self.at..];
        let Some(first) = rest.chars().next() else { return false };
        if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else if rest.starts_with("--") {
            let length = rest.find('\n').unwrap_or(rest.len());
            if self.words.is_empty() {
                self.comments.push(&rest[..length]);
            }
            self.skip(length);
        } else if rest.starts_with("/*") {
            self.skip(block_comment(rest));
        } else if first == '\'' {
            self.take(Kind::Literal, quoted(rest, '\'', false), 0);
        } else if first == '"' {
            self.take(Kind::Name, quoted(rest, '"', false), 0);
        } else if matches!(first, 'e' | 'E') && rest[1..].starts_with('\'') {
            self.take(Kind::Literal, 1 + quoted(&rest[1..], '\'', true), 0);
        } else if let Some((tag, length)) = dollar_quoted(rest) {
            self.take(Kind::Body, length, tag);
        } else if first.is_alphanumeric() || first == '_' {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            self.take(Kind::Name, rest.find(|c| !word(c)).unwrap_or(rest.len()), 0);
        } else if first == ';' && self.depth == 0 {
            self.end(self.at);
            self.skip(1);
        } else {
            if first == ')' {
                self.depth = self.depth.saturating_sub(1);
            }
            self.take(Kind::Sign, first.len_utf8(), 0);
            if first == '(' {
                self.depth += 1;
            }
        }
        true
    }

    fn skip(&mut self, length: usize) {
        self.line += self.script[self.at..self.at + length].matches('\n').count();
        self.at += length;
    }

    /// A word of so many bytes, of which the outermost on both sides do not count.
    fn take(&mut self, kind: Kind, length: usize, quote: usize) {
        let whole = &self.script[self.at..self.at + length];
        let text = whole.get(quote..length.saturating_sub(quote)).unwrap_or_default();
        self.words.push(Word { text, kind, at: self.at, line: self.line, depth: self.depth });
        self.skip(length);
    }

    fn end(&mut self, until: usize) {
        let comments = std::mem::take(&mut self.comments);
        let mut words = std::mem::take(&mut self.words);
        let Some(start) = words.first().map(|word| word.at) else { return };
        for word in &mut words {
            word.at -= start;
        }
        self.found.push(Statement { text: self.script[start..until].trim_end(), words, comments });
    }
}

/// How long what is quoted is, quotes included; one that does not end goes to the end.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

/// How long a comment is; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// How long the tag and the whole are of what begins with `$tag$`.
fn dollar_quoted(text: &str) -> Option<(usize, usize)> {
    let tag = text.strip_prefix('$')?;
    let end = tag.find('$')?;
    if !tag[..end].chars().all(|c| c.is_alphanumeric() || c == '_') || tag.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let tag = &text[..end + 2];
    let length = text[tag.len()..].find(tag).map_or(text.len(), |close| close + 2 * tag.len());
    Some((tag.len(), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_where_postgresql_ends_them() {
        let script = "-- first; not a statement
            select 'it''s; one', e'a\\'b;', \"odd;name\" /* a /* nested; */ comment; */ from t;
            do $body$ begin perform 1; end $body$;
            create rule r as on insert to t do (select 1; select 2)";
        let found = statements(script);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert_eq!(found[0].comments, ["-- first; not a statement"]);
        assert!(found[0].text.starts_with("select 'it''s") && found[0].text.ends_with("from t"));
        assert_eq!(found[1].words[1].kind, Kind::Body);
        assert_eq!(found[1].words[1].text, " begin perform 1; end ");
        assert_eq!((found[1].line(), found[2].line()), (3, 4));
        assert!(statements("-- nothing\n ; ;").is_empty());
    }

    #[test]
    fn names_are_read_in_any_case_and_comments_change_nothing() {
        let one = statements("create policy Wall on tenant . Projects using ( true ) -- why");
        let (name, next) = one[0].name(4).unwrap();
        assert_eq!(name, "tenant.projects");
        assert!(one[0].words[next].is("USING") && one[0].words[next + 2].depth == 1);
        let other = statements("create  policy Wall -- because\non tenant.Projects using (true);");
        assert_eq!(one[0].normal(), other[0].normal());
    }
}
