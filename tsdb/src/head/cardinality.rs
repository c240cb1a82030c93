//! What the series of the head are made of.

use promethium_model::labels::METRIC_NAME;

use super::Head;

/// Counts of the head's series and labels; the tables come greatest first, equals by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cardinality {
    /// Series.
    pub series: usize,
    /// Distinct label pairs.
    pub label_pairs: usize,
    /// Metric names with their series.
    pub series_by_metric: Vec<(String, u64)>,
    /// Label names with their distinct values.
    pub values_by_label: Vec<(String, u64)>,
    /// Label names with the bytes of their values, each counted for every series that has it.
    pub bytes_by_label: Vec<(String, u64)>,
    /// Label pairs, as `name=value`, with their series.
    pub series_by_pair: Vec<(String, u64)>,
}

impl Head {
    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let index = self.index.read();
        let mut counts = Cardinality { series: self.series_count(), ..Cardinality::default() };
        index.each_name(|name, values| {
            let (mut distinct, mut bytes) = (0, 0);
            for (value, series) in values {
                distinct += 1;
                bytes += value.len() as u64 * series;
                counts.series_by_pair.push((format!("{name}={value}"), series));
                if name == METRIC_NAME {
                    counts.series_by_metric.push((value.to_owned(), series));
                }
            }
            counts.values_by_label.push((name.to_owned(), distinct));
            counts.bytes_by_label.push((name.to_owned(), bytes));
        });
        counts.label_pairs = counts.series_by_pair.len();
        for table in [
            &mut counts.series_by_metric,
            &mut counts.values_by_label,
            &mut counts.bytes_by_label,
            &mut counts.series_by_pair,
        ] {
            table.sort_unstable_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
            table.truncate(limit);
        }
        counts
    }
}
