//! A position in a page, and the scans that move it. All arithmetic on positions is here.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::find::{label_name_len, metric_name_len, plain_text_len};

/// A position in a page. Behind its last byte the page has one line break more, whether or not it ends in one.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) page: &'a [u8],
    pub(crate) at: usize,
}

/// What ends the inside of a quoted string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuoteEnd {
    /// The closing quote; `escaped` when there was a backslash before it.
    Closed { escaped: bool },
    /// A byte that may not stand there, or the end of the page. The cursor is at it.
    Broken,
}

/// What else than text may stand in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuoteRules {
    pub(crate) nul: bool,
    pub(crate) line_break: bool,
}

impl<'a> Cursor<'a> {
    /// The byte here; a line break at the end.
    #[inline(always)]
    pub(crate) fn peek(self) -> u8 {
        self.page.get(self.at).copied().unwrap_or(b'\n')
    }

    #[inline(always)]
    pub(crate) fn at_end(self) -> bool {
        self.at >= self.page.len()
    }

    #[inline(always)]
    pub(crate) fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// The bytes from `start` up to here.
    #[inline(always)]
    pub(crate) fn since(self, start: usize) -> &'a [u8] {
        self.page.get(start..self.at).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn rest(self) -> &'a [u8] {
        self.page.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t') {
            self.advance();
        }
    }

    /// Past the bytes for which `inside` holds.
    #[inline(always)]
    pub(crate) fn skip_while(&mut self, inside: impl Fn(u8) -> bool) {
        let rest = self.rest();
        let len = rest.iter().position(|b| !inside(*b)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(len);
    }

    /// To the line break that ends this line.
    #[inline(always)]
    pub(crate) fn skip_to_line_end(&mut self) {
        let rest = self.rest();
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = self.at.saturating_add(len);
    }

    /// From behind an opening quote to the closing one. A backslash takes the next byte with it, unless that is a line
    /// break. A NUL that is allowed is invisible to a backslash before it.
    #[inline]
    pub(crate) fn skip_quoted(&mut self, rules: QuoteRules) -> QuoteEnd {
        let mut escaped = false;
        loop {
            self.skip_plain_text();
            if self.at_end() {
                return QuoteEnd::Broken;
            }
            match self.peek() {
                b'"' => return QuoteEnd::Closed { escaped },
                0 if rules.nul => self.advance(),
                b'\n' if rules.line_break => self.advance(),
                b'\\' => {
                    escaped = true;
                    self.advance();
                    while rules.nul && self.peek() == 0 {
                        self.advance();
                    }
                    if matches!(self.peek(), b'\n' | 0) {
                        return QuoteEnd::Broken;
                    }
                    self.advance();
                }
                _ => return QuoteEnd::Broken,
            }
        }
    }

    /// Past bytes that mean only themselves inside quotes.
    #[inline(always)]
    fn skip_plain_text(&mut self) {
        self.at = self.at.saturating_add(plain_text_len(self.rest()));
    }

    /// Past a metric name, from its second byte.
    #[inline(always)]
    pub(crate) fn skip_metric_name(&mut self) {
        self.at = self.at.saturating_add(metric_name_len(self.rest()));
    }

    /// Past a label name, from its second byte.
    #[inline(always)]
    pub(crate) fn skip_label_name(&mut self) {
        self.at = self.at.saturating_add(label_name_len(self.rest()));
    }
}

const NAME_START: u8 = 1;
const LABEL_START: u8 = 2;
const DIGIT: u8 = 4;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME_START | LABEL_START,
            b':' => NAME_START,
            b'0'..=b'9' => DIGIT,
            _ => 0,
        };
        byte += 1;
    }
    class
};

#[inline(always)]
fn class(byte: u8) -> u8 {
    CLASS.get(usize::from(byte)).copied().unwrap_or(0)
}

#[inline(always)]
pub(crate) fn starts_metric_name(byte: u8) -> bool {
    class(byte) & NAME_START != 0
}

#[inline(always)]
pub(crate) fn in_metric_name(byte: u8) -> bool {
    class(byte) & (NAME_START | DIGIT) != 0
}

#[inline(always)]
pub(crate) fn starts_label_name(byte: u8) -> bool {
    class(byte) & LABEL_START != 0
}

#[inline(always)]
pub(crate) fn in_label_name(byte: u8) -> bool {
    class(byte) & (LABEL_START | DIGIT) != 0
}
