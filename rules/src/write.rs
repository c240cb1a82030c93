//! Storing what rules give, and marking what they no longer give.

use promethium_model::{
    AppendError, AppendOptions, Appendable, Appender, Labels, Point, PointValue, SampleValue, SeriesKey, VectorSample,
};

use crate::error::RuleError;
use crate::overlay::SeriesSet;

/// What became of one rule's samples.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Series that took a sample.
    pub(crate) series: SeriesSet,
    /// The last refusal.
    pub(crate) refusal: Option<AppendError>,
    /// Samples refused for their time or for a conflict with a stored one.
    pub(crate) rejected: u64,
}

/// Stores one rule's samples in one transaction, with stale markers at `stale_ms` for series of `previous` that took
/// none. A refused sample does not keep the others out.
pub(crate) fn write_rule(
    sink: &dyn Appendable,
    samples: &[VectorSample],
    previous: &SeriesSet,
    stale_ms: i64,
) -> Result<Written, RuleError> {
    if samples.is_empty() && previous.is_empty() {
        return Ok(Written::default());
    }
    let mut appender = sink.appender();
    let mut written = Written::default();
    written.series.reserve(samples.len());
    for sample in samples {
        match append(&mut *appender, sample) {
            Ok(()) => {
                written.series.insert(sample.labels.clone());
            }
            Err(error) => {
                written.rejected += u64::from(error.is_sample_rejection());
                written.refusal = Some(error);
            }
        }
    }
    let mut vanished: Vec<&Labels> = previous.difference(&written.series).collect();
    vanished.sort_unstable();
    mark_stale(&mut *appender, vanished.into_iter(), stale_ms);
    appender.commit()?;
    Ok(written)
}

/// Marks series stale in a transaction of their own.
pub(crate) fn write_stale(sink: &dyn Appendable, series: &[Labels], stale_ms: i64) -> Result<(), RuleError> {
    let mut appender = sink.appender();
    mark_stale(&mut *appender, series.iter(), stale_ms);
    appender.commit()?;
    Ok(())
}

/// Rules write in order, even into stores that take late samples.
fn in_order() -> AppendOptions<'static> {
    AppendOptions::default().rejecting_out_of_order()
}

fn append(appender: &mut dyn Appender, sample: &VectorSample) -> Result<(), AppendError> {
    let point = match &sample.value {
        SampleValue::Float(v) => Point::float(sample.timestamp_ms, *v),
        SampleValue::Histogram(h) => {
            Point { timestamp_ms: sample.timestamp_ms, start_timestamp_ms: 0, value: PointValue::FloatHistogram(h) }
        }
    };
    appender.append(SeriesKey::Labels(&sample.labels), point, &in_order()).map(drop)
}

/// A refused marker is no failure: a newer sample, of this rule or of another, says more than it.
fn mark_stale<'a>(appender: &mut dyn Appender, series: impl Iterator<Item = &'a Labels>, stale_ms: i64) {
    for labels in series {
        let _ = appender.append(SeriesKey::Labels(labels), Point::stale(stale_ms), &in_order());
    }
}
