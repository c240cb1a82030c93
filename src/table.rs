//! Answers as text tables, for terminals and examples.

use std::fmt;

use promethium_model::{QueryOutput, QueryValue, SampleValue, float};

/// Shows an answer as a table: one row a series; a range has one column a step, headed by seconds since its first.
///
/// ```
/// use promethium::Table;
/// use promethium::model::{Annotations, Labels, QueryOutput, QueryValue, SampleValue, VectorSample};
/// let up = VectorSample {
///     labels: Labels::from_pairs([("__name__", "up"), ("job", "app")]),
///     timestamp_ms: 0,
///     value: SampleValue::Float(1.0),
/// };
/// let answer = QueryOutput { value: QueryValue::Vector(vec![up]), annotations: Annotations::new() };
/// assert_eq!(Table(&answer).to_string(), "series         value\nup{job=\"app\"}  1\n");
/// ```
pub struct Table<'a>(pub &'a QueryOutput);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_aligned(f, &rows_of(&self.0.value))?;
        self.0.annotations.iter().try_for_each(|a| writeln!(f, "{a}"))
    }
}

type Row = Vec<String>;

fn rows_of(value: &QueryValue) -> Vec<Row> {
    match value {
        QueryValue::Scalar { value, .. } => vec![header(["scalar"]), vec![float::format_g(*value)]],
        QueryValue::String { value, .. } => vec![header(["string"]), vec![value.clone()]],
        QueryValue::Vector(samples) => std::iter::once(header(["series", "value"]))
            .chain(samples.iter().map(|s| vec![s.labels.to_string(), sample_text(&s.value)]))
            .collect(),
        QueryValue::Matrix(series) => {
            let mut times: Vec<i64> = series
                .iter()
                .flat_map(|s| s.floats.iter().map(|p| p.0).chain(s.histograms.iter().map(|p| p.0)))
                .collect();
            times.sort_unstable();
            times.dedup();
            let first = times.first().copied().unwrap_or(0);
            let heads = times.iter().map(|t| format!("+{}s", float::format_g((t - first) as f64 / 1e3)));
            let head = std::iter::once("series".to_owned()).chain(heads).collect();
            std::iter::once(head).chain(series.iter().map(|s| matrix_row(s, &times))).collect()
        }
    }
}

fn header<const N: usize>(names: [&str; N]) -> Row {
    names.map(str::to_owned).to_vec()
}

fn matrix_row(series: &promethium_model::MatrixSeries, times: &[i64]) -> Row {
    let at = |t: &i64| {
        let float = series.floats.binary_search_by_key(t, |p| p.0).map(|i| float::format_g(series.floats[i].1));
        let histogram = || {
            let i = series.histograms.binary_search_by_key(t, |p| p.0).ok()?;
            Some(sample_text(&SampleValue::Histogram(series.histograms[i].1.clone())))
        };
        float.ok().or_else(histogram).unwrap_or_else(|| "-".to_owned())
    };
    std::iter::once(series.labels.to_string()).chain(times.iter().map(at)).collect()
}

fn sample_text(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(v) => float::format_g(*v),
        SampleValue::Histogram(h) => {
            format!("{{count:{}, sum:{}}}", float::format_g(h.count), float::format_g(h.sum))
        }
    }
}

fn write_aligned(f: &mut fmt::Formatter<'_>, rows: &[Row]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let padded: Vec<String> = row.iter().zip(&widths).map(|(cell, w)| format!("{cell:<w$}")).collect();
        writeln!(f, "{}", padded.join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::{Annotations, Labels, MatrixSeries};

    #[test]
    fn a_range_has_one_column_a_step_and_a_dash_for_gaps() {
        let series = |name: &str, floats: Vec<(i64, f64)>| MatrixSeries {
            labels: Labels::from_pairs([("__name__", name)]),
            floats,
            histograms: Vec::new(),
        };
        let value =
            QueryValue::Matrix(vec![series("a", vec![(1_000, 1.0), (16_000, 2.5)]), series("b", vec![(16_000, 3.0)])]);
        let mut annotations = Annotations::new();
        annotations.warn("mind the gap", None);
        let shown = Table(&QueryOutput { value, annotations }).to_string();
        assert_eq!(shown, "series  +0s  +15s\na       1    2.5\nb       -    3\nmind the gap\n");
    }
}
