//! Where names and quoted texts end, found eight bytes at a time.
//!
//! Names and values are short and of all lengths, so a loop over bytes guesses wrongly at the end of nearly each of them.
//! Arithmetic on a word of eight bytes gives a bit for each of those that may end it, and the lowest of the bits is the answer.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::cursor::{starts_label_name, starts_metric_name};
use crate::encode::part_of_word;

const WORD: usize = 8;

/// How many bytes at the start mean only themselves inside quotes: no quote, backslash, line break or NUL.
#[inline(always)]
pub(crate) fn plain_text_len(text: &[u8]) -> usize {
    length(text, ends_plain_text)
}

/// How many bytes at the start may stand in a label name, a digit in first place among them.
#[inline(always)]
pub(crate) fn label_name_len(text: &[u8]) -> usize {
    length(text, ends_label_name)
}

/// How many bytes at the start may stand in a metric name, a digit in first place among them.
#[inline(always)]
pub(crate) fn metric_name_len(text: &[u8]) -> usize {
    length(text, ends_metric_name)
}

/// Whether a metric name needs no quotes.
#[inline]
pub(crate) fn is_bare_metric_name(name: &str) -> bool {
    let starts = name.bytes().next().is_some_and(starts_metric_name);
    starts && metric_name_len(name.as_bytes()) == name.len()
}

/// Whether a label name needs no quotes.
#[inline]
pub(crate) fn is_bare_label_name(name: &str) -> bool {
    let starts = name.bytes().next().is_some_and(starts_label_name);
    starts && label_name_len(name.as_bytes()) == name.len()
}

/// The length of the run at the start of the text. `ends` has the highest bit of each byte of a word that is not `inside`;
/// above the lowest of them the bits say nothing.
#[inline(always)]
fn length(text: &[u8], ends: impl Fn(u64) -> u64) -> usize {
    let mut rest = text;
    let mut passed = 0usize;
    while let Some((word, after)) = rest.split_first_chunk::<WORD>() {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return passed.wrapping_add(ends.trailing_zeros() as usize / 8);
        }
        passed = passed.wrapping_add(WORD);
        rest = after;
    }
    // The zeros behind the last bytes end every run.
    passed.wrapping_add(ends(part_of_word(rest)).trailing_zeros() as usize / 8)
}

/// Eight times the same byte.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; WORD])
}

const HIGH: u64 = all(0x80);

/// The high bit of the lowest byte that is zero, and perhaps of some above it.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(all(1)) & !word & HIGH
}

/// The high bit of each byte from `first` to `last`, where all are below 0x80.
#[inline(always)]
fn between(word: u64, first: u8, last: u8) -> u64 {
    let from_first = (word | HIGH).wrapping_sub(all(first));
    let behind_last = (word | HIGH).wrapping_sub(all(last.wrapping_add(1)));
    from_first & !behind_last & HIGH
}

#[inline(always)]
fn ends_plain_text(word: u64) -> u64 {
    zeros(word ^ all(b'"')) | zeros(word ^ all(b'\\')) | zeros(word ^ all(b'\n')) | zeros(word)
}

/// As [`ends_label_name`]. The colon follows the digits, so that it is the `last` of them for a metric name.
#[inline(always)]
fn ends_name(word: u64, last: u8) -> u64 {
    let ascii = word & !HIGH;
    // The bit tells small letters from capitals; it makes no letter of any other byte.
    let letters = between(ascii | all(0x20), b'a', b'z');
    let others = between(ascii, b'0', last) | between(ascii, b'_', b'_');
    (word | !(letters | others)) & HIGH
}

#[inline(always)]
fn ends_label_name(word: u64) -> u64 {
    ends_name(word, b'9')
}

#[inline(always)]
fn ends_metric_name(word: u64) -> u64 {
    ends_name(word, b':')
}

#[cfg(test)]
mod tests {
    use super::super::cursor::{in_label_name, in_metric_name};
    use super::*;

    fn is_plain_text(byte: u8) -> bool {
        !matches!(byte, b'"' | b'\\' | b'\n' | 0)
    }

    #[test]
    fn bare_names_are_those_of_the_classic_character_set() {
        for name in ["", "a", "_a:b", "0a", "a0", "a-b", "\u{e9}", "a_name_that_is_longer_than_a_word", ":"] {
            assert_eq!(is_bare_metric_name(name), promethium_model::labels::is_legacy_metric_name(name), "{name}");
            assert_eq!(is_bare_label_name(name), promethium_model::labels::is_legacy_label_name(name), "{name}");
        }
    }

    /// Every byte, at every place of texts of every length around some words.
    #[test]
    fn runs_end_where_a_loop_over_bytes_ends_them() {
        for len in 0..26 {
            for place in 0..len {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'x'; len];
                    if let Some(slot) = text.get_mut(place) {
                        *slot = byte;
                    }
                    let run = |inside: fn(u8) -> bool| text.iter().take_while(|b| inside(**b)).count();
                    assert_eq!(plain_text_len(&text), run(is_plain_text), "{text:?}");
                    assert_eq!(label_name_len(&text), run(in_label_name), "{text:?}");
                    assert_eq!(metric_name_len(&text), run(in_metric_name), "{text:?}");
                }
            }
        }
    }
}
