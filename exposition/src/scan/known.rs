//! Recognising a series by its bytes, without reading them.
//!
//! Which bytes name the series is guessed from the end of the line: what stands before the value, or before the value
//! and a timestamp. The guess is only ever used when the caller knows those very bytes from a sample that was read in
//! full. The lexer goes left to right without looking back, so a line that starts with them names that series, and a
//! wrong guess is merely not known.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// Whether the text starts with a series that is named by the bytes `series`, and not by more than those: behind a bare
/// name a blank must follow, and no labels.
#[inline]
pub(crate) fn names_series(text: &[u8], series: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(series) else { return false };
    match (series.last(), rest.first()) {
        (Some(b'}'), _) => true,
        (Some(_), Some(b' ' | b'\t')) => rest.iter().find(|b| !matches!(b, b' ' | b'\t')) != Some(&b'{'),
        _ => false,
    }
}

/// The bytes that probably name the series of a line.
#[inline]
pub(crate) fn guess_series(line: &[u8]) -> Option<&[u8]> {
    let before_last = before_last_token(line)?;
    if ends_series(before_last) {
        return Some(before_last);
    }
    // The last token was a timestamp, then.
    let before_value = before_last_token(before_last)?;
    ends_series(before_value).then_some(before_value)
}

/// What precedes the last run of bytes without blanks and braces; blanks before the run are taken off.
#[inline]
fn before_last_token(line: &[u8]) -> Option<&[u8]> {
    let last = line.iter().rposition(|b| matches!(b, b' ' | b'\t' | b'}'))?;
    let mut before = line.get(..=last)?;
    while let [rest @ .., b' ' | b'\t'] = before {
        before = rest;
    }
    Some(before)
}

/// A closing brace ends a series; so does the end of a name that has nothing before it.
#[inline]
fn ends_series(text: &[u8]) -> bool {
    match text.last() {
        Some(b'}') => true,
        Some(_) => memchr::memchr2(b' ', b'\t', text).is_none(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_ends_before_a_blank_without_labels() {
        for (text, series, named) in [
            ("up 1", "up", true),
            ("up\t1", "up", true),
            ("up_total 1", "up", false),
            ("up{a=\"b\"} 1", "up", false),
            ("up  {a=\"b\"} 1", "up", false),
            ("up{a=\"b\"}1", "up{a=\"b\"}", true),
            ("up", "up", false),
            ("up 1", "", false),
        ] {
            assert_eq!(names_series(text.as_bytes(), series.as_bytes()), named, "{text} {series}");
        }
    }

    #[test]
    fn the_series_is_what_precedes_value_and_timestamp() {
        for (line, series) in [
            ("up 1", Some("up")),
            ("up 1 1700000000000", Some("up")),
            ("up{a=\"x y\"} 1", Some("up{a=\"x y\"}")),
            ("up{a=\"x}\"}  1\t1700000000000 ", Some("up{a=\"x}\"}")),
            ("up{}1", Some("up{}")),
            ("up", None),
            ("", None),
            ("up 1 2 3", None),
        ] {
            let line = line.trim_end_matches(' ');
            assert_eq!(guess_series(line.as_bytes()).map(String::from_utf8_lossy).as_deref(), series, "{line}");
        }
    }
}
