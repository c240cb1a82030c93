//! Templates that name groups, by the rules of Go's `Regexp.Expand`.

use regex_syntax::hir::ClassUnicode;

use super::parse::letters_and_digits;

/// Appends `template` to `out`, with `$1`, `${1}`, `$name`, `${name}` and `$$` replaced. `by_number` and `by_name` give
/// a group's text; a group that is unknown or took no part is empty.
///
/// The name is the longest run of letters, digits and underscores. A dollar that no name follows stays, and so does one
/// whose brace is not closed right after the name.
pub(super) fn expand<'t>(
    template: &str,
    by_number: impl Fn(usize) -> Option<&'t str>,
    by_name: impl Fn(&str) -> Option<&'t str>,
    out: &mut String,
) {
    let mut words = Words::default();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = words.reference(rest) {
            let group = match group_number(name) {
                Some(number) => by_number(number),
                None => by_name(name),
            };
            out.push_str(group.unwrap_or(""));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
}

/// The number that a name is: no leading zero, and not beyond what Go reads.
fn group_number(name: &str) -> Option<usize> {
    let digits = name.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = name.len() > 1 && name.starts_with('0');
    (digits && !leading_zero && name.len() <= 9).then(|| name.parse().ok()).flatten()
}

/// Knows word characters; the Unicode table is fetched when a text needs it.
#[derive(Default)]
struct Words {
    unicode: Option<ClassUnicode>,
}

impl Words {
    /// The name after a dollar, with or without braces, and what follows it.
    fn reference<'a>(&mut self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let braced = text.strip_prefix('{');
        let text = braced.unwrap_or(text);
        let end = text.find(|c| !self.is_word(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return None;
        }
        let rest = if braced.is_some() { rest.strip_prefix('}')? } else { rest };
        Some((name, rest))
    }

    fn is_word(&mut self, c: char) -> bool {
        if c.is_ascii() {
            return c.is_ascii_alphanumeric() || c == '_';
        }
        let table = self.unicode.get_or_insert_with(letters_and_digits).ranges();
        let after = table.partition_point(|range| range.start() <= c);
        after > 0 && c <= table[after - 1].end()
    }
}
