//! The pull decoder.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::{Limits, MetricType};

use super::cursor::{self, Cursor};
use super::diagnose::{Context, Diagnosis, line_at};
use super::event::{Event, Raw, RawLabel, Sample};
use super::known::guess_series;
use super::metadata::{Comment, take_comment};
use super::sample::{Reading, take_reading, take_series};
use crate::error::DecodeError;
use crate::escape::unescape_help;

/// Pulls events from one page. Allocates only for texts that hold escapes; label storage is reused from sample to sample.
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
    metric_type: MetricType,
    labels: Vec<RawLabel<'a>>,
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

    /// A name, quoted or not.
    #[inline(always)]
    pub(super) fn name(&self, start: usize, end: usize) -> Result<&'a str, DecodeError> {
        match self.utf8(start, end) {
            Some(name) => Ok(name),
            None => Err(self.diagnosis.about("invalid metric name or label names:", start, end, "")),
        }
    }
}

/// An event that does not borrow from the decoder; the labels of a sample lie in [`Decoder::labels`].
#[derive(Clone, Copy)]
enum Parsed<'a> {
    Help { name: Raw<'a>, help: &'a str },
    Type { name: Raw<'a>, metric_type: MetricType },
    Sample { series: &'a [u8], name: Raw<'a>, reading: Reading },
    Known { series: &'a [u8], reading: Reading },
}

impl<'a> Decoder<'a> {
    /// A decoder with the standard [`Limits`].
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self::with_limits(page, &Limits::standard())
    }

    /// A decoder that holds to `max_scrape_body_bytes`, `max_scrape_samples` and `max_line_bytes` of `limits`. A page that
    /// is too large is the error of the first event.
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
            metric_type: MetricType::Unknown,
            labels: Vec::new(),
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
        let parsed = self.parse::<false>(|_| false);
        self.finish(parsed)
    }

    /// Like [`Decoder::next_event`] for a caller that has met most series before: `known` is asked with the bytes that name
    /// the series, and where it says yes, the event is [`Event::Known`], and name and labels are not looked at.
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
        let parsed = self.parse::<true>(known);
        self.finish(parsed)
    }

    /// Bytes of the page that have been read.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Neither an error nor the end leaves anything to read.
    #[inline]
    fn finish(
        &mut self,
        parsed: Result<Option<Parsed<'a>>, DecodeError>,
    ) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        if let Ok(Some(parsed)) = parsed {
            return Ok(Some(self.event(parsed)));
        }
        self.at = self.page.len();
        parsed.map(|_| None)
    }

    #[inline]
    fn event(&self, parsed: Parsed<'a>) -> Event<'_, 'a> {
        match parsed {
            Parsed::Help { name, help } => Event::Help { name: name.resolve(), help: unescape_help(help) },
            Parsed::Type { name, metric_type } => Event::Type { name: name.resolve(), metric_type },
            Parsed::Known { series, reading } => {
                Event::Known { series, value: reading.value, timestamp_ms: reading.timestamp_ms }
            }
            Parsed::Sample { series, name, reading } => Event::Sample(Sample {
                series,
                name,
                labels: &self.labels,
                metric_type: self.metric_type,
                value: reading.value,
                timestamp_ms: reading.timestamp_ms,
            }),
        }
    }

    #[inline]
    fn parse<const ASK: bool>(
        &mut self,
        mut known: impl FnMut(&'a [u8]) -> bool,
    ) -> Result<Option<Parsed<'a>>, DecodeError> {
        if self.page.len() > self.max_page_bytes && self.at < self.page.len() {
            return Err(DecodeError::PageTooLarge { bytes: self.page.len(), limit: self.max_page_bytes });
        }
        while self.at < self.page.len() {
            let scope = self.scope();
            let mut cursor = Cursor { page: self.page, at: self.at };
            cursor.skip_blanks();
            let parsed = match cursor.peek() {
                b'\n' => {
                    cursor.advance();
                    None
                }
                b'#' => match take_comment(&mut cursor, scope)? {
                    Comment::EndOfPage => return Ok(None),
                    comment => self.metadata(&mut cursor, comment),
                },
                b if b == b'{' || cursor::starts_metric_name(b) => {
                    Some(self.sample::<ASK>(&mut cursor, scope, &mut known)?)
                }
                0 => return Ok(None),
                _ => {
                    return Err(scope.diagnosis.unexpected(
                        "expected a valid start token",
                        Context::LineStart,
                        self.at,
                    ));
                }
            };
            self.finish_line(cursor.at, scope)?;
            if parsed.is_some() {
                return Ok(parsed);
            }
        }
        Ok(None)
    }

    fn scope(&self) -> Scope<'a> {
        let diagnosis = Diagnosis { page: self.page, entry: self.at, max_line_bytes: self.max_line_bytes };
        Scope { text: self.text, diagnosis }
    }

    /// Goes on behind a line's break.
    #[inline]
    fn finish_line(&mut self, end: usize, scope: Scope<'a>) -> Result<(), DecodeError> {
        let line_bytes = end.saturating_sub(1).saturating_sub(self.at);
        if line_bytes > self.max_line_bytes {
            return Err(scope.diagnosis.line_too_long());
        }
        self.at = end.min(self.page.len());
        Ok(())
    }

    fn metadata(&mut self, cursor: &mut Cursor<'a>, comment: Comment<'a>) -> Option<Parsed<'a>> {
        cursor.advance();
        match comment {
            Comment::Help { name, help } => Some(Parsed::Help { name, help }),
            Comment::Type { name, metric_type } => {
                self.metric_type = metric_type;
                Some(Parsed::Type { name, metric_type })
            }
            Comment::Other | Comment::EndOfPage => None,
        }
    }

    #[inline]
    fn sample<const ASK: bool>(
        &mut self,
        cursor: &mut Cursor<'a>,
        scope: Scope<'a>,
        known: &mut impl FnMut(&'a [u8]) -> bool,
    ) -> Result<Parsed<'a>, DecodeError> {
        self.samples = self.samples.saturating_add(1);
        if self.samples > self.max_samples {
            return Err(DecodeError::TooManySamples { line: line_at(self.page, self.at), limit: self.max_samples });
        }
        if ASK && let Some(series) = self.guess_known(known) {
            cursor.at = self.at.saturating_add(series.len());
            let reading = take_reading(cursor, scope, true)?;
            return Ok(Parsed::Known { series, reading });
        }
        self.labels.clear();
        let series = take_series(cursor, scope, &mut self.labels)?;
        let reading = take_reading(cursor, scope, series.name.is_some())?;
        let name = series.name.unwrap_or(Raw { text: "", escaped: false });
        let series = self.page.get(self.at..series.end).unwrap_or_default();
        Ok(Parsed::Sample { series, name, reading })
    }

    /// The series of this line if the caller knows it.
    #[inline]
    fn guess_known(&self, known: &mut impl FnMut(&'a [u8]) -> bool) -> Option<&'a [u8]> {
        let mut line = Cursor { page: self.page, at: self.at };
        line.skip_to_line_end();
        guess_series(line.since(self.at)).filter(|series| known(series))
    }
}

/// The start of the page up to the first damage.
#[cold]
fn utf8_start(page: &[u8], valid_up_to: usize) -> &str {
    page.get(..valid_up_to).and_then(|start| std::str::from_utf8(start).ok()).unwrap_or_default()
}
