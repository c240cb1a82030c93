//! OpenMetrics.

use promethium_model::MetricType;
use promethium_model::labels::{BUCKET_LABEL, QUANTILE_LABEL};

use super::lines::{Lines, Numbers};
use super::{EncodeError, EncodeOptions};
use crate::escape::push_quoted_body;
use crate::event::NativeHistogram;
use crate::family::{ExemplarValue, Family, HistogramValue, Metric, MetricValue, SummaryValue};

pub(super) fn encode(families: &[Family], options: &EncodeOptions) -> Result<Vec<u8>, EncodeError> {
    let mut page = Page { lines: Lines::new(options.escaping, Numbers::OpenMetrics), created: options.created_lines };
    families.iter().try_for_each(|family| page.push_family(family))?;
    page.lines.out.push_str("# EOF\n");
    Ok(page.lines.out.into_bytes())
}

struct Page {
    lines: Lines,
    created: bool,
}

/// How a family is named where it is described, and where its samples are.
struct Names<'f> {
    family: &'f str,
    metric_type: MetricType,
    /// What a sample of a single value has behind the family's name.
    suffix: &'static str,
    count: &'static str,
    sum: &'static str,
}

impl<'f> Names<'f> {
    /// A counter or an info without its suffix is written as a family of unknown type.
    fn of(family: &'f Family) -> Self {
        let (base, suffix, metric_type) = match family.metric_type {
            MetricType::Counter => with_suffix(family, "_total"),
            MetricType::Info => with_suffix(family, "_info"),
            other => (family.name.as_str(), "", other),
        };
        let gauge = metric_type == MetricType::GaugeHistogram;
        let (count, sum) = if gauge { ("_gcount", "_gsum") } else { ("_count", "_sum") };
        Names { family: base, metric_type, suffix, count, sum }
    }
}

fn with_suffix<'f>(family: &'f Family, suffix: &'static str) -> (&'f str, &'static str, MetricType) {
    match family.name.strip_suffix(suffix) {
        Some(base) if !base.is_empty() => (base, suffix, family.metric_type),
        _ => (&family.name, "", MetricType::Unknown),
    }
}

/// One line's share of a metric.
struct Line<'l> {
    name: (&'l str, &'l str),
    bound: Option<(&'l str, f64)>,
    exemplar: Option<&'l ExemplarValue>,
}

impl Page {
    fn push_family(&mut self, family: &Family) -> Result<(), EncodeError> {
        let names = Names::of(family);
        self.push_head(family, &names);
        for metric in &family.metrics {
            match &metric.value {
                MetricValue::Single { value, exemplar } => self.push_single(&names, metric, *value, exemplar.as_ref()),
                MetricValue::Summary(summary) => self.push_summary(&names, metric, summary),
                MetricValue::Histogram(histogram) => self.push_histogram(&names, metric, histogram)?,
            }
            self.push_created(&names, metric);
        }
        Ok(())
    }

    fn push_head(&mut self, family: &Family, names: &Names<'_>) {
        if !family.help.is_empty() {
            self.lines.push_metadata("HELP", names.family);
            push_quoted_body(&mut self.lines.out, &family.help);
            self.lines.out.push('\n');
        }
        self.lines.push_metadata("TYPE", names.family);
        self.lines.out.push_str(names.metric_type.as_str());
        self.lines.out.push('\n');
        let unit = &family.unit;
        if !unit.is_empty() && names.family.strip_suffix(unit.as_str()).is_some_and(|rest| rest.ends_with('_')) {
            self.lines.push_metadata("UNIT", names.family);
            self.lines.out.push_str(unit);
            self.lines.out.push('\n');
        }
    }

    fn push_single(&mut self, names: &Names<'_>, metric: &Metric, value: f64, exemplar: Option<&ExemplarValue>) {
        let exemplar = exemplar.filter(|_| names.metric_type == MetricType::Counter);
        let line = Line { name: (names.family, names.suffix), bound: None, exemplar };
        self.push_line(metric, &line, |lines| lines.push_number(value));
    }

    fn push_summary(&mut self, names: &Names<'_>, metric: &Metric, summary: &SummaryValue) {
        for (quantile, value) in &summary.quantiles {
            let line = Line { name: (names.family, ""), bound: Some((QUANTILE_LABEL, *quantile)), exemplar: None };
            self.push_line(metric, &line, |lines| lines.push_number(*value));
        }
        self.push_sum_and_count(names, metric, (summary.sum, summary.count));
    }

    fn push_histogram(
        &mut self,
        names: &Names<'_>,
        metric: &Metric,
        histogram: &HistogramValue,
    ) -> Result<(), EncodeError> {
        if is_float(histogram) {
            return Err(EncodeError::FloatHistogram { name: names.family.to_owned() });
        }
        let bucket = |bound: f64, exemplar| Line {
            name: (names.family, "_bucket"),
            bound: Some((BUCKET_LABEL, bound)),
            exemplar,
        };
        for b in &histogram.buckets {
            let line = bucket(b.upper_bound, b.exemplar.as_ref());
            self.push_line(metric, &line, |lines| lines.push_count(b.cumulative_count));
        }
        let count = histogram.count.or(histogram.native.as_ref().map(|_| histogram.total()));
        if histogram.buckets.last().is_none_or(|b| b.upper_bound != f64::INFINITY) {
            let total = histogram.total();
            self.push_line(metric, &bucket(f64::INFINITY, None), |lines| lines.push_count(total));
        }
        self.push_sum_and_count(names, metric, (histogram.known_sum(), count));
        Ok(())
    }

    fn push_sum_and_count(&mut self, names: &Names<'_>, metric: &Metric, (sum, count): (Option<f64>, Option<f64>)) {
        if let Some(sum) = sum {
            let line = Line { name: (names.family, names.sum), bound: None, exemplar: None };
            self.push_line(metric, &line, |lines| lines.push_number(sum));
        }
        if let Some(count) = count {
            let line = Line { name: (names.family, names.count), bound: None, exemplar: None };
            self.push_line(metric, &line, |lines| lines.push_count(count));
        }
    }

    /// Only types that count have a creation time.
    fn push_created(&mut self, names: &Names<'_>, metric: &Metric) {
        let counts = matches!(names.metric_type, MetricType::Counter | MetricType::Summary | MetricType::Histogram);
        let Some(start_ms) = metric.start_timestamp_ms.filter(|_| self.created && counts) else { return };
        let line = Line { name: (names.family, "_created"), bound: None, exemplar: None };
        self.push_line(metric, &line, |lines| lines.push_number(start_ms as f64 / 1_000.0));
    }

    fn push_line(&mut self, metric: &Metric, line: &Line<'_>, value: impl FnOnce(&mut Lines)) {
        let lines = &mut self.lines;
        lines.push_series(line.name, &metric.labels, line.bound);
        lines.out.push(' ');
        value(lines);
        push_timestamp(lines, metric.timestamp_ms);
        if let Some(exemplar) = line.exemplar {
            lines.out.push_str(" # ");
            lines.push_braces(&exemplar.labels);
            lines.out.push(' ');
            lines.push_number(exemplar.value);
            push_timestamp(lines, exemplar.timestamp_ms);
        }
        lines.out.push('\n');
    }
}

fn push_timestamp(lines: &mut Lines, timestamp_ms: Option<i64>) {
    if let Some(timestamp_ms) = timestamp_ms {
        lines.out.push(' ');
        lines.push_number(seconds(timestamp_ms));
    }
}

/// Milliseconds as seconds: those that are read as these milliseconds again, where a float can say them.
fn seconds(ms: i64) -> f64 {
    let seconds = ms as f64 / 1_000.0;
    let reads_back = |s: &f64| (s * 1_000.0) as i64 == ms;
    let away_from_zero = if ms < 0 { seconds.next_down() } else { seconds.next_up() };
    if reads_back(&seconds) || !reads_back(&away_from_zero) { seconds } else { away_from_zero }
}

fn is_float(histogram: &HistogramValue) -> bool {
    let fraction = |count: f64| count.fract() != 0.0;
    matches!(histogram.native, Some(NativeHistogram::Float(_)))
        || histogram.count.is_some_and(fraction)
        || histogram.buckets.iter().any(|b| fraction(b.cumulative_count))
}
