//! What the decoders of the text formats keep of a page from line to line.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MetricType;

use crate::error::{DecodeError, Place};
use crate::event::{Event, Help, HistogramSample, KnownSample, RawLabel, Sample, Type, Unit};
use crate::options::{DecodeOptions, Mode};
use crate::scan::{Diagnosis, Lines, Scope, utf8_start};
use crate::series::{Described, Series};
use crate::strict::{Dialect, StrictReader};

/// Which of a decoder's events is the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Help,
    Type,
    Unit,
    Sample,
    Known,
    Histogram,
    Skipped,
}

/// Where events are put.
#[derive(Debug, Default)]
pub(crate) struct Slots<'a> {
    pub(crate) help: Help<'a>,
    pub(crate) family_type: Type<'a>,
    pub(crate) unit: Unit<'a>,
    pub(crate) sample: Sample<'a>,
    pub(crate) known: KnownSample<'a>,
    pub(crate) histogram: HistogramSample<'a>,
    pub(crate) skipped: Option<DecodeError>,
}

impl<'a> Slots<'a> {
    #[inline(always)]
    pub(crate) fn event(&self, found: Found) -> Option<Event<'_, 'a>> {
        Some(match found {
            Found::Help => Event::Help(&self.help),
            Found::Type => Event::Type(&self.family_type),
            Found::Unit => Event::Unit(&self.unit),
            Found::Sample => Event::Sample(&self.sample),
            Found::Known => Event::Known(&self.known),
            Found::Histogram => Event::Histogram(&self.histogram),
            Found::Skipped => Event::Skipped(self.skipped.as_ref()?),
        })
    }
}

/// The page, the bounds, and how faults are dealt with.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) bytes: &'a [u8],
    /// What the line that is being read needs. It stays where it is from line to line: made anew for each it would be copied.
    pub(crate) scope: Scope<'a>,
    has_text: bool,
    limits: PageLimits,
    samples: usize,
    mode: Mode,
    skipped: u64,
    max_reported_faults: u64,
    strict: Option<Box<StrictReader>>,
    type_and_unit_labels: bool,
}

#[derive(Debug)]
struct PageLimits {
    samples: usize,
    page_bytes: usize,
    labels: usize,
    name_bytes: usize,
    value_bytes: usize,
    /// A series of so many bytes cannot break a limit on its labels.
    harmless_series_bytes: usize,
}

// `a="",` is the shortest label.
const SHORTEST_LABEL_BYTES: usize = 4;

impl PageLimits {
    fn new(options: &DecodeOptions) -> Self {
        let l = &options.limits;
        let many_labels = l.max_labels.saturating_mul(SHORTEST_LABEL_BYTES);
        PageLimits {
            samples: l.max_scrape_samples,
            page_bytes: l.max_scrape_body_bytes,
            labels: l.max_labels,
            name_bytes: l.max_label_name_bytes,
            value_bytes: l.max_label_value_bytes,
            harmless_series_bytes: many_labels.min(l.max_label_name_bytes).min(l.max_label_value_bytes),
        }
    }
}

impl<'a> Page<'a> {
    pub(crate) fn new(bytes: &'a [u8], options: &DecodeOptions, dialect: Dialect) -> Self {
        let strict = options.mode == Mode::Strict;
        let diagnosis = Diagnosis {
            page: bytes,
            entry: 0,
            max_line_bytes: options.limits.max_line_bytes,
            lines: Lines::default(),
            is_mute: options.mode == Mode::Lenient && options.max_reported_faults == 0,
        };
        Page {
            bytes,
            scope: Scope { text: "", strict, diagnosis },
            has_text: false,
            limits: PageLimits::new(options),
            samples: 0,
            mode: options.mode,
            skipped: 0,
            max_reported_faults: options.max_reported_faults,
            strict: strict.then(|| Box::new(StrictReader::new(dialect))),
            type_and_unit_labels: options.type_and_unit_labels,
        }
    }

    /// Refuses a page that is too large.
    pub(crate) fn check_size(&self) -> Result<(), DecodeError> {
        let (bytes, limit) = (self.bytes.len(), self.limits.page_bytes);
        if bytes > limit { Err(DecodeError::PageTooLarge { bytes, limit }) } else { Ok(()) }
    }

    pub(crate) fn diagnosis(&self, entry: usize) -> Diagnosis<'a> {
        Diagnosis { entry, ..self.scope.diagnosis }
    }

    /// What type and unit add to the labels of a series.
    #[inline(always)]
    pub(crate) fn described(&self, metric_type: MetricType, unit: &'a str) -> Option<Described<'a>> {
        self.type_and_unit_labels.then_some(Described { metric_type, unit })
    }

    /// Goes on to the line at `entry`. The page's UTF-8 is checked when it is first needed: a page of known series needs none.
    #[inline(always)]
    pub(crate) fn enter(&mut self, entry: usize) {
        if !self.has_text {
            self.read_text();
        }
        self.enter_known(entry);
    }

    /// As [`Page::enter`], where no text is needed.
    #[inline(always)]
    pub(crate) fn enter_known(&mut self, entry: usize) {
        self.scope.diagnosis.entry = entry;
    }

    #[cold]
    fn read_text(&mut self) {
        (self.scope.text, self.has_text) = (utf8_start(self.bytes), true);
    }

    #[inline(always)]
    pub(crate) fn count_sample(&mut self, at: usize) -> Result<(), DecodeError> {
        self.samples = self.samples.saturating_add(1);
        if self.samples > self.limits.samples {
            let place = Place::Line(self.scope.diagnosis.lines.line_at(self.bytes, at));
            return Err(DecodeError::TooManySamples { place, limit: self.limits.samples });
        }
        Ok(())
    }

    /// Refuses too many labels and names and values that are too long.
    #[inline(always)]
    pub(crate) fn check_labels(&self, series: &Series<'a>) -> Result<(), DecodeError> {
        if series.in_page.len() <= self.limits.harmless_series_bytes {
            return Ok(());
        }
        self.check_long_series(series, || Place::Line(self.scope.diagnosis.entry_line()))
    }

    #[cold]
    fn check_long_series(&self, series: &Series<'a>, place: impl Fn() -> Place) -> Result<(), DecodeError> {
        let too_long = |what, bytes, limit| Err(DecodeError::NameOrValueTooLong { what, bytes, limit, place: place() });
        let limits = &self.limits;
        // The metric name counts as one.
        if series.labels.len() >= limits.labels {
            return Err(DecodeError::TooManyLabels { limit: limits.labels, place: place() });
        }
        if series.name.text.len() > limits.name_bytes {
            return too_long("metric name", series.name.text.len(), limits.name_bytes);
        }
        for RawLabel { name, value, .. } in &series.labels {
            if name.len() > limits.name_bytes {
                return too_long("label name", name.len(), limits.name_bytes);
            }
            if value.len() > limits.value_bytes {
                return too_long("label value", value.len(), limits.value_bytes);
            }
        }
        Ok(())
    }

    /// As [`Page::count_sample`], for a format without lines.
    #[inline(always)]
    pub(crate) fn count_message_sample(&mut self, message: usize) -> Result<(), DecodeError> {
        self.samples = self.samples.saturating_add(1);
        let limit = self.limits.samples;
        let place = Place::Message(message);
        if self.samples > limit { Err(DecodeError::TooManySamples { place, limit }) } else { Ok(()) }
    }

    /// As [`Page::check_labels`], for a format without lines.
    #[inline(always)]
    pub(crate) fn check_message_labels(&self, series: &Series<'a>, message: usize) -> Result<(), DecodeError> {
        if series.gathered.len() <= self.limits.harmless_series_bytes {
            return Ok(());
        }
        self.check_long_series(series, || Place::Message(message))
    }

    /// Where to go on after a fault in the line that starts at `entry`: behind its end, or nowhere. With the fault, if it
    /// is to be reported.
    pub(crate) fn resume(
        &mut self,
        entry: usize,
        error: DecodeError,
    ) -> Result<(usize, Option<DecodeError>), DecodeError> {
        let reported = self.resume_message(error)?;
        let next = self.next_line(entry);
        self.scope.diagnosis.lines.advance(self.bytes, next);
        Ok((next, reported))
    }

    /// As [`Page::resume`] for a fault that is counted and no more: where to go on, `None` for any other.
    #[inline]
    pub(crate) fn pass_over(&mut self, entry: usize, error: &DecodeError) -> Option<usize> {
        if !self.scope.diagnosis.is_mute || error.ends_page() {
            return None;
        }
        self.skipped = self.skipped.saturating_add(1);
        Some(self.next_line(entry))
    }

    fn next_line(&self, entry: usize) -> usize {
        let rest = self.bytes.get(entry..).unwrap_or_default();
        let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline.saturating_add(1));
        entry.saturating_add(line)
    }

    /// As [`Page::resume`], for a format without lines: whether to go on.
    pub(crate) fn resume_message(&mut self, error: DecodeError) -> Result<Option<DecodeError>, DecodeError> {
        if self.mode != Mode::Lenient || error.ends_page() {
            return Err(error);
        }
        let is_mute = &mut self.scope.diagnosis.is_mute;
        let reported = (!*is_mute).then_some(error);
        self.skipped = self.skipped.saturating_add(1);
        *is_mute = self.skipped >= self.max_reported_faults;
        Ok(reported)
    }

    /// How many faults were skipped.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict.is_some()
    }

    /// Holds an event to the rules that reach over lines.
    #[inline(always)]
    pub(crate) fn check(&mut self, found: Found, slots: &Slots<'a>, entry: usize) -> Result<(), DecodeError> {
        if self.strict.is_none() {
            return Ok(());
        }
        self.check_strictly(found, slots, entry)
    }

    #[cold]
    fn check_strictly(&mut self, found: Found, slots: &Slots<'a>, entry: usize) -> Result<(), DecodeError> {
        let diagnosis = self.diagnosis(entry);
        let (Some(strict), Some(event)) = (&mut self.strict, slots.event(found)) else { return Ok(()) };
        strict.event(&event, entry).map_err(|v| diagnosis.plain(&v.message, v.at))
    }

    /// The page ends.
    pub(crate) fn finish(&mut self) -> Result<(), DecodeError> {
        let diagnosis = self.diagnosis(self.bytes.len());
        match &mut self.strict {
            Some(strict) => strict.finish().map_err(|v| diagnosis.plain(&v.message, v.at)),
            None => Ok(()),
        }
    }

    /// As [`Page::finish`], for a format without lines.
    pub(crate) fn finish_messages(&mut self) -> Result<(), DecodeError> {
        match &mut self.strict {
            Some(strict) => {
                strict.finish().map_err(|v| DecodeError::Message { message: v.message, index: 0, offset: v.at })
            }
            None => Ok(()),
        }
    }
}
