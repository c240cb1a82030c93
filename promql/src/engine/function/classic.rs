//! `histogram_quantile` and `histogram_quantiles` on classic buckets and native histograms.

use std::collections::HashMap;
use std::mem::size_of;

use foldhash::fast::FixedState;
use promethium_model::labels::{BUCKET_LABEL, is_valid_label_name};
use promethium_model::quote::{go_quoted, go_quoted_bytes};
use promethium_model::{Labels, LabelsBuilder, QueryError, float};

use super::super::budget::{Charge, table_bytes};
use super::super::column::{Column, Series, label_bytes};
use super::super::eval::{Collected, Evaluator, SCALAR_BYTES, Sink};
use super::super::histogram::statistics::{self, NanNote};
use super::super::notes::Origin;
use super::super::output::merge_equal;
use super::super::quantile;
use super::super::steps::Steps;
use crate::parser::{ExprId, Function};

/// The buckets of one classic histogram, and the native one of the same name and labels if there is one.
pub(super) struct HistogramGroup {
    /// Without `le` where buckets have it; on a native histogram that is a label like any other.
    pub(super) labels: Labels,
    /// Upper bound and position of the series, as written: bounds may repeat.
    buckets: Vec<(f64, usize)>,
    native: Option<usize>,
}

/// The vector under a quantile.
struct QuantileInput<'q> {
    all: &'q [Series],
    /// The label that `histogram_quantiles` sets.
    label: Option<&'q str>,
    steps: Steps,
    /// About the vector.
    origin: Origin,
}

/// What a group holds at one step.
pub(super) enum AtStep<'g> {
    Classic(Vec<Bucket>),
    Native(&'g std::sync::Arc<promethium_model::FloatHistogram>),
}

/// A classic bucket: upper bound and cumulative count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

impl<'a> Evaluator<'a> {
    pub(super) fn histogram_quantile(
        &self,
        function: Function,
        args: &[ExprId],
        id: ExprId,
        steps: Steps,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let (vector, label, quantiles) = if function == Function::HistogramQuantile {
            (args[1], None, &args[..1])
        } else {
            (args[0], Some(self.quantile_label(args[1])?), &args[2..])
        };
        let origins: Vec<Origin> = quantiles.iter().map(|q| self.origin(id, *q)).collect();
        let quantiles = if function == Function::HistogramQuantile {
            vec![self.scalar(args[0], steps)?]
        } else {
            self.scalars_behind(vector, quantiles, steps)?
        };
        quantile::warn_invalid_arguments(self.notes, &origins, &quantiles);
        let mut charge = self.budget.hold(SCALAR_BYTES * steps.count * quantiles.len())?;
        let all = self.collect(vector, steps)?;
        let origin = self.origin(id, vector);
        let input = QuantileInput { all: &all.series, label: label.as_deref(), steps, origin };
        let groups = self.histogram_groups(&all.series, origin, &mut charge)?;
        if quantiles.len() == 1 {
            return groups.iter().try_for_each(|group| self.quantiles_of(&input, group, &quantiles[0], sink));
        }
        // The same quantile may be asked for twice, or fall together at some step.
        let mut out = Collected::new(self.budget);
        for (values, group) in quantiles.iter().flat_map(|values| groups.iter().map(move |group| (values, group))) {
            self.quantiles_of(&input, group, values, &mut |series| out.push(series))?;
        }
        if steps.count > 1 {
            out.series = merge_equal(std::mem::take(&mut out.series), self.budget)?;
        }
        out.hand_on(sink)
    }

    fn quantile_label(&self, id: ExprId) -> Result<String, QueryError> {
        let bytes = self.string(id)?;
        match std::str::from_utf8(bytes) {
            Ok(label) if is_valid_label_name(label) => Ok(label.to_owned()),
            _ => Err(QueryError::Execution(format!("invalid label name {}", go_quoted_bytes(bytes)))),
        }
    }

    /// One quantile of one group, which may be another one at every step.
    fn quantiles_of(
        &self,
        input: &QuantileInput<'_>,
        group: &HistogramGroup,
        quantiles: &[f64],
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let QuantileInput { all, label, steps, origin } = *input;
        let mut by_text: Vec<(String, Column)> = Vec::new();
        let mut charge = self.budget.open();
        for (step, q) in quantiles.iter().enumerate() {
            self.budget.check_now_and_then(step)?;
            let Some(at_step) = self.at_step(group, all, step, origin) else { continue };
            let value = match at_step {
                AtStep::Native(h) => {
                    let (value, note) = statistics::quantile(*q, h);
                    self.note_nan(note, group, origin);
                    value
                }
                AtStep::Classic(buckets) => self.classic_quantile(*q, buckets, group, steps.time(step), origin),
            };
            let text = label.map_or(String::new(), |_| float::format_open_metrics(*q));
            let at = match by_text.iter().position(|(t, _)| *t == text) {
                Some(known) => known,
                None => {
                    charge.hold(Column::float_bytes(steps.count) + text.len())?;
                    charge.push(&mut by_text, (text, Column::new(steps.count)))?;
                    by_text.len() - 1
                }
            };
            by_text[at].1.set(step, value);
        }
        for (text, column) in by_text {
            let labels = match label {
                Some(name) => LabelsBuilder::from_labels(&group.labels).set(name, &text).build(),
                None => group.labels.clone(),
            };
            sink(Series { labels, drop_name: true, column })?;
        }
        Ok(())
    }

    fn classic_quantile(
        &self,
        q: f64,
        mut buckets: Vec<Bucket>,
        group: &HistogramGroup,
        time_ms: i64,
        origin: Origin,
    ) -> f64 {
        let (value, fix) = bucket_quantile(q, &mut buckets);
        if let Some(fix) = fix {
            self.notes.fixed_monotonicity(origin, self.name_in_text(&group.labels), fix, time_ms);
        }
        value
    }

    pub(super) fn note_nan(&self, note: Option<NanNote>, group: &HistogramGroup, origin: Origin) {
        let Some(text) = note.map(NanNote::text) else { return };
        let suffix = self.name_suffix(&group.labels);
        self.notes.info(origin, format!("{text}{suffix}"));
    }

    /// The metric name, where names last until the end of the query.
    fn name_in_text<'l>(&self, labels: &'l Labels) -> &'l str {
        if self.features.delayed_name_removal { labels.metric_name() } else { "" }
    }

    fn name_suffix(&self, labels: &Labels) -> String {
        match self.name_in_text(labels) {
            "" => String::new(),
            name => format!(" for metric name {}", go_quoted(name)),
        }
    }

    /// Puts buckets and native histograms of the same labels together, in the order of their first.
    pub(super) fn histogram_groups(
        &self,
        all: &[Series],
        origin: Origin,
        charge: &mut Charge<'_>,
    ) -> Result<Vec<HistogramGroup>, QueryError> {
        let mut groups: Vec<HistogramGroup> = Vec::new();
        let mut index: HashMap<Labels, usize, FixedState> = HashMap::default();
        let mut find = |groups: &mut Vec<HistogramGroup>, labels: Labels| {
            *index.entry(labels.clone()).or_insert_with(|| {
                groups.push(HistogramGroup { labels, buckets: Vec::new(), native: None });
                groups.len() - 1
            })
        };
        let entry = table_bytes(1, size_of::<(Labels, usize)>()) + 3 * size_of::<HistogramGroup>();
        for (i, series) in all.iter().enumerate() {
            // Never more groups than series, and a place for each in the list of its group.
            charge.hold(entry + label_bytes(&series.labels) + 3 * size_of::<(f64, usize)>())?;
            if series.column.present.any()
                && let Some(upper) = self.bucket_bound(&series.labels, origin)
            {
                let at = find(&mut groups, series.labels.without(|name| name == BUCKET_LABEL));
                groups[at].buckets.push((upper, i));
            }
            if !series.column.histograms.is_empty() {
                let at = find(&mut groups, series.labels.clone());
                groups[at].native = Some(i);
            }
        }
        Ok(groups)
    }

    fn bucket_bound(&self, labels: &Labels, origin: Origin) -> Option<f64> {
        let text = labels.get(BUCKET_LABEL).unwrap_or("");
        let bound = float::parse_go_lenient(text).ok();
        if bound.is_none() {
            let (shown, suffix) = (go_quoted(text), self.name_suffix(labels));
            let text = format!("bucket label \"le\" is missing or has a malformed value of {shown}{suffix}");
            self.notes.warn(origin, text);
        }
        bound
    }

    /// What a group holds at a step: classic or native, and nothing where it has both.
    pub(super) fn at_step<'s>(
        &self,
        group: &HistogramGroup,
        all: &'s [Series],
        step: usize,
        origin: Origin,
    ) -> Option<AtStep<'s>> {
        let bucket = |(upper, i): &(f64, usize)| {
            let count = all[*i].column.float(step)?;
            Some(Bucket { upper: *upper, count })
        };
        let buckets: Vec<Bucket> = group.buckets.iter().filter_map(bucket).collect();
        let native = group.native.and_then(|i| all[i].column.histogram(step));
        match (buckets.is_empty(), native) {
            (true, None) => None,
            (true, Some(h)) => Some(AtStep::Native(h)),
            (false, None) => Some(AtStep::Classic(buckets)),
            (false, Some(_)) => {
                let suffix = self.name_suffix(&group.labels);
                self.notes.warn(origin, format!("vector contains a mix of classic and native histograms{suffix}"));
                None
            }
        }
    }
}

/// How counts had to be raised so that they do not fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MonotonicityFix {
    pub(crate) from_bucket: f64,
    pub(crate) to_bucket: f64,
    pub(crate) max_difference: f64,
}

pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Option<MonotonicityFix>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if !(0.0..=1.0).contains(&q) {
        return (if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY }, None);
    }
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last().is_none_or(|b| b.upper != f64::INFINITY) {
        return (f64::NAN, None);
    }
    merge_equal_bounds(buckets);
    let fix = force_monotonicity(buckets);
    let last = buckets.len() - 1;
    let total = buckets[last].count;
    if buckets.len() < 2 || total == 0.0 {
        return (f64::NAN, fix);
    }
    let rank = q * total;
    // A rank that is NaN is reached by none.
    let reaches = |b: &Bucket| b.count >= rank;
    let found = buckets[..last].partition_point(|b| !reaches(b));
    (interpolated(buckets, found, rank), fix)
}

fn interpolated(buckets: &[Bucket], found: usize, rank: f64) -> f64 {
    let last = buckets.len() - 1;
    if found == last {
        return buckets[last - 1].upper;
    }
    let upper = buckets[found].upper;
    if found == 0 && upper <= 0.0 {
        return upper;
    }
    let (lower, below) = if found == 0 { (0.0, 0.0) } else { (buckets[found - 1].upper, buckets[found - 1].count) };
    lower + (upper - lower) * ((rank - below) / (buckets[found].count - below))
}

/// Different spellings of one bound count together. The buckets must be sorted.
pub(super) fn merge_equal_bounds(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Raises counts that fall: quietly where rounding explains it.
fn force_monotonicity(buckets: &mut [Bucket]) -> Option<MonotonicityFix> {
    let mut fix: Option<MonotonicityFix> = None;
    let mut previous = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if bucket.count < previous {
            if !almost_equal(bucket.count, previous) {
                let difference = previous - bucket.count;
                let fix = fix.get_or_insert(MonotonicityFix {
                    from_bucket: bucket.upper,
                    to_bucket: bucket.upper,
                    max_difference: difference,
                });
                fix.to_bucket = bucket.upper;
                fix.max_difference = fix.max_difference.max(difference);
            }
            bucket.count = previous;
        } else if almost_equal(bucket.count, previous) {
            bucket.count = previous;
        }
        previous = bucket.count;
    }
    fix
}

fn almost_equal(a: f64, b: f64) -> bool {
    crate::engine::almost_equal(a, b, 1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn quantiles_interpolate_inside_buckets() {
        let inf = f64::INFINITY;
        for (q, pairs, expected) in [
            (0.5, vec![(1.0, 10.0), (inf, 10.0)], 0.5),
            (0.75, vec![(1.0, 10.0), (2.0, 20.0), (inf, 20.0)], 1.5),
            (0.99, vec![(1.0, 10.0), (inf, 20.0)], 1.0),
            (0.5, vec![(-1.0, 10.0), (inf, 10.0)], -1.0),
            (-0.1, vec![(1.0, 10.0), (inf, 10.0)], f64::NEG_INFINITY),
            (1.1, vec![(1.0, 10.0), (inf, 10.0)], inf),
        ] {
            assert_eq!(bucket_quantile(q, &mut of(&pairs)).0, expected, "{q} of {pairs:?}");
        }
        assert!(bucket_quantile(0.5, &mut of(&[(1.0, 10.0), (2.0, 20.0)])).0.is_nan());
    }

    #[test]
    fn falling_counts_are_raised_and_reported() {
        let mut buckets = of(&[(1.0, 10.0), (2.0, 8.0), (3.0, 9.0), (f64::INFINITY, 10.0)]);
        let (_, fix) = bucket_quantile(0.5, &mut buckets);
        assert_eq!(fix, Some(MonotonicityFix { from_bucket: 2.0, to_bucket: 3.0, max_difference: 2.0 }));
        let mut nearly = of(&[(1.0, 10.0), (2.0, 10.0 - 1e-12), (f64::INFINITY, 10.0)]);
        assert_eq!(bucket_quantile(0.5, &mut nearly).1, None);
    }
}
