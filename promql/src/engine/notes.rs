//! Warnings and infos, with the place that they speak of.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::mem::size_of;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use promethium_model::float::format_g;
use promethium_model::quote::go_quoted;
use promethium_model::{Annotation, Annotations, Position, Severity};

use super::budget::{Budget, table_bytes};
use super::function::{MonotonicityFix, rfc3339};

use crate::parser::{ExprId, Span};

/// What a remark is about, and who makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Whose start the remark names.
    span: Span,
    /// The node that speaks. Operands come before what is made of them: when Prometheus evaluates one after the other, equal
    /// remarks name the place of the last. Series that stream through several nodes speak in another order.
    turn: u32,
}

impl Origin {
    pub(crate) fn new(speaker: ExprId, span: Span) -> Origin {
        Origin { span, turn: speaker.index() as u32 }
    }

    /// For an evaluator that goes node by node anyway.
    pub(crate) fn in_order(span: Span) -> Origin {
        Origin { span, turn: 0 }
    }
}

/// Remarks, each text once, in the order in which they came.
#[derive(Default)]
struct Said {
    remarks: Vec<(Annotation, u32)>,
    index: HashTable<usize>,
    hasher: FixedState,
}

impl Said {
    /// Whether the text is a new one.
    fn add(&mut self, annotation: Annotation, turn: u32) -> bool {
        let Said { remarks, index, hasher } = self;
        let hash = |a: &Annotation| hasher.hash_one((a.severity, &a.text));
        let same = |i: &usize| remarks[*i].0.severity == annotation.severity && remarks[*i].0.text == annotation.text;
        if let Some(known) = index.find(hash(&annotation), same) {
            let (known, last) = &mut remarks[*known];
            if turn >= *last {
                (known.position, *last) = (annotation.position, turn);
            }
            return false;
        }
        index.insert_unique(hash(&annotation), remarks.len(), |i| hash(&remarks[*i].0));
        remarks.push((annotation, turn));
        true
    }
}

/// Bytes of the longest text about a metric, its name apart.
const LONGEST_TEXT: usize = 400;

/// Collects the annotations of one query.
pub(crate) struct Notes<'a> {
    query: &'a str,
    /// Counts what is said, where it is limited.
    budget: Option<&'a Budget<'a>>,
    said: RefCell<Said>,
    fixes: RefCell<Vec<Fixes>>,
    overlaps: RefCell<Vec<Overlaps>>,
}

/// The series of one metric with overlapping start times.
struct Overlaps {
    /// Who spoke of them first.
    origin: Origin,
    metric: String,
    series: usize,
}

/// All repairs of one metric's buckets.
struct Fixes {
    /// Who spoke of them first.
    origin: Origin,
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
        let (said, fixes, overlaps) = (RefCell::default(), RefCell::default(), RefCell::default());
        Notes { query, budget: None, said, fixes, overlaps }
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
        other.said.into_inner().remarks.into_iter().for_each(|(annotation, turn)| self.add(annotation, turn));
        other.overlaps.into_inner().into_iter().for_each(|overlaps| self.add_overlaps(overlaps));
        debug_assert!(other.fixes.borrow().is_empty(), "buckets are repaired on the query's own thread");
    }

    /// Adds what `other` collected over one series, window by window: overlaps count once.
    pub(crate) fn absorb_series(&self, other: Notes<'_>) {
        other.overlaps.borrow_mut().iter_mut().for_each(|overlaps| overlaps.series = 1);
        self.absorb(other);
    }

    pub(crate) fn warn(&self, origin: Origin, text: impl Into<String>) {
        self.say(Severity::Warning, origin, text.into());
    }

    pub(crate) fn info(&self, origin: Origin, text: impl Into<String>) {
        self.say(Severity::Info, origin, text.into());
    }

    fn say(&self, severity: Severity, origin: Origin, text: String) {
        let position = Some(Position::of(self.query, origin.span.start as usize));
        self.add(Annotation { severity, text, position }, origin.turn);
    }

    fn add(&self, annotation: Annotation, turn: u32) {
        let bytes = annotation.text.len();
        if self.said.borrow_mut().add(annotation, turn) {
            self.count(bytes);
        }
    }

    /// Counts a text that is kept to the end.
    fn count(&self, bytes: usize) {
        if let Some(budget) = self.budget {
            budget.keep(bytes + table_bytes(1, size_of::<(Annotation, u32)>() + size_of::<usize>()));
        }
    }

    /// What storage had to say.
    pub(crate) fn merge(&self, other: &Annotations) {
        other.iter().for_each(|annotation| self.add(annotation.clone(), 0));
    }

    /// The buckets of a classic histogram were repaired at a step: one info a metric tells of all its repairs.
    pub(crate) fn fixed_monotonicity(&self, origin: Origin, metric: &str, fix: MonotonicityFix, time_ms: i64) {
        let mut fixes = self.fixes.borrow_mut();
        match fixes.iter_mut().find(|f| f.metric == metric) {
            Some(known) => {
                known.origin = first_of(known.origin, origin);
                known.add(fix, time_ms);
            }
            None => {
                self.count(2 * metric.len() + LONGEST_TEXT);
                let metric = metric.to_owned();
                fixes.push(Fixes { origin, metric, worst: fix, samples: 1, first_ms: time_ms, last_ms: time_ms });
            }
        }
    }

    /// A series has samples that started before the sample ahead of them: one warning a metric counts its series.
    pub(crate) fn overlapping_start_time(&self, origin: Origin, metric: &str) {
        self.add_overlaps(Overlaps { origin, metric: metric.to_owned(), series: 1 });
    }

    fn add_overlaps(&self, more: Overlaps) {
        let mut overlaps = self.overlaps.borrow_mut();
        match overlaps.iter_mut().find(|known| known.metric == more.metric) {
            Some(known) => {
                known.origin = first_of(known.origin, more.origin);
                known.series += more.series;
            }
            None => {
                self.count(2 * more.metric.len() + LONGEST_TEXT);
                overlaps.push(more);
            }
        }
    }

    /// All that was said so far.
    pub(crate) fn take(&self) -> Annotations {
        for Overlaps { origin, metric, series } in self.overlaps.take() {
            let metric = go_quoted(&metric);
            let times = if series > 1 { format!(" ({series} occurrences)") } else { String::new() };
            let text = "sample has start time that overlaps with previous sample timestamp for metric";
            self.warn(origin, format!("{text} {metric}{times}"));
        }
        for fixes in self.fixes.take() {
            self.info(fixes.origin, fixes.text());
        }
        let mut annotations = Annotations::new();
        self.said.take().remarks.into_iter().for_each(|(annotation, _)| annotations.add(annotation));
        annotations
    }
}

fn first_of(a: Origin, b: Origin) -> Origin {
    if b.turn < a.turn { b } else { a }
}
