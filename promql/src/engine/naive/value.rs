//! What nodes evaluate to: one value a step.

use std::collections::BTreeMap;
use std::sync::Arc;

use promethium_model::{FloatHistogram, Labels, MatrixSeries, QueryError, SampleValue};

use super::super::output::{duplicate_labels, is_metadata};

/// The values of a node at all steps.
pub(super) enum Value {
    Scalar(Vec<f64>),
    Vector(Vec<Vec<Sample>>),
    Matrix(Vec<Vec<Row>>),
    Text(Vec<u8>),
}

/// A series at one step.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) labels: Labels,
    pub(super) drop_name: bool,
    pub(super) value: SampleValue,
    /// Where its series stands among those of its node, over all steps: sums and ties depend on it.
    pub(super) place: Place,
}

/// Places compare like texts, part by part.
pub(super) type Place = [usize; 3];

impl Sample {
    pub(super) fn new(labels: Labels, drop_name: bool, value: SampleValue) -> Sample {
        Sample { labels, drop_name, value, place: [0; 3] }
    }

    pub(super) fn at(mut self, place: Place) -> Sample {
        self.place = place;
        self
    }

    pub(super) fn float(&self) -> Option<f64> {
        match self.value {
            SampleValue::Float(v) => Some(v),
            SampleValue::Histogram(_) => None,
        }
    }

    pub(super) fn histogram(&self) -> Option<&Arc<FloatHistogram>> {
        match &self.value {
            SampleValue::Histogram(h) => Some(h),
            SampleValue::Float(_) => None,
        }
    }

    /// The labels once the query ends.
    pub(super) fn final_labels(&self) -> Labels {
        if self.drop_name { self.labels.without(is_metadata) } else { self.labels.clone() }
    }
}

/// A sample as stored.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) time: i64,
    pub(super) start: i64,
    pub(super) value: SampleValue,
}

/// A series in a window.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) labels: Labels,
    pub(super) drop_name: bool,
    pub(super) points: Vec<Point>,
    pub(super) place: Place,
}

impl Row {
    pub(super) fn into_answer(self) -> MatrixSeries {
        let labels = if self.drop_name { self.labels.without(is_metadata) } else { self.labels };
        let mut series = MatrixSeries { labels, ..MatrixSeries::default() };
        for point in self.points {
            match point.value {
                SampleValue::Float(v) => series.floats.push((point.time, v)),
                SampleValue::Histogram(h) => series.histograms.push((point.time, h)),
            }
        }
        series
    }
}

/// The series of a range query, put together step by step.
#[derive(Default)]
pub(super) struct Merged(BTreeMap<Labels, BTreeMap<i64, SampleValue>>);

impl Merged {
    pub(super) fn add(&mut self, labels: Labels, time: i64, value: SampleValue) -> Result<(), QueryError> {
        match self.0.entry(labels).or_default().insert(time, value) {
            None => Ok(()),
            Some(_) => Err(duplicate_labels()),
        }
    }

    pub(super) fn into_series(self) -> Vec<MatrixSeries> {
        let series = |(labels, samples): (Labels, BTreeMap<i64, SampleValue>)| {
            let mut series = MatrixSeries { labels, ..MatrixSeries::default() };
            for (time, value) in samples {
                match value {
                    SampleValue::Float(v) => series.floats.push((time, v)),
                    SampleValue::Histogram(h) => series.histograms.push((time, h)),
                }
            }
            series
        };
        self.0.into_iter().map(series).collect()
    }
}

/// Two samples of a step with the same labels collide.
pub(super) fn refuse_duplicates(vectors: &[Vec<Sample>]) -> Result<(), QueryError> {
    for vector in vectors {
        let mut labels: Vec<&Labels> = vector.iter().map(|s| &s.labels).collect();
        labels.sort();
        if labels.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(duplicate_labels());
        }
    }
    Ok(())
}

/// Puts the samples of every step in the order of their series: of the first places that these have anywhere.
pub(super) fn settle_places(vectors: &mut [Vec<Sample>]) {
    if let [vector] = vectors {
        // Labels may repeat.
        vector.sort_by_key(|s| s.place);
        vector.iter_mut().enumerate().for_each(|(i, s)| s.place = [i, 0, 0]);
        return;
    }
    let mut first: BTreeMap<Labels, (Place, usize)> = BTreeMap::new();
    for (i, sample) in vectors.iter().enumerate().flat_map(|(i, v)| v.iter().map(move |s| (i, s))) {
        let place = first.entry(sample.labels.clone()).or_insert((sample.place, i));
        *place = (*place).min((sample.place, i));
    }
    let mut ranked: Vec<(&Labels, &(Place, usize))> = first.iter().collect();
    ranked.sort_by_key(|(_, place)| **place);
    let rank: BTreeMap<&Labels, usize> = ranked.iter().enumerate().map(|(i, (labels, _))| (*labels, i)).collect();
    for vector in vectors {
        vector.iter_mut().for_each(|s| s.place = [rank[&s.labels], 0, 0]);
        vector.sort_by_key(|s| s.place);
    }
}

/// A series wants its name dropped if it did at the first of its steps, or at the last.
pub(super) fn settle_flags(vectors: &mut [Vec<Sample>], of_last: bool) {
    let mut flags: BTreeMap<Labels, bool> = BTreeMap::new();
    for sample in vectors.iter().flatten() {
        let flag = flags.entry(sample.labels.clone()).or_insert(sample.drop_name);
        if of_last {
            *flag = sample.drop_name;
        }
    }
    vectors.iter_mut().flatten().for_each(|sample| sample.drop_name = flags[&sample.labels]);
}
