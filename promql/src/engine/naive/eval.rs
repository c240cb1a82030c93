//! The walk over the tree.

use promethium_model::{QueryError, Queryable, SampleValue};

use super::super::histogram;
use super::super::notes::{Notes, Origin};
use super::super::output::is_metadata;
use super::super::steps::Steps;
use super::value::{Sample, Value, refuse_duplicates, settle_flags, settle_places};
use crate::Features;
use crate::parser::{Ast, At, DurationExpr, Expr, ExprId, Function, Sign, Span, TimeModifiers, ValueType};
use crate::plan::{DurationScope, evaluate_duration};

pub(super) type Vectors = Vec<Vec<Sample>>;

/// One query.
pub(super) struct Naive<'n> {
    pub(super) ast: &'n Ast,
    pub(super) store: &'n dyn Queryable,
    pub(super) notes: &'n Notes<'n>,
    pub(super) features: Features,
    pub(super) lookback_ms: i64,
    pub(super) subquery_step_ms: i64,
    /// The steps of the whole query, and its end as asked for.
    pub(super) query: Steps,
    pub(super) end_ms: i64,
    pub(super) interval_ms: i64,
}

impl Naive<'_> {
    pub(super) fn span(&self, id: ExprId) -> Span {
        self.ast.node(self.ast.without_parens(id)).span
    }

    /// What somebody has to say about a node.
    pub(super) fn origin(&self, about: ExprId) -> Origin {
        Origin::in_order(self.span(about))
    }

    pub(super) fn expr(&self, id: ExprId) -> &Expr {
        self.ast.expr(self.ast.without_parens(id))
    }

    /// Durations are computed before anything else.
    pub(super) fn check_durations(&self) -> Result<(), QueryError> {
        for (id, node) in self.ast.nodes() {
            match &node.expr {
                Expr::Selector(s) => {
                    self.shifted(s.time(), id, 0)?;
                }
                Expr::Matrix(m) => {
                    self.duration(&m.range)?;
                    self.shifted(m.selector.time(), id, 0)?;
                }
                Expr::Subquery(s) => {
                    self.shifted(&s.time, id, 0)?;
                    if s.step.as_ref().map_or(Ok(self.subquery_step_ms), |step| self.duration(step))? < 1 {
                        return Err(QueryError::Invalid("subquery step must be at least 1ms".to_owned()));
                    }
                    self.duration(&s.range)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn duration(&self, duration: &DurationExpr) -> Result<i64, QueryError> {
        evaluate_duration(duration, self.scope(), Sign::Positive).map_err(QueryError::Invalid)
    }

    fn scope(&self) -> DurationScope {
        let range_ms = self.end_ms - self.query.start_ms;
        DurationScope { step: self.interval_ms as f64 / 1000.0, range: range_ms as f64 / 1000.0 }
    }

    /// `t − offset`, or `at − offset`.
    pub(super) fn shifted(&self, time: &TimeModifiers, id: ExprId, t: i64) -> Result<i64, QueryError> {
        let offset = match &time.offset {
            Some(offset) => evaluate_duration(offset, self.scope(), Sign::Any).map_err(QueryError::Invalid)?,
            None => 0,
        };
        Ok(self.pinned(time, id).unwrap_or(t) - offset)
    }

    /// The time of an `@`; inside the parameter of an aggregation, `start()` and `end()` are none.
    pub(super) fn pinned(&self, time: &TimeModifiers, id: ExprId) -> Option<i64> {
        match time.at? {
            At::Time(ms) => Some(ms),
            At::Start | At::End if self.in_parameter(id) => None,
            At::Start => Some(self.query.start_ms),
            At::End => Some(self.end_ms),
        }
    }

    fn parent(&self, id: ExprId) -> Option<ExprId> {
        self.ast.nodes().find(|(parent, _)| self.ast.children(*parent).contains(&id)).map(|(parent, _)| parent)
    }

    pub(super) fn ancestors(&self, id: ExprId) -> Vec<(ExprId, ExprId)> {
        let mut pairs = Vec::new();
        let mut below = id;
        while let Some(parent) = self.parent(below) {
            pairs.push((parent, below));
            below = parent;
        }
        pairs
    }

    fn in_parameter(&self, id: ExprId) -> bool {
        let is_parameter = |(parent, child): &(ExprId, ExprId)| match self.ast.expr(*parent) {
            Expr::Aggregate(a) => a.param == Some(*child),
            _ => false,
        };
        self.ancestors(id).iter().any(is_parameter)
    }

    pub(super) fn eval(&self, id: ExprId, steps: Steps) -> Result<Value, QueryError> {
        let value_type = self.ast.type_of(id);
        let repeats = value_type != ValueType::Matrix && steps.count > 1 && self.invariant(id);
        let value = if repeats { self.eval_node(id, steps.first())? } else { self.eval_node(id, steps)? };
        let Value::Vector(mut vectors) = value else {
            return Ok(match value {
                Value::Scalar(values) if repeats => Value::Scalar(vec![values[0]; steps.count]),
                other => other,
            });
        };
        if !self.features.delayed_name_removal {
            for sample in vectors.iter_mut().flatten().filter(|s| s.drop_name) {
                sample.labels = sample.labels.without(is_metadata);
                sample.drop_name = false;
            }
        }
        // Over one step nobody looks before the end of the query, and what functions over ranges give is never looked at.
        let looks = vectors.len() > 1 && !matches!(self.expr(id), Expr::Call(c) if c.function.takes_range());
        if looks || !self.features.delayed_name_removal {
            refuse_duplicates(&vectors)?;
        }
        let of_last = matches!(self.expr(id), Expr::Aggregate(a) if !a.op.keeps_series());
        settle_flags(&mut vectors, of_last);
        settle_places(&mut vectors);
        if repeats {
            vectors = vec![vectors.swap_remove(0); steps.count];
        }
        Ok(Value::Vector(vectors))
    }

    fn eval_node(&self, id: ExprId, steps: Steps) -> Result<Value, QueryError> {
        match self.ast.expr(id) {
            Expr::Number(number) => Ok(Value::Scalar(vec![number.value; steps.count])),
            Expr::String(bytes) => Ok(Value::Text(bytes.clone())),
            Expr::Paren(inner) => self.eval(*inner, steps),
            Expr::Selector(selector) => self.selector(selector, self.ast.node(id).span, id, steps),
            Expr::Matrix(matrix) => self.ranges(matrix, id, steps).map(Value::Matrix),
            Expr::Subquery(subquery) => self.subquery(subquery, id, steps).map(Value::Matrix),
            Expr::Unary { negative, expr } => self.unary(*negative, *expr, steps),
            Expr::Binary(binary) => self.binary(binary, self.ast.node(id).span, steps),
            Expr::Call(call) => self.call(call, id, steps),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, self.ast.node(id).span, steps).map(Value::Vector),
        }
    }

    pub(super) fn vectors(&self, id: ExprId, steps: Steps) -> Result<Vectors, QueryError> {
        match self.eval(id, steps)? {
            Value::Vector(vectors) => Ok(vectors),
            _ => Err(QueryError::Execution("no vector".to_owned())),
        }
    }

    pub(super) fn scalars(&self, id: ExprId, steps: Steps) -> Result<Vec<f64>, QueryError> {
        match self.eval(id, steps)? {
            Value::Scalar(values) => Ok(values),
            _ => Err(QueryError::Execution("no scalar".to_owned())),
        }
    }

    pub(super) fn text(&self, id: ExprId) -> Vec<u8> {
        match self.expr(id) {
            Expr::String(bytes) => bytes.clone(),
            _ => Vec::new(),
        }
    }

    fn unary(&self, negative: bool, expr: ExprId, steps: Steps) -> Result<Value, QueryError> {
        match self.eval(expr, steps)? {
            Value::Scalar(values) if negative => Ok(Value::Scalar(values.into_iter().map(|v| -v).collect())),
            Value::Vector(mut vectors) if negative => {
                for sample in vectors.iter_mut().flatten() {
                    sample.drop_name = true;
                    sample.value = match &sample.value {
                        SampleValue::Float(v) => SampleValue::Float(-v),
                        SampleValue::Histogram(h) => SampleValue::Histogram(histogram::multiplied(h, -1.0).into()),
                    };
                }
                Ok(Value::Vector(vectors))
            }
            other => Ok(other),
        }
    }

    /// Whether all leaves are literals or pinned, and no function looks at the time of evaluation.
    pub(super) fn invariant(&self, id: ExprId) -> bool {
        match self.ast.expr(id) {
            Expr::Number(_) | Expr::String(_) => true,
            Expr::Selector(s) => self.pinned(s.time(), id).is_some(),
            Expr::Matrix(m) => self.pinned(m.selector.time(), id).is_some(),
            Expr::Subquery(s) => self.pinned(&s.time, id).is_some(),
            Expr::Paren(e) | Expr::Unary { expr: e, .. } => self.invariant(*e),
            Expr::Binary(b) => self.invariant(b.lhs) && self.invariant(b.rhs),
            Expr::Aggregate(a) => self.invariant(a.expr),
            Expr::Call(c)
                if matches!(c.function, Function::Start | Function::End | Function::Range | Function::Step) =>
            {
                true
            }
            Expr::Call(c) if c.function == Function::Info => self.invariant(c.args[0]),
            Expr::Call(c) => {
                let own_times = c.function == Function::Timestamp && matches!(self.expr(c.args[0]), Expr::Selector(_));
                (!c.function.depends_on_time() || own_times) && c.args.iter().all(|a| self.invariant(*a))
            }
        }
    }
}
