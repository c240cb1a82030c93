//! Writing pages.

use promethium_model::MetricType;
use promethium_model::float::push_g;
use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL, is_legacy_label_name, is_legacy_metric_name};

use crate::content_type::{TEXT_0_0_4, TEXT_1_0_0};
use crate::escape::{push_help, push_quoted_body};

/// Writes a page, family by family.
///
/// ```
/// use promethium_exposition::text::Encoder;
/// use promethium_model::MetricType;
///
/// let mut page = Encoder::new();
/// page.family("jobs_total", MetricType::Counter, "Jobs done.").sample(&[("queue", "mail")], 12.0);
/// page.family("wait_seconds", MetricType::Histogram, "").histogram(&[], &[(0.5, 3), (1.0, 4)], 2.5, 5);
/// assert_eq!(page.as_str(), r#"# HELP jobs_total Jobs done.
/// ## TYPE jobs_total counter
/// jobs_total{queue="mail"} 12
/// ## TYPE wait_seconds histogram
/// wait_seconds_bucket{le="0.5"} 3
/// wait_seconds_bucket{le="1"} 4
/// wait_seconds_bucket{le="+Inf"} 5
/// wait_seconds_sum 2.5
/// wait_seconds_count 5
/// "#);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    out: String,
    quoted_names: bool,
}

impl Encoder {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty page that reuses a buffer; what is in it is dropped.
    #[must_use]
    pub fn with_buffer(mut buffer: String) -> Self {
        buffer.clear();
        Encoder { out: buffer, quoted_names: false }
    }

    /// Starts a family: `# HELP` if there is a text, and `# TYPE`. The text format has fewer types than OpenMetrics:
    /// a gauge histogram is written as histogram, info and state set as gauge.
    pub fn family<'e>(&'e mut self, name: &'e str, metric_type: MetricType, help: &str) -> Family<'e> {
        if !help.is_empty() {
            self.out.push_str("# HELP ");
            self.push_family_name(name);
            self.out.push(' ');
            push_help(&mut self.out, help);
            self.out.push('\n');
        }
        self.out.push_str("# TYPE ");
        self.push_family_name(name);
        self.out.push(' ');
        self.out.push_str(type_text(metric_type));
        self.out.push('\n');
        Family { page: self, name }
    }

    /// The page so far.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.out
    }

    /// The page.
    #[must_use]
    pub fn into_string(self) -> String {
        self.out
    }

    /// The `Content-Type` of the page: version 0.0.4 unless a name had to be quoted.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        if self.quoted_names { TEXT_1_0_0 } else { TEXT_0_0_4 }
    }

    fn push_family_name(&mut self, name: &str) {
        if is_legacy_metric_name(name) {
            self.out.push_str(name);
        } else {
            self.quoted_names = true;
            self.push_quoted(&[name]);
        }
    }

    fn push_quoted(&mut self, parts: &[&str]) {
        self.out.push('"');
        for part in parts {
            push_quoted_body(&mut self.out, part);
        }
        self.out.push('"');
    }

    fn push_label(&mut self, name: &str, value: &str) {
        if is_legacy_label_name(name) {
            self.out.push_str(name);
        } else {
            self.quoted_names = true;
            self.push_quoted(&[name]);
        }
        self.out.push('=');
        self.push_quoted(&[value]);
    }
}

fn type_text(metric_type: MetricType) -> &'static str {
    match metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => "gauge",
        MetricType::Histogram | MetricType::GaugeHistogram => "histogram",
        MetricType::Summary => "summary",
        MetricType::Unknown => "untyped",
    }
}

/// Writes the samples of one family.
#[derive(Debug)]
pub struct Family<'e> {
    page: &'e mut Encoder,
    name: &'e str,
}

/// One sample line: `name` + `suffix`, labels and one label more.
struct Line<'s> {
    suffix: &'static str,
    labels: &'s [(&'s str, &'s str)],
    bound: Option<(&'static str, f64)>,
    value: f64,
    timestamp_ms: Option<i64>,
}

impl Family<'_> {
    /// A sample that the scraper dates.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.plain("", labels, value, None)
    }

    /// A sample with its time, milliseconds since the epoch. The format has no negative times: those are left out,
    /// and the scraper dates the sample.
    pub fn sample_at(&mut self, labels: &[(&str, &str)], value: f64, timestamp_ms: i64) -> &mut Self {
        self.plain("", labels, value, Some(timestamp_ms))
    }

    /// A classic histogram: upper bounds with cumulative counts, ascending; sum and count of all observations. A
    /// bucket for `+Inf` is added where there is none.
    pub fn histogram(&mut self, labels: &[(&str, &str)], buckets: &[(f64, u64)], sum: f64, count: u64) -> &mut Self {
        for (bound, count) in buckets {
            self.bounded("_bucket", labels, (BUCKET_LABEL, *bound), *count as f64);
        }
        if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            self.bounded("_bucket", labels, (BUCKET_LABEL, f64::INFINITY), count as f64);
        }
        self.sum_and_count(labels, sum, count)
    }

    /// A summary: quantiles with their values, sum and count of all observations.
    pub fn summary(&mut self, labels: &[(&str, &str)], quantiles: &[(f64, f64)], sum: f64, count: u64) -> &mut Self {
        for (quantile, value) in quantiles {
            self.bounded("", labels, (QUANTILE_LABEL, *quantile), *value);
        }
        self.sum_and_count(labels, sum, count)
    }

    fn sum_and_count(&mut self, labels: &[(&str, &str)], sum: f64, count: u64) -> &mut Self {
        self.plain("_sum", labels, sum, None).plain("_count", labels, count as f64, None)
    }

    fn plain(
        &mut self,
        suffix: &'static str,
        labels: &[(&str, &str)],
        value: f64,
        timestamp_ms: Option<i64>,
    ) -> &mut Self {
        self.line(&Line { suffix, labels, bound: None, value, timestamp_ms })
    }

    fn bounded(&mut self, suffix: &'static str, labels: &[(&str, &str)], bound: (&'static str, f64), value: f64) {
        self.line(&Line { suffix, labels, bound: Some(bound), value, timestamp_ms: None });
    }

    fn line(&mut self, line: &Line<'_>) -> &mut Self {
        self.push_series(line);
        let out = &mut self.page.out;
        out.push(' ');
        push_value(out, line.value);
        if let Some(timestamp_ms) = line.timestamp_ms.filter(|t| *t >= 0) {
            out.push(' ');
            out.push_str(&timestamp_ms.to_string());
        }
        out.push('\n');
        self
    }

    /// `name{…}`, or `{"name",…}` where the name must be quoted.
    fn push_series(&mut self, line: &Line<'_>) {
        let page = &mut *self.page;
        let mut separator = '{';
        if is_legacy_metric_name(self.name) {
            page.out.push_str(self.name);
            page.out.push_str(line.suffix);
        } else {
            page.quoted_names = true;
            page.out.push('{');
            page.push_quoted(&[self.name, line.suffix]);
            separator = ',';
        }
        for (name, value) in line.labels {
            page.out.push(separator);
            page.push_label(name, value);
            separator = ',';
        }
        if let Some((name, bound)) = line.bound {
            page.out.push(separator);
            let mut text = String::new();
            push_value(&mut text, bound);
            page.push_label(name, &text);
            separator = ',';
        }
        if separator == ',' {
            page.out.push('}');
        }
    }
}

/// Zero is written without a sign, as Prometheus' client libraries do.
fn push_value(out: &mut String, value: f64) {
    push_g(out, if value == 0.0 { 0.0 } else { value });
}
