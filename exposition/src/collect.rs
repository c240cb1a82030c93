//! A page as families.

use std::collections::HashMap;

use promethium_model::MetricType;
use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL};

use crate::content_type::Format;
use crate::decoder::Decoder;
use crate::error::DecodeError;
use crate::event::{Event, HistogramSample, Sample};
use crate::exemplars::Exemplar;
use crate::family::{BucketValue, ExemplarValue, Family, HistogramValue, Metric, MetricValue, SummaryValue};
use crate::options::DecodeOptions;

/// Reads a page into families, so that it can be written again, in this format or another. Every sample is kept: one that
/// does not fit into its family is a family of its own, without a type.
///
/// What was skipped in [`Mode::Lenient`](crate::Mode::Lenient) is left out.
///
/// ```
/// use promethium_exposition::{DecodeOptions, Format, collect};
/// let page = b"# TYPE wait histogram\nwait_bucket{le=\"+Inf\"} 2\nwait_sum 3\nwait_count 2\n";
/// let families = collect(Format::PrometheusText, page, &DecodeOptions::new())?;
/// assert_eq!((families.len(), families[0].metrics.len()), (1, 1));
/// # Ok::<(), promethium_exposition::DecodeError>(())
/// ```
///
/// # Errors
///
/// As [`Decoder::next_event`].
pub fn collect(format: Format, page: &[u8], options: &DecodeOptions) -> Result<Vec<Family>, DecodeError> {
    let mut decoder = Decoder::new(format, page, options);
    let mut collector = Collector::new(format);
    while let Some(event) = decoder.next_event()? {
        collector.event(&event);
    }
    Ok(collector.finish())
}

/// Labels and time: what the samples of one metric share.
type Key = (Vec<(String, String)>, Option<i64>);

struct Collector {
    open_metrics: bool,
    families: Vec<Family>,
    /// The name that the family is described by: without `_total` in OpenMetrics.
    described: String,
    /// The metrics of the last family.
    metrics: HashMap<Key, usize>,
    /// Creation times of counters that stand before the counter itself.
    early: HashMap<Key, i64>,
}

/// What a sample is in its family.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Single,
    Bucket(f64),
    Quantile(f64),
    Count,
    Sum,
    /// Milliseconds.
    Created(i64),
}

impl Collector {
    fn new(format: Format) -> Self {
        Collector {
            open_metrics: format == Format::OpenMetrics,
            families: Vec::new(),
            described: String::new(),
            metrics: HashMap::new(),
            early: HashMap::new(),
        }
    }

    fn event(&mut self, event: &Event<'_, '_>) {
        match event {
            Event::Help(help) => self.described(&help.name()).help = help.text().into_owned(),
            Event::Unit(unit) => unit.unit().clone_into(&mut self.described(&unit.name()).unit),
            Event::Type(family) => self.described(&family.name()).metric_type = family.metric_type(),
            Event::Sample(sample) => self.sample(sample),
            Event::Histogram(histogram) => self.native(histogram),
            _ => {}
        }
    }

    /// The families, named as their samples are.
    fn finish(mut self) -> Vec<Family> {
        self.close();
        if self.open_metrics {
            self.families.iter_mut().for_each(complete_name);
        }
        self.families
    }

    /// The family that a metadata line describes. Repeated metadata of the present family replaces what was said.
    fn described(&mut self, name: &str) -> &mut Family {
        let fresh = self.families.is_empty() || self.described != name;
        if fresh {
            self.open(name, MetricType::Unknown);
        }
        let last = self.families.len() - 1;
        &mut self.families[last]
    }

    /// Creation times without a counter become samples again.
    fn close(&mut self) {
        if self.early.is_empty() {
            return;
        }
        let mut family = Family::new(format!("{}_created", self.described), MetricType::Unknown);
        let mut early: Vec<(Key, i64)> = self.early.drain().collect();
        early.sort();
        family.metrics.extend(early.into_iter().map(|((labels, timestamp_ms), ms)| Metric {
            labels,
            timestamp_ms,
            start_timestamp_ms: None,
            value: MetricValue::Single { value: ms as f64 / 1_000.0, exemplar: None },
        }));
        self.families.push(family);
    }

    fn open(&mut self, name: &str, metric_type: MetricType) {
        self.close();
        name.clone_into(&mut self.described);
        self.metrics.clear();
        self.families.push(Family::new(name, metric_type));
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        let name = sample.name();
        let mut labels: Vec<(String, String)> =
            sample.series().labels().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let part = self.part(&name, &mut labels, sample.value);
        let key = (labels, sample.timestamp_ms);
        let exemplar = sample.exemplars().next().map(|e| exemplar_value(&e));
        match part {
            Some(Part::Created(ms)) if self.is_early(&key) => drop(self.early.insert(key, ms)),
            Some(part) if self.add(&key, part, sample, exemplar.as_ref()) => {}
            _ => self.lone(&name, sample, exemplar),
        }
    }

    /// What the sample is in the present family, if it is of it. Takes the label that tells parts apart.
    fn part(&self, name: &str, labels: &mut Vec<(String, String)>, value: f64) -> Option<Part> {
        let family = self.families.last()?;
        let suffix = name.strip_prefix(self.described.as_str())?;
        let created = || created_ms(value).filter(|_| self.open_metrics && suffix == "_created").map(Part::Created);
        match family.metric_type {
            MetricType::Histogram => match suffix {
                "_bucket" => take_bound(labels, BUCKET_LABEL).map(Part::Bucket),
                "_count" => Some(Part::Count),
                "_sum" => Some(Part::Sum),
                _ => created(),
            },
            MetricType::GaugeHistogram => match suffix {
                "_bucket" => take_bound(labels, BUCKET_LABEL).map(Part::Bucket),
                "_gcount" | "_count" => Some(Part::Count),
                "_gsum" | "_sum" => Some(Part::Sum),
                _ => None,
            },
            MetricType::Summary => match suffix {
                "" => take_bound(labels, QUANTILE_LABEL).map(Part::Quantile),
                "_count" => Some(Part::Count),
                "_sum" => Some(Part::Sum),
                _ => created(),
            },
            MetricType::Counter if self.open_metrics => match suffix {
                "_total" => Some(Part::Single),
                _ => created(),
            },
            MetricType::Info if self.open_metrics => (suffix == "_info").then_some(Part::Single),
            _ => suffix.is_empty().then_some(Part::Single),
        }
    }

    /// A creation time of a counter that has not come yet.
    fn is_early(&self, key: &Key) -> bool {
        let counter = self.families.last().is_some_and(|family| family.metric_type == MetricType::Counter);
        counter && !self.metrics.contains_key(key) && !self.early.contains_key(key)
    }

    /// Adds a part to its metric, to another of the same labels where that one has it already.
    fn add(&mut self, key: &Key, part: Part, sample: &Sample<'_>, exemplar: Option<&ExemplarValue>) -> bool {
        let Some(family) = self.families.last_mut() else { return false };
        let known = self.metrics.get(key).copied().filter(|at| fits(&family.metrics[*at], part));
        let at = known.unwrap_or_else(|| {
            family.metrics.push(empty_metric(key, family.metric_type));
            self.metrics.insert(key.clone(), family.metrics.len() - 1);
            family.metrics.len() - 1
        });
        if let Some(start_ms) = self.early.remove(key) {
            family.metrics[at].start_timestamp_ms = Some(start_ms);
        }
        put(&mut family.metrics[at], part, sample, exemplar)
    }

    /// A sample that belongs to no family before it.
    fn lone(&mut self, name: &str, sample: &Sample<'_>, exemplar: Option<ExemplarValue>) {
        if self.families.last().is_none_or(|f| f.name != name || f.metric_type != MetricType::Unknown) {
            self.open(name, MetricType::Unknown);
        }
        let labels = sample.series().labels().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let value = MetricValue::Single { value: sample.value, exemplar };
        let metric = Metric { labels, timestamp_ms: sample.timestamp_ms, start_timestamp_ms: None, value };
        if let Some(family) = self.families.last_mut() {
            family.metrics.push(metric);
        }
    }

    fn native(&mut self, histogram: &HistogramSample<'_>) {
        let series = histogram.series();
        let key: Key =
            (series.labels().map(|(n, v)| (n.into_owned(), v.into_owned())).collect(), histogram.timestamp_ms);
        let name = series.name();
        if self.described != name {
            self.open(&name, histogram.metric_type());
        }
        let Some(family) = self.families.last_mut() else { return };
        let value = HistogramValue {
            native: Some(histogram.histogram().clone()),
            exemplars: histogram.exemplars().map(|e| exemplar_value(&e)).collect(),
            ..HistogramValue::default()
        };
        family.metrics.push(Metric {
            labels: key.0.clone(),
            timestamp_ms: key.1,
            start_timestamp_ms: histogram.start_timestamp_ms,
            value: MetricValue::Histogram(Box::new(value)),
        });
        self.metrics.insert(key, family.metrics.len() - 1);
    }
}

/// In OpenMetrics the samples of counters and infos have a suffix that the family has not.
fn complete_name(family: &mut Family) {
    match family.metric_type {
        MetricType::Counter => family.name.push_str("_total"),
        MetricType::Info => family.name.push_str("_info"),
        _ => {}
    }
}

/// Milliseconds: those that the seconds stand for, or cut off where the seconds say more.
fn created_ms(seconds: f64) -> Option<i64> {
    let (ms, rounded) = (seconds * 1_000.0, (seconds * 1_000.0).round());
    let whole = if rounded / 1_000.0 == seconds { rounded } else { ms.trunc() };
    (whole.abs() < 9_007_199_254_740_992.0).then_some(whole as i64)
}

/// Takes a label out and gives its number; leaves it where it is none.
fn take_bound(labels: &mut Vec<(String, String)>, name: &str) -> Option<f64> {
    let at = labels.iter().position(|(n, _)| n == name)?;
    let bound = promethium_model::float::parse_go_lenient(&labels[at].1).ok()?;
    labels.remove(at);
    Some(bound)
}

fn exemplar_value(exemplar: &Exemplar<'_, '_>) -> ExemplarValue {
    ExemplarValue {
        labels: exemplar.labels().map(|(n, v)| (n.into_owned(), v.into_owned())).collect(),
        value: exemplar.value,
        timestamp_ms: exemplar.timestamp_ms,
    }
}

fn empty_metric((labels, timestamp_ms): &Key, metric_type: MetricType) -> Metric {
    let value = match metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => MetricValue::Histogram(Box::default()),
        MetricType::Summary => MetricValue::Summary(SummaryValue::default()),
        _ => MetricValue::default(),
    };
    Metric { labels: labels.clone(), timestamp_ms: *timestamp_ms, start_timestamp_ms: None, value }
}

/// Whether the metric has no such part yet.
fn fits(metric: &Metric, part: Part) -> bool {
    match (&metric.value, part) {
        (_, Part::Created(_)) => metric.start_timestamp_ms.is_none(),
        (_, Part::Single) => false,
        (MetricValue::Histogram(h), Part::Count) => h.count.is_none(),
        (MetricValue::Histogram(h), Part::Sum) => h.sum.is_none(),
        (MetricValue::Histogram(h), Part::Bucket(bound)) => h.buckets.last().is_none_or(|b| b.upper_bound != bound),
        (MetricValue::Summary(s), Part::Count) => s.count.is_none(),
        (MetricValue::Summary(s), Part::Sum) => s.sum.is_none(),
        _ => true,
    }
}

/// Puts a part where it belongs.
fn put(metric: &mut Metric, part: Part, sample: &Sample<'_>, exemplar: Option<&ExemplarValue>) -> bool {
    if let Some(start_ms) = sample.start_timestamp_ms {
        metric.start_timestamp_ms = Some(start_ms);
    }
    match (&mut metric.value, part) {
        (_, Part::Created(ms)) => metric.start_timestamp_ms = Some(ms),
        (MetricValue::Single { value, exemplar: slot }, Part::Single) => {
            *value = sample.value;
            *slot = exemplar.cloned();
        }
        (MetricValue::Summary(s), Part::Count) => s.count = Some(sample.value),
        (MetricValue::Summary(s), Part::Sum) => s.sum = Some(sample.value),
        (MetricValue::Summary(s), Part::Quantile(quantile)) => s.quantiles.push((quantile, sample.value)),
        (MetricValue::Histogram(h), Part::Count) => h.count = Some(sample.value),
        (MetricValue::Histogram(h), Part::Sum) => h.sum = Some(sample.value),
        (MetricValue::Histogram(h), Part::Bucket(upper_bound)) => {
            h.buckets.push(BucketValue { upper_bound, cumulative_count: sample.value, exemplar: exemplar.cloned() });
        }
        _ => return false,
    }
    true
}
