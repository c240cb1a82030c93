//! Digits into a few bytes on the stack.

use promethium_model::digits::PAIRS;

/// Above, floats no longer hold every whole number.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;
/// Between these, the shortest digits come without an exponent.
const PLAIN: std::ops::Range<f64> = 1e-5..1e16;

/// Text in ASCII, at most `N` bytes: who writes more than that has a bug.
pub(super) struct Ascii<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Ascii<N> {
    pub(super) fn new() -> Self {
        Ascii { bytes: [0; N], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits and signs are ASCII")
    }

    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    #[inline(always)]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// What was written from `start` to `end`, once more.
    pub(super) fn repeat(&mut self, start: usize, end: usize) {
        self.bytes.copy_within(start..end, self.len);
        self.len += end - start;
    }

    /// A number with leading zeros, of four digits.
    #[inline(always)]
    pub(super) fn four_digits(&mut self, n: u64) {
        self.extend(&PAIRS[(n / 100 % 100) as usize]);
        self.extend(&PAIRS[(n % 100) as usize]);
    }

    /// A whole number. PERF: two digits at a time, half the divisions.
    #[inline]
    pub(super) fn integer(&mut self, n: u64) {
        let digits = n.checked_ilog10().map_or(1, |log| log as usize + 1);
        let text = &mut self.bytes[self.len..self.len + digits];
        self.len += digits;
        let (mut end, mut rest) = (digits, n);
        while end >= 2 {
            text[end - 2..end].copy_from_slice(&PAIRS[(rest % 100) as usize]);
            rest /= 100;
            end -= 2;
        }
        if end == 1 {
            text[0] = b'0' + rest as u8;
        }
    }

    /// Seconds, with three decimals unless they are zero.
    #[inline]
    pub(super) fn timestamp(&mut self, timestamp_ms: i64) {
        if timestamp_ms < 0 {
            self.push(b'-');
        }
        let magnitude = timestamp_ms.unsigned_abs();
        self.integer(magnitude / 1_000);
        self.decimals(magnitude % 1_000);
    }

    /// The decimals of a time.
    #[inline(always)]
    pub(super) fn decimals(&mut self, millis: u64) {
        if millis != 0 {
            self.extend(&[b'.', b'0' + (millis / 100) as u8]);
            self.extend(&PAIRS[(millis % 100) as usize]);
        }
    }

    /// The shortest digits of a float in the layout of sample values; `false`, and nothing written, for one that has an
    /// exponent or no digits.
    ///
    /// PERF: counters are whole numbers, whose digits are those of the integer; the digits of most others have the layout
    /// wanted already, which spares them their decomposition.
    #[inline]
    pub(super) fn plain_float(&mut self, value: f64) -> bool {
        let magnitude = value.abs();
        if magnitude < MAX_WHOLE && value.trunc() == value && (value != 0.0 || value.is_sign_positive()) {
            if value < 0.0 {
                self.push(b'-');
            }
            self.integer(magnitude as u64);
            return true;
        }
        if !PLAIN.contains(&magnitude) {
            return false;
        }
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        self.extend(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        true
    }
}
