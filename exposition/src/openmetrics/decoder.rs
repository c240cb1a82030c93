//! The pull decoder.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use super::created::{Created, CreatedLines};
use super::diagnose::{NO_EOF, line_start, unexpected};
use super::metadata::{Comment, take_comment};
use super::sample::{NO_VALUE, milliseconds, take_line_end, take_series, take_value};
use crate::error::DecodeError;
use crate::event::{Event, KnownSeries};
use crate::nhcb::Pull;
use crate::options::DecodeOptions;
use crate::page::{Found, Page, Slots};
use crate::scan::{Before, Cursor, guess_series, names_series, starts_metric_name};
use crate::series::canonical_label;
use crate::strict::Dialect;

/// Pulls events from one page. Allocates only for texts that hold escapes; label storage is reused from sample to
/// sample.
///
/// After an error, as after the last event, there are no further events.
///
/// ```
/// use promethium_exposition::Event;
/// use promethium_exposition::openmetrics::Decoder;
/// let mut decoder = Decoder::new(b"a_total 1 # {trace_id=\"7f\"} 0.5\n# EOF\n");
/// let Some(Event::Sample(sample)) = decoder.next_event()? else { panic!("a sample") };
/// let exemplar = sample.exemplars().next().expect("an exemplar");
/// assert_eq!(exemplar.value, 0.5);
/// assert!(decoder.next_event()?.is_none());
/// # Ok::<(), promethium_exposition::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder<'a> {
    page: Page<'a>,
    at: usize,
    ended: bool,
    before: Before<'a>,
    created: CreatedLines<'a>,
    slots: Slots<'a>,
}

impl<'a> Decoder<'a> {
    /// A decoder with Prometheus' reading and the standard limits.
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self::with_options(page, &DecodeOptions::new())
    }

    /// A decoder with options.
    #[must_use]
    pub fn with_options(page: &'a [u8], options: &DecodeOptions) -> Self {
        Decoder {
            page: Page::new(page, options, Dialect::OpenMetrics),
            at: 0,
            ended: false,
            before: Before::default(),
            created: CreatedLines::new(options.start_timestamps),
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
        Ok(self.find::<false>(&mut |_: &[u8]| false)?.and_then(|found| self.slots.event(found)))
    }

    /// Like [`Decoder::next_event`] for a caller that has met most series before: where `known` recognises the bytes that
    /// name the series, the event is [`Event::Known`], and name and labels are not looked at.
    ///
    /// In [`Mode::Strict`](crate::Mode::Strict) and with [`DecodeOptions::start_timestamps`] nothing is recognised: the
    /// labels are needed.
    ///
    /// # Errors
    ///
    /// As [`Decoder::next_event`].
    #[inline]
    pub fn next_event_knowing(&mut self, mut known: impl KnownSeries) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        let found = if self.reads_all() { self.find::<false>(&mut known)? } else { self.find::<true>(&mut known)? };
        Ok(found.and_then(|found| self.slots.event(found)))
    }

    /// How many faults were skipped so far.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.page.skipped()
    }

    /// Every line must be read in full.
    fn reads_all(&self) -> bool {
        self.created.wanted() || self.page.is_strict()
    }

    /// Reads up to the next event.
    #[inline]
    pub(crate) fn find<const ASK: bool>(&mut self, known: &mut impl KnownSeries) -> Result<Option<Found>, DecodeError> {
        // Taken here and put back when a line was good: an error, as the end, leaves nothing to read.
        let mut at = std::mem::replace(&mut self.at, self.page.bytes.len());
        if std::mem::replace(&mut self.ended, true) {
            return Ok(None);
        }
        if at == 0 {
            self.page.check_size()?;
        }
        loop {
            match self.line::<ASK>(at, known) {
                Ok(Line::Event(found, next)) => {
                    self.page.check(found, &self.slots, at)?;
                    (self.at, self.ended) = (next, false);
                    return Ok(Some(found));
                }
                Ok(Line::Nothing(next)) => at = next,
                Ok(Line::EndOfFile) => return self.page.finish().map(|()| None),
                Err(error) => match self.page.pass_over(at, &error) {
                    // At the end of the page there is nothing to go on with.
                    Some(_) if at >= self.page.bytes.len() => return Ok(None),
                    Some(next) => at = next,
                    None => return self.skip(at, error),
                },
            }
        }
    }

    /// Reads the line at `at`.
    #[inline(always)]
    fn line<const ASK: bool>(&mut self, at: usize, known: &mut impl KnownSeries) -> Result<Line, DecodeError> {
        if ASK && let Some(next) = self.expected_sample(at, known)? {
            return Ok(Line::Event(Found::Known, next));
        }
        let cursor = Cursor { page: self.page.bytes, at };
        match cursor.peek() {
            _ if cursor.at_end() => Err(self.page.diagnosis(at).plain(NO_EOF, at)),
            b'#' => self.comment(cursor, at),
            b if b == b'{' || starts_metric_name(b) => {
                self.page.count_sample(at)?;
                if ASK && let Some(series) = self.guess_known(at, known) {
                    return Ok(Line::Event(Found::Known, self.known_sample(at, series)?));
                }
                self.sample(cursor, at)
            }
            _ => Err(unexpected(self.page.diagnosis(at), "expected a valid start token", at, line_start)),
        }
    }

    /// Reports a fault and goes on behind it, or nowhere.
    #[cold]
    fn skip(&mut self, at: usize, error: DecodeError) -> Result<Option<Found>, DecodeError> {
        (self.at, self.slots.skipped) = self.page.resume(at, error)?;
        self.ended = at >= self.page.bytes.len();
        Ok(Some(Found::Skipped))
    }

    #[inline]
    fn comment(&mut self, mut cursor: Cursor<'a>, at: usize) -> Result<Line, DecodeError> {
        self.page.enter(at);
        let scope = &self.page.scope;
        match take_comment(&mut cursor, scope, &mut self.slots)? {
            Comment::Metadata(found) => Ok(Line::Event(found, scope.next_line(&cursor)?)),
            Comment::EndOfFile if cursor.at_end() => Ok(Line::EndOfFile),
            Comment::EndOfFile => Err(scope.diagnosis.plain("unexpected data after # EOF", cursor.at)),
        }
    }

    // Inlined into both ways of reading, that which asks for known series and that which does not: a tenth of the time.
    #[inline(always)]
    fn sample(&mut self, mut cursor: Cursor<'a>, at: usize) -> Result<Line, DecodeError> {
        self.page.enter(at);
        let scope = &self.page.scope;
        let sample = &mut self.slots.sample;
        let metric_type = self.slots.family_type.metric_type;
        take_series(&mut cursor, scope, &mut self.before, &mut sample.series)?;
        sample.value = take_value(&mut cursor, scope, NO_VALUE)?;
        let end = take_line_end(&mut cursor, scope, &mut sample.exemplars)?;
        sample.exact_timestamp = end.timestamp;
        sample.timestamp_ms = end.timestamp.map(milliseconds);
        sample.metric_type = metric_type;
        sample.series.canonical = canonical_label(metric_type);
        sample.series.described = self.page.described(metric_type, self.slots.unit.unit);
        self.page.check_labels(&sample.series)?;
        let next = scope.next_line(&cursor)?;
        if self.created.wanted() && self.start(next) == Created::Line {
            return Ok(Line::Nothing(next));
        }
        Ok(Line::Event(Found::Sample, next))
    }

    /// Whether the sample is a creation time itself; if not, it gets the one that its metric has.
    #[cold]
    fn start(&mut self, next: usize) -> Created {
        self.created.start(&mut self.slots, &self.page.scope, next)
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
        self.page.enter(at);
        let scope = &self.page.scope;
        let sample = &mut self.slots.known;
        sample.series = series;
        sample.value = take_value(&mut cursor, scope, NO_VALUE)?;
        let end = take_line_end(&mut cursor, scope, &mut sample.exemplars)?;
        sample.timestamp_ms = end.timestamp.map(milliseconds);
        scope.next_line(&cursor)
    }

    /// The series of the line at `start` if the caller knows it.
    #[inline]
    fn guess_known(&self, start: usize, known: &mut impl KnownSeries) -> Option<&'a [u8]> {
        let mut line = Cursor { page: self.page.bytes, at: start };
        line.skip_to_line_end();
        let line_text = line.since(start);
        guess_series(before_exemplar(line_text)).filter(|s| names_series(line_text, s) && known.knows(s))
    }
}

/// The line without what looks like its exemplar.
#[inline]
fn before_exemplar(line: &[u8]) -> &[u8] {
    let Some(hash) = memchr::memrchr(b'#', line) else { return line };
    let before = line.get(..hash.saturating_sub(1)).unwrap_or_default();
    let rest = line.get(before.len()..).unwrap_or_default();
    if rest.starts_with(b" # {") { before } else { line }
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
    EndOfFile,
}
