//! The data that the benches of the composed system share.
//!
//! [`RangeQueryData`] rebuilds the data of Prometheus' `BenchmarkRangeQuery` on floats, so that rows of its table can be
//! compared one by one.

pub mod join;
pub mod mix;

use promethium::model::{AppendOptions, Appendable, CommitError, Labels, Point, SeriesKey, SeriesRef};

/// Distance of samples, as in Prometheus' own benchmark.
pub const INTERVAL_MS: i64 = 10_000;

/// `a_one`, `b_one`, `a_ten`, …, `h_hundred`: series of value `point index + series index / series count` every 10 s.
#[derive(Clone, Copy, Debug)]
pub struct RangeQueryData {
    /// Samples in each series; Prometheus takes 18,640 (a day and 10,000 more).
    pub points: i64,
}

impl RangeQueryData {
    /// As many points as Prometheus' benchmark has.
    #[must_use]
    pub fn full() -> Self {
        RangeQueryData { points: 8_640 + 10_000 }
    }

    /// Time of the newest sample: where queries end.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        (self.points - 1) * INTERVAL_MS
    }

    /// The label sets of one size: `one` (1), `ten` (10), `hundred` (100), with their classic histograms.
    #[must_use]
    pub fn series(size: &str, count: usize) -> Vec<Labels> {
        let of = |metric: &str| -> Vec<Labels> {
            (0..count).map(|i| named(&format!("{metric}_{size}"), label_l(count, i), None)).collect()
        };
        let bounds: Vec<String> = (0..10).map(|le| le.to_string()).chain(["+Inf".to_owned()]).collect();
        let buckets = (0..count).flat_map(|i| {
            let bounds = &bounds;
            bounds.iter().map(move |le| named(&format!("h_{size}"), label_l(count, i), Some(le))).collect::<Vec<_>>()
        });
        of("a").into_iter().chain(of("b")).chain(buckets).collect()
    }

    /// Writes the series of these sizes, one scrape after the other.
    ///
    /// # Errors
    ///
    /// When a commit fails.
    ///
    /// # Panics
    ///
    /// When the store refuses a sample: the data is in order.
    pub fn write(&self, store: &dyn Appendable, sizes: &[(&str, usize)]) -> Result<(), CommitError> {
        let of_size = |(size, count): &(&str, usize)| {
            let labels = Self::series(size, *count);
            let shares: Vec<f64> = (0..labels.len()).map(|i| i as f64 / labels.len() as f64).collect();
            labels.into_iter().zip(shares).collect::<Vec<_>>()
        };
        let series: Vec<(Labels, f64)> = sizes.iter().flat_map(of_size).collect();
        let mut known: Vec<Option<SeriesRef>> = vec![None; series.len()];
        for point in 0..self.points {
            let mut appender = store.appender();
            for ((labels, share), known) in series.iter().zip(&mut known) {
                let key = known.map_or(SeriesKey::Labels(labels), |r| SeriesKey::RefOrLabels(r, labels));
                let sample = Point::float(point * INTERVAL_MS, point as f64 + share);
                let appended = appender.append(key, sample, &AppendOptions::default()).expect("the data is in order");
                // What the first scrape creates has its reference for good once that is committed.
                *known = (point > 0).then_some(appended.series);
            }
            appender.commit()?;
        }
        Ok(())
    }
}

fn label_l(count: usize, i: usize) -> Option<String> {
    (count > 1).then(|| i.to_string())
}

fn named(metric: &str, l: Option<String>, le: Option<&String>) -> Labels {
    let l = l.unwrap_or_default();
    Labels::from_pairs([("__name__", metric), ("l", &l), ("le", le.map_or("", |le| le))])
}

/// A page of an exporter with `series` series: counters, gauges and classic histograms in the proportions of a host.
#[must_use]
pub fn exporter_page(series: usize, scrape: u64) -> String {
    use std::fmt::Write;
    let mut page = String::with_capacity(series * 110);
    for i in 0..series {
        let (family, instance) = (i % 40, i / 40);
        if instance == 0 {
            let _ = writeln!(page, "# HELP bench_metric_{family}_total What family {family} counts.");
            let _ = writeln!(page, "# TYPE bench_metric_{family}_total counter");
        }
        let value = scrape * 15 + i as u64;
        let _ = writeln!(
            page,
            "bench_metric_{family}_total{{device=\"sd{instance}\",mode=\"idle\",mountpoint=\"/var/lib/{instance}\"}} {value}.{}",
            i % 100
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium::model::{MemStore, QueryableExt, TimeRange};

    #[test]
    fn the_data_has_the_shape_of_the_table() {
        assert_eq!(RangeQueryData::series("one", 1).len(), 2 + 11);
        assert_eq!(RangeQueryData::series("hundred", 100).len(), 200 + 1_100);
        let store = MemStore::new();
        RangeQueryData { points: 5 }.write(&store, &[("ten", 10)]).expect("memory does not fail");
        let all = store.read_all(TimeRange::ALL, &[]).expect("memory does not fail");
        assert_eq!(all.len(), 130);
        assert!(all.iter().all(|(_, samples)| samples.timestamps == [0, 10_000, 20_000, 30_000, 40_000]));
    }

    #[test]
    fn a_page_has_the_series_it_says() {
        let page = exporter_page(1_000, 3);
        assert_eq!(page.lines().filter(|l| !l.starts_with('#')).count(), 1_000);
    }
}
