//! Aggregations, group by group.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use promethium_model::float::{format_f, format_g};
use promethium_model::labels::{METRIC_NAME, is_valid_label_name};
use promethium_model::quote::go_quoted_bytes;
use promethium_model::{Labels, LabelsBuilder, QueryError, SampleValue};

use super::super::aggregate::LARGEST_COUNT;
use super::super::histogram::{self, sum};
use super::super::kahan::Kahan;
use super::super::notes::Origin;
use super::super::quantile;
use super::super::steps::Steps;
use super::eval::{Naive, Vectors};
use super::range::mean;
use super::value::{Place, Sample};
use crate::parser::{Aggregate, AggregateOp, Span};

impl Naive<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate, span: Span, steps: Steps) -> Result<Vectors, QueryError> {
        use AggregateOp as A;
        let params = match aggregate.param {
            Some(param) if aggregate.op != A::CountValues => self.scalars(param, steps)?,
            _ => vec![0.0; steps.count],
        };
        // The label is looked at first, all other parameters once there is a vector.
        let label = match aggregate.param {
            Some(param) if aggregate.op == A::CountValues => Some(self.counted_label(&self.text(param))?),
            _ => None,
        };
        let vectors = self.vectors(aggregate.expr, steps)?;
        if !self.keeps_any(aggregate, span, &params)? {
            return Ok(vec![Vec::new(); steps.count]);
        }
        let (whole, inner) = (Origin::in_order(span), self.origin(aggregate.expr));
        let places = places(aggregate, &vectors);
        let of_step = |(vector, param): (Vec<Sample>, f64)| match &label {
            Some(label) => count_values(aggregate, label, &vector),
            None => {
                let mut step = self.step(aggregate, (whole, inner), vector, param, steps.count == 1);
                if !aggregate.op.keeps_series() {
                    step.iter_mut().for_each(|s| s.place = places[&s.labels]);
                }
                step
            }
        };
        Ok(vectors.into_iter().zip(params).map(of_step).collect())
    }

    /// Looks at the parameters of all steps: whether any series could be left.
    fn keeps_any(&self, aggregate: &Aggregate, span: Span, params: &[f64]) -> Result<bool, QueryError> {
        use AggregateOp as A;
        let fail = |text: &str| Err(QueryError::Execution(text.to_owned()));
        let extreme = |pick: fn(f64, f64) -> f64, start: f64| params.iter().copied().fold(start, pick);
        let (max, min) = (extreme(f64::max, f64::NEG_INFINITY), extreme(f64::min, f64::INFINITY));
        let nan = params.iter().any(|p| p.is_nan());
        let origin = aggregate.param.map_or(Origin::in_order(span), |p| self.origin(p));
        match aggregate.op {
            A::Topk | A::Bottomk | A::Limitk if nan => return fail("Parameter value is NaN"),
            A::Topk | A::Bottomk | A::Limitk if max < 1.0 => return Ok(false),
            A::Topk | A::Bottomk | A::Limitk if min <= -(2f64.powi(63)) => {
                return fail(&format!("Scalar value {} underflows int64", format_g(min)));
            }
            A::Topk | A::Bottomk | A::Limitk if max >= LARGEST_COUNT => {
                return fail(&format!("Scalar value {} overflows int64", format_g(max)));
            }
            A::LimitRatio if nan => return fail("Ratio value is NaN"),
            A::LimitRatio if max == 0.0 && min == 0.0 => return Ok(false),
            A::LimitRatio => {
                for (value, cap) in [(max, 1.0), (min, -1.0)].into_iter().filter(|(value, cap)| value * cap > 1.0) {
                    let text = "ratio value should be between -1 and 1, got";
                    self.notes.warn(origin, format!("{text} {}, capping to {cap}", format_g(value)));
                }
            }
            A::Quantile => quantile::warn_invalid_steps(self.notes, origin, params),
            _ => {}
        }
        Ok(true)
    }

    fn counted_label(&self, bytes: &[u8]) -> Result<String, QueryError> {
        match std::str::from_utf8(bytes) {
            Ok(label) if is_valid_label_name(label) => Ok(label.to_owned()),
            _ => Err(QueryError::Execution(format!("invalid label name {}", go_quoted_bytes(bytes)))),
        }
    }

    fn step(
        &self,
        aggregate: &Aggregate,
        (whole, inner): (Origin, Origin),
        vector: Vec<Sample>,
        param: f64,
        ranks: bool,
    ) -> Vec<Sample> {
        use AggregateOp as A;
        let op = aggregate.op;
        if op.ignores_histograms() && vector.iter().any(|s| s.histogram().is_some()) {
            let origin = if matches!(op, A::Topk | A::Bottomk) { whole } else { inner };
            self.notes.info(origin, format!("ignored histogram in {op} aggregation"));
        }
        if op == A::LimitRatio {
            return vector.into_iter().filter(|s| sampled(&s.labels, param.clamp(-1.0, 1.0))).collect();
        }
        let mut out = Vec::new();
        for (labels, members) in groups(aggregate, &vector) {
            match op {
                A::Topk | A::Bottomk => {
                    let first = out.len();
                    out.extend(best(op == A::Topk, &members, param, ranks));
                    if ranks {
                        (first..out.len()).for_each(|i| out[i].place = [i, 0, 0]);
                    }
                }
                A::Limitk => out.extend(members.into_iter().take(param.max(0.0) as usize).cloned()),
                _ => {
                    // Of ignored histograms those ahead of the first float have no say.
                    let ahead = |s: &&&Sample| op.ignores_histograms() && s.histogram().is_some();
                    let drop_name = members.iter().skip_while(ahead).any(|s| s.drop_name);
                    let value = self.of_group(op, inner, &members, param);
                    out.extend(value.map(|v| Sample::new(labels, drop_name, v)));
                }
            }
        }
        out
    }

    fn of_group(&self, op: AggregateOp, inner: Origin, members: &[&Sample], param: f64) -> Option<SampleValue> {
        use AggregateOp as A;
        let floats: Vec<f64> = members.iter().filter_map(|s| s.float()).collect();
        let value = match op {
            A::Count => members.len() as f64,
            A::Group => 1.0,
            A::Sum | A::Avg if floats.len() < members.len() => return self.histograms(op, inner, members),
            A::Sum => {
                let mut kahan = Kahan::starting_at(floats[0]);
                floats[1..].iter().for_each(|v| kahan.add(*v));
                kahan.total()
            }
            A::Avg => mean(&floats),
            _ if floats.is_empty() => return None,
            A::Min => floats[1..].iter().fold(floats[0], |a, b| if *b < a || a.is_nan() { *b } else { a }),
            A::Max => floats[1..].iter().fold(floats[0], |a, b| if *b > a || a.is_nan() { *b } else { a }),
            A::Stdvar => variance(&floats),
            A::Stddev => variance(&floats).sqrt(),
            _ => quantile::of(param, &mut floats.clone()),
        };
        Some(SampleValue::Float(value))
    }

    /// A group that holds histograms, in the order of its members.
    fn histograms(&self, op: AggregateOp, inner: Origin, members: &[&Sample]) -> Option<SampleValue> {
        let fold = if op == AggregateOp::Sum { sum::Fold::Sum } else { sum::Fold::Mean };
        let mut running: Option<sum::Running> = None;
        // What comes behind a clash is not looked at.
        let (mut floats, mut clashed) = (false, false);
        for member in members {
            match (member.histogram(), &mut running) {
                _ if clashed => {}
                (None, _) => floats = true,
                // Behind a float, histograms only show that there is a mix.
                (Some(_), None) if floats => {}
                (Some(h), None) => running = Some(sum::Running::starting_at(h)),
                (Some(h), Some(running)) => {
                    running.add(fold, h, || member.labels.metric_name().to_owned());
                    clashed = running.clashed();
                }
            }
        }
        if floats {
            self.notes.warn(inner, "encountered a mix of histograms and floats for aggregation");
            if !clashed {
                return None;
            }
        }
        let mut total = running?.finish(fold, self.notes, inner)?;
        total.compact();
        Some(SampleValue::Histogram(total.into_histogram().into()))
    }
}

/// Groups stand where the first of their members does, wherever that has samples.
fn places(aggregate: &Aggregate, vectors: &[Vec<Sample>]) -> BTreeMap<Labels, Place> {
    let mut places = BTreeMap::new();
    for sample in vectors.iter().flatten() {
        let place = places.entry(group_of(aggregate, &sample.labels)).or_insert(sample.place);
        *place = sample.place.min(*place);
    }
    places
}

fn groups<'v>(aggregate: &Aggregate, vector: &'v [Sample]) -> Vec<(Labels, Vec<&'v Sample>)> {
    let mut groups: Vec<(Labels, Vec<&Sample>)> = Vec::new();
    for sample in vector {
        let labels = group_of(aggregate, &sample.labels);
        match groups.iter_mut().find(|(l, _)| *l == labels) {
            Some((_, members)) => members.push(sample),
            None => groups.push((labels, vec![sample])),
        }
    }
    groups
}

fn group_of(aggregate: &Aggregate, labels: &Labels) -> Labels {
    let kept = |name: &str| aggregate.grouping.iter().any(|l| l == name) != aggregate.without;
    let pairs = labels.iter().filter(|(name, _)| kept(name) && !(aggregate.without && *name == METRIC_NAME));
    Labels::from_pairs(pairs.map(|(n, v)| (n.to_owned(), v.to_owned())))
}

fn best(largest: bool, members: &[&Sample], k: f64, ranks: bool) -> Vec<Sample> {
    let mut floats: Vec<(usize, f64)> = members.iter().enumerate().filter_map(|(i, s)| Some((i, s.float()?))).collect();
    floats.sort_by(|(_, a), (_, b)| match (a.is_nan(), b.is_nan()) {
        (false, false) if largest => b.partial_cmp(a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    });
    floats.truncate(k.max(0.0) as usize);
    if !ranks {
        floats.sort_by_key(|(i, _)| *i);
    }
    floats.into_iter().map(|(i, _)| members[i].clone()).collect()
}

fn sampled(labels: &Labels, ratio: f64) -> bool {
    let offset = labels.hash() as f64 / u64::MAX as f64;
    (ratio > 0.0 && offset < ratio) || (ratio < 0.0 && offset >= 1.0 + ratio)
}

fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (values[0], if values[0].is_finite() { 0.0 } else { f64::NAN });
    for (i, v) in values.iter().enumerate().skip(1) {
        let delta = v - mean;
        mean += delta / (i + 1) as f64;
        squares += delta * (v - mean);
    }
    squares / values.len() as f64
}

fn count_values(aggregate: &Aggregate, label: &str, vector: &[Sample]) -> Vec<Sample> {
    let mut counted: Vec<Sample> = Vec::new();
    for sample in vector {
        let text = match &sample.value {
            SampleValue::Float(v) => format_f(*v),
            SampleValue::Histogram(h) => histogram::text::text(h),
        };
        let base = group_of(aggregate, &sample.labels);
        let labels = LabelsBuilder::from_labels(&base).set(label, &text).build();
        match counted.iter_mut().find(|s| s.labels == labels) {
            Some(known) => known.value = SampleValue::Float(known.float().unwrap_or(0.0) + 1.0),
            None => counted.push(Sample::new(labels, false, SampleValue::Float(1.0)).at(sample.place)),
        }
    }
    counted
}
