//! The walk over the plan. Vectors are pushed series by series into a sink, scalars are columns without labels.

use promethium_model::QueryError;

use super::budget::{Budget, Charge};
use super::column::{Column, Series};
use super::explain::Profile;
use super::fetch::Fetcher;
use super::naming::can_drop_name;
use super::notes::{Notes, Origin};
use super::steps::Steps;
use crate::Features;
use crate::parser::{ExprId, RegexCache};
use crate::plan::{Op, Plan, PlanNode};

/// Bytes of a scalar at a step.
pub(crate) const SCALAR_BYTES: usize = 8;

/// One evaluation of one plan.
pub(crate) struct Evaluator<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fetcher: Fetcher<'a>,
    pub(crate) budget: &'a Budget<'a>,
    pub(crate) notes: &'a Notes<'a>,
    pub(crate) features: Features,
    pub(crate) lookback_ms: i64,
    pub(crate) regexes: &'a RegexCache,
    /// Where costs are kept, when they are measured.
    pub(crate) profile: Option<&'a Profile>,
}

/// Whether somebody who takes a vector looks at name, type and unit of its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Matter,
    /// A name that is to be dropped may as well stay.
    DoNotMatter,
}

/// Takes the series of a vector, one by one.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(Series) -> Result<(), QueryError>;

/// A vector held whole.
pub(crate) struct Collected<'a> {
    pub(crate) series: Vec<Series>,
    charge: Charge<'a>,
}

impl<'a> Collected<'a> {
    pub(crate) fn new(budget: &'a Budget<'a>) -> Self {
        Collected { series: Vec::new(), charge: budget.open() }
    }

    pub(crate) fn push(&mut self, series: Series) -> Result<(), QueryError> {
        self.charge.add(series.column.cost())?;
        self.charge.hold(series.bytes())?;
        self.charge.push(&mut self.series, series)
    }

    /// Series that a charge counts already.
    pub(crate) fn of(series: Vec<Series>, charge: Charge<'a>) -> Self {
        Collected { series, charge }
    }

    /// Hands the series on, one by one. Each is counted until it has arrived.
    pub(crate) fn hand_on(self, sink: Sink<'_>) -> Result<(), QueryError> {
        let (series, mut charge) = self.into_parts();
        for series in series {
            let (samples, bytes) = (series.column.cost(), series.bytes());
            sink(series)?;
            charge.give_back(samples);
            charge.release(bytes);
        }
        Ok(())
    }

    /// The series, and the charge that counts them.
    pub(crate) fn into_parts(self) -> (Vec<Series>, Charge<'a>) {
        (self.series, self.charge)
    }

    /// Counts what is made of the vector while it is there, until that is handed on.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.charge.hold(bytes)
    }
}

impl<'a> Evaluator<'a> {
    pub(crate) fn node(&self, id: ExprId) -> &'a PlanNode {
        self.plan.node(id)
    }

    /// What a node has to say about another one, or about itself.
    pub(crate) fn origin(&self, speaker: ExprId, about: ExprId) -> Origin {
        Origin::new(speaker, self.node(about).span)
    }

    /// Evaluates a vector.
    pub(crate) fn vector(&self, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        self.vector_for(Names::Matter, id, steps, sink)
    }

    /// Evaluates a vector for somebody to whom the names of its series matter, or not.
    pub(crate) fn vector_for(&self, names: Names, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        self.budget.check()?;
        let Some(profile) = self.profile else { return self.vector_unmeasured(names, id, steps, sink) };
        let node = id.index();
        let above = profile.switch(Some(node));
        let result = self.vector_unmeasured(names, id, steps, &mut |series| {
            profile.gave(node, &series);
            let inside = profile.switch(above);
            let result = sink(series);
            profile.switch(inside);
            result
        });
        profile.switch(above);
        result
    }

    fn vector_unmeasured(&self, names: Names, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let node = self.node(id);
        if node.invariant && steps.count > 1 {
            // Once, at the first step, then the same for all.
            return self.vector_unmeasured(names, id, steps.first(), &mut |series| {
                let column = series.column.broadcast(steps.count);
                sink(Series { column, ..series })
            });
        }
        if self.features.delayed_name_removal || !can_drop_name(&node.op) {
            return self.vector_flagged(id, steps, sink);
        }
        self.vector_dropping(names, id, steps, sink)
    }

    pub(super) fn vector_flagged(&self, id: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        match &self.node(id).op {
            Op::Selector(selector) => self.instant_selector(selector, id, steps, sink),
            Op::Unary { negative, expr } => self.unary(*negative, *expr, steps, sink),
            Op::Binary(_) => self.binary(id, steps, sink),
            Op::Call { function, args } => self.call(*function, args, id, steps, sink),
            Op::Aggregate(aggregate) => self.aggregate(aggregate, id, steps, sink),
            Op::Info(info) => self.info(info, steps, sink),
            Op::Number(_) | Op::String(_) | Op::Range(_) | Op::Subquery(_) | Op::Paren(_) => {
                Err(unexpected("a vector", self.node(id)))
            }
        }
    }

    /// Evaluates a vector and holds it whole.
    pub(crate) fn collect(&self, id: ExprId, steps: Steps) -> Result<Collected<'a>, QueryError> {
        let mut all = Collected::new(self.budget);
        self.vector(id, steps, &mut |series| all.push(series))?;
        Ok(all)
    }

    /// Evaluates a scalar: one value a step.
    pub(crate) fn scalar(&self, id: ExprId, steps: Steps) -> Result<Vec<f64>, QueryError> {
        self.budget.check()?;
        let node = self.node(id);
        // A column that is there while its caller works, who charges it where it stays.
        self.budget.room_for(SCALAR_BYTES * steps.count)?;
        if let Op::Number(value) = node.op {
            return Ok(vec![value; steps.count]);
        }
        if node.invariant && steps.count > 1 {
            let value = self.scalar(id, steps.first())?.first().copied().unwrap_or(f64::NAN);
            return Ok(vec![value; steps.count]);
        }
        match &node.op {
            Op::Unary { negative, expr } => {
                let mut values = self.scalar(*expr, steps)?;
                if *negative {
                    values.iter_mut().for_each(|v| *v = -*v);
                }
                Ok(values)
            }
            Op::Binary(_) => self.scalar_binary(id, steps),
            Op::Call { function, args } => self.scalar_call(*function, args, steps),
            _ => Err(unexpected("a scalar", node)),
        }
    }

    /// Evaluates the scalars that stand behind a vector, which is to stream by later but would fail first.
    pub(crate) fn scalars_behind(
        &self,
        vector: ExprId,
        scalars: &[ExprId],
        steps: Steps,
    ) -> Result<Vec<Vec<f64>>, QueryError> {
        let result: Result<_, QueryError> = scalars.iter().map(|id| self.scalar(*id, steps)).collect();
        if let Err(QueryError::Execution(_)) = result {
            self.vector(vector, steps, &mut |_| Ok(()))?;
        }
        result
    }

    /// The bytes of a string literal.
    pub(crate) fn string(&self, id: ExprId) -> Result<&'a [u8], QueryError> {
        match &self.node(id).op {
            Op::String(bytes) => Ok(bytes),
            _ => Err(unexpected("a string", self.node(id))),
        }
    }

    fn unary(&self, negative: bool, expr: ExprId, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        self.vector(expr, steps, &mut |mut series| {
            if negative {
                negate(&mut series.column);
                series.drop_name = true;
            }
            sink(series)
        })
    }
}

fn negate(column: &mut Column) {
    column.map(|v| -v);
    super::histogram::scale_all(column, -1.0);
}

/// The checker gives every node a type, so another one here is a mistake of ours.
pub(crate) fn unexpected(wanted: &str, node: &PlanNode) -> QueryError {
    debug_assert!(false, "expected {wanted}, found {node:?}");
    QueryError::Execution(format!("unexpected error: expected {wanted}, found {:?}", node.value_type))
}
