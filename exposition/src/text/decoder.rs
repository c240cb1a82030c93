//! The pull decoder.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::Limits;

use super::metadata::{Comment, take_comment};
use super::sample::{take_line_end, take_series, take_value};
use crate::error::DecodeError;
use crate::event::{Event, KnownSeries, Type};
use crate::nhcb::Pull;
use crate::options::DecodeOptions;
use crate::page::{Found, Page, Slots};
use crate::scan::{Before, Context, Cursor, Grammar, guess_series, names_series, starts_metric_name};
use crate::series::canonical_label;
use crate::strict::Dialect;

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
    page: Page<'a>,
    at: usize,
    before: Before<'a>,
    slots: Slots<'a>,
}

/// The rules of the text format for what stands in braces.
pub(super) enum Text {}

impl<'a> Decoder<'a> {
    /// A decoder with Prometheus' reading and the standard [`Limits`].
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self::with_options(page, &DecodeOptions::new())
    }

    /// A decoder that holds to the limits for pages, lines, samples and labels in `limits`. A page that is too large is
    /// the error of the first event.
    #[must_use]
    pub fn with_limits(page: &'a [u8], limits: &Limits) -> Self {
        Self::with_options(page, &DecodeOptions::new().limits(limits))
    }

    /// A decoder with options.
    #[must_use]
    pub fn with_options(page: &'a [u8], options: &DecodeOptions) -> Self {
        Decoder {
            page: Page::new(page, options, Dialect::Text),
            at: 0,
            before: Before::default(),
            slots: Slots::default(),
        }
    }

    /// The next event, `None` at the end of the page.
    ///
    /// # Errors
    ///
    /// The first fault of the page, with Prometheus' message; nothing after it is read. In
    /// [`Mode::Lenient`](crate::Mode::Lenient) only what ends the page is an error.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        self.advance::<false>(&mut |_: &[u8]| false)
    }

    /// Like [`Decoder::next_event`] for a caller that has met most series before: where `known` recognises the bytes that
    /// name the series, the event is [`Event::Known`], and name and labels are not looked at. In
    /// [`Mode::Strict`](crate::Mode::Strict) nothing is recognised.
    ///
    /// # Errors
    ///
    /// As [`Decoder::next_event`].
    #[inline]
    pub fn next_event_knowing(&mut self, mut known: impl KnownSeries) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        if self.page.is_strict() { self.advance::<false>(&mut known) } else { self.advance::<true>(&mut known) }
    }

    /// How many faults were skipped so far.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.page.skipped()
    }

    #[inline]
    fn advance<const ASK: bool>(&mut self, known: &mut impl KnownSeries) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        Ok(self.find::<ASK>(known)?.and_then(|found| self.slots.event(found)))
    }

    /// Reads up to the next event.
    #[inline]
    pub(crate) fn find<const ASK: bool>(&mut self, known: &mut impl KnownSeries) -> Result<Option<Found>, DecodeError> {
        // Taken here and put back when a line was good: an error, as the end, leaves nothing to read.
        let mut at = std::mem::replace(&mut self.at, self.page.bytes.len());
        if at == 0 {
            self.page.check_size()?;
        }
        while at < self.page.bytes.len() {
            match self.line::<ASK>(at, known) {
                Ok(Line::Event(found, next)) => {
                    self.page.check(found, &self.slots, at)?;
                    self.at = next;
                    return Ok(Some(found));
                }
                Ok(Line::Nothing(next)) => at = next,
                Ok(Line::EndOfPage) => break,
                Err(error) => match self.page.pass_over(at, &error) {
                    Some(next) => at = next,
                    None => return self.skip(at, error),
                },
            }
        }
        self.page.finish()?;
        Ok(None)
    }

    /// Reports a fault and goes on behind it, or nowhere.
    #[cold]
    fn skip(&mut self, at: usize, error: DecodeError) -> Result<Option<Found>, DecodeError> {
        (self.at, self.slots.skipped) = self.page.resume(at, error)?;
        Ok(Some(Found::Skipped))
    }

    /// Reads the line at `at`.
    #[inline(always)]
    fn line<const ASK: bool>(&mut self, at: usize, known: &mut impl KnownSeries) -> Result<Line, DecodeError> {
        if ASK && let Some(next) = self.expected_sample(at, known)? {
            return Ok(Line::Event(Found::Known, next));
        }
        let mut cursor = Cursor { page: self.page.bytes, at };
        cursor.skip_blanks();
        match cursor.peek() {
            b'#' => self.comment(cursor, at),
            b if b == b'{' || starts_metric_name(b) => {
                self.page.count_sample(at)?;
                if ASK && let Some(series) = self.guess_known(at, known) {
                    return Ok(Line::Event(Found::Known, self.known_sample(at, series)?));
                }
                Ok(Line::Event(Found::Sample, self.sample(cursor, at)?))
            }
            b'\n' => {
                cursor.advance();
                self.page.enter_known(at);
                Ok(Line::Nothing(self.page.scope.next_line(&cursor)?))
            }
            0 => Ok(Line::EndOfPage),
            _ => {
                let diagnosis = self.page.diagnosis(at);
                Err(Text::unexpected(diagnosis, "expected a valid start token", Context::LineStart, at))
            }
        }
    }

    #[inline]
    fn comment(&mut self, mut cursor: Cursor<'a>, at: usize) -> Result<Line, DecodeError> {
        self.page.enter(at);
        let scope = &self.page.scope;
        let comment = take_comment(&mut cursor, scope, &mut self.slots)?;
        cursor.advance();
        let next = scope.next_line(&cursor)?;
        Ok(match comment {
            Comment::Help => Line::Event(Found::Help, next),
            Comment::Type => Line::Event(Found::Type, next),
            Comment::Other => Line::Nothing(next),
            Comment::EndOfPage => Line::EndOfPage,
        })
    }

    // Inlined into both ways of reading, that which asks for known series and that which does not: a tenth of the time.
    #[inline(always)]
    fn sample(&mut self, mut cursor: Cursor<'a>, at: usize) -> Result<usize, DecodeError> {
        self.page.enter(at);
        let scope = &self.page.scope;
        let sample = &mut self.slots.sample;
        let Type { name: family, metric_type } = self.slots.family_type;
        let named = take_series(&mut cursor, scope, (&mut self.before, family), &mut sample.series)?;
        sample.value = take_value(&mut cursor, scope, named)?;
        sample.timestamp_ms = take_line_end(&mut cursor, scope)?;
        sample.metric_type = metric_type;
        sample.series.canonical = canonical_label(metric_type);
        sample.series.described = self.page.described(metric_type, "");
        self.page.check_labels(&sample.series)?;
        scope.next_line(&cursor)
    }

    /// A sample of the series that the caller expects here.
    #[inline(always)]
    fn expected_sample(&mut self, at: usize, known: &impl KnownSeries) -> Result<Option<usize>, DecodeError> {
        let Some(expected) = known.expected() else { return Ok(None) };
        let rest = self.page.bytes.get(at..).unwrap_or_default();
        let Some(series) = rest.get(..expected.len()).filter(|_| names_series(rest, expected)) else {
            return Ok(None);
        };
        self.page.count_sample(at)?;
        self.known_sample(at, series).map(Some)
    }

    #[inline]
    fn known_sample(&mut self, at: usize, series: &'a [u8]) -> Result<usize, DecodeError> {
        let mut cursor = Cursor { page: self.page.bytes, at: at.saturating_add(series.len()) };
        self.page.enter_known(at);
        let scope = &self.page.scope;
        let sample = &mut self.slots.known;
        sample.series = series;
        sample.value = take_value(&mut cursor, scope, true)?;
        sample.timestamp_ms = take_line_end(&mut cursor, scope)?;
        scope.next_line(&cursor)
    }

    /// The series of the line at `start` if the caller knows it.
    #[inline]
    fn guess_known(&self, start: usize, known: &mut impl KnownSeries) -> Option<&'a [u8]> {
        let mut line = Cursor { page: self.page.bytes, at: start };
        line.skip_to_line_end();
        let line_text = line.since(start);
        guess_series(line_text).filter(|s| names_series(line_text, s) && known.knows(s))
    }
}

impl<'a> Pull<'a> for Decoder<'a> {
    fn pull(&mut self) -> Result<Option<Found>, DecodeError> {
        self.find::<false>(&mut |_: &[u8]| false)
    }

    fn slots(&self) -> &Slots<'a> {
        &self.slots
    }
}

/// What a line was, and where the next one starts.
enum Line {
    Event(Found, usize),
    Nothing(usize),
    EndOfPage,
}
