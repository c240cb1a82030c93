//! Warnings and infos, with the place that they speak of.

use std::cell::RefCell;
use std::mem::size_of;

use promethium_model::float::format_g;
use promethium_model::quote::go_quoted;
use promethium_model::{Annotation, Annotations, Position, Severity};

use super::budget::{Budget, table_bytes};
use super::function::{MonotonicityFix, rfc3339};

use crate::parser::Span;

/// Bytes of the longest text about a metric, its name apart.
const LONGEST_TEXT: usize = 400;

/// Collects the annotations of one query.
pub(crate) struct Notes<'a> {
    query: &'a str,
    /// Counts what is said, where it is limited.
    budget: Option<&'a Budget<'a>>,
    annotations: RefCell<Annotations>,
    fixes: RefCell<Vec<Fixes>>,
    /// Metrics with overlapping start times, and in how many series.
    overlaps: RefCell<Vec<(Span, String, usize)>>,
}

/// All repairs of one metric's buckets.
struct Fixes {
    span: Span,
    metric: String,
    worst: MonotonicityFix,
    samples: usize,
    first_ms: i64,
    last_ms: i64,
}

impl Fixes {
    fn add(&mut self, fix: MonotonicityFix, time_ms: i64) {
        self.worst.from_bucket = self.worst.from_bucket.min(fix.from_bucket);
        self.worst.to_bucket = self.worst.to_bucket.max(fix.to_bucket);
        self.worst.max_difference = self.worst.max_difference.max(fix.max_difference);
        self.samples += 1;
        self.first_ms = self.first_ms.min(time_ms);
        self.last_ms = self.last_ms.max(time_ms);
    }

    fn text(&self) -> String {
        let link = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile";
        let metric = if self.metric.is_empty() {
            String::new()
        } else {
            format!(" for metric name {}", go_quoted(&self.metric))
        };
        let (from, to) = (format_g(self.worst.from_bucket), format_g(self.worst.to_bucket));
        let difference = two_digits(self.worst.max_difference);
        let (n, first, last) = (self.samples, rfc3339(self.first_ms), rfc3339(self.last_ms));
        format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see {link}){metric}, from buckets {from} to {to}, with a max diff of {difference}, over {n} samples from {first} to {last}"
        )
    }
}

/// Go's `%.2g`.
fn two_digits(v: f64) -> String {
    let rounded: f64 = format!("{v:.1e}").parse().unwrap_or(v);
    if rounded.is_finite() && (rounded.abs() >= 100.0) {
        promethium_model::float::format_e(rounded)
    } else {
        format_g(rounded)
    }
}

impl<'a> Notes<'a> {
    pub(crate) fn new(query: &'a str) -> Self {
        let (annotations, fixes, overlaps) = (RefCell::default(), RefCell::default(), RefCell::default());
        Notes { query, budget: None, annotations, fixes, overlaps }
    }

    /// Notes that count against a budget: a query over many metrics can have something to say of each.
    pub(crate) fn counted(query: &'a str, budget: &'a Budget<'a>) -> Self {
        Notes { budget: Some(budget), ..Notes::new(query) }
    }

    /// The text that positions are counted in.
    pub(crate) fn query(&self) -> &'a str {
        self.query
    }

    /// Adds all that `other` collected, as if it had been said here.
    pub(crate) fn absorb(&self, other: Notes<'_>) {
        self.merge(other.annotations.into_inner());
        for (span, metric, series) in other.overlaps.into_inner() {
            self.add_overlaps(span, metric, series);
        }
        debug_assert!(other.fixes.borrow().is_empty(), "buckets are repaired on the query's own thread");
    }

    /// Adds what `other` collected over one series, window by window: overlaps count once.
    pub(crate) fn absorb_series(&self, other: Notes<'_>) {
        other.overlaps.borrow_mut().iter_mut().for_each(|(_, _, series)| *series = 1);
        self.absorb(other);
    }

    pub(crate) fn warn(&self, span: Span, text: impl Into<String>) {
        self.say(Severity::Warning, span, text.into());
    }

    pub(crate) fn info(&self, span: Span, text: impl Into<String>) {
        self.say(Severity::Info, span, text.into());
    }

    fn say(&self, severity: Severity, span: Span, text: String) {
        let mut annotations = self.annotations.borrow_mut();
        let (known, bytes) = (annotations.len(), text.len());
        annotations.add(Annotation { severity, text, position: Some(self.position(span)) });
        if annotations.len() > known {
            self.count(bytes);
        }
    }

    /// Counts a text that is kept to the end.
    fn count(&self, bytes: usize) {
        if let Some(budget) = self.budget {
            budget.keep(bytes + table_bytes(1, size_of::<Annotation>() + size_of::<usize>()));
        }
    }

    /// What storage had to say.
    pub(crate) fn merge(&self, other: Annotations) {
        self.annotations.borrow_mut().merge(other);
    }

    /// The buckets of a classic histogram were repaired at a step: one info a metric tells of all its repairs.
    pub(crate) fn fixed_monotonicity(&self, span: Span, metric: &str, fix: MonotonicityFix, time_ms: i64) {
        let mut fixes = self.fixes.borrow_mut();
        match fixes.iter_mut().find(|f| f.metric == metric) {
            Some(known) => known.add(fix, time_ms),
            None => {
                self.count(2 * metric.len() + LONGEST_TEXT);
                let metric = metric.to_owned();
                fixes.push(Fixes { span, metric, worst: fix, samples: 1, first_ms: time_ms, last_ms: time_ms });
            }
        }
    }

    /// A series has samples that started before the sample ahead of them: one warning a metric counts its series.
    pub(crate) fn overlapping_start_time(&self, span: Span, metric: &str) {
        self.add_overlaps(span, metric.to_owned(), 1);
    }

    fn add_overlaps(&self, span: Span, metric: String, series: usize) {
        let mut overlaps = self.overlaps.borrow_mut();
        match overlaps.iter_mut().find(|(_, m, _)| *m == metric) {
            Some((_, _, known)) => *known += series,
            None => {
                self.count(2 * metric.len() + LONGEST_TEXT);
                overlaps.push((span, metric, series));
            }
        }
    }

    /// All that was said so far.
    pub(crate) fn take(&self) -> Annotations {
        for (span, metric, series) in self.overlaps.take() {
            let metric = go_quoted(&metric);
            let times = if series > 1 { format!(" ({series} occurrences)") } else { String::new() };
            let text = "sample has start time that overlaps with previous sample timestamp for metric";
            self.warn(span, format!("{text} {metric}{times}"));
        }
        for fixes in self.fixes.take() {
            self.info(fixes.span, fixes.text());
        }
        self.annotations.take()
    }

    fn position(&self, span: Span) -> Position {
        Position::of(self.query, span.start as usize)
    }
}
