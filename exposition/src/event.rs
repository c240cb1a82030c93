//! What a page says, one event a line or one a series.

use std::borrow::Cow;

use promethium_model::{FloatHistogram, Histogram, MetricType, PointValue};

use crate::error::DecodeError;
use crate::escape::{unescape_help, unescape_quoted};
use crate::exemplars::{ExemplarList, Exemplars};
use crate::series::Series;

/// One statement of a page. Comments and blank lines make none.
///
/// `'a` is the page. What an event refers to lies in the decoder (`'d`) until the next one; an event itself is a tag
/// and a pointer, so that handing it over costs nothing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'d, 'a> {
    /// `# HELP`: the text of a family.
    Help(&'d Help<'a>),
    /// `# TYPE`: the type of a family.
    Type(&'d Type<'a>),
    /// `# UNIT`: the unit of a family.
    Unit(&'d Unit<'a>),
    /// A sample, its labels split and checked.
    Sample(&'d Sample<'a>),
    /// A sample of a series that the caller knows by its bytes; see [`KnownSeries`].
    Known(&'d KnownSample<'a>),
    /// A native histogram.
    Histogram(&'d HistogramSample<'a>),
    /// Something was skipped, and why: in [`Mode::Lenient`](crate::Mode::Lenient) only.
    Skipped(&'d DecodeError),
}

/// What a caller knows of the page before it is read: the series that it has met.
///
/// A closure that is asked for single series is one, too.
pub trait KnownSeries {
    /// The bytes of the series that probably comes next. Pages repeat in order, and comparing is faster than finding out
    /// where the series ends.
    fn expected(&self) -> Option<&[u8]> {
        None
    }

    /// Whether these bytes are known. Only what [`Sample::series_bytes`] gave for an earlier sample, of this page or of
    /// another, may be recognised.
    fn knows(&mut self, series: &[u8]) -> bool;
}

impl<F: FnMut(&[u8]) -> bool> KnownSeries for F {
    #[inline]
    fn knows(&mut self, series: &[u8]) -> bool {
        self(series)
    }
}

/// How the text of a help line is escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Not at all.
    #[default]
    None,
    /// `\\` and `\n`.
    Text,
    /// `\\`, `\n` and `\"`.
    Quoted,
}

/// The help text of a family.
#[derive(Clone, Debug, Default)]
pub struct Help<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) text: &'a str,
    pub(crate) escapes: Escapes,
}

impl<'a> Help<'a> {
    /// Name of the family.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        self.name.resolve()
    }

    /// The text, `""` when empty.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        match self.escapes {
            Escapes::None => Cow::Borrowed(self.text),
            Escapes::Text => unescape_help(self.text),
            Escapes::Quoted => unescape_quoted(self.text),
        }
    }
}

/// The type of a family.
#[derive(Clone, Debug, Default)]
pub struct Type<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) metric_type: MetricType,
}

impl<'a> Type<'a> {
    /// Name of the family.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        self.name.resolve()
    }

    /// Its type.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }
}

/// The unit of a family.
#[derive(Clone, Debug, Default)]
pub struct Unit<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) unit: &'a str,
}

impl<'a> Unit<'a> {
    /// Name of the family.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        self.name.resolve()
    }

    /// The unit, `""` when empty.
    #[must_use]
    pub fn unit(&self) -> &'a str {
        self.unit
    }
}

/// A name as it stands in the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) text: &'a str,
    /// The text may hold escapes.
    pub(crate) quoted: bool,
}

impl<'a> Name<'a> {
    /// A name that means what it says.
    pub(crate) fn plain(text: &'a str) -> Self {
        Name { text, quoted: false }
    }

    /// A name from between quotes.
    pub(crate) fn quoted(text: &'a str) -> Self {
        Name { text, quoted: true }
    }

    /// This name, where it is a bare one and the bytes start with it, followed by a blank or a brace.
    #[inline(always)]
    pub(crate) fn bare_start_of(self, bytes: &[u8]) -> Option<&'a str> {
        let rest = bytes.strip_prefix(self.text.as_bytes())?;
        (matches!(rest.first(), Some(b' ' | b'{')) && !self.quoted && !self.text.is_empty()).then_some(self.text)
    }

    pub(crate) fn resolve(self) -> Cow<'a, str> {
        if self.quoted { unescape_quoted(self.text) } else { Cow::Borrowed(self.text) }
    }
}

/// One `name="value"` as it stands in the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawLabel<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    /// Whether name or value holds a backslash that escapes.
    pub(crate) escaped: bool,
}

impl<'a> RawLabel<'a> {
    #[inline]
    pub(crate) fn resolve(self) -> (Cow<'a, str>, Cow<'a, str>) {
        if self.escaped {
            return (unescape_quoted(self.name), unescape_quoted(self.value));
        }
        (Cow::Borrowed(self.name), Cow::Borrowed(self.value))
    }
}

/// A sample of a series that was recognised by its bytes.
#[derive(Clone, Debug, Default)]
pub struct KnownSample<'a> {
    pub(crate) series: &'a [u8],
    pub(crate) exemplars: ExemplarList<'a>,
    /// The value; any NaN is the ordinary one.
    pub value: f64,
    /// Milliseconds since the epoch, where the exporter says it.
    pub timestamp_ms: Option<i64>,
    /// When the counter behind the sample started, milliseconds since the epoch, where the exporter says it.
    pub start_timestamp_ms: Option<i64>,
}

impl<'a> KnownSample<'a> {
    /// The bytes that name the series.
    #[must_use]
    pub fn series_bytes(&self) -> &'a [u8] {
        self.series
    }

    /// The exemplars of the sample.
    #[must_use]
    pub fn exemplars(&self) -> Exemplars<'_, 'a> {
        self.exemplars.iter()
    }
}

/// A sample of a series.
#[derive(Clone, Debug, Default)]
pub struct Sample<'a> {
    pub(crate) series: Series<'a>,
    pub(crate) exemplars: ExemplarList<'a>,
    pub(crate) metric_type: MetricType,
    /// Seconds, where the page has them as a float: what milliseconds cut off.
    pub(crate) exact_timestamp: Option<f64>,
    /// The value; any NaN is the ordinary one.
    pub value: f64,
    /// Milliseconds since the epoch, where the exporter says it.
    pub timestamp_ms: Option<i64>,
    /// When the counter behind the sample started, milliseconds since the epoch, where the exporter says it.
    pub start_timestamp_ms: Option<i64>,
}

impl<'a> Sample<'a> {
    /// Which series this is a sample of.
    #[must_use]
    pub fn series(&self) -> &Series<'a> {
        &self.series
    }

    /// The bytes that name the series: see [`Series::bytes`].
    #[must_use]
    pub fn series_bytes(&self) -> &[u8] {
        self.series.bytes()
    }

    /// The metric name: see [`Series::name`].
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        self.series.name()
    }

    /// The time as precisely as the page has it, in units of the page.
    pub(crate) fn timestamp_exact(&self) -> Option<f64> {
        self.exact_timestamp.or(self.timestamp_ms.map(|ms| ms as f64))
    }

    /// The type in the last `# TYPE` line, whatever family that line named.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// The exemplars of the sample; the text formats have at most one.
    #[must_use]
    pub fn exemplars(&self) -> Exemplars<'_, 'a> {
        self.exemplars.iter()
    }
}

/// A native histogram's counts.
#[derive(Clone, Debug, PartialEq)]
pub enum NativeHistogram {
    /// Integer counts.
    Integer(Histogram),
    /// Float counts.
    Float(FloatHistogram),
}

impl NativeHistogram {
    /// Makes it one of integers, perhaps of an old value. Its own storage, if it is of floats, goes to `spare`, and comes back from
    /// there: pages may have both kinds in turns.
    pub(crate) fn become_integer(&mut self, spare: &mut Self) {
        if !matches!(self, NativeHistogram::Integer(_)) {
            std::mem::swap(self, spare);
        }
        if !matches!(self, NativeHistogram::Integer(_)) {
            *self = NativeHistogram::Integer(Histogram::default());
        }
    }

    /// As [`NativeHistogram::become_integer`], the other way round.
    pub(crate) fn become_float(&mut self, spare: &mut Self) {
        if !matches!(self, NativeHistogram::Float(_)) {
            std::mem::swap(self, spare);
        }
        if !matches!(self, NativeHistogram::Float(_)) {
            *self = NativeHistogram::Float(FloatHistogram::default());
        }
    }
}

impl Default for NativeHistogram {
    fn default() -> Self {
        NativeHistogram::Integer(Histogram::default())
    }
}

/// A native histogram of a series, exponential or with custom bounds.
#[derive(Clone, Debug, Default)]
pub struct HistogramSample<'a> {
    pub(crate) series: Series<'a>,
    pub(crate) exemplars: ExemplarList<'a>,
    pub(crate) metric_type: MetricType,
    pub(crate) histogram: NativeHistogram,
    /// Milliseconds since the epoch, where the exporter says it.
    pub timestamp_ms: Option<i64>,
    /// When counting started, milliseconds since the epoch, where the exporter says it.
    pub start_timestamp_ms: Option<i64>,
}

impl<'a> HistogramSample<'a> {
    /// Which series this is a sample of.
    #[must_use]
    pub fn series(&self) -> &Series<'a> {
        &self.series
    }

    /// The type of the family.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        self.metric_type
    }

    /// The histogram.
    #[must_use]
    pub fn histogram(&self) -> &NativeHistogram {
        &self.histogram
    }

    /// The histogram, as an appender takes it.
    #[must_use]
    pub fn value(&self) -> PointValue<'_> {
        match &self.histogram {
            NativeHistogram::Integer(h) => PointValue::Histogram(h),
            NativeHistogram::Float(h) => PointValue::FloatHistogram(h),
        }
    }

    /// The exemplars of the histogram.
    #[must_use]
    pub fn exemplars(&self) -> Exemplars<'_, 'a> {
        self.exemplars.iter()
    }
}
