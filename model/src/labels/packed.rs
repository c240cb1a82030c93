//! The packed label buffer. The one place that trusts its bytes.

// Lengths of 255 and more take the marker byte and three bytes little-endian.
const LONG: u8 = 255;
const MAX_LEN: usize = (1 << 24) - 1;

/// Appends one string with its length.
///
/// # Panics
///
/// When the string is longer than 16 MiB − 1: every way in has limits far below that.
pub(super) fn push(buffer: &mut Vec<u8>, s: &str) {
    let len = s.len();
    assert!(len <= MAX_LEN, "a label string of {len} bytes exceeds the packed layout");
    if len < LONG as usize {
        buffer.push(len as u8);
    } else {
        buffer.push(LONG);
        buffer.extend_from_slice(&(len as u32).to_le_bytes()[..3]);
    }
    buffer.extend_from_slice(s.as_bytes());
}

pub(super) fn iter(packed: &[u8]) -> Iter<'_> {
    Iter { rest: packed }
}

/// Iterator over `(name, value)` in name order.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iter<'a> {
    #[inline]
    fn take_str(&mut self) -> &'a str {
        let (len, body) = match *self.rest {
            [LONG, a, b, c, ref body @ ..] => (u32::from_le_bytes([a, b, c, 0]) as usize, body),
            [len, ref body @ ..] => (len as usize, body),
            [] => (0, self.rest),
        };
        let (s, rest) = body.split_at(len);
        self.rest = rest;
        as_str(s)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let name = self.take_str();
        let value = self.take_str();
        Some((name, value))
    }
}

#[inline]
#[expect(
    unsafe_code,
    reason = "labels are read on every match and comparison; a UTF-8 check each time costs three times the rest"
)]
fn as_str(bytes: &[u8]) -> &str {
    // SAFETY: a buffer is only ever filled by `push` with whole `&str`s, and the lengths written there are those read
    // back here, so each slice is exactly one of those strings.
    // PERF: `cargo bench -p promethium-model --bench labels`, on labels of 8 pairs: `compare` 59 ns, with the check
    // 245 ns; `get last` 44 ns, with the check 153 ns.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}
