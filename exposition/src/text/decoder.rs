//! The pull decoder.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::Limits;

use super::cursor::{self, Cursor};
use super::diagnose::{Context, Diagnosis, line_at};
use super::event::{Event, KnownSample, Sample};
use super::known::guess_series;
use super::metadata::{Comment, Metadata, take_comment};
use super::sample::{take_line_end, take_series, take_value};
use crate::error::DecodeError;

/// Pulls events from one page. Allocates only for texts that hold escapes; label storage is reused from sample to
/// sample.
///
/// After an error, as after the last event, there are no further events.
///
/// ```
/// use promethium_exposition::text::Decoder;
/// let mut decoder = Decoder::new(b"up 1\ndown one\n");
/// assert!(decoder.next_event()?.is_some());
/// let error = decoder.next_event().unwrap_err();
/// assert_eq!((error.line(), error.column()), (Some(2), Some(6)));
/// assert_eq!(error.message(), r#"strconv.ParseFloat: parsing "one": invalid syntax while parsing: "down one""#);
/// assert!(decoder.next_event()?.is_none());
/// # Ok::<(), promethium_exposition::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder<'a> {
    page: &'a [u8],
    text: &'a str,
    at: usize,
    metadata: Metadata<'a>,
    sample: Sample<'a>,
    known: KnownSample<'a>,
    samples: usize,
    max_samples: usize,
    max_line_bytes: usize,
    max_page_bytes: usize,
}

/// What reading one line needs to know of the page.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The longest start of the page that is UTF-8: with that checked once, a slice of it costs nothing to check.
    text: &'a str,
    pub(super) diagnosis: Diagnosis<'a>,
}

impl<'a> Scope<'a> {
    /// The text between two positions, `None` when it is not UTF-8.
    #[inline(always)]
    pub(super) fn utf8(&self, start: usize, end: usize) -> Option<&'a str> {
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
    fn next_line(&self, cursor: &Cursor<'a>) -> Result<usize, DecodeError> {
        let line_bytes = cursor.at.saturating_sub(1).saturating_sub(self.diagnosis.entry);
        if line_bytes > self.diagnosis.max_line_bytes {
            return Err(self.diagnosis.line_too_long());
        }
        Ok(cursor.at.min(cursor.page.len()))
    }

    /// A name, quoted or not.
    #[inline(always)]
    pub(super) fn name(&self, start: usize, end: usize) -> Result<&'a str, DecodeError> {
        match self.utf8(start, end) {
            Some(name) => Ok(name),
            None => Err(self.diagnosis.about("invalid metric name or label names:", start, end, "")),
        }
    }
}

impl<'a> Decoder<'a> {
    /// A decoder with the standard [`Limits`].
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self::with_limits(page, &Limits::standard())
    }

    /// A decoder that holds to `max_scrape_body_bytes`, `max_scrape_samples` and `max_line_bytes` of `limits`. A page
    /// that is too large is the error of the first event.
    #[must_use]
    pub fn with_limits(page: &'a [u8], limits: &Limits) -> Self {
        let text = match std::str::from_utf8(page) {
            Ok(text) => text,
            Err(damage) => utf8_start(page, damage.valid_up_to()),
        };
        Decoder {
            page,
            text,
            at: 0,
            metadata: Metadata::default(),
            sample: Sample::default(),
            known: KnownSample::default(),
            samples: 0,
            max_samples: limits.max_scrape_samples,
            max_line_bytes: limits.max_line_bytes,
            max_page_bytes: limits.max_scrape_body_bytes,
        }
    }

    /// The next event, `None` at the end of the page.
    ///
    /// # Errors
    ///
    /// The first fault of the page, with Prometheus' message; nothing after it is read.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        self.advance::<false>(|_| false)
    }

    /// Like [`Decoder::next_event`] for a caller that has met most series before: `known` is asked with the bytes
    /// that name the series, and where it says yes, the event is [`Event::Known`], and name and labels are not looked
    /// at.
    ///
    /// `known` may only recognise what [`Sample::series`] gave for an earlier sample, of this page or of another.
    ///
    /// # Errors
    ///
    /// As [`Decoder::next_event`].
    #[inline]
    pub fn next_event_knowing(
        &mut self,
        known: impl FnMut(&'a [u8]) -> bool,
    ) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        self.advance::<true>(known)
    }

    /// Reads lines up to one that makes an event.
    #[inline]
    fn advance<const ASK: bool>(
        &mut self,
        mut known: impl FnMut(&'a [u8]) -> bool,
    ) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        // Taken here and put back when a line was good: an error, as the end, leaves nothing to read.
        let mut at = std::mem::replace(&mut self.at, self.page.len());
        if self.page.len() > self.max_page_bytes && at < self.page.len() {
            return Err(DecodeError::PageTooLarge { bytes: self.page.len(), limit: self.max_page_bytes });
        }
        while at < self.page.len() {
            let scope = self.scope(at);
            let mut cursor = Cursor { page: self.page, at };
            cursor.skip_blanks();
            let comment = match cursor.peek() {
                b'#' => take_comment(&mut cursor, &scope, &mut self.metadata)?,
                b if b == b'{' || cursor::starts_metric_name(b) => {
                    self.count_sample(at)?;
                    if ASK && let Some(series) = self.guess_known(at, &mut known) {
                        return self.known_sample(&scope, series).map(Some);
                    }
                    return self.sample(&mut cursor, &scope).map(Some);
                }
                b'\n' => Comment::Other,
                0 => return Ok(None),
                _ => return Err(scope.diagnosis.unexpected("expected a valid start token", Context::LineStart, at)),
            };
            cursor.advance();
            at = scope.next_line(&cursor)?;
            if comment == Comment::EndOfPage {
                break;
            }
            if comment != Comment::Other {
                self.at = at;
                return Ok(Some(self.metadata_event(comment)));
            }
        }
        Ok(None)
    }

    #[inline(always)]
    fn scope(&self, entry: usize) -> Scope<'a> {
        let diagnosis = Diagnosis { page: self.page, entry, max_line_bytes: self.max_line_bytes };
        Scope { text: self.text, diagnosis }
    }

    #[inline(always)]
    fn metadata_event(&self, comment: Comment) -> Event<'_, 'a> {
        match comment {
            Comment::Help => Event::Help(&self.metadata.help),
            _ => Event::Type(&self.metadata.family_type),
        }
    }

    #[inline(always)]
    fn count_sample(&mut self, at: usize) -> Result<(), DecodeError> {
        self.samples = self.samples.saturating_add(1);
        if self.samples > self.max_samples {
            return Err(DecodeError::TooManySamples { line: line_at(self.page, at), limit: self.max_samples });
        }
        Ok(())
    }

    #[inline]
    fn sample(&mut self, cursor: &mut Cursor<'a>, scope: &Scope<'a>) -> Result<Event<'_, 'a>, DecodeError> {
        let named = take_series(cursor, scope, &mut self.sample)?;
        self.sample.value = take_value(cursor, scope, named)?;
        self.sample.timestamp_ms = take_line_end(cursor, scope)?;
        self.sample.metric_type = self.metadata.family_type.metric_type;
        self.at = scope.next_line(cursor)?;
        Ok(Event::Sample(&self.sample))
    }

    #[inline]
    fn known_sample(&mut self, scope: &Scope<'a>, series: &'a [u8]) -> Result<Event<'_, 'a>, DecodeError> {
        let mut cursor = Cursor { page: self.page, at: scope.diagnosis.entry.saturating_add(series.len()) };
        self.known.series = series;
        self.known.value = take_value(&mut cursor, scope, true)?;
        self.known.timestamp_ms = take_line_end(&mut cursor, scope)?;
        self.at = scope.next_line(&cursor)?;
        Ok(Event::Known(&self.known))
    }

    /// The series of the line at `start` if the caller knows it.
    #[inline]
    fn guess_known(&self, start: usize, known: &mut impl FnMut(&'a [u8]) -> bool) -> Option<&'a [u8]> {
        let mut line = Cursor { page: self.page, at: start };
        line.skip_to_line_end();
        guess_series(line.since(start)).filter(|series| known(series))
    }
}

/// The start of the page up to the first damage.
#[cold]
fn utf8_start(page: &[u8], valid_up_to: usize) -> &str {
    page.get(..valid_up_to).and_then(|start| std::str::from_utf8(start).ok()).unwrap_or_default()
}
