//! Functions of instant vectors and scalars, step by step.

use promethium_model::labels::{BUCKET_LABEL, METRIC_NAME, is_valid_label_name};
use promethium_model::quote::{go_quoted, go_quoted_bytes};
use promethium_model::{GoRegex, Labels, LabelsBuilder, QueryError, SampleValue, float};

use super::super::function::{self, classic, fraction, sort};
use super::super::histogram::statistics::{self, NanNote};
use super::super::notes::Origin;
use super::super::quantile;
use super::super::steps::Steps;
use super::eval::{Naive, Vectors};
use super::value::{Place, Sample, Value, refuse_duplicates};
use crate::parser::{Call, Expr, ExprId, Extension, Function};

impl Naive<'_> {
    pub(super) fn call(&self, call: &Call, id: ExprId, steps: Steps) -> Result<Value, QueryError> {
        use Function as F;
        let instant = self.query.count == 1 && self.interval_ms == 0 || self.query.start_ms == self.end_ms;
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let constant = |v: f64| Ok(Value::Scalar(vec![v; steps.count]));
        let args = &call.args;
        match call.function {
            F::Pi => return constant(std::f64::consts::PI),
            F::Start => return constant(seconds(self.query.start_ms)),
            F::End => return constant(seconds(self.end_ms)),
            F::Range => return constant(seconds(self.end_ms - self.query.start_ms)),
            F::Step => return constant(if instant { 0.0 } else { seconds(self.interval_ms) }),
            F::Time => return Ok(Value::Scalar((0..steps.count).map(|i| seconds(steps.time(i))).collect())),
            F::MinOf | F::MaxOf => {
                let (a, b) = (self.scalars(args[0], steps)?, self.scalars(args[1], steps)?);
                let pick = if call.function == F::MinOf { function::go_min } else { function::go_max };
                return Ok(Value::Scalar(a.into_iter().zip(b).map(|(a, b)| pick(a, b)).collect()));
            }
            F::Scalar => {
                let of = |vector: Vec<Sample>| {
                    let floats: Vec<f64> = vector.iter().filter_map(Sample::float).collect();
                    if floats.len() == 1 { floats[0] } else { f64::NAN }
                };
                return Ok(Value::Scalar(self.vectors(args[0], steps)?.into_iter().map(of).collect()));
            }
            F::Info => return self.info(call, steps).map(Value::Vector),
            f if f.takes_range() => return self.range_call(call, steps),
            _ => {}
        }
        self.vector_call(call, id, steps).map(Value::Vector)
    }

    fn vector_call(&self, call: &Call, id: ExprId, steps: Steps) -> Result<Vectors, QueryError> {
        use Function as F;
        let args = &call.args;
        if let Some(f) = function::float_function(call.function) {
            return self.floats(args[0], steps, |_, v| Some(f(v)));
        }
        match call.function {
            F::Vector => {
                let of = |v: f64| vec![Sample::new(Labels::empty(), false, SampleValue::Float(v))];
                Ok(self.scalars(args[0], steps)?.into_iter().map(of).collect())
            }
            F::Absent => {
                let labels = match self.expr(args[0]) {
                    Expr::Selector(s) => function::absent_labels(&s.all_matchers()),
                    _ => Labels::empty(),
                };
                let one = || vec![Sample::new(labels.clone(), false, SampleValue::Float(1.0))];
                let of = |vector: Vec<Sample>| if vector.is_empty() { one() } else { Vec::new() };
                Ok(self.vectors(args[0], steps)?.into_iter().map(of).collect())
            }
            F::Round | F::Clamp | F::ClampMin | F::ClampMax => {
                let vectors = self.vectors(args[0], steps)?;
                let scalars: Vec<Vec<f64>> =
                    args[1..].iter().map(|a| self.scalars(*a, steps)).collect::<Result<_, _>>()?;
                Ok(of_floats(vectors, |i, v| {
                    let scalar = |k: usize| scalars.get(k).map(|s: &Vec<f64>| s[i]);
                    limited(call.function, v, scalar(0), scalar(1))
                }))
            }
            F::Timestamp | F::StartTimestamp => self.times(call, steps),
            F::Minute | F::Hour | F::DayOfWeek | F::DayOfMonth | F::DayOfYear | F::DaysInMonth | F::Month | F::Year => {
                let part = |seconds: f64| function::date_part(call.function, seconds);
                match args.first() {
                    Some(arg) => self.floats(*arg, steps, |_, v| Some(part(v))),
                    None => {
                        let now = |i: usize| SampleValue::Float(part(steps.time(i) as f64 / 1000.0));
                        Ok((0..steps.count).map(|i| vec![Sample::new(Labels::empty(), false, now(i))]).collect())
                    }
                }
            }
            F::LabelReplace | F::LabelJoin => self.labels(call, steps),
            F::Sort | F::SortDesc | F::SortByLabel | F::SortByLabelDesc => self.sorted(call, id, steps),
            F::HistogramQuantile | F::HistogramQuantiles => self.quantiles(call, steps),
            F::HistogramFraction => self.fractions(call, steps),
            _ => self.statistics(call, steps),
        }
    }

    fn floats(&self, arg: ExprId, steps: Steps, f: impl Fn(usize, f64) -> Option<f64>) -> Result<Vectors, QueryError> {
        Ok(of_floats(self.vectors(arg, steps)?, f))
    }

    fn times(&self, call: &Call, steps: Steps) -> Result<Vectors, QueryError> {
        let arg = self.ast.without_parens(call.args[0]);
        let start = call.function == Function::StartTimestamp;
        let selector = match self.ast.expr(arg) {
            Expr::Selector(s) if start || s.extension() != Some(Extension::Smoothed) => s,
            _ if start => {
                self.vectors(arg, steps)?;
                return Ok(vec![Vec::new(); steps.count]);
            }
            _ => {
                let of = |(i, vector): (usize, Vec<Sample>)| {
                    let now = SampleValue::Float(steps.time(i) as f64 / 1000.0);
                    vector.into_iter().map(|s| Sample::new(s.labels, true, now.clone()).at(s.place)).collect()
                };
                return Ok(self.vectors(arg, steps)?.into_iter().enumerate().map(of).collect());
            }
        };
        if start && !self.features.start_timestamps {
            self.vectors(arg, steps)?;
            return Ok(vec![Vec::new(); steps.count]);
        }
        let stored = self.stored(&selector.all_matchers(), |_| {})?;
        let at = |i: usize| {
            // Prometheus forgets the offset of a pinned selector here.
            let t = match self.pinned(selector.time(), arg) {
                Some(at) if !start => at,
                _ => self.shifted(selector.time(), arg, steps.time(i))?,
            };
            let of = |(place, s): (usize, &super::select::Stored)| {
                let point = s.newest(t, self.lookback_ms)?;
                let ms = if start { point.start } else { point.time };
                let value = SampleValue::Float(ms as f64 / 1000.0);
                Some(Sample::new(s.labels.clone(), true, value).at([place, 0, 0]))
            };
            Ok(stored.iter().enumerate().filter_map(of).collect())
        };
        (0..steps.count).map(at).collect()
    }

    fn statistics(&self, call: &Call, steps: Steps) -> Result<Vectors, QueryError> {
        let of = |s: Sample| {
            let h = s.histogram()?;
            let value = match call.function {
                Function::HistogramCount => h.count,
                Function::HistogramSum => h.sum,
                Function::HistogramAvg => h.sum / h.count,
                Function::HistogramStddev => statistics::variance(h).sqrt(),
                _ => statistics::variance(h),
            };
            Some(Sample::new(s.labels, true, SampleValue::Float(value)).at(s.place))
        };
        let vectors = self.vectors(call.args[0], steps)?;
        Ok(vectors.into_iter().map(|vector| vector.into_iter().filter_map(of).collect()).collect())
    }

    fn sorted(&self, call: &Call, id: ExprId, steps: Steps) -> Result<Vectors, QueryError> {
        use Function as F;
        let names: Vec<String> =
            call.args[1..].iter().map(|a| String::from_utf8(self.text(*a)).unwrap_or_default()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut vectors = self.vectors(call.args[0], steps)?;
        if steps.count > 1 {
            let text = "sort is ineffective for range queries since results are always ordered by labels";
            self.notes.warn(Origin::in_order(self.ast.node(id).span), text);
        }
        for vector in &mut vectors {
            let by_value = matches!(call.function, F::Sort | F::SortDesc);
            if by_value {
                vector.retain(|s| s.float().is_some());
            }
            let key = |s: &Sample| s.float().unwrap_or(0.0);
            if steps.count > 1 {
                continue;
            }
            vector.sort_by(|a, b| match call.function {
                F::Sort | F::SortDesc => sort::value_order(key(a), key(b), call.function == F::SortDesc),
                F::SortByLabel => sort::label_order(&a.labels, &b.labels, &names),
                _ => sort::label_order(&a.labels, &b.labels, &names).reverse(),
            });
            vector.iter_mut().enumerate().for_each(|(i, s)| s.place = [i, 0, 0]);
        }
        Ok(vectors)
    }

    fn labels(&self, call: &Call, steps: Steps) -> Result<Vectors, QueryError> {
        let fail = |text: String| Err(QueryError::Execution(text));
        let text = |i: usize| String::from_utf8_lossy(&self.text(call.args[i])).into_owned();
        let name = call.function.name();
        let valid = |i: usize| std::str::from_utf8(&self.text(call.args[i])).is_ok_and(is_valid_label_name);
        let join = call.function == Function::LabelJoin;
        let regex = if join { None } else { GoRegex::new(&text(4)).ok() };
        if !join && regex.is_none() {
            return fail(format!("invalid regular expression in label_replace(): {}", text(4)));
        }
        if let Some(bad) = (3..call.args.len()).find(|i| join && !valid(*i)) {
            return fail(format!("invalid source label name in label_join(): {}", text(bad)));
        }
        if !valid(1) {
            return fail(format!("invalid destination label name in {name}(): {}", text(1)));
        }
        let destination = text(1);
        let mut vectors = self.vectors(call.args[0], steps)?;
        for sample in vectors.iter_mut().flatten() {
            let value = |label: &str| sample.labels.get(label).unwrap_or("").to_owned();
            let new = match &regex {
                Some(regex) => regex.expand(&value(&text(3)), &text(2)),
                None => Some((3..call.args.len()).map(|i| value(&text(i))).collect::<Vec<_>>().join(&text(2))),
            };
            let Some(new) = new else { continue };
            sample.labels = LabelsBuilder::from_labels(&sample.labels).set(&destination, &new).build();
            sample.drop_name &= destination != METRIC_NAME;
        }
        refuse_duplicates(&vectors)?;
        Ok(vectors)
    }

    fn quantiles(&self, call: &Call, steps: Steps) -> Result<Vectors, QueryError> {
        let one = call.function == Function::HistogramQuantile;
        let (vector, label, quantiles) = if one {
            (call.args[1], None, &call.args[..1])
        } else {
            let bytes = self.text(call.args[1]);
            match std::str::from_utf8(&bytes) {
                Ok(label) if is_valid_label_name(label) => (call.args[0], Some(label.to_owned()), &call.args[2..]),
                _ => return Err(QueryError::Execution(format!("invalid label name {}", go_quoted_bytes(&bytes)))),
            }
        };
        let columns = || quantiles.iter().map(|q| self.scalars(*q, steps)).collect::<Result<Vec<Vec<f64>>, _>>();
        // In the order in which they are written.
        let (columns, vectors) = if one {
            let columns = columns()?;
            (columns, self.vectors(vector, steps)?)
        } else {
            let vectors = self.vectors(vector, steps)?;
            (columns()?, vectors)
        };
        let origin = self.origin(vector);
        let mut out = Vec::new();
        for (i, vector) in vectors.into_iter().enumerate() {
            for (q, column) in quantiles.iter().zip(&columns).filter(|(_, c)| !(0.0..=1.0).contains(&c[i])) {
                quantile::warn_invalid(self.notes, self.origin(*q), column[i]);
            }
            let groups = self.buckets_and_histograms(&vector, origin);
            let mut step = Vec::new();
            for (c, column) in columns.iter().enumerate() {
                for (labels, group, place) in &groups {
                    let q = column[i];
                    let value = match group {
                        Group::Native(h) => {
                            let (value, note) = statistics::quantile(q, h);
                            self.note_nan(note, labels, origin);
                            value
                        }
                        Group::Classic(buckets) => {
                            let (value, fix) = classic::bucket_quantile(q, &mut buckets.clone());
                            if let Some(fix) = fix {
                                self.notes.fixed_monotonicity(origin, self.shown_name(labels), fix, steps.time(i));
                            }
                            value
                        }
                    };
                    let labels = match &label {
                        Some(name) => {
                            LabelsBuilder::from_labels(labels).set(name, &float::format_open_metrics(q)).build()
                        }
                        None => labels.clone(),
                    };
                    let place = if one { *place } else { [c, place[0], 0] };
                    step.push(Sample::new(labels, true, SampleValue::Float(value)).at(place));
                }
            }
            out.push(step);
        }
        Ok(out)
    }

    fn fractions(&self, call: &Call, steps: Steps) -> Result<Vectors, QueryError> {
        let (lower, upper) = (self.scalars(call.args[0], steps)?, self.scalars(call.args[1], steps)?);
        let origin = self.origin(call.args[2]);
        let mut out = Vec::new();
        for (i, vector) in self.vectors(call.args[2], steps)?.into_iter().enumerate() {
            let of = |(labels, group, place): (Labels, Group, Place)| {
                let value = match group {
                    Group::Native(h) => {
                        let (value, note) = statistics::fraction(lower[i], upper[i], &h);
                        self.note_nan(note, &labels, origin);
                        value
                    }
                    Group::Classic(buckets) => fraction::bucket_fraction(lower[i], upper[i], buckets),
                };
                Sample::new(labels, true, SampleValue::Float(value)).at(place)
            };
            out.push(self.buckets_and_histograms(&vector, origin).into_iter().map(of).collect());
        }
        Ok(out)
    }

    fn shown_name<'l>(&self, labels: &'l Labels) -> &'l str {
        if self.features.delayed_name_removal { labels.metric_name() } else { "" }
    }

    fn suffix(&self, labels: &Labels) -> String {
        match self.shown_name(labels) {
            "" => String::new(),
            name => format!(" for metric name {}", go_quoted(name)),
        }
    }

    fn note_nan(&self, note: Option<NanNote>, labels: &Labels, origin: Origin) {
        if let Some(note) = note {
            self.notes.info(origin, format!("{}{}", note.text(), self.suffix(labels)));
        }
    }

    /// The classic and native histograms of a step.
    fn buckets_and_histograms(&self, vector: &[Sample], origin: Origin) -> Vec<(Labels, Group, Place)> {
        let mut classic: Vec<(Labels, Vec<classic::Bucket>, Place)> = Vec::new();
        for sample in vector {
            let Some(count) = sample.float() else { continue };
            let text = sample.labels.get(BUCKET_LABEL).unwrap_or("");
            let Ok(upper) = float::parse_go_lenient(text) else {
                let (shown, suffix) = (go_quoted(text), self.suffix(&sample.labels));
                let text = format!("bucket label \"le\" is missing or has a malformed value of {shown}{suffix}");
                self.notes.warn(origin, text);
                continue;
            };
            let labels = sample.labels.without(|n| n == BUCKET_LABEL);
            let bucket = classic::Bucket { upper, count };
            match classic.iter_mut().find(|(l, ..)| *l == labels) {
                Some((_, buckets, _)) => buckets.push(bucket),
                None => classic.push((labels, vec![bucket], sample.place)),
            }
        }
        let mut groups = Vec::new();
        for sample in vector {
            let Some(h) = sample.histogram() else { continue };
            match classic.iter().position(|(l, ..)| *l == sample.labels) {
                Some(at) => {
                    let suffix = self.suffix(&sample.labels);
                    self.notes.warn(origin, format!("vector contains a mix of classic and native histograms{suffix}"));
                    classic.remove(at);
                }
                None => {
                    groups.push((sample.labels.clone(), Group::Native(h.clone()), sample.place));
                }
            }
        }
        groups.extend(classic.into_iter().map(|(l, buckets, place)| (l, Group::Classic(buckets), place)));
        groups
    }
}

/// Applies a function of step and value to all floats.
fn of_floats(vectors: Vectors, f: impl Fn(usize, f64) -> Option<f64>) -> Vectors {
    let apply = |(i, vector): (usize, Vec<Sample>)| {
        let of = |s: Sample| {
            let value = f(i, s.float()?)?;
            Some(Sample::new(s.labels, true, SampleValue::Float(value)).at(s.place))
        };
        vector.into_iter().filter_map(of).collect()
    };
    vectors.into_iter().enumerate().map(apply).collect()
}

/// A histogram of either kind.
enum Group {
    Native(std::sync::Arc<promethium_model::FloatHistogram>),
    Classic(Vec<classic::Bucket>),
}

fn limited(function: Function, v: f64, a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match function {
        Function::Round => {
            let inverse = 1.0 / a.unwrap_or(1.0);
            Some((v * inverse + 0.5).floor() / inverse)
        }
        Function::ClampMin => a.map(|min| function::go_max(min, v)),
        Function::ClampMax => a.map(|max| function::go_min(max, v)),
        _ => {
            let (min, max) = (a?, b?);
            (max >= min || max.is_nan() || min.is_nan()).then(|| function::go_max(min, function::go_min(max, v)))
        }
    }
}
