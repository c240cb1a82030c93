//! What reading one line needs to know of the page.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::cursor::Cursor;
use super::diagnosis::Diagnosis;
use crate::error::DecodeError;

/// The page, as far as it is UTF-8, and how to tell where an error is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The longest start of the page that is UTF-8: with that checked once, a slice of it costs nothing to check.
    pub(crate) text: &'a str,
    /// The specification is meant, not Prometheus' reading of it.
    pub(crate) strict: bool,
    pub(crate) diagnosis: Diagnosis<'a>,
}

impl<'a> Scope<'a> {
    /// The text between two positions, `None` when it is not UTF-8.
    #[inline(always)]
    pub(crate) fn utf8(&self, start: usize, end: usize) -> Option<&'a str> {
        match self.text.get(start..end) {
            Some(text) => Some(text),
            None => self.utf8_behind_damage(start, end),
        }
    }

    #[cold]
    fn utf8_behind_damage(&self, start: usize, end: usize) -> Option<&'a str> {
        std::str::from_utf8(self.diagnosis.page.get(start..end)?).ok()
    }

    /// Where the next line starts; the cursor is behind this one's break.
    #[inline(always)]
    pub(crate) fn next_line(&self, cursor: &Cursor<'a>) -> Result<usize, DecodeError> {
        let line_bytes = cursor.at.saturating_sub(1).saturating_sub(self.diagnosis.entry);
        if line_bytes > self.diagnosis.max_line_bytes {
            return Err(self.diagnosis.line_too_long());
        }
        Ok(cursor.at.min(cursor.page.len()))
    }

    /// A name, quoted or not.
    #[inline(always)]
    pub(crate) fn name(&self, start: usize, end: usize) -> Result<&'a str, DecodeError> {
        match self.utf8(start, end) {
            Some(name) => Ok(name),
            None => Err(self.diagnosis.about("invalid metric name or label names:", start, end, "")),
        }
    }
}

/// The longest start of the page that is UTF-8.
pub(crate) fn utf8_start(page: &[u8]) -> &str {
    match std::str::from_utf8(page) {
        Ok(text) => text,
        Err(damage) => before_damage(page, damage.valid_up_to()),
    }
}

#[cold]
fn before_damage(page: &[u8], valid_up_to: usize) -> &str {
    page.get(..valid_up_to).and_then(|start| std::str::from_utf8(start).ok()).unwrap_or_default()
}
