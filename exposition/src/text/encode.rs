//! Writing pages.

use promethium_model::MetricType;
use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL};

use crate::content_type::{TEXT_0_0_4, TEXT_1_0_0};
use crate::encode::{Lines, push_text_head, push_text_timestamp};

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
    lines: Lines,
}

impl Encoder {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty page that reuses a buffer; what is in it is dropped.
    #[must_use]
    pub fn with_buffer(buffer: String) -> Self {
        Encoder { lines: Lines::with_buffer(buffer) }
    }

    /// Starts a family: `# HELP` if there is a text, and `# TYPE`. The text format has fewer types than OpenMetrics:
    /// a gauge histogram is written as histogram, info and state set as gauge.
    pub fn family<'e>(&'e mut self, name: &'e str, metric_type: MetricType, help: &str) -> Family<'e> {
        push_text_head(&mut self.lines, name, metric_type, help);
        Family { lines: &mut self.lines, name }
    }

    /// The page so far. Looks over all of it: ask once it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.lines.out.as_str()
    }

    /// The page.
    #[must_use]
    pub fn into_string(self) -> String {
        self.lines.out.into_string()
    }

    /// The `Content-Type` of the page: version 0.0.4 unless a name had to be quoted.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        if self.lines.quoted_names { TEXT_1_0_0 } else { TEXT_0_0_4 }
    }
}

/// Writes the samples of one family.
#[derive(Debug)]
pub struct Family<'e> {
    lines: &'e mut Lines,
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
        let lines = &mut *self.lines;
        lines.push_series((self.name, line.suffix), line.labels, line.bound);
        lines.out.push(' ');
        lines.push_number(line.value);
        push_text_timestamp(lines, line.timestamp_ms);
        lines.out.push('\n');
        self
    }
}
