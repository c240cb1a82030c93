//! Classic histograms as native ones with custom bounds, over any decoder.
//!
//! Consecutive `_bucket`, `_sum` and `_count` series of one metric, in the family of the last histogram's `# TYPE` line,
//! become one native histogram as soon as another series, a metadata line or the end of the page comes.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod buckets;

use promethium_model::MetricType;
use promethium_model::float::parse_go_lenient;
use promethium_model::labels::BUCKET_LABEL;

use crate::content_type::Format;
use crate::error::DecodeError;
use crate::event::{HistogramSample, Name, RawLabel, Sample};
use crate::options::Mode;
use crate::page::{Found, Slots};
use crate::series::{Series, series_key};
use buckets::Buckets;

/// A decoder below the conversion.
pub(crate) trait Pull<'a> {
    /// Reads up to the next event.
    fn pull(&mut self) -> Result<Option<Found>, DecodeError>;

    /// Where that event lies.
    fn slots(&self) -> &Slots<'a>;
}

/// Whose event is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Converted {
    /// The decoder's.
    Below(Found),
    /// The converted histogram.
    Histogram,
    /// A histogram that contradicts itself was skipped: see [`Converter::skipped`].
    Skipped,
}

/// What becomes of a histogram that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contradictory {
    /// There is none.
    Ignored,
    /// There is none, and that is said.
    Skipped,
    /// The page ends.
    Fails,
}

impl Contradictory {
    /// In Prometheus only the protobuf format fails.
    pub(crate) fn of(format: Format, mode: Mode) -> Self {
        match (format, mode) {
            (Format::Protobuf, Mode::Lenient) => Contradictory::Skipped,
            (Format::Protobuf, _) => Contradictory::Fails,
            _ => Contradictory::Ignored,
        }
    }
}

/// What is collected, and how.
#[derive(Debug)]
pub(crate) struct Converter<'a> {
    keeps_classic: bool,
    contradictory: Contradictory,
    collecting: bool,
    buckets: Buckets,
    histogram: HistogramSample<'a>,
    /// The event that ended the histogram before it.
    pending: Option<Found>,
    /// The last exponential histogram: its classic series are not converted.
    exponential: Option<Identity<'a>>,
    ended: bool,
    /// How many histograms were skipped, and why the last one was.
    skipped: u64,
    fault: Option<DecodeError>,
}

/// A metric, by name and labels without `le`.
#[derive(Debug)]
struct Identity<'a> {
    name: Name<'a>,
    labels: Vec<RawLabel<'a>>,
}

/// What a classic series is of its histogram.
enum Part {
    Bucket(f64),
    Count,
    Sum,
}

impl<'a> Converter<'a> {
    pub(crate) fn new(keeps_classic: bool, contradictory: Contradictory) -> Self {
        Converter {
            keeps_classic,
            contradictory,
            collecting: false,
            buckets: Buckets::default(),
            histogram: HistogramSample::default(),
            pending: None,
            exponential: None,
            ended: false,
            skipped: 0,
            fault: None,
        }
    }

    /// Why the last histogram was skipped, and how many were.
    pub(crate) fn skipped(&self) -> (Option<&DecodeError>, u64) {
        (self.fault.as_ref(), self.skipped)
    }

    /// The converted histogram.
    pub(crate) fn histogram(&self) -> &HistogramSample<'a> {
        &self.histogram
    }

    /// The next event.
    pub(crate) fn next(&mut self, below: &mut impl Pull<'a>) -> Result<Option<Converted>, DecodeError> {
        if let Some(found) = self.pending.take()
            && self.passes(found, below.slots())
        {
            return Ok(Some(Converted::Below(found)));
        }
        while !self.ended {
            let Some(found) = self.pull(below)? else {
                self.ended = true;
                return self.finish();
            };
            if self.is_ended_by(found, below.slots())
                && let Some(converted) = self.finish()?
            {
                self.pending = Some(found);
                return Ok(Some(converted));
            }
            if self.passes(found, below.slots()) {
                return Ok(Some(Converted::Below(found)));
            }
        }
        Ok(None)
    }

    /// Reads on. Behind a fault nothing comes, not even what was collected.
    fn pull(&mut self, below: &mut impl Pull<'a>) -> Result<Option<Found>, DecodeError> {
        let found = below.pull();
        if found.is_err() {
            (self.ended, self.collecting) = (true, false);
        }
        found
    }

    /// Takes what belongs to a histogram; whether the event goes on to the caller.
    fn passes(&mut self, found: Found, slots: &Slots<'a>) -> bool {
        match found {
            Found::Sample => !self.collect(slots) || self.keeps_classic,
            Found::Histogram => {
                let series = &slots.histogram.series;
                self.exponential = Some(Identity { name: series.name, labels: series.labels.clone() });
                true
            }
            _ => true,
        }
    }

    /// Whether this event does not belong to what is being collected.
    fn is_ended_by(&self, found: Found, slots: &Slots<'a>) -> bool {
        if !self.collecting {
            return false;
        }
        let collected = &self.histogram.series;
        found != Found::Sample
            || slots.sample.metric_type != MetricType::Histogram
            || base_name(&slots.sample.series) != collected.name.text
            || !same_labels(&collected.labels, &slots.sample.series.labels)
    }

    /// Adds a sample to the histogram that it belongs to, if it does to one.
    fn collect(&mut self, slots: &Slots<'a>) -> bool {
        let sample = &slots.sample;
        let base = base_name(&sample.series);
        if sample.metric_type != MetricType::Histogram || base != slots.family_type.name.text {
            return false;
        }
        let Some(part) = part(&sample.series) else { return false };
        if self.follows_exponential(base, sample) {
            return false;
        }
        if !self.collecting {
            self.start(base, sample);
        }
        match part {
            Part::Bucket(bound) => self.buckets.add(bound, sample.value),
            Part::Count => self.buckets.count = Some(sample.value),
            Part::Sum => self.buckets.sum = sample.value,
        }
        self.histogram.timestamp_ms = sample.timestamp_ms;
        self.histogram.exemplars.extend(&sample.exemplars, |exemplar| exemplar.timestamp_ms.is_some());
        true
    }

    fn follows_exponential(&self, base: &str, sample: &Sample<'a>) -> bool {
        self.exponential.as_ref().is_some_and(|exponential| {
            exponential.name.text == base && same_labels(&exponential.labels, &sample.series.labels)
        })
    }

    fn start(&mut self, base: &'a str, sample: &Sample<'a>) {
        self.collecting = true;
        self.buckets.clear();
        let histogram = &mut self.histogram;
        let series = &mut histogram.series;
        series.name = Name { text: base, ..sample.series.name };
        series.described = sample.series.described;
        series.labels.clear();
        series.labels.extend(sample.series.labels.iter().filter(|label| label.name != BUCKET_LABEL));
        series_key(&mut series.gathered, base, &series.labels);
        histogram.metric_type = MetricType::Histogram;
        histogram.start_timestamp_ms = sample.start_timestamp_ms;
        histogram.exemplars.clear();
    }

    /// Makes the histogram of what was collected, if there is any.
    fn finish(&mut self) -> Result<Option<Converted>, DecodeError> {
        if !std::mem::replace(&mut self.collecting, false) {
            return Ok(None);
        }
        match self.buckets.convert(&mut self.histogram.histogram) {
            Ok(()) => Ok(Some(Converted::Histogram)),
            Err(message) => self.refuse(message),
        }
    }

    #[cold]
    fn refuse(&mut self, message: String) -> Result<Option<Converted>, DecodeError> {
        let error = DecodeError::InconsistentHistogram { name: self.histogram.series.name().into_owned(), message };
        match self.contradictory {
            Contradictory::Ignored => Ok(None),
            Contradictory::Skipped => {
                self.skipped = self.skipped.saturating_add(1);
                self.fault = Some(error);
                Ok(Some(Converted::Skipped))
            }
            Contradictory::Fails => {
                self.ended = true;
                Err(error)
            }
        }
    }
}

/// The name without the suffix of a classic histogram's series.
fn base_name<'a>(series: &Series<'a>) -> &'a str {
    let name = series.name.text;
    if !series.suffix.is_empty() {
        return name;
    }
    ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

fn part(series: &Series<'_>) -> Option<Part> {
    let ends_in =
        |suffix: &str| series.suffix == suffix || series.suffix.is_empty() && series.name.text.ends_with(suffix);
    if ends_in("_bucket") {
        return bound(series).filter(|bound| !bound.is_nan()).map(Part::Bucket);
    }
    match () {
        () if ends_in("_count") => Some(Part::Count),
        () if ends_in("_sum") => Some(Part::Sum),
        () => None,
    }
}

fn bound(series: &Series<'_>) -> Option<f64> {
    match series.bound {
        Some((_, bound)) => Some(bound),
        None => {
            let label = series.labels.iter().find(|label| label.name == BUCKET_LABEL)?;
            parse_go_lenient(label.value).ok()
        }
    }
}

/// Whether two lists have the same labels, `le` left out of the second.
fn same_labels(labels: &[RawLabel<'_>], with_le: &[RawLabel<'_>]) -> bool {
    fn pair<'p>(label: &RawLabel<'p>) -> (&'p str, &'p str) {
        (label.name, label.value)
    }
    let others = || with_le.iter().filter(|label| label.name != BUCKET_LABEL).map(pair);
    if labels.iter().map(pair).eq(others()) {
        return true;
    }
    let (mut a, mut b): (Vec<_>, Vec<_>) = (labels.iter().map(pair).collect(), others().collect());
    a.sort_unstable();
    b.sort_unstable();
    a == b
}
