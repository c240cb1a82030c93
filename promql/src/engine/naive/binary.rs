//! Binary operators, step by step.

use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, LabelsBuilder, QueryError, SampleValue};

use super::super::binary::{Outcome, Remarks, samples, scalar_result};
use super::super::notes::Origin;
use super::super::output::is_metadata;
use super::super::steps::Steps;
use super::eval::{Naive, Vectors};
use super::value::{Sample, Value, refuse_duplicates};
use crate::parser::{Binary, BinaryOp, Grouping, Span};

impl Naive<'_> {
    pub(super) fn binary(&self, binary: &Binary, span: Span, steps: Steps) -> Result<Value, QueryError> {
        let mut remarks = Remarks::default();
        let result = match (self.eval(binary.lhs, steps)?, self.eval(binary.rhs, steps)?) {
            (Value::Scalar(a), Value::Scalar(b)) => {
                return Ok(Value::Scalar(a.iter().zip(b).map(|(a, b)| scalar_result(binary.op, *a, b)).collect()));
            }
            (Value::Vector(a), Value::Scalar(b)) => with_scalar(&mut remarks, binary, a, &b, false),
            (Value::Scalar(a), Value::Vector(b)) => with_scalar(&mut remarks, binary, b, &a, true),
            (Value::Vector(a), Value::Vector(b)) => self.joined(&mut remarks, binary, a, &b)?,
            _ => return Err(QueryError::Execution("no operands".to_owned())),
        };
        remarks.finish(self.notes, binary.op, Origin::in_order(span));
        Ok(Value::Vector(result))
    }

    fn joined(
        &self,
        remarks: &mut Remarks,
        binary: &Binary,
        left: Vectors,
        right: &Vectors,
    ) -> Result<Vectors, QueryError> {
        let several_steps = left.len() > 1;
        let pairs = left.into_iter().zip(right).enumerate();
        pairs
            .map(|(i, (left, right))| {
                if binary.op.is_set() {
                    return Ok(set(binary, left, right));
                }
                let drops_name = binary.return_bool && !self.features.delayed_name_removal;
                let (remarks, pairs, out) = (&mut *remarks, Vec::new(), Vec::new());
                let step = Join { binary, remarks, step: i, place: 0, drops_name, pairs, out }.run(&left, right)?;
                // As it goes, so that errors of later steps are never met.
                if several_steps {
                    refuse_duplicates(std::slice::from_ref(&step))?;
                }
                Ok(step)
            })
            .collect()
    }
}

fn with_scalar(remarks: &mut Remarks, binary: &Binary, vectors: Vectors, scalars: &[f64], left: bool) -> Vectors {
    let keeps_name = (binary.op.is_comparison() && !binary.return_bool) || binary.op.is_trim();
    let mut apply = |(i, vector): (usize, Vec<Sample>)| {
        let scalar = SampleValue::Float(scalars[i]);
        let mut out = Vec::new();
        for sample in vector {
            let (a, b) = if left { (&scalar, &sample.value) } else { (&sample.value, &scalar) };
            let outcome = samples(binary.op, binary.return_bool, a, b, &sample.value);
            if let Some(value) = remarks.take_value(i, 0, (a, b), outcome) {
                let drop_name = sample.drop_name || !keeps_name;
                out.push(Sample::new(sample.labels.clone(), drop_name, value).at(sample.place));
            }
        }
        out
    };
    vectors.into_iter().enumerate().map(&mut apply).collect()
}

fn signature(binary: &Binary, labels: &Labels) -> Labels {
    let matching = binary.matching();
    let listed = |name: &str| matching.labels.iter().any(|l| l == name);
    let kept = |name: &str| if matching.on { listed(name) } else { !listed(name) && name != METRIC_NAME };
    let pairs = labels.iter().filter(|(name, _)| kept(name));
    Labels::from_pairs(pairs.map(|(n, v)| (n.to_owned(), v.to_owned())))
}

fn set(binary: &Binary, left: Vec<Sample>, right: &[Sample]) -> Vec<Sample> {
    let has = |side: &[Sample], s: &Sample| {
        let wanted = signature(binary, &s.labels);
        side.iter().any(|o| signature(binary, &o.labels) == wanted)
    };
    match binary.op {
        BinaryOp::And => left.into_iter().filter(|s| has(right, s)).collect(),
        BinaryOp::Unless => left.into_iter().filter(|s| !has(right, s)).collect(),
        _ => {
            // Behind all of the left side, whatever its steps.
            let behind = |s: &Sample| s.clone().at([usize::MAX, s.place[0], 0]);
            let rest: Vec<Sample> = right.iter().filter(|s| !has(&left, s)).map(behind).collect();
            left.into_iter().chain(rest).collect()
        }
    }
}

/// One step of an operator between vectors.
struct Join<'j> {
    binary: &'j Binary,
    remarks: &'j mut Remarks,
    step: usize,
    /// Whether names are gone before results are told apart, and not when the operation is done.
    drops_name: bool,
    /// How many pairs were tried.
    place: usize,
    /// Signature and result of all pairs, of those that a comparison filtered too.
    pairs: Vec<(Labels, Labels)>,
    out: Vec<(Labels, Sample)>,
}

impl Join<'_> {
    fn swapped(&self) -> bool {
        self.binary.matching().grouping == Some(Grouping::Right)
    }

    fn run(mut self, left: &[Sample], right: &[Sample]) -> Result<Vec<Sample>, QueryError> {
        let matching = self.binary.matching();
        if (left.is_empty() && right.is_empty()) || ((left.is_empty() || right.is_empty()) && !matching.fills()) {
            return Ok(Vec::new());
        }
        let (many, one) = if self.swapped() { (right, left) } else { (left, right) };
        self.refuse_duplicates(one)?;
        // The signatures on which an operation ran.
        let mut ran: Vec<Labels> = Vec::new();
        for sample in many {
            let wanted = signature(self.binary, &sample.labels);
            let partner = one.iter().find(|o| signature(self.binary, &o.labels) == wanted);
            let filled = matching.fill_right.map(|v| Sample::new(wanted.clone(), false, SampleValue::Float(v)));
            let Some(partner) = partner.cloned().or(filled) else { continue };
            self.pair(wanted, sample, &partner, &mut ran)?;
        }
        if let Some(value) = matching.fill_left {
            for sample in one {
                let wanted = signature(self.binary, &sample.labels);
                if !ran.contains(&wanted) {
                    let filled = Sample::new(wanted.clone(), false, SampleValue::Float(value));
                    let filled = filled.at([usize::MAX, sample.place[0], 0]);
                    self.pair(wanted, &filled, sample, &mut Vec::new())?;
                }
            }
        }
        Ok(self.out.into_iter().map(|(_, s)| s).collect())
    }

    fn refuse_duplicates(&self, one: &[Sample]) -> Result<(), QueryError> {
        for (i, sample) in one.iter().enumerate() {
            let wanted = signature(self.binary, &sample.labels);
            let Some(first) = one[..i].iter().find(|o| signature(self.binary, &o.labels) == wanted) else { continue };
            let mut pair = [&first.labels, &sample.labels].map(|l| format!("{l:?}"));
            pair.sort_unstable();
            let side = if self.swapped() { "left" } else { "right" };
            let [a, b] = pair;
            return Err(QueryError::Execution(format!(
                "found duplicate series for the match group {wanted:?} on the {side} hand-side of the operation: [{a}, {b}];many-to-many matching not allowed: matching labels must be unique on one side"
            )));
        }
        Ok(())
    }

    fn pair(&mut self, wanted: Labels, many: &Sample, one: &Sample, ran: &mut Vec<Labels>) -> Result<(), QueryError> {
        let (a, b) = if self.swapped() { (&one.value, &many.value) } else { (&many.value, &one.value) };
        let outcome = samples(self.binary.op, self.binary.return_bool, a, b, a);
        let failed = matches!(outcome, Outcome::Incompatible | Outcome::Failed(_));
        self.place += 1;
        let value = self.remarks.take_value(self.step, self.place, (a, b), outcome);
        if failed {
            return Ok(());
        }
        if self.binary.matching().grouping.is_none() && ran.contains(&wanted) {
            return Err(QueryError::Execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    .to_owned(),
            ));
        }
        ran.push(wanted.clone());
        let mut labels = self.result_labels(&many.labels, &one.labels);
        if self.drops_name {
            labels = labels.without(is_metadata);
        }
        let pair = (wanted.clone(), labels.clone());
        if self.binary.matching().grouping.is_some() && self.pairs.contains(&pair) {
            return Err(QueryError::Execution(
                "multiple matches for labels: grouping labels must ensure unique matches".to_owned(),
            ));
        }
        self.pairs.push(pair);
        let Some(value) = value else { return Ok(()) };
        self.out.push((wanted, Sample::new(labels, self.binary.return_bool, value).at(many.place)));
        Ok(())
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = self.binary.matching();
        let mut builder = LabelsBuilder::from_labels(many);
        if matching.grouping.is_none() {
            for (name, _) in many.iter() {
                if matching.labels.iter().any(|l| l == name) != matching.on {
                    builder.remove(name);
                }
            }
        }
        if !self.binary.op.is_comparison() && !self.binary.op.is_trim() {
            many.iter().filter(|(name, _)| is_metadata(name)).for_each(|(name, _)| {
                builder.remove(name);
            });
        }
        for name in &matching.include {
            builder.set(name, one.get(name).unwrap_or(""));
        }
        builder.build()
    }
}
