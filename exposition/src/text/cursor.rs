//! A position in a page, and the scans that move it. All arithmetic on positions is here.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// A position in a page. Behind its last byte the page has one line break more, whether or not it ends in one.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) page: &'a [u8],
    pub(super) at: usize,
}

/// What ends the inside of a quoted string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuoteEnd {
    /// The closing quote; `escaped` when there was a backslash before it.
    Closed { escaped: bool },
    /// A byte that may not stand there, or the end of the page. The cursor is at it.
    Broken,
}

impl<'a> Cursor<'a> {
    /// The byte here; a line break at the end.
    #[inline(always)]
    pub(super) fn peek(self) -> u8 {
        self.page.get(self.at).copied().unwrap_or(b'\n')
    }

    #[inline(always)]
    pub(super) fn at_end(self) -> bool {
        self.at >= self.page.len()
    }

    #[inline(always)]
    pub(super) fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// The bytes from `start` up to here.
    #[inline(always)]
    pub(super) fn since(self, start: usize) -> &'a [u8] {
        self.page.get(start..self.at).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn rest(self) -> &'a [u8] {
        self.page.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    pub(super) fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t') {
            self.advance();
        }
    }

    /// Past the bytes for which `inside` holds.
    #[inline(always)]
    pub(super) fn skip_while(&mut self, inside: impl Fn(u8) -> bool) {
        let rest = self.rest();
        let len = rest.iter().position(|b| !inside(*b)).unwrap_or(rest.len());
        self.at = self.at.saturating_add(len);
    }

    /// To the line break that ends this line.
    #[inline(always)]
    pub(super) fn skip_to_line_end(&mut self) {
        let rest = self.rest();
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = self.at.saturating_add(len);
    }

    /// From behind an opening quote to the closing one. A backslash takes the next byte with it, unless that is a line
    /// break. NULs may stand in label values (`nul_allowed`) but not in names, and are invisible to a backslash
    /// before them.
    #[inline]
    pub(super) fn skip_quoted(&mut self, nul_allowed: bool) -> QuoteEnd {
        let mut escaped = false;
        loop {
            self.skip_while(|b| !matches!(b, b'"' | b'\\' | 0));
            if self.at_end() {
                return QuoteEnd::Broken;
            }
            match self.peek() {
                b'"' => return QuoteEnd::Closed { escaped },
                0 if nul_allowed => self.advance(),
                b'\\' => {
                    escaped = true;
                    self.advance();
                    while nul_allowed && self.peek() == 0 {
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
pub(super) fn starts_metric_name(byte: u8) -> bool {
    class(byte) & NAME_START != 0
}

#[inline(always)]
pub(super) fn in_metric_name(byte: u8) -> bool {
    class(byte) & (NAME_START | DIGIT) != 0
}

#[inline(always)]
pub(super) fn starts_label_name(byte: u8) -> bool {
    class(byte) & LABEL_START != 0
}

#[inline(always)]
pub(super) fn in_label_name(byte: u8) -> bool {
    class(byte) & (LABEL_START | DIGIT) != 0
}
