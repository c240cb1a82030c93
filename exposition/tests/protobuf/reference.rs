//! The reading rules over messages that `prost` has decoded: plain, and as slow as it likes.

use std::borrow::Cow;

use promethium_exposition::DecodeOptions;
use promethium_model::float::format_open_metrics;
use promethium_model::{CounterResetHint, FloatHistogram, Histogram as Native, Span};
use prost::Message;

use crate::messages::{Exemplar, Histogram, LabelPair, Metric, MetricFamily, Timestamp};

type Times = (Option<i64>, Option<i64>);

fn pairs<'a>(labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> String {
    let labels: Vec<String> = labels.map(|(n, v)| format!("{n:?}={v:?}")).collect();
    labels.join(",")
}

fn bits(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { value.to_string() }
}

pub(crate) fn sample<'a>(
    name: &str,
    labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    value: f64,
    times: Times,
    exemplars: &[String],
) -> String {
    format!("sample {name:?} {{{}}} {} {times:?} {exemplars:?}", pairs(labels), bits(value))
}

pub(crate) fn histogram<'a>(
    name: &str,
    labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    value: &str,
    times: Times,
    exemplars: &[String],
) -> String {
    format!("histogram {name:?} {{{}}} {value} {times:?} {exemplars:?}", pairs(labels))
}

pub(crate) fn exemplar<'a>(
    labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    value: f64,
    timestamp_ms: Option<i64>,
) -> String {
    format!("{{{}}} {} {timestamp_ms:?}", pairs(labels), bits(value))
}

/// The events of a page, `None` when it must be refused.
pub(crate) fn read(mut page: &[u8], options: &DecodeOptions) -> Option<Vec<String>> {
    let mut events = Vec::new();
    while !page.is_empty() {
        let family = MetricFamily::decode_length_delimited(&mut page).ok()?;
        if !family.metric.is_empty() {
            push_family(&family, options, &mut events)?;
        }
    }
    Some(events)
}

fn push_family(family: &MetricFamily, options: &DecodeOptions, events: &mut Vec<String>) -> Option<()> {
    let name = family.name();
    let types = ["counter", "gauge", "summary", "unknown", "histogram", "gaugehistogram"];
    let metric_type = types.get(usize::try_from(family.r#type).ok()?)?;
    let base = if family.r#type == 0 { name.strip_suffix("_total").unwrap_or(name) } else { name };
    let help = std::str::from_utf8(&family.help).ok()?;
    let unit = std::str::from_utf8(&family.unit).ok()?;
    let unit_fits = unit.is_empty() || base.ends_with(&format!("_{unit}"));
    if name.is_empty() || !unit_fits {
        return None;
    }
    events.push(format!("help {name:?} {help:?}"));
    if !unit.is_empty() {
        events.push(format!("unit {name:?} {unit:?}"));
    }
    events.push(format!("type {name:?} {metric_type}"));
    family.metric.iter().try_for_each(|metric| Metric::push(metric, family, options, events))
}

fn ms(t: &Timestamp) -> i64 {
    t.seconds.wrapping_mul(1_000).wrapping_add(i64::from(t.nanos / 1_000_000))
}

fn start(t: Option<&Timestamp>) -> Option<i64> {
    t.map(ms).filter(|ms| *ms != 0)
}

fn borrowed(labels: &[LabelPair]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    labels.iter().map(|l| (Cow::Borrowed(l.name.as_str()), Cow::Borrowed(l.value.as_str())))
}

fn describe(e: &Exemplar) -> String {
    exemplar(borrowed(&e.label), e.value, e.timestamp.as_ref().map(ms))
}

impl MetricFamily {
    /// The name, `""` when it is no text.
    fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or_default()
    }
}

impl Metric {
    fn push(&self, family: &MetricFamily, options: &DecodeOptions, events: &mut Vec<String>) -> Option<()> {
        match family.r#type {
            0 => {
                let counter = self.counter.clone().unwrap_or_default();
                let exemplars: Vec<String> = counter.exemplar.iter().map(describe).collect();
                events.push(self.single(family, counter.value, counter.start_timestamp.as_ref(), &exemplars));
            }
            1 => events.push(self.single(family, self.gauge.as_ref().map_or(0.0, |g| g.value), None, &[])),
            2 => self.push_summary(family, events),
            3 => events.push(self.single(family, self.untyped.as_ref().map_or(0.0, |u| u.value), None, &[])),
            _ => self.push_histogram(family, options, events)?,
        }
        Some(())
    }

    fn time(&self) -> Option<i64> {
        Some(self.timestamp_ms).filter(|ms| *ms != 0)
    }

    fn single(&self, family: &MetricFamily, value: f64, from: Option<&Timestamp>, exemplars: &[String]) -> String {
        sample(family.name(), borrowed(&self.label), value, (self.time(), start(from)), exemplars)
    }

    fn part(
        &self,
        (family, suffix): (&MetricFamily, &str),
        bound: Option<(&'static str, f64)>,
        value: f64,
        times: Times,
        exemplars: &[String],
    ) -> String {
        let bound = bound
            .map(|(name, b)| (Cow::Borrowed(name), Cow::Owned(format_open_metrics(if b == 0.0 { 0.0 } else { b }))));
        let labels = borrowed(&self.label).chain(bound);
        sample(&format!("{}{suffix}", family.name()), labels, value, times, exemplars)
    }

    fn push_summary(&self, family: &MetricFamily, events: &mut Vec<String>) {
        let summary = self.summary.clone().unwrap_or_default();
        let times = (self.time(), start(summary.start_timestamp.as_ref()));
        events.push(self.part((family, "_count"), None, summary.sample_count as f64, times, &[]));
        events.push(self.part((family, "_sum"), None, summary.sample_sum, times, &[]));
        for q in &summary.quantile {
            events.push(self.part((family, ""), Some(("quantile", q.quantile)), q.value, times, &[]));
        }
    }

    fn push_histogram(&self, family: &MetricFamily, options: &DecodeOptions, events: &mut Vec<String>) -> Option<()> {
        let h = self.histogram.clone().unwrap_or_default();
        let spans = h.positive_span.len() + h.negative_span.len();
        let native = options.native_histograms && (spans > 0 || h.zero_threshold > 0.0 || h.zero_count > 0);
        if native {
            events.push(self.native(family, &h)?);
        }
        if !native || options.classic_histograms && !h.bucket.is_empty() {
            self.push_classic(family, &h, events);
        }
        Some(())
    }

    fn push_classic(&self, family: &MetricFamily, h: &Histogram, events: &mut Vec<String>) {
        let times = (self.time(), start(h.start_timestamp.as_ref()));
        let total = if h.sample_count_float == 0.0 { h.sample_count as f64 } else { h.sample_count_float };
        events.push(self.part((family, "_count"), None, total, times, &[]));
        events.push(self.part((family, "_sum"), None, h.sample_sum, times, &[]));
        for b in &h.bucket {
            let float = b.cumulative_count_float;
            let count = if float == 0.0 { b.cumulative_count as f64 } else { float };
            let exemplars: Vec<String> = b.exemplar.iter().map(describe).collect();
            events.push(self.part((family, "_bucket"), Some(("le", b.upper_bound)), count, times, &exemplars));
            if b.upper_bound == f64::INFINITY {
                return;
            }
        }
        events.push(self.part((family, "_bucket"), Some(("le", f64::INFINITY)), total, times, &[]));
    }

    fn native(&self, family: &MetricFamily, h: &Histogram) -> Option<String> {
        let gauge = family.r#type == 5;
        let counter_reset_hint = if gauge { CounterResetHint::Gauge } else { CounterResetHint::Unknown };
        let (schema, zero_threshold, sum) = (h.schema, h.zero_threshold, h.sample_sum);
        let value = if h.sample_count_float > 0.0 || h.zero_count_float > 0.0 {
            let (positive_spans, positive_buckets) = compact(&spans(&h.positive_span), &h.positive_count)?;
            let (negative_spans, negative_buckets) = compact(&spans(&h.negative_span), &h.negative_count)?;
            let (zero_count, count) = (h.zero_count_float, h.sample_count_float);
            let custom_bounds = Vec::new().into();
            let fh = FloatHistogram {
                counter_reset_hint,
                schema,
                zero_threshold,
                zero_count,
                count,
                sum,
                positive_spans: positive_spans.into(),
                negative_spans: negative_spans.into(),
                positive_buckets,
                negative_buckets,
                custom_bounds,
            };
            format!("{fh:?}")
        } else {
            let (positive_spans, positive) = compact(&spans(&h.positive_span), &absolute(&h.positive_delta))?;
            let (negative_spans, negative) = compact(&spans(&h.negative_span), &absolute(&h.negative_delta))?;
            let ih = Native {
                counter_reset_hint,
                schema,
                zero_threshold,
                zero_count: h.zero_count,
                count: h.sample_count,
                sum,
                positive_spans: positive_spans.into(),
                negative_spans: negative_spans.into(),
                positive_deltas: deltas(&positive),
                negative_deltas: deltas(&negative),
                custom_bounds: Vec::new().into(),
            };
            format!("{ih:?}")
        };
        let of_buckets: Vec<Exemplar> = h.bucket.iter().filter_map(|b| b.exemplar.clone()).collect();
        let all = if h.exemplars.is_empty() { &of_buckets } else { &h.exemplars };
        let exemplars: Vec<String> = all.iter().filter(|e| e.timestamp.is_some()).map(describe).collect();
        let times = (self.time(), start(h.start_timestamp.as_ref()));
        Some(histogram(family.name(), borrowed(&self.label), &value, times, &exemplars))
    }
}

fn spans(spans: &[crate::messages::BucketSpan]) -> Vec<Span> {
    spans.iter().map(|s| Span { offset: s.offset, length: s.length }).collect()
}

fn absolute(deltas: &[i64]) -> Vec<f64> {
    // The sums of the deltas in the tests are below 2^53: floats hold them.
    deltas
        .iter()
        .scan(0i64, |sum, d| {
            Some({
                *sum = sum.wrapping_add(*d);
                *sum as f64
            })
        })
        .collect()
}

fn deltas(counts: &[f64]) -> Vec<i64> {
    counts.iter().scan(0.0, |before, c| Some((c - std::mem::replace(before, *c)) as i64)).collect()
}

/// Every bucket at its index, the empty ones left out, and spans over what is left.
fn compact(spans: &[Span], counts: &[f64]) -> Option<(Vec<Span>, Vec<f64>)> {
    let need: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
    if need != counts.len() as u64 {
        return None;
    }
    let mut index = 0i64;
    let mut indexes = Vec::new();
    for span in spans {
        index += i64::from(span.offset);
        indexes.extend((0..i64::from(span.length)).map(|i| index + i));
        index += i64::from(span.length);
    }
    let filled: Vec<(i64, f64)> = indexes.into_iter().zip(counts.iter().copied()).filter(|(_, c)| *c != 0.0).collect();
    let (mut out, mut next) = (Vec::<Span>::new(), 0);
    for (index, _) in &filled {
        match out.last_mut() {
            Some(last) if *index == next => last.length += 1,
            _ => out.push(Span { offset: (*index - next) as i32, length: 1 }),
        }
        next = index + 1;
    }
    Some((out, filled.into_iter().map(|(_, c)| c).collect()))
}
