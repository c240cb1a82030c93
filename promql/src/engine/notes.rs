//! Warnings and infos, with the place that they speak of.

use std::cell::RefCell;

use promethium_model::float::format_g;
use promethium_model::quote::go_quoted;
use promethium_model::{Annotations, Position};

use super::function::{MonotonicityFix, rfc3339};

use crate::parser::Span;

/// Collects the annotations of one query.
pub(crate) struct Notes<'a> {
    query: &'a str,
    annotations: RefCell<Annotations>,
    fixes: RefCell<Vec<Fixes>>,
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
        Notes { query, annotations: RefCell::default(), fixes: RefCell::default() }
    }

    pub(crate) fn warn(&self, span: Span, text: impl Into<String>) {
        self.annotations.borrow_mut().warn(text, Some(self.position(span)));
    }

    pub(crate) fn info(&self, span: Span, text: impl Into<String>) {
        self.annotations.borrow_mut().info(text, Some(self.position(span)));
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
                let metric = metric.to_owned();
                fixes.push(Fixes { span, metric, worst: fix, samples: 1, first_ms: time_ms, last_ms: time_ms });
            }
        }
    }

    /// All that was said so far.
    pub(crate) fn take(&self) -> Annotations {
        for fixes in self.fixes.take() {
            self.info(fixes.span, fixes.text());
        }
        self.annotations.take()
    }

    fn position(&self, span: Span) -> Position {
        Position::of(self.query, span.start as usize)
    }
}
