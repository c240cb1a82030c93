//! `LabelPair`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::wire::{Fields, WireError};
use crate::event::RawLabel;

/// Reads a `LabelPair`.
#[inline]
pub(super) fn label(message: &[u8]) -> Result<RawLabel<'_>, WireError> {
    let mut label = RawLabel { name: "", value: "", escaped: false };
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => label.name = value.text()?,
            2 => label.value = value.text()?,
            _ => {}
        }
    }
    Ok(label)
}

// Field 1 and field 2 of a message, each behind its length. In a metric and in an exemplar field 1 are the labels.
const FIRST: u8 = 1 << 3 | 2;
const SECOND: u8 = 2 << 3 | 2;

/// What a label takes besides its name and its value: three tags and three lengths.
pub(super) const MORE_BYTES: usize = 6;

/// Reads the labels at the start of a metric or an exemplar, as far as they have the shape that nearly all have: name before
/// value, nothing else, lengths of one byte.
///
/// Tags and such lengths are ASCII, so that the whole run is text where its strings are, and is checked as one.
#[inline]
pub(super) fn take_plain_labels<'a>(rest: &mut &'a [u8], labels: &mut Vec<RawLabel<'a>>) {
    let message = *rest;
    let run = message.get(..plain_run_len(message)).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(run) else { return };
    let mut at = 0usize;
    while let Some((label, next)) = plain_label(text, at) {
        labels.push(label);
        at = next;
    }
    *rest = message.get(at..).unwrap_or_default();
}

/// How far the fields at the start are field 1 with a length of one byte.
#[inline(always)]
fn plain_run_len(message: &[u8]) -> usize {
    let mut at = 0usize;
    while let Some([FIRST, len @ ..0x80, ..]) = message.get(at..) {
        let next = at.wrapping_add(2).wrapping_add(usize::from(*len));
        if next > message.len() {
            break;
        }
        at = next;
    }
    at
}

/// The label whose field starts at `at`, and where the next field starts.
#[inline(always)]
fn plain_label(text: &str, at: usize) -> Option<(RawLabel<'_>, usize)> {
    let [FIRST, len, FIRST, name_len, ..] = text.as_bytes().get(at..)? else { return None };
    let name_start = at.wrapping_add(4);
    let name_end = name_start.wrapping_add(usize::from(*name_len));
    let [SECOND, value_len, ..] = text.as_bytes().get(name_end..)? else { return None };
    let value_start = name_end.wrapping_add(2);
    let value_end = value_start.wrapping_add(usize::from(*value_len));
    if value_end != at.wrapping_add(2).wrapping_add(usize::from(*len)) || (len | name_len | value_len) >= 0x80 {
        return None;
    }
    let (name, value) = (text.get(name_start..name_end)?, text.get(value_start..value_end)?);
    Some((RawLabel { name, value, escaped: false }, value_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, body.len() as u8];
        if body.len() > 0x7f {
            bytes = vec![number << 3 | 2, body.len() as u8 | 0x80, (body.len() >> 7) as u8];
        }
        bytes.extend_from_slice(body);
        bytes
    }

    fn pair(name: &str, value: &str) -> Vec<u8> {
        field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat())
    }

    /// The labels that are read, and what is left.
    fn read(message: &[u8]) -> (Vec<(&str, &str)>, usize) {
        let (mut rest, mut labels) = (message, Vec::new());
        take_plain_labels(&mut rest, &mut labels);
        (labels.iter().map(|label| (label.name, label.value)).collect(), rest.len())
    }

    #[test]
    fn labels_of_the_common_shape_are_read_up_to_the_first_of_another() {
        let two = [pair("job", "node"), pair("zone", "é")].concat();
        assert_eq!(read(&two), (vec![("job", "node"), ("zone", "é")], 0));
        assert_eq!(read(&[&two[..], &[0x12, 0]].concat()), (vec![("job", "node"), ("zone", "é")], 2));
        let long = pair("a", &"x".repeat(120));
        assert_eq!(read(&long).0.len(), 1);
        for other in [
            pair("a", &"x".repeat(126)),
            field(1, &field(2, b"value")),
            field(1, &[field(2, b"v"), field(1, b"n")].concat()),
            field(1, &[field(1, b"n"), field(2, b"v"), vec![0x18, 1]].concat()),
            field(1, b""),
            vec![FIRST, 9, FIRST, 1, b'n'],
        ] {
            let message = [pair("job", "node"), other.clone()].concat();
            assert_eq!(read(&message), (vec![("job", "node")], other.len()), "{other:?}");
        }
        let damaged = field(1, &[field(1, b"n"), field(2, b"\xff")].concat());
        assert_eq!(read(&[pair("job", "node"), damaged].concat()).0, vec![]);
        // Half a letter in the name and half in the value are text only together.
        let split = field(1, &[&field(1, b"\xc3")[..], &field(2, b"\xa9")[..]].concat());
        assert_eq!(read(&split).0, vec![]);
    }
}
