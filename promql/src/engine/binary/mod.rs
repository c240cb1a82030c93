//! Binary operators. Chains are folded from the left in a loop, so that their length is no depth.

mod group;
mod join;
mod op;
mod remarks;
mod set;
mod vector_scalar;

use std::mem::size_of;

use promethium_model::QueryError;

use super::budget::Charge;
use super::column::Series;
use super::eval::{Collected, Evaluator, SCALAR_BYTES, Sink};
use super::naming::Nameless;
use super::notes::Origin;
use super::output::merge_equal;
use super::steps::Steps;
use crate::parser::{Binary, ExprId, ValueType};
use crate::plan::Op;
pub(crate) use op::{Outcome, samples, scalars as scalar_result};
pub(crate) use remarks::Remarks;
use vector_scalar::{ScalarSide, apply_scalar, drops_name};

/// A vector∘scalar operation that waits for its vector.
struct Pending<'a> {
    binary: &'a Binary,
    origin: Origin,
    scalar: Vec<f64>,
    side: ScalarSide,
    remarks: Remarks,
    _charge: Charge<'a>,
}

/// A chain of operations with scalars.
struct Links<'a> {
    /// The outermost first.
    pending: Vec<Pending<'a>>,
    vector: ExprId,
    /// Why a scalar has no value: told unless the vector, or an operation further in, fails.
    failed: Option<QueryError>,
}

impl<'a> Evaluator<'a> {
    fn as_binary(&self, id: ExprId) -> Option<&'a Binary> {
        match &self.node(id).op {
            Op::Binary(binary) => Some(binary),
            _ => None,
        }
    }

    /// The operator of a link of a chain; what is the same at every step is none, and is evaluated once on its own.
    fn in_chain(&self, id: ExprId, steps: Steps) -> Option<&'a Binary> {
        self.as_binary(id).filter(|_| steps.count == 1 || !self.node(id).invariant)
    }

    /// A binary expression with a vector on at least one side. Operations with a scalar are applied to the series of the
    /// vector as they stream by.
    pub(crate) fn binary(&self, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let Links { mut pending, vector, failed } = self.links(id, steps)?;
        let mut nameless = self.nameless_inside(&pending, vector);
        let mut apply = |mut series: Series| {
            for (i, p) in pending.iter_mut().enumerate().rev() {
                apply_scalar(&mut p.remarks, p.binary, &p.scalar, p.side, &mut series);
                if !series.column.any() {
                    return Ok(());
                }
                if let Some((_, nameless)) = nameless.as_mut().filter(|(at, _)| *at == i) {
                    nameless.pass(&series)?;
                }
            }
            if failed.is_some() { Ok(()) } else { sink(series) }
        };
        match self.in_chain(vector, steps) {
            Some(_) => self.joined(vector, steps, &mut apply)?,
            None => self.vector(vector, steps, &mut apply)?,
        }
        if let Some(error) = failed {
            return Err(error);
        }
        pending.into_iter().rev().for_each(|p| p.remarks.finish(self.notes, p.binary.op, p.origin));
        Ok(())
    }

    /// The operations with a scalar, down to the vector.
    fn links(&self, id: ExprId, steps: Steps) -> Result<Links<'a>, QueryError> {
        let mut links = Links { pending: Vec::new(), vector: id, failed: None };
        while let Some(binary) = self.in_chain(links.vector, steps) {
            let origin = self.origin(links.vector, links.vector);
            let is_scalar = |id: ExprId| self.plan.value_type(id) == ValueType::Scalar;
            let (side, next) = match (is_scalar(binary.lhs), is_scalar(binary.rhs)) {
                (_, true) => (ScalarSide::Right, binary.lhs),
                (true, _) => (ScalarSide::Left, binary.rhs),
                _ => break,
            };
            match self.pending(binary, origin, side, steps) {
                Ok(p) => links.pending.push(p),
                // The vector on its left is evaluated before, and fails before; what is further out is not evaluated.
                Err(error @ QueryError::Execution(_)) if side == ScalarSide::Right => {
                    links.pending.clear();
                    links.failed = Some(error);
                }
                Err(error) => return Err(error),
            }
            links.vector = next;
        }
        Ok(links)
    }

    fn pending(
        &self,
        binary: &'a Binary,
        origin: Origin,
        side: ScalarSide,
        steps: Steps,
    ) -> Result<Pending<'a>, QueryError> {
        let scalar = self.scalar(if side == ScalarSide::Right { binary.rhs } else { binary.lhs }, steps)?;
        let bytes = SCALAR_BYTES * steps.count + 2 * size_of::<Pending<'_>>();
        Ok(Pending { binary, origin, scalar, side, remarks: Remarks::default(), _charge: self.budget.hold(bytes)? })
    }

    /// Without delayed removal of names, the first operator that drops them refuses series that then clash, whatever those
    /// further out leave of them. What the outermost drops is looked at when the whole expression is.
    fn nameless_inside(&self, pending: &[Pending<'a>], vector: ExprId) -> Option<(usize, Nameless<'a>)> {
        if self.features.delayed_name_removal {
            return None;
        }
        let first = pending.iter().rposition(|p| drops_name(p.binary)).filter(|first| *first > 0)?;
        Some((first, Nameless::new(self.budget, self.has_one_name(vector))))
    }

    fn is_scalar_operation(&self, id: ExprId) -> bool {
        self.as_binary(id)
            .is_some_and(|b| [b.lhs, b.rhs].into_iter().any(|side| self.plan.value_type(side) == ValueType::Scalar))
    }

    /// A chain of operators between vectors: the leftmost operand is evaluated, then each operator in turn.
    fn joined(&self, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut chain: Vec<(&'a Binary, Origin)> = Vec::new();
        let mut leftmost = id;
        while let Some(binary) = self.in_chain(leftmost, steps).filter(|_| !self.is_scalar_operation(leftmost)) {
            chain.push((binary, self.origin(leftmost, leftmost)));
            leftmost = binary.lhs;
        }
        let mut left = self.collect(leftmost, steps)?;
        while let Some((binary, origin)) = chain.pop() {
            let right = self.collect(binary.rhs, steps)?;
            left = self.join(binary, origin, left, right, steps)?;
        }
        left.hand_on(sink)
    }

    fn join(
        &self,
        binary: &Binary,
        origin: Origin,
        left: Collected<'a>,
        right: Collected<'a>,
        steps: Steps,
    ) -> Result<Collected<'a>, QueryError> {
        let series = if binary.op.is_set() {
            set::combine(self.budget, binary, left.series, right.series, steps)?
        } else {
            let delayed = self.features.delayed_name_removal;
            join::combine((self.budget, self.notes), binary, origin, &left.series, &right.series, steps, delayed)?
        };
        let looks = steps.count > 1 || !self.features.delayed_name_removal;
        let series = if looks { merge_equal(series, self.budget)? } else { series };
        let mut joined = Collected::new(self.budget);
        series.into_iter().try_for_each(|s| joined.push(s))?;
        Ok(joined)
    }

    /// A binary expression of scalars.
    pub(crate) fn scalar_binary(&self, id: ExprId, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let mut chain: Vec<&'a Binary> = Vec::new();
        let mut leftmost = id;
        while let Some(binary) = self.as_binary(leftmost) {
            chain.push(binary);
            leftmost = binary.lhs;
        }
        let mut left = self.scalar(leftmost, steps)?;
        let _left = self.budget.hold(SCALAR_BYTES * steps.count)?;
        while let Some(binary) = chain.pop() {
            self.budget.check()?;
            let right = self.scalar(binary.rhs, steps)?;
            left.iter_mut().zip(right).for_each(|(l, r)| *l = op::scalars(binary.op, *l, r));
        }
        Ok(left)
    }
}
