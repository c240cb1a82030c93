//! Expressions that nobody thought of: grown from a fixed seed.
//!
//! The grammar keeps around the same differences as the file of expressions: no subquery within a subquery, no extremes,
//! no values that tie or cancel.

use crate::data::Random;
use crate::expressions::{Expression, Mark};

/// Nesting of operators and functions.
const DEPTH: u32 = 3;

const COUNTERS: [&str; 7] = [
    "http_requests_total",
    "http_requests_total{method=\"get\"}",
    "http_requests_total{code!~\"4..\"}",
    "node_cpu_seconds_total",
    "node_cpu_seconds_total{cpu=\"0\"}",
    "job_runs_total",
    "request_duration_seconds_bucket",
];
const GAUGES: [&str; 5] = ["memory_used_bytes", "memory_limit_bytes", "temperature_celsius", "up", "pod_restarts"];
const LABELS: [&str; 8] = ["", "job", "instance", "job, instance", "zone", "code, method", "mode", "le, job"];
const MODIFIERS: [&str; 8] = ["", "", "", "", " offset 7m", " offset -4m", " @ end()", " @ 1717203600.5"];
const RANGES: [&str; 5] = ["1m", "4m", "5m", "13m", "40m"];
/// Of subqueries: at least one step lies in each, since 2.42 evaluates what `@` pins even where none does.
const SUBQUERY_RANGES: [&str; 3] = ["4m", "13m", "40m"];
const SUBQUERY_STEPS: [&str; 4] = ["", "19s", "61s", "3m"];
/// Of counters alone: what falls counts as a reset, and brings zero near.
const COUNTER_WINDOWS: [&str; 3] = ["rate", "increase", "irate"];
/// Of samples alone: over the values of a subquery, these may differ by rounding alone.
const SAMPLE_WINDOWS: [&str; 6] = ["delta", "idelta", "stddev_over_time", "stdvar_over_time", "changes", "resets"];
const WINDOWS: [&str; 8] = [
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "absent_over_time",
];
const FUNCTIONS: [&str; 8] = ["abs", "sqrt", "ln", "timestamp", "absent", "-", "+", "atan"];
const AGGREGATIONS: [&str; 6] = ["sum", "avg", "min", "max", "count", "group"];
const SCALARS: [&str; 6] = ["2", "0.75", "-3", "time()", "scalar(up{target=\"t1\"})", "1e9"];
const ARITHMETIC: [&str; 4] = ["+", "*", "/", "-"];
const COMPARISONS: [&str; 6] = ["<", ">", "<=", ">=", "!=", "=="];
const SETS: [&str; 3] = ["and", "or", "unless"];

/// `count` expressions. Where 2.42 refuses one, which series its words name depends on the order of series.
pub(crate) fn expressions(count: usize) -> Vec<Expression> {
    let mut grower = Grower { random: Random::new(1_717_200_000), in_subquery: false };
    let grown = std::iter::repeat_with(|| grower.vector(DEPTH)).take(count);
    grown.map(|text| Expression { theirs: text.clone(), ours: text, mark: Mark::AnyWords }).collect()
}

struct Grower {
    random: Random,
    in_subquery: bool,
}

impl Grower {
    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.random.below(from.len() as u64) as usize]
    }

    fn metric(&mut self) -> &'static str {
        if self.random.below(2) == 0 { self.pick(&COUNTERS) } else { self.pick(&GAUGES) }
    }

    fn selector(&mut self) -> String {
        format!("{}{}", self.metric(), self.pick(&MODIFIERS))
    }

    fn vector(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.selector();
        }
        match self.random.below(10) {
            0 => self.selector(),
            1 | 2 => self.aggregation(depth),
            3 | 4 => self.window(depth),
            5 => format!("{}({})", self.pick(&FUNCTIONS), self.vector(depth - 1)),
            6 => self.with_scalar(depth),
            7 => self.between_vectors(depth),
            8 => self.set(depth),
            _ => self.labels(depth),
        }
    }

    fn aggregation(&mut self, depth: u32) -> String {
        let (keep, labels) = (self.pick(&["by", "without"]), self.pick(&LABELS));
        let inner = self.vector(depth - 1);
        match self.random.below(8) {
            0 => format!("quantile {keep} ({labels}) (0.3, {inner})"),
            1 => format!("histogram_quantile(0.9, sum by (le, {labels}) ({inner}))").replace("le, )", "le)"),
            _ => format!("{} {keep} ({labels}) ({inner})", self.pick(&AGGREGATIONS)),
        }
    }

    fn window(&mut self, depth: u32) -> String {
        let (range, modifier) = (self.pick(&RANGES), self.pick(&MODIFIERS));
        if self.in_subquery || self.random.below(2) == 0 {
            let (function, metric) = match self.random.below(4) {
                0 | 1 => (self.pick(&COUNTER_WINDOWS), self.pick(&COUNTERS)),
                2 => (self.pick(&SAMPLE_WINDOWS), self.metric()),
                _ => (self.pick(&WINDOWS), self.metric()),
            };
            return format!("{function}({metric}[{range}]{modifier})");
        }
        self.in_subquery = true;
        let inner = self.vector(depth - 1);
        self.in_subquery = false;
        let (range, step) = (self.pick(&SUBQUERY_RANGES), self.pick(&SUBQUERY_STEPS));
        format!("{}(({inner})[{range}:{step}]{modifier})", self.pick(&WINDOWS))
    }

    fn with_scalar(&mut self, depth: u32) -> String {
        let operator = match self.random.below(4) {
            0 => self.pick(&COMPARISONS).to_owned(),
            1 => format!("{} bool", self.pick(&COMPARISONS)),
            _ => self.pick(&ARITHMETIC).to_owned(),
        };
        let (vector, scalar) = (self.vector(depth - 1), self.pick(&SCALARS));
        if self.random.below(2) == 0 {
            format!("(({vector}) {operator} {scalar})")
        } else {
            format!("({scalar} {operator} ({vector}))")
        }
    }

    fn matching(&mut self) -> String {
        format!("{} ({})", self.pick(&["on", "ignoring"]), self.pick(&LABELS))
    }

    fn between_vectors(&mut self, depth: u32) -> String {
        let matching = if self.random.below(3) == 0 { String::new() } else { self.matching() };
        let side =
            if matching.is_empty() { "" } else { self.pick(&["", "group_left", "group_right", "group_left (zone)"]) };
        // One side is often aggregated to the matching labels, so that matches are unique.
        let left = self.vector(depth - 1);
        let right = match matching.strip_prefix("on ") {
            Some(labels) if side.starts_with("group_left") => format!("sum by {labels} ({})", self.vector(depth - 1)),
            _ => self.vector(depth - 1),
        };
        format!("(({left}) {} {matching} {side} ({right}))", self.pick(&ARITHMETIC))
    }

    fn set(&mut self, depth: u32) -> String {
        let matching = if self.random.below(2) == 0 { String::new() } else { self.matching() };
        format!("(({}) {} {matching} ({}))", self.vector(depth - 1), self.pick(&SETS), self.vector(depth - 1))
    }

    fn labels(&mut self, depth: u32) -> String {
        let inner = self.vector(depth - 1);
        match self.random.below(3) {
            0 => format!("label_replace({inner}, \"zone\", \"$1-z\", \"instance\", \"(.).*\")"),
            1 => format!("label_replace({inner}, \"instance\", \"\", \"instance\", \"a.*\")"),
            _ => format!("label_join({inner}, \"job\", \"/\", \"job\", \"target\", \"phase\")"),
        }
    }
}
