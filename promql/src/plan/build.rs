//! One pass over the tree, children first.

use std::sync::Arc;

use promethium_model::{Matcher, QueryError};

use super::durations::{DurationScope, evaluate};
use super::fetches::assign_fetches;
use super::{AggregatePlan, Op, Plan, PlanContext, PlanNode, RangePlan, SelectorPlan, SubqueryPlan, TimeShift};
use crate::parser::{
    Ast, At, Binary, DurationExpr, Expr, ExprId, Function, MatrixSelector, Node, Selector, Sign, Subquery,
    TimeModifiers, ValueType,
};

/// Plans a checked tree.
///
/// # Errors
///
/// Durations that cannot be computed.
pub(crate) fn build(ast: &Ast, context: PlanContext) -> Result<Plan, QueryError> {
    let mut builder = Builder { context, in_parameter: false, nodes: Vec::with_capacity(ast.nodes.len()) };
    let parameters = inside_parameters(ast);
    for (node, in_parameter) in ast.nodes.iter().zip(parameters) {
        builder.in_parameter = in_parameter;
        let planned = builder.node(node)?;
        builder.nodes.push(planned);
    }
    let root = builder.resolve(ast.root);
    let mut plan = Plan { nodes: builder.nodes, root, fetches: Vec::new() };
    forget_pinned_offsets(&mut plan);
    mark_stats_only(&mut plan);
    assign_fetches(&mut plan, context);
    Ok(plan)
}

/// Which nodes stand inside the parameter of an aggregation: Prometheus never prepares these, so that `@ start()` and
/// `@ end()` say nothing there.
fn inside_parameters(ast: &Ast) -> Vec<bool> {
    let mut inside = vec![false; ast.nodes.len()];
    for (i, node) in ast.nodes.iter().enumerate().rev() {
        let parameter = match &node.expr {
            Expr::Aggregate(aggregate) => aggregate.param,
            _ => None,
        };
        for child in ast.children(ExprId(i as u32)) {
            inside[child.index()] = inside[i] || parameter == Some(child);
        }
    }
    inside
}

struct Builder {
    context: PlanContext,
    in_parameter: bool,
    nodes: Vec<PlanNode>,
}

impl Builder {
    /// The node behind parentheses.
    fn resolve(&self, id: ExprId) -> ExprId {
        match self.nodes[id.index()].op {
            Op::Paren(inner) => inner,
            _ => id,
        }
    }

    fn of(&self, id: ExprId) -> &PlanNode {
        &self.nodes[id.index()]
    }

    fn node(&self, node: &Node) -> Result<PlanNode, QueryError> {
        let (op, value_type, invariant) = match &node.expr {
            Expr::Number(number) => (Op::Number(number.value), ValueType::Scalar, true),
            Expr::String(bytes) => (Op::String(bytes.clone()), ValueType::String, true),
            Expr::Selector(selector) => self.selector(selector)?,
            Expr::Matrix(matrix) => self.matrix(matrix)?,
            Expr::Subquery(subquery) => self.subquery(subquery)?,
            Expr::Unary { negative, expr } => self.unary(*negative, *expr),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) if call.function == Function::Info => self.info(&call.args)?,
            Expr::Call(call) => self.call(call.function, &call.args),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Paren(inner) => self.paren(*inner),
        };
        Ok(PlanNode { op, span: node.span, value_type, invariant })
    }

    fn paren(&self, inner: ExprId) -> (Op, ValueType, bool) {
        let inner = self.resolve(inner);
        (Op::Paren(inner), self.of(inner).value_type, self.of(inner).invariant)
    }

    fn unary(&self, negative: bool, expr: ExprId) -> (Op, ValueType, bool) {
        let expr = self.resolve(expr);
        (Op::Unary { negative, expr }, self.of(expr).value_type, self.of(expr).invariant)
    }

    fn binary(&self, binary: &Binary) -> (Op, ValueType, bool) {
        let mut binary = binary.clone();
        (binary.lhs, binary.rhs) = (self.resolve(binary.lhs), self.resolve(binary.rhs));
        let (left, right) = (self.of(binary.lhs), self.of(binary.rhs));
        let scalar = left.value_type == ValueType::Scalar && right.value_type == ValueType::Scalar;
        let value_type = if scalar { ValueType::Scalar } else { ValueType::Vector };
        let invariant = left.invariant && right.invariant;
        (Op::Binary(binary), value_type, invariant)
    }

    fn call(&self, function: Function, args: &[ExprId]) -> (Op, ValueType, bool) {
        if let Some(seconds) = self.constant(function) {
            return (Op::Number(seconds), ValueType::Scalar, true);
        }
        let args: Vec<ExprId> = args.iter().map(|a| self.resolve(*a)).collect();
        let of_selector = function == Function::Timestamp && matches!(self.of(args[0]).op, Op::Selector(_));
        let invariant = (!function.depends_on_time() || of_selector) && args.iter().all(|a| self.of(*a).invariant);
        (Op::Call { function, args }, function.signature().returns, invariant)
    }

    fn info(&self, args: &[ExprId]) -> Result<(Op, ValueType, bool), QueryError> {
        let base = self.resolve(args[0]);
        let matchers: &[Matcher] = match args.get(1).map(|a| &self.of(self.resolve(*a)).op) {
            Some(Op::Selector(selector)) => &selector.matchers,
            _ => &[],
        };
        let plan = super::info::plan(base, matchers, &self.nodes)?;
        Ok((Op::Info(plan), ValueType::Vector, self.of(base).invariant))
    }

    /// The value of `start()`, `end()`, `range()` and `step()`, in seconds.
    fn constant(&self, function: Function) -> Option<f64> {
        let times = self.context.times;
        let instant = times.start_ms == times.end_ms;
        let ms = match function {
            Function::Start => times.start_ms,
            Function::End => times.end_ms,
            Function::Range => times.end_ms.saturating_sub(times.start_ms),
            Function::Step if instant => 0,
            Function::Step => times.interval_ms,
            _ => return None,
        };
        Some(ms as f64 / 1000.0)
    }

    fn aggregate(&self, aggregate: &crate::parser::Aggregate) -> (Op, ValueType, bool) {
        let plan = AggregatePlan {
            op: aggregate.op,
            expr: self.resolve(aggregate.expr),
            param: aggregate.param.map(|p| self.resolve(p)),
            without: aggregate.without,
            grouping: aggregate.grouping.clone(),
        };
        let invariant = self.of(plan.expr).invariant;
        (Op::Aggregate(plan), ValueType::Vector, invariant)
    }

    fn selector(&self, selector: &Selector) -> Result<(Op, ValueType, bool), QueryError> {
        let plan = self.selector_plan(selector)?;
        let invariant = plan.shift.at_ms.is_some();
        Ok((Op::Selector(plan), ValueType::Vector, invariant))
    }

    fn selector_plan(&self, selector: &Selector) -> Result<SelectorPlan, QueryError> {
        Ok(SelectorPlan {
            matchers: Arc::from(selector.all_matchers()),
            shift: self.shift(selector.time())?,
            extension: selector.extension(),
            fetch: 0,
            stats_only: false,
        })
    }

    fn matrix(&self, matrix: &MatrixSelector) -> Result<(Op, ValueType, bool), QueryError> {
        let range_ms = self.duration(&matrix.range, Sign::Positive)?;
        let selector = self.selector_plan(&matrix.selector)?;
        let invariant = selector.shift.at_ms.is_some();
        Ok((Op::Range(RangePlan { selector, range_ms }), ValueType::Matrix, invariant))
    }

    fn subquery(&self, subquery: &Subquery) -> Result<(Op, ValueType, bool), QueryError> {
        // Of several bad durations that of the offset is told, then that of the step.
        let shift = self.shift(&subquery.time)?;
        let step_ms = match &subquery.step {
            Some(step) => self.duration(step, Sign::Positive)?,
            None => self.context.subquery_step_ms,
        };
        if step_ms < 1 {
            return Err(QueryError::Invalid("subquery step must be at least 1ms".to_owned()));
        }
        let plan = SubqueryPlan {
            expr: self.resolve(subquery.expr),
            range_ms: self.duration(&subquery.range, Sign::Positive)?,
            step_ms,
            shift,
        };
        let invariant = plan.shift.at_ms.is_some();
        Ok((Op::Subquery(plan), ValueType::Matrix, invariant))
    }

    fn shift(&self, time: &TimeModifiers) -> Result<TimeShift, QueryError> {
        let offset_ms = match &time.offset {
            Some(offset) => self.duration(offset, Sign::Any)?,
            None => 0,
        };
        let at_ms = time.at.and_then(|at| match at {
            At::Time(ms) => Some(ms),
            At::Start | At::End if self.in_parameter => None,
            At::Start => Some(self.context.times.start_ms),
            At::End => Some(self.context.times.end_ms),
        });
        Ok(TimeShift { offset_ms, at_ms })
    }

    fn duration(&self, duration: &DurationExpr, sign: Sign) -> Result<i64, QueryError> {
        let times = self.context.times;
        let scope = DurationScope {
            step: times.interval_ms as f64 / 1000.0,
            range: times.end_ms.saturating_sub(times.start_ms) as f64 / 1000.0,
        };
        evaluate(duration, scope, sign).map_err(QueryError::Invalid)
    }
}

/// A selector that is pinned and the direct argument of `timestamp` loses its offset in Prometheus.
fn forget_pinned_offsets(plan: &mut Plan) {
    for i in 0..plan.nodes.len() {
        let Op::Call { function: Function::Timestamp, args } = &plan.nodes[i].op else { continue };
        let arg = args[0].index();
        if let Op::Selector(selector) = &mut plan.nodes[arg].op
            && selector.shift.at_ms.is_some()
        {
            selector.shift.offset_ms = 0;
        }
    }
}

/// Marks the selectors below `histogram_count`, `histogram_sum` and `histogram_avg`, unless they are below a subquery, a
/// quantile, a fraction or a trim as well.
fn mark_stats_only(plan: &mut Plan) {
    let mut above = vec![Above::default(); plan.nodes.len()];
    for i in (0..plan.nodes.len()).rev() {
        let mut seen = above[i];
        match &mut plan.nodes[i].op {
            Op::Selector(selector) => selector.stats_only = seen.stats_only(),
            Op::Range(range) => range.selector.stats_only = seen.stats_only(),
            Op::Subquery(_) => seen.needs_buckets = true,
            Op::Binary(binary) => seen.needs_buckets |= binary.op.is_trim(),
            Op::Call { function, .. } => seen.enter(*function),
            _ => {}
        }
        plan.nodes[i].op.operands(&mut |id| above[id.index()] = seen);
    }
}

/// What stands above a node.
#[derive(Clone, Copy, Default)]
struct Above {
    counted: bool,
    needs_buckets: bool,
}

impl Above {
    fn enter(&mut self, function: Function) {
        use Function as F;
        match function {
            F::HistogramCount | F::HistogramSum | F::HistogramAvg => self.counted = true,
            F::HistogramQuantile | F::HistogramQuantiles | F::HistogramFraction => self.needs_buckets = true,
            _ => {}
        }
    }

    fn stats_only(self) -> bool {
        self.counted && !self.needs_buckets
    }
}
