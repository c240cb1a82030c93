//! Error messages: where decoding stopped, in words and in numbers. Off the hot path.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt::Display;

use promethium_model::quote::go_quoted_bytes;

use crate::error::DecodeError;

/// A line start whose number is known, so that lines need not be counted from the start of the page again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    at: usize,
    line: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { at: 0, line: 1 }
    }
}

impl Lines {
    /// The line, from 1, in which a position lies.
    pub(crate) fn line_at(self, page: &[u8], at: usize) -> usize {
        let (start, line) = if at < self.at { (0, 1) } else { (self.at, self.line) };
        let between = page.get(start..at.min(page.len())).unwrap_or_default();
        memchr::memchr_iter(b'\n', between).count().saturating_add(line)
    }

    /// Counts up to `at`.
    pub(crate) fn advance(&mut self, page: &[u8], at: usize) {
        *self = Lines { at, line: self.line_at(page, at) };
    }
}

/// A fault that is counted, and no more.
pub(crate) const MUTE: DecodeError = DecodeError::Syntax { message: String::new(), line: 0, column: 0, offset: 0 };

/// Tells where and in which entry decoding stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Diagnosis<'a> {
    pub(crate) page: &'a [u8],
    /// Start of the line, blanks before its first token included.
    pub(crate) entry: usize,
    pub(crate) max_line_bytes: usize,
    pub(crate) lines: Lines,
    /// As many faults as may be were reported: nobody will read the next messages, and neither they nor their places are made.
    pub(crate) is_mute: bool,
}

impl<'a> Diagnosis<'a> {
    /// `… while parsing: …`, with the entry shown up to `end`.
    #[cold]
    pub(crate) fn while_parsing(self, what: impl Display, at: usize, end: usize) -> DecodeError {
        self.failed(at, end, || format!("{what} while parsing: {}", self.quoted_entry(end)))
    }

    /// `what` and the bytes between two positions in quotes.
    #[cold]
    pub(crate) fn about(self, what: &str, start: usize, end: usize, after: &str) -> DecodeError {
        self.failed(start, end, || format!("{what} {}{after}", go_quoted_bytes(&self.excerpt(start, end))))
    }

    /// `what`, at a position.
    #[cold]
    pub(crate) fn plain(self, what: impl Display, at: usize) -> DecodeError {
        self.failed(at, at, || what.to_string())
    }

    /// An error at `at`; when the entry up to `end` is longer than a line may be, that is the error.
    pub(crate) fn failed(self, at: usize, end: usize, message: impl FnOnce() -> String) -> DecodeError {
        if self.is_mute {
            return MUTE;
        }
        if end.saturating_sub(self.entry) > self.max_line_bytes.saturating_add(1) {
            return self.line_too_long();
        }
        let before = self.page.get(..at).unwrap_or(self.page);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline.saturating_add(1));
        DecodeError::Syntax {
            message: message(),
            line: self.lines.line_at(self.page, at),
            column: at.saturating_sub(line_start).saturating_add(1),
            offset: at,
        }
    }

    #[cold]
    pub(crate) fn line_too_long(self) -> DecodeError {
        DecodeError::LineTooLong { line: self.entry_line(), limit: self.max_line_bytes }
    }

    pub(crate) fn entry_line(self) -> usize {
        if self.is_mute { 0 } else { self.lines.line_at(self.page, self.entry) }
    }

    pub(crate) fn quoted_entry(self, end: usize) -> String {
        go_quoted_bytes(&self.excerpt(self.entry, end))
    }

    /// The page between two positions, with the line break that stands behind it.
    pub(crate) fn excerpt(self, start: usize, end: usize) -> Vec<u8> {
        let mut bytes = self.page.get(start..end.min(self.page.len())).unwrap_or_default().to_vec();
        if end > self.page.len() {
            bytes.push(b'\n');
        }
        bytes
    }
}
