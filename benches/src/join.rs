//! The data of Prometheus' `BenchmarkJoinQuery`: two metrics of a thousand instances, to be matched with each other.
//!
//! Samples are closer together than there, so that all of them stay in a head whichever store serves them.

use promethium::model::{AppendOptions, Appendable, CommitError, Labels, Point, SeriesKey, SeriesRef};

/// Distance of samples, and of the steps that are asked for.
pub const STEP_MS: i64 = 2_000;
/// First sample.
pub const START_MS: i64 = crate::mix::START_MS;

const INSTANCES: u64 = 1_000;
const SUCCESS: &str = "rpc_request_success_total";
const ERROR: &str = "rpc_request_error_total";

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    /// Samples of each series.
    pub steps: usize,
}

impl Join {
    /// All label sets: the instances of one metric, then those of the other.
    #[must_use]
    pub fn series(&self) -> Vec<Labels> {
        let of = |metric: &'static str| (0..INSTANCES).map(move |i| labels(metric, i));
        of(SUCCESS).chain(of(ERROR)).collect()
    }

    /// Time of the last sample.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        START_MS + (self.steps as i64 - 1) * STEP_MS
    }

    /// The sample of a series at a step.
    #[must_use]
    pub fn value(series: usize, step: usize) -> f64 {
        step as f64 + series as f64 / (2 * INSTANCES) as f64
    }

    /// Writes all of it, one transaction a step.
    ///
    /// # Errors
    ///
    /// When a commit fails.
    ///
    /// # Panics
    ///
    /// When the store refuses a sample: the data is in order.
    pub fn write(&self, store: &dyn Appendable) -> Result<(), CommitError> {
        let series = self.series();
        let mut known: Vec<Option<SeriesRef>> = vec![None; series.len()];
        for step in 0..self.steps {
            let at_ms = START_MS + step as i64 * STEP_MS;
            let mut appender = store.appender();
            for (i, (labels, known)) in series.iter().zip(&mut known).enumerate() {
                let key = known.map_or(SeriesKey::Labels(labels), |r| SeriesKey::RefOrLabels(r, labels));
                let sample = Point::float(at_ms, Self::value(i, step));
                let appended = appender.append(key, sample, &AppendOptions::default()).expect("the data is in order");
                // What the first step creates has its reference for good once that is committed.
                *known = (step > 0).then_some(appended.series);
            }
            appender.commit()?;
        }
        Ok(())
    }
}

fn labels(metric: &str, i: u64) -> Labels {
    Labels::from_pairs([
        ("__name__", metric),
        ("cluster", "test-kubernetes-cluster"),
        ("domain", "test-domain"),
        ("environment", "staging"),
        ("instance", &uuid(i)),
        ("job", "worker"),
        ("namespace", "test-kubernetes-namespace"),
        ("rpc_method", "fetch-my-data-from-this-service"),
    ])
}

/// What looks like a random identifier, and follows from a number.
fn uuid(i: u64) -> String {
    let (high, low) = (crate::mix::noise(i, 1), crate::mix::noise(i, 2));
    let hex = format!("{high:016x}{low:016x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_has_the_shape_of_the_table() {
        let series = Join { steps: 1 }.series();
        let metrics = |name: &str| series.iter().filter(|l| l.metric_name() == name).count();
        assert_eq!((metrics(SUCCESS), metrics(ERROR)), (1_000, 1_000));
        let chosen = series.iter().filter(|l| l.get("instance").is_some_and(|i| i.starts_with('0'))).count();
        assert!((60..190).contains(&chosen), "about a sixteenth: {chosen}");
    }
}
