//! Messages as events.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::borrow::Cow;

use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL};
use promethium_model::quote::go_quoted;
use promethium_model::{MetricType, NORMAL_NAN};

use super::exemplar::{ExemplarMessage, Timestamp};
use super::family::{Family, FamilyMessage};
use super::metric::MetricMessage;
use super::native::native;
use super::wire::{Fields, WireError, take_delimited};
use crate::error::DecodeError;
use crate::event::{Escapes, Event, Help, Name, NativeHistogram, RawLabel, Type, Unit};
use crate::exemplars::ExemplarList;
use crate::nhcb::Pull;
use crate::options::DecodeOptions;
use crate::page::{Found, Page, Slots};
use crate::scan::MUTE;
use crate::series::{KEY_SEPARATOR, canonical_label, series_key};
use crate::strict::Dialect;

/// Pulls events from one page of delimited messages. Strings are borrowed from the page, and storage is reused from
/// metric to metric: nothing is allocated per sample.
///
/// A family gives its help, its unit if it has one, and its type, then for each metric what the text format would have:
/// `_count`, `_sum`, and buckets or quantiles. A native histogram is one [`Event::Histogram`].
///
/// After an error, as after the last event, there are no further events.
#[derive(Debug)]
pub struct Decoder<'a> {
    page: Page<'a>,
    rest: &'a [u8],
    message: Message<'a>,
    slots: Slots<'a>,
    /// Storage for a histogram of the kind that the last one is not of.
    spare: NativeHistogram,
    native_histograms: bool,
    classic_histograms: bool,
}

/// Where in the page the decoder is.
#[derive(Debug, Default)]
struct Message<'a> {
    /// From 1.
    index: usize,
    offset: usize,
    family: Family<'a>,
    fields: Fields<'a>,
    metric: MetricMessage<'a>,
    /// Which of the slots for series has the labels of the metric that was read last.
    labelled: Option<Labelled>,
    /// How much of the series' key the parts of a metric share.
    key_len: usize,
    next: Next,
}

/// A slot for a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labelled {
    Sample,
    Histogram,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Family,
    Unit,
    Type,
    Metric,
    Count,
    Sum,
    /// A bucket or quantile, by its position.
    Part(usize),
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Fields::new(&[])
    }
}

impl<'a> Decoder<'a> {
    /// A decoder with Prometheus' reading and the standard limits; native histograms are read.
    #[must_use]
    pub fn new(page: &'a [u8]) -> Self {
        Self::with_options(page, &DecodeOptions::new())
    }

    /// A decoder with options.
    #[must_use]
    pub fn with_options(page: &'a [u8], options: &DecodeOptions) -> Self {
        Decoder {
            page: Page::new(page, options, Dialect::Text),
            rest: page,
            message: Message::default(),
            slots: Slots::default(),
            spare: NativeHistogram::default(),
            native_histograms: options.native_histograms,
            classic_histograms: options.classic_histograms,
        }
    }

    /// The next event, `None` at the end of the page.
    ///
    /// # Errors
    ///
    /// The first fault of the page; nothing after it is read. In [`Mode::Lenient`](crate::Mode::Lenient) a message with a
    /// fault is left, and the next one is read.
    #[inline]
    pub fn next_event(&mut self) -> Result<Option<Event<'_, 'a>>, DecodeError> {
        Ok(self.find()?.and_then(|found| self.slots.event(found)))
    }

    /// How many faults were skipped so far.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.page.skipped()
    }

    /// Reads up to the next event.
    pub(crate) fn find(&mut self) -> Result<Option<Found>, DecodeError> {
        let mut rest = std::mem::take(&mut self.rest);
        if rest.len() == self.page.bytes.len() {
            self.page.check_size()?;
        }
        loop {
            match self.step(rest) {
                Ok(Some((found, after))) => {
                    self.rest = after;
                    return Ok(Some(found));
                }
                Ok(None) => {
                    self.message.next = Next::Family;
                    return self.page.finish_messages().map(|()| None);
                }
                Err(fault) => {
                    let after = fault.rest;
                    if let Some(found) = self.skip(fault)? {
                        self.rest = after;
                        return Ok(Some(found));
                    }
                    rest = after;
                }
            }
        }
    }

    fn step(&mut self, mut rest: &'a [u8]) -> Result<Option<(Found, &'a [u8])>, Fault<'a>> {
        loop {
            if self.message.next == Next::Family {
                match self.next_family(rest)? {
                    Some(after) => rest = after,
                    None => return Ok(None),
                }
                return self.checked(Found::Help, rest).map(Some);
            }
            let found = self.part().map_err(|refusal| self.refused(refusal, rest))?;
            if let Some(found) = found {
                return self.checked(found, rest).map(Some);
            }
        }
    }

    /// Holds an event to the limits and to the rules that reach over messages.
    #[inline(always)]
    fn checked(&mut self, found: Found, rest: &'a [u8]) -> Result<(Found, &'a [u8]), Fault<'a>> {
        if matches!(found, Found::Sample | Found::Histogram) {
            self.page.count_message_sample(self.message.index).map_err(|error| Fault { error, rest })?;
        }
        if self.page.is_strict() {
            self.page.check(found, &self.slots, self.message.offset).map_err(|e| self.fault(e.message(), rest))?;
        }
        Ok((found, rest))
    }

    /// Leaves the message with the fault.
    #[cold]
    fn skip(&mut self, fault: Fault<'a>) -> Result<Option<Found>, DecodeError> {
        self.message.next = Next::Family;
        self.slots.skipped = self.page.resume_message(fault.error)?;
        Ok(self.slots.skipped.is_some().then_some(Found::Skipped))
    }

    #[cold]
    fn refused(&self, refusal: Refusal, rest: &'a [u8]) -> Fault<'a> {
        match refusal {
            Refusal::Message(message) => self.fault(message, rest),
            Refusal::Limit(error) => Fault { error, rest },
        }
    }

    #[cold]
    fn fault(&self, message: impl Into<String>, rest: &'a [u8]) -> Fault<'a> {
        if self.page.scope.diagnosis.is_mute {
            return Fault { error: MUTE, rest };
        }
        let (index, offset) = (self.message.index, self.message.offset);
        Fault { error: DecodeError::Message { message: message.into(), index, offset }, rest }
    }

    /// Reads the next family that has metrics; what follows it in the page.
    fn next_family(&mut self, mut rest: &'a [u8]) -> Result<Option<&'a [u8]>, Fault<'a>> {
        while !rest.is_empty() {
            self.message.index = self.message.index.saturating_add(1);
            self.message.offset = self.page.bytes.len().saturating_sub(rest.len());
            // What the length says cannot be believed when it is the fault.
            let bytes = take_delimited(&mut rest).map_err(|e| self.fault(e.message(), &[]))?;
            let message = FamilyMessage::read(bytes).map_err(|e| self.fault(e.message(), rest))?;
            if message.has_metrics() {
                self.message.family = message.check().map_err(|e| self.fault(e, rest))?;
                self.message.fields = message.fields();
                self.describe();
                return Ok(Some(rest));
            }
        }
        Ok(None)
    }

    /// Puts the family's metadata into the slots.
    fn describe(&mut self) {
        let Family { name, help, unit, metric_type } = self.message.family;
        let name = Name::plain(name);
        self.slots.help = Help { name, text: help, escapes: Escapes::None };
        self.slots.unit = Unit { name, unit };
        self.slots.family_type = Type { name, metric_type };
        self.message.next = if unit.is_empty() { Next::Type } else { Next::Unit };
    }

    /// The next part of the family; `None` when another family comes.
    #[inline]
    fn part(&mut self) -> Result<Option<Found>, Refusal> {
        match self.message.next {
            Next::Unit => {
                self.message.next = Next::Type;
                Ok(Some(Found::Unit))
            }
            Next::Type => {
                self.message.next = Next::Metric;
                Ok(Some(Found::Type))
            }
            Next::Metric => self.metric(),
            Next::Count => Ok(Some(self.count())),
            Next::Sum => Ok(Some(self.sum())),
            Next::Part(position) => Ok(self.bucket_or_quantile(position)),
            Next::Family => Ok(None),
        }
    }

    /// Reads the next metric.
    fn metric(&mut self) -> Result<Option<Found>, Refusal> {
        while let Some((number, value)) = self.message.fields.next()? {
            if number == 4 {
                let labelled = self.message.labelled.take();
                self.message.metric.read(value.bytes()?)?;
                return self.first_part(labelled);
            }
        }
        self.message.next = Next::Family;
        Ok(None)
    }

    /// `labelled` is the slot that has the labels of the metric before.
    fn first_part(&mut self, labelled: Option<Labelled>) -> Result<Option<Found>, Refusal> {
        let metric_type = self.message.family.metric_type;
        match metric_type {
            MetricType::Histogram | MetricType::GaugeHistogram => {
                if self.native_histograms && self.message.metric.histogram.is_native() {
                    return self.native(labelled).map(Some);
                }
                self.start_series(labelled)?;
                Ok(Some(self.count()))
            }
            MetricType::Summary => {
                self.start_series(labelled)?;
                Ok(Some(self.count()))
            }
            _ => self.single_value(metric_type, labelled).map(Some),
        }
    }

    /// Counters, gauges and what has no type.
    fn single_value(&mut self, metric_type: MetricType, labelled: Option<Labelled>) -> Result<Found, Refusal> {
        self.start_series(labelled)?;
        let metric = &self.message.metric;
        let sample = &mut self.slots.sample;
        sample.value = match metric_type {
            MetricType::Counter => metric.counter,
            MetricType::Gauge => metric.gauge,
            _ => metric.untyped,
        };
        if metric_type == MetricType::Counter {
            sample.start_timestamp_ms = start_ms(metric.counter_start);
            take_exemplar(metric.counter_exemplar, &metric.counter_labels, &mut sample.exemplars);
        }
        Ok(self.finish_sample("", None, Next::Metric))
    }

    /// Name and labels of the metric's series.
    fn start_series(&mut self, labelled: Option<Labelled>) -> Result<(), Refusal> {
        let Message { family, metric, .. } = &self.message;
        let sample = &mut self.slots.sample;
        let series = &mut sample.series;
        series.name = Name::plain(family.name);
        series.canonical = canonical_label(family.metric_type);
        series.described = self.page.described(family.metric_type, family.unit);
        metric.put_labels(&mut series.labels, labelled == Some(Labelled::Sample));
        sample.metric_type = family.metric_type;
        sample.timestamp_ms = Some(metric.timestamp_ms).filter(|ms| *ms != 0);
        sample.start_timestamp_ms = None;
        sample.exemplars.clear();
        metric_key(&mut series.gathered, family.name, metric);
        self.message.key_len = series.gathered.len();
        self.message.labelled = Some(Labelled::Sample);
        Ok(self.page.check_message_labels(&self.slots.sample.series, self.message.index)?)
    }

    fn count(&mut self) -> Found {
        let metric = &self.message.metric;
        let sample = &mut self.slots.sample;
        if self.message.family.metric_type == MetricType::Summary {
            sample.value = metric.summary.count as f64;
            sample.start_timestamp_ms = start_ms(metric.summary.start);
        } else {
            sample.value = metric.histogram.total();
            sample.start_timestamp_ms = start_ms(metric.histogram.start);
        }
        self.finish_sample("_count", None, Next::Sum)
    }

    fn sum(&mut self) -> Found {
        let metric = &self.message.metric;
        let summary = self.message.family.metric_type == MetricType::Summary;
        self.slots.sample.value = if summary { metric.summary.sum } else { metric.histogram.sum };
        self.finish_sample("_sum", None, Next::Part(0))
    }

    fn bucket_or_quantile(&mut self, position: usize) -> Option<Found> {
        match self.message.family.metric_type {
            MetricType::Summary => self.quantile(position),
            _ => self.bucket(position),
        }
    }

    fn quantile(&mut self, position: usize) -> Option<Found> {
        let Some((quantile, value)) = self.message.metric.summary.quantiles.get(position).copied() else {
            self.message.next = Next::Metric;
            return None;
        };
        self.slots.sample.value = value;
        Some(self.finish_sample("", Some((QUANTILE_LABEL, quantile)), Next::Part(position.saturating_add(1))))
    }

    /// A bucket; the last has the bound +Inf, whether or not the message has it.
    fn bucket(&mut self, position: usize) -> Option<Found> {
        let histogram = &self.message.metric.histogram;
        let sample = &mut self.slots.sample;
        sample.exemplars.clear();
        let bound = match histogram.buckets.get(position) {
            Some(bucket) => {
                sample.value = bucket.cumulative_count();
                take_exemplar(bucket.exemplar, &histogram.exemplar_labels, &mut sample.exemplars);
                bucket.upper_bound
            }
            None => {
                sample.value = histogram.total();
                f64::INFINITY
            }
        };
        let next = if bound == f64::INFINITY { Next::Metric } else { Next::Part(position.saturating_add(1)) };
        Some(self.finish_sample("_bucket", Some((BUCKET_LABEL, bound)), next))
    }

    /// Names the series, which differs from those of the same metric by `suffix` and `bound`.
    #[inline]
    fn finish_sample(&mut self, suffix: &'static str, bound: Option<(&'static str, f64)>, next: Next) -> Found {
        let sample = &mut self.slots.sample;
        if sample.value.is_nan() {
            sample.value = NORMAL_NAN;
        }
        let series = &mut sample.series;
        (series.suffix, series.bound) = (suffix, bound);
        series.gathered.truncate(self.message.key_len);
        series.gathered.extend_from_slice(suffix.as_bytes());
        if let Some((_, bound)) = bound {
            series.gathered.push(KEY_SEPARATOR);
            series.gathered.extend_from_slice(&bound.to_bits().to_le_bytes());
        }
        self.message.next = next;
        Found::Sample
    }

    /// A native histogram. Its classic series follow where they are wanted too.
    fn native(&mut self, labelled: Option<Labelled>) -> Result<Found, Refusal> {
        let Message { family, metric, labelled: next_labelled, .. } = &mut self.message;
        let histogram = &mut self.slots.histogram;
        let gauge = family.metric_type == MetricType::GaugeHistogram;
        native(&mut metric.histogram, gauge, (&mut histogram.histogram, &mut self.spare))
            .map_err(|e| Refusal::Message(format!("histogram {}: {e}", go_quoted(family.name)).into()))?;
        let series = &mut histogram.series;
        series.name = Name::plain(family.name);
        series.described = self.page.described(family.metric_type, family.unit);
        metric.put_labels(&mut series.labels, labelled == Some(Labelled::Histogram));
        *next_labelled = Some(Labelled::Histogram);
        metric_key(&mut series.gathered, family.name, metric);
        histogram.metric_type = family.metric_type;
        histogram.timestamp_ms = Some(metric.timestamp_ms).filter(|ms| *ms != 0);
        histogram.start_timestamp_ms = start_ms(metric.histogram.start);
        histogram.exemplars.clear();
        native_exemplars(metric, &mut histogram.exemplars);
        self.page.check_message_labels(&self.slots.histogram.series, self.message.index)?;
        self.message.next = Next::Metric;
        if self.classic_histograms && !self.message.metric.histogram.buckets.is_empty() {
            self.start_series(None)?;
            self.message.next = Next::Count;
        }
        Ok(Found::Histogram)
    }
}

impl<'a> Pull<'a> for Decoder<'a> {
    fn pull(&mut self) -> Result<Option<Found>, DecodeError> {
        self.find()
    }

    fn slots(&self) -> &Slots<'a> {
        &self.slots
    }
}

/// A message that cannot be read, and what follows it.
struct Fault<'a> {
    error: DecodeError,
    rest: &'a [u8],
}

/// Why a metric cannot be read.
enum Refusal {
    Message(Cow<'static, str>),
    Limit(DecodeError),
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Refusal::Limit(error)
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Refusal::Message(error.message().into())
    }
}

// No byte of UTF-8 either: a key with the labels as they stand in the page is none of single labels.
const LABELS_OF_PAGE: u8 = 0xfe;

/// The bytes that name a metric: those of its labels in the page where they lie together, or its labels one by one.
fn metric_key(key: &mut Vec<u8>, name: &str, metric: &MetricMessage<'_>) {
    let Some(labels) = metric.label_bytes else { return series_key(key, name, &metric.labels) };
    key.clear();
    key.extend_from_slice(name.as_bytes());
    key.push(LABELS_OF_PAGE);
    key.extend_from_slice(labels);
    key.push(KEY_SEPARATOR);
}

fn start_ms(start: Option<Timestamp>) -> Option<i64> {
    start.map(Timestamp::milliseconds).filter(|ms| *ms != 0)
}

fn take_exemplar<'a>(exemplar: Option<ExemplarMessage>, labels: &[RawLabel<'a>], out: &mut ExemplarList<'a>) {
    if let Some(exemplar) = exemplar {
        out.labels.extend_from_slice(exemplar.labels(labels));
        out.finish(exemplar.value, exemplar.timestamp_ms());
    }
}

/// The exemplars of the histogram, or those of its buckets where it has none; only those with a timestamp count.
fn native_exemplars<'a>(metric: &MetricMessage<'a>, out: &mut ExemplarList<'a>) {
    let histogram = &metric.histogram;
    let own = histogram.exemplars.iter().copied();
    let of_buckets = histogram.buckets.iter().filter_map(|bucket| bucket.exemplar);
    let dated = |exemplar: &ExemplarMessage| exemplar.timestamp.is_some();
    if histogram.exemplars.is_empty() {
        of_buckets.filter(dated).for_each(|e| take_exemplar(Some(e), &histogram.exemplar_labels, out));
    } else {
        own.filter(dated).for_each(|e| take_exemplar(Some(e), &histogram.exemplar_labels, out));
    }
}
