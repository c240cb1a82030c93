//! `dump`: every sample, one a line, as `promtool tsdb dump` prints them.

use std::io::Write;

use promethium_model::float::format_g;
use promethium_model::{
    FloatHistogram, Labels, Matcher, QueryCx, Queryable, SampleBatch, SelectHints, SeriesEntry, Severity, TimeRange,
};
use promethium_promql::parser::{ParserOptions, parse_selector};
use promethium_tsdb::{Db, DbOptions};

use crate::{Arguments, Failure, Out};

pub(crate) fn run(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let range = TimeRange::new(arguments.number("min-time", i64::MIN)?, arguments.number("max-time", i64::MAX)?);
    let selectors = selectors(arguments)?;
    let db = Db::open_read_only(arguments.dir(), DbOptions::default())?;
    let mut damaged = crate::report_damage(&db);
    let querier = db.querier(range)?;
    let whole = Vec::new();
    let asked = if let [one] = &selectors[..] { one } else { &whole };
    let mut set = querier.select(asked, &SelectHints::sorted(range), &QueryCx::unlimited())?;
    while let Some(series) = set.next_series()? {
        if selectors.len() < 2 || selectors.iter().any(|selector| accepts(selector, &series.labels)) {
            print(series, out)?;
        }
    }
    for warning in set.annotations().texts(Severity::Warning) {
        damaged += 1;
        eprintln!("warning: {warning}");
    }
    if damaged > 0 { Err("the dump is not complete: data is damaged".into()) } else { Ok(()) }
}

/// The series selectors that were given.
fn selectors(arguments: &Arguments) -> Result<Vec<Vec<Matcher>>, Failure> {
    let options = ParserOptions::default();
    let parse = |text: &str| parse_selector(text, &options).map_err(Failure::from);
    arguments.options("match").map(parse).collect()
}

fn accepts(selector: &[Matcher], labels: &Labels) -> bool {
    selector.iter().all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or_default()))
}

/// `{__name__="up", job="node"} 1 1717200000000`; native histograms, which promtool 2.42 leaves out, as promtool 3 prints
/// them.
fn print(mut series: SeriesEntry<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let labels = format!("{:?}", series.labels);
    let mut batch = SampleBatch::new();
    loop {
        batch.clear();
        if !series.samples.next_batch(&mut batch)? {
            return Ok(());
        }
        let mut histograms = batch.histograms.iter().peekable();
        for (row, (t, v)) in batch.timestamps.iter().zip(&batch.floats).enumerate() {
            match histograms.next_if(|(at, _)| *at as usize == row) {
                Some((_, histogram)) => writeln!(out, "{labels} {} {t}", shown(&histogram.to_float()))?,
                None => writeln!(out, "{labels} {} {t}", format_g(*v))?,
            }
        }
    }
}

/// `{count:12, sum:18.5, [-0.5,0.5]:3, (0.5,0.7]:1}`
fn shown(h: &FloatHistogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", format_g(h.count), format_g(h.sum));
    for (bound, count) in buckets(h, &h.negative_spans, &h.negative_buckets).into_iter().rev() {
        text.push_str(&format!(", [{},{}):{}", format_g(-bound.1), format_g(-bound.0), format_g(count)));
    }
    if h.zero_count != 0.0 {
        let edge = format_g(h.zero_threshold);
        text.push_str(&format!(", [-{edge},{edge}]:{}", format_g(h.zero_count)));
    }
    for (bound, count) in buckets(h, &h.positive_spans, &h.positive_buckets) {
        text.push_str(&format!(", ({},{}]:{}", format_g(bound.0), format_g(bound.1), format_g(count)));
    }
    text + "}"
}

/// Bounds and counts of the buckets of one side that are not empty.
fn buckets(h: &FloatHistogram, spans: &[promethium_model::Span], counts: &[f64]) -> Vec<((f64, f64), f64)> {
    use promethium_model::histogram::{CUSTOM_BUCKETS_SCHEMA, custom_bound, exponential_bound};
    let bound = |index: i64| match h.schema {
        CUSTOM_BUCKETS_SCHEMA => custom_bound(index, &h.custom_bounds),
        schema => exponential_bound(index, schema),
    };
    let mut end = 0_i64;
    let mut places = Vec::with_capacity(counts.len());
    for span in spans {
        let start = end + i64::from(span.offset);
        end = start + i64::from(span.length);
        places.extend(start..end);
    }
    let filled = places.into_iter().zip(counts).filter(|(_, count)| **count != 0.0);
    filled.map(|(place, count)| ((bound(place - 1), bound(place)), *count)).collect()
}
