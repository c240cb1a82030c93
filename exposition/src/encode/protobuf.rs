//! Delimited messages.

use promethium_model::{FloatHistogram, Histogram, MetricType, Span};

use crate::event::NativeHistogram;
use crate::family::{BucketValue, ExemplarValue, Family, HistogramValue, Metric, MetricValue, SummaryValue};
use crate::naming::{EscapingScheme, exposed_name};

pub(super) fn encode(families: &[Family], escaping: EscapingScheme) -> Vec<u8> {
    let mut page = Vec::new();
    let mut message = Message::default();
    for family in families {
        message.bytes.clear();
        push_family(&mut message, family, escaping);
        push_varint(&mut page, message.bytes.len() as u64);
        page.extend_from_slice(&message.bytes);
    }
    page
}

/// A message being written; what is proto3's default is left out where its presence says nothing.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
}

fn push_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

fn zigzag(v: i64) -> u64 {
    (v.cast_unsigned() << 1) ^ (v >> 63).cast_unsigned()
}

impl Message {
    fn tag(&mut self, number: u32, wire_type: u32) {
        push_varint(&mut self.bytes, u64::from(number << 3 | wire_type));
    }

    fn varint(&mut self, number: u32, v: u64) {
        if v != 0 {
            self.tag(number, 0);
            push_varint(&mut self.bytes, v);
        }
    }

    fn signed(&mut self, number: u32, v: i64) {
        self.varint(number, zigzag(v));
    }

    fn double(&mut self, number: u32, v: f64) {
        if v.to_bits() != 0 {
            self.tag(number, 1);
            self.bytes.extend_from_slice(&v.to_bits().to_le_bytes());
        }
    }

    fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.tag(number, 2);
            push_varint(&mut self.bytes, text.len() as u64);
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// A message in the message. Its length is known only when it is written, and then moved by what the length takes.
    fn message(&mut self, number: u32, write: impl FnOnce(&mut Message)) {
        self.tag(number, 2);
        let start = self.bytes.len();
        self.bytes.push(0);
        write(self);
        let len = (self.bytes.len() - start - 1) as u64;
        if len < 0x80 {
            self.bytes[start] = len as u8;
            return;
        }
        let mut prefix = Vec::with_capacity(10);
        push_varint(&mut prefix, len);
        self.bytes.splice(start..=start, prefix);
    }
}

fn type_number(metric_type: MetricType) -> u64 {
    match metric_type {
        MetricType::Counter => 0,
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => 1,
        MetricType::Summary => 2,
        MetricType::Unknown => 3,
        MetricType::Histogram => 4,
        MetricType::GaugeHistogram => 5,
    }
}

fn push_family(m: &mut Message, family: &Family, escaping: EscapingScheme) {
    m.text(1, &exposed_name_in(&family.name, escaping));
    m.text(2, &family.help);
    m.varint(3, type_number(family.metric_type));
    for metric in &family.metrics {
        m.message(4, |m| push_metric(m, metric, family.metric_type, escaping));
    }
    m.text(5, &family.unit);
}

fn exposed_name_in(name: &str, escaping: EscapingScheme) -> String {
    if escaping == EscapingScheme::AllowUtf8 { name.to_owned() } else { exposed_name(name, escaping) }
}

fn push_labels(m: &mut Message, labels: &[(String, String)], escaping: EscapingScheme) {
    for (name, value) in labels {
        m.message(1, |m| {
            match escaping {
                EscapingScheme::AllowUtf8 => m.text(1, name),
                scheme => m.text(1, &exposed_name(name, scheme)),
            }
            m.text(2, value);
        });
    }
}

fn push_metric(m: &mut Message, metric: &Metric, metric_type: MetricType, escaping: EscapingScheme) {
    push_labels(m, &metric.labels, escaping);
    match &metric.value {
        MetricValue::Single { value, exemplar } => match metric_type {
            MetricType::Counter => m.message(3, |m| push_counter(m, *value, exemplar.as_ref(), metric)),
            MetricType::Unknown => m.message(5, |m| m.double(1, *value)),
            _ => m.message(2, |m| m.double(1, *value)),
        },
        MetricValue::Summary(summary) => m.message(4, |m| push_summary(m, summary, metric)),
        MetricValue::Histogram(histogram) => m.message(7, |m| push_histogram(m, histogram, metric)),
    }
    m.varint(6, metric.timestamp_ms.unwrap_or(0).cast_unsigned());
}

fn push_counter(m: &mut Message, value: f64, exemplar: Option<&ExemplarValue>, metric: &Metric) {
    m.double(1, value);
    if let Some(exemplar) = exemplar {
        m.message(2, |m| push_exemplar(m, exemplar));
    }
    push_start(m, 3, metric);
}

fn push_summary(m: &mut Message, summary: &SummaryValue, metric: &Metric) {
    m.varint(1, summary.count.unwrap_or(0.0) as u64);
    m.double(2, summary.sum.unwrap_or(0.0));
    for (quantile, value) in &summary.quantiles {
        m.message(3, |m| {
            m.double(1, *quantile);
            m.double(2, *value);
        });
    }
    push_start(m, 4, metric);
}

fn push_histogram(m: &mut Message, histogram: &HistogramValue, metric: &Metric) {
    let total = histogram.total();
    let float = matches!(histogram.native, Some(NativeHistogram::Float(_))) || total.fract() != 0.0;
    if float {
        m.double(4, total);
    } else {
        m.varint(1, total as u64);
    }
    m.double(2, histogram.known_sum().unwrap_or(0.0));
    for bucket in &histogram.buckets {
        m.message(3, |m| push_bucket(m, bucket));
    }
    push_start(m, 15, metric);
    match &histogram.native {
        Some(NativeHistogram::Integer(h)) => push_integer(m, h),
        Some(NativeHistogram::Float(h)) => push_float(m, h),
        None => {}
    }
    for exemplar in &histogram.exemplars {
        m.message(16, |m| push_exemplar(m, exemplar));
    }
}

fn push_bucket(m: &mut Message, bucket: &BucketValue) {
    if bucket.cumulative_count.fract() == 0.0 {
        m.varint(1, bucket.cumulative_count as u64);
    } else {
        m.double(4, bucket.cumulative_count);
    }
    m.double(2, bucket.upper_bound);
    if let Some(exemplar) = &bucket.exemplar {
        m.message(3, |m| push_exemplar(m, exemplar));
    }
}

fn push_integer(m: &mut Message, h: &Histogram) {
    m.signed(5, i64::from(h.schema));
    m.double(6, h.zero_threshold);
    m.varint(7, h.zero_count);
    push_spans(m, 9, &h.negative_spans);
    push_packed(m, 10, &h.negative_deltas, |out, delta| push_varint(out, zigzag(*delta)));
    push_spans(m, 12, &h.positive_spans);
    push_packed(m, 13, &h.positive_deltas, |out, delta| push_varint(out, zigzag(*delta)));
    push_marker(m, h.positive_spans.is_empty() && h.negative_spans.is_empty());
}

fn push_float(m: &mut Message, h: &FloatHistogram) {
    m.signed(5, i64::from(h.schema));
    m.double(6, h.zero_threshold);
    m.double(8, h.zero_count);
    push_spans(m, 9, &h.negative_spans);
    push_packed(m, 11, &h.negative_buckets, |out, count| out.extend_from_slice(&count.to_bits().to_le_bytes()));
    push_spans(m, 12, &h.positive_spans);
    push_packed(m, 14, &h.positive_buckets, |out, count| out.extend_from_slice(&count.to_bits().to_le_bytes()));
    push_marker(m, h.positive_spans.is_empty() && h.negative_spans.is_empty());
}

/// A histogram without buckets says by a span without buckets that it is native.
fn push_marker(m: &mut Message, without_buckets: bool) {
    if without_buckets {
        push_spans(m, 12, &[Span::default()]);
    }
}

fn push_spans(m: &mut Message, number: u32, spans: &[Span]) {
    for span in spans {
        m.message(number, |m| {
            m.varint(1, zigzag(i64::from(span.offset)) & u64::from(u32::MAX));
            m.varint(2, u64::from(span.length));
        });
    }
}

fn push_packed<T>(m: &mut Message, number: u32, items: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    if !items.is_empty() {
        m.message(number, |m| items.iter().for_each(|item| push(&mut m.bytes, item)));
    }
}

fn push_exemplar(m: &mut Message, exemplar: &ExemplarValue) {
    push_labels(m, &exemplar.labels, EscapingScheme::AllowUtf8);
    m.double(2, exemplar.value);
    if let Some(timestamp_ms) = exemplar.timestamp_ms {
        m.message(3, |m| push_timestamp(m, timestamp_ms));
    }
}

fn push_start(m: &mut Message, number: u32, metric: &Metric) {
    if let Some(start_ms) = metric.start_timestamp_ms {
        m.message(number, |m| push_timestamp(m, start_ms));
    }
}

/// `google.protobuf.Timestamp`: the fraction counts upwards.
fn push_timestamp(m: &mut Message, timestamp_ms: i64) {
    m.varint(1, timestamp_ms.div_euclid(1_000).cast_unsigned());
    m.varint(2, timestamp_ms.rem_euclid(1_000).cast_unsigned() * 1_000_000);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_more_than_one_byte_move_the_message() {
        let mut m = Message::default();
        m.message(1, |m| m.text(2, &"x".repeat(300)));
        assert_eq!(m.bytes[..3], [0x0a, 0xaf, 0x02]);
        assert_eq!(m.bytes.len(), 3 + 303);
    }
}
