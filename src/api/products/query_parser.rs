//! What somebody typed into a search box, taken apart: words, "phrases", -without, or. Never fails: what means nothing
//! is left out, and everything else is text that PostgreSQL folds and stems (`registry.product_query`).

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Parts of a search, a vector each, as `registry.product_query` takes them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Parts of one group have all to be there; one group is enough.
    pub groups: Vec<i32>,
    /// `word`, `last` (a word that may go on) or `phrase`.
    pub kinds: Vec<&'static str>,
    /// What was typed of each, without quotes and minus.
    pub texts: Vec<String>,
    /// Must not be there.
    pub negated: Vec<bool>,
}

/// Words beyond this many are left out, those in phrases included: what a search costs grows with them.
const MOST: usize = 32;

impl Words {
    /// Takes a search apart. `or` stands between alternatives and binds less than what stands side by side; a quote
    /// that is not closed goes to the end; a minus counts where a part begins.
    #[must_use]
    pub fn of(typed: &str) -> Self {
        let mut words = Self::default();
        let mut group = 0;
        let mut rest = typed.trim_start();
        while !rest.is_empty() && words.room() > 0 {
            let (negated, part) = rest.strip_prefix('-').map_or((false, rest), |part| (true, part));
            if let Some(quoted) = part.strip_prefix('"') {
                let (phrase, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                words.push(group, "phrase", phrase, negated);
                rest = after.trim_start();
                continue;
            }
            let end = part.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(part.len());
            let (word, after) = part.split_at(end);
            if !negated && word.eq_ignore_ascii_case("or") && !after.trim().is_empty() && !words.texts.is_empty() {
                group += 1;
            } else {
                let kind = if after.is_empty() { "last" } else { "word" };
                words.push(group, kind, word, negated);
            }
            rest = after.trim_start();
        }
        words
    }

    /// The word that is being typed: the last, if nothing follows it.
    pub(super) fn last(typed: &str) -> &str {
        typed.rsplit(char::is_whitespace).next().unwrap_or_default()
    }

    /// How many words there is room for.
    fn room(&self) -> usize {
        MOST.saturating_sub(self.texts.iter().map(|text| words_in(text).count().max(1)).sum())
    }

    fn push(&mut self, group: i32, kind: &'static str, text: &str, negated: bool) {
        // A phrase ends where there is no room for more of it: after this many words.
        let text = words_in(text).nth(self.room()).map_or(text, |at| &text[..at]);
        // What was asked for already.
        let same = |n: usize| (self.groups[n], self.kinds[n], self.negated[n]) == (group, kind, negated);
        if (0..self.texts.len()).any(|n| self.texts[n] == text && same(n)) {
            return;
        }
        // As it is folded: ㍿ is four letters.
        if text.nfkd().any(char::is_alphanumeric) {
            self.groups.push(group);
            self.kinds.push(kind);
            self.texts.push(text.to_owned());
            self.negated.push(negated);
        }
    }
}

/// Where each stretch of letters and digits begins, as the text is folded: ﷺ is four words.
fn words_in(text: &str) -> impl Iterator<Item = usize> {
    let folded = text.char_indices().flat_map(|(at, c)| std::iter::once(c).nfkd().map(move |c| (at, c)));
    let mut inside = false;
    folded.filter(|(_, c)| !is_combining_mark(*c)).filter_map(move |(at, c)| {
        let begins = c.is_alphanumeric() && !inside;
        inside = c.is_alphanumeric();
        begins.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::Words;

    fn told(typed: &str) -> String {
        let words = Words::of(typed);
        let parts = words.texts.iter().enumerate().map(|(n, text)| {
            let minus = if words.negated[n] { "-" } else { "" };
            format!("{}{minus}{}:{text}", words.groups[n], words.kinds[n])
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_search_is_taken_apart_as_people_write_it() {
        assert_eq!(told("red lamp"), "0word:red 0last:lamp");
        assert_eq!(told("red lamp "), "0word:red 0word:lamp");
        assert_eq!(told("\"desk lamp\" -brass"), "0phrase:desk lamp 0-last:brass");
        assert_eq!(told("lamp or chair -red"), "0word:lamp 1word:chair 1-last:red");
        assert_eq!(told("-\"desk lamp\" x"), "0-phrase:desk lamp 0last:x");
        assert_eq!(told("㍿"), "0last:㍿");
        assert_eq!(told("AB-12 \"open to the end"), "0word:AB-12 0phrase:open to the end");
    }

    #[test]
    fn what_means_nothing_is_left_out() {
        assert_eq!(told("- -- \"\" & | ! :* ( ) <-> 😀"), "");
        assert_eq!(told("or"), "0last:or");
        assert_eq!(told("lamp or"), "0word:lamp 0last:or");
        assert_eq!(told("   "), "");
    }

    #[test]
    fn what_a_search_costs_is_bounded_by_its_words_those_in_phrases_included() {
        let many = (0..1000).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(Words::of(&many).texts.len(), super::MOST);
        assert_eq!(Words::of(&"a ".repeat(1000)).texts.len(), 1, "the same again asks for nothing more");
        let words = Words::of(&format!("one \"{many}\" two"));
        assert_eq!((words.texts.len(), words.texts[1].trim_end()), (2, &many[..many.find(" w31").unwrap()]));
        assert_eq!(Words::of(&"a-".repeat(1000)).texts[0].len(), 2 * super::MOST);
        // Four words, of which the last goes on in the next one's first.
        assert_eq!(Words::of(&"ﷺ".repeat(1000)).texts[0].chars().count(), super::MOST / 3);
        assert_eq!(Words::of(&"e\u{301}".repeat(1000)).texts[0].chars().count(), 2000, "one word");
    }
}
