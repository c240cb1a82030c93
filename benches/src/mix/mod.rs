//! The data that peers are compared on: hosts of a thousand series each, as a fleet of servers exposes them.
//!
//! A host has the metrics of its machine, of 36 containers and of an HTTP service with 20 classic histograms: 8 to 12 labels
//! a series, a sample every 15 s. The values are noisy on purpose (3 bytes a sample in XOR chunks; quiet real data takes
//! 1.1 to 1.3). Everything follows from the numbers of host and series: no clock, no entropy.

mod families;
mod values;

use promethium::model::{AppendOptions, Appendable, CommitError, Labels, Point, SeriesKey, SeriesRef};

pub use families::SERIES_PER_HOST;
use families::host_series;
pub(crate) use values::noise;
use values::{Shape, Value};

/// Distance of samples.
pub const STEP_MS: i64 = 15_000;
/// First sample: 2026-08-01T00:00:00Z, where a two-hour range begins.
pub const START_MS: i64 = 1_785_542_400_000;

// One reboot in this many scrapes sets a host's counters back to zero.
const SCRAPES_PER_REBOOT: u64 = 2_000;

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Hosts of [`SERIES_PER_HOST`] series.
    pub hosts: usize,
    /// Scrapes of each host.
    pub scrapes: usize,
}

/// A series on its way: labels, and the state of its values.
pub struct MixSeries {
    /// The labels, name included.
    pub labels: Labels,
    value: Value,
}

impl Mix {
    /// All series, host by host.
    #[must_use]
    pub fn series(&self) -> Vec<Vec<MixSeries>> {
        (0..self.hosts).map(|host| host_series(host).enumerate().map(|(i, s)| s.start(host, i)).collect()).collect()
    }

    /// Time of the last scrape, host offset and jitter aside.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        START_MS + (self.scrapes as i64 - 1) * STEP_MS
    }

    /// Writes all of it, one transaction for each scrape of a host, and hands each scrape over to `also`.
    ///
    /// # Errors
    ///
    /// When a commit fails.
    ///
    /// # Panics
    ///
    /// When the store refuses a sample: the data is in order.
    pub fn write(
        &self,
        store: &dyn Appendable,
        mut also: impl FnMut(&[MixSeries], i64, &[f64]),
    ) -> Result<(), CommitError> {
        let mut fleet = self.series();
        let mut known: Vec<Vec<SeriesRef>> = vec![Vec::new(); fleet.len()];
        let mut values = Vec::with_capacity(SERIES_PER_HOST);
        for scrape in 0..self.scrapes {
            for (host, (series, known)) in fleet.iter_mut().zip(&mut known).enumerate() {
                let at_ms = scrape_time_ms(host, scrape);
                next_values(series, host, scrape, &mut values);
                commit_scrape(store, series, known, at_ms, &values)?;
                also(series, at_ms, &values);
            }
        }
        Ok(())
    }
}

/// A host's own offset within the step, and up to 3 ms of jitter in one scrape of twenty.
fn scrape_time_ms(host: usize, scrape: usize) -> i64 {
    let chance = values::noise(host as u64, scrape as u64);
    let jitter = if chance.is_multiple_of(20) { (chance >> 32) % 4 } else { 0 };
    let offset = values::noise(host as u64, u64::MAX) % (STEP_MS as u64 - 10);
    START_MS + scrape as i64 * STEP_MS + (offset + jitter) as i64
}

fn next_values(series: &mut [MixSeries], host: usize, scrape: usize, out: &mut Vec<f64>) {
    let reboots = values::noise(!(host as u64), scrape as u64).is_multiple_of(SCRAPES_PER_REBOOT);
    out.clear();
    let mut bucket_sum = 0.0;
    for one in series {
        if reboots {
            one.value.reset();
        }
        out.push(one.value.next(&mut bucket_sum));
    }
}

fn commit_scrape(
    store: &dyn Appendable,
    series: &[MixSeries],
    known: &mut Vec<SeriesRef>,
    at_ms: i64,
    values: &[f64],
) -> Result<(), CommitError> {
    let mut appender = store.appender();
    if known.is_empty() {
        for (one, value) in series.iter().zip(values) {
            let key = SeriesKey::Labels(&one.labels);
            appender.append(key, Point::float(at_ms, *value), &AppendOptions::default()).expect("the data is in order");
        }
        appender.commit()?;
        // References stand once the series are committed.
        let mut again = store.appender();
        let refs = series.iter().zip(values).map(|(one, value)| {
            let sample = Point::float(at_ms, *value);
            again
                .append(SeriesKey::Labels(&one.labels), sample, &AppendOptions::default())
                .expect("the same sample")
                .series
        });
        known.extend(refs);
        return Ok(());
    }
    let rows: Vec<_> = known.iter().zip(values).map(|(r, value)| (*r, Point::float(at_ms, *value))).collect();
    let mut rejected = Vec::new();
    appender.append_batch(&rows, &mut rejected);
    assert!(rejected.is_empty(), "the data is in order: {:?}", rejected.first());
    appender.commit().map(|_| ())
}
