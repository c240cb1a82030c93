//! `load_with_nhcb`: classic histograms, stored once more as native ones with custom buckets.

use std::collections::BTreeMap;
use std::sync::Arc;

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::labels::{BUCKET_LABEL, METRIC_NAME};
use promethium_model::{FloatHistogram, Labels, LabelsBuilder, Span, float};

use super::load::{Sample, SampleValue};

/// What a classic histogram says at one time.
#[derive(Clone, Debug, Default)]
struct Classic {
    /// Upper bound and cumulative count.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
}

enum Part {
    Bucket(f64),
    Count,
    Sum,
}

/// The native series of all classic histograms among `series`.
pub(super) fn convert(series: &BTreeMap<Labels, Vec<Sample>>) -> Result<BTreeMap<Labels, Vec<Sample>>, String> {
    let mut classic: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for (labels, samples) in series {
        let Some((base, part)) = part_of(labels) else { continue };
        for sample in samples {
            let SampleValue::Float(value) = sample.value else { continue };
            let at = classic.entry(base.clone()).or_default().entry(sample.time_ms).or_default();
            match part {
                Part::Bucket(bound) if at.buckets.iter().any(|(b, _)| *b == bound) => {}
                Part::Bucket(bound) => at.buckets.push((bound, value)),
                Part::Count => at.count = Some(value),
                Part::Sum => at.sum = Some(value),
            }
        }
    }
    let mut converted = BTreeMap::new();
    for (labels, times) in classic {
        let mut samples = Vec::new();
        for (time_ms, classic) in times {
            if classic.buckets.is_empty() && classic.count.is_none() {
                continue;
            }
            let value = SampleValue::Histogram(Arc::new(classic.into_native()?));
            samples.push(Sample { time_ms, start_ms: 0, value });
        }
        if !samples.is_empty() {
            converted.insert(labels, samples);
        }
    }
    Ok(converted)
}

fn part_of(labels: &Labels) -> Option<(Labels, Part)> {
    let name = labels.metric_name();
    let (base, part) = if let Some(base) = name.strip_suffix("_bucket") {
        let bound = float::parse_go_lenient(labels.get(BUCKET_LABEL)?).ok().filter(|b| !b.is_nan())?;
        (base, Part::Bucket(bound))
    } else if let Some(base) = name.strip_suffix("_count") {
        (base, Part::Count)
    } else {
        (name.strip_suffix("_sum")?, Part::Sum)
    };
    let mut builder = LabelsBuilder::from_labels(labels);
    builder.set(METRIC_NAME, base).remove(BUCKET_LABEL);
    Some((builder.build(), part))
}

impl Classic {
    fn into_native(mut self) -> Result<FloatHistogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let highest = self.buckets.last().map_or(0.0, |(_, count)| *count);
        let has_infinity = self.buckets.last().is_some_and(|(bound, _)| *bound == f64::INFINITY);
        let count = self.count.unwrap_or(highest);
        if !has_infinity {
            self.buckets.push((f64::INFINITY, count));
        } else if count != highest {
            return Err(format!("count {count} differs from the +Inf bucket's {highest}"));
        }
        let mut below = 0.0;
        let mut counts = Vec::with_capacity(self.buckets.len());
        for (bound, cumulative) in &self.buckets {
            if *cumulative < below || *cumulative < 0.0 {
                return Err(format!("bucket {bound} counts {cumulative}, less than the {below} before it"));
            }
            counts.push(cumulative - below);
            below = *cumulative;
        }
        let bounds: Vec<f64> = self.buckets.iter().map(|(b, _)| *b).filter(|b| b.is_finite()).collect();
        Ok(FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum.unwrap_or(0.0),
            positive_spans: [Span { offset: 0, length: counts.len() as u32 }].into(),
            positive_buckets: counts,
            custom_bounds: bounds.into(),
            ..FloatHistogram::default()
        })
    }
}
