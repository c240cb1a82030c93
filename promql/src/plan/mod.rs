//! From the syntax tree to what the engine walks: durations computed, `start()` and `end()` resolved, step-invariant
//! parts marked, equal selections shared.
//!
//! The plan mirrors the arena of the tree: same order, children before parents, parentheses resolved away.

mod build;
mod durations;
mod fetches;
mod info;

use std::sync::Arc;

use promethium_model::Matcher;
use smol_str::SmolStr;

use crate::parser::{AggregateOp, Binary, ExprId, Extension, Function, Span, ValueType};

pub(crate) use build::build;
pub(crate) use durations::{DurationScope, evaluate as evaluate_duration};

/// When a query is evaluated: an instant query has one step and an interval of 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryTimes {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) interval_ms: i64,
}

/// What planning needs to know beyond the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanContext {
    pub(crate) times: QueryTimes,
    pub(crate) lookback_ms: i64,
    pub(crate) subquery_step_ms: i64,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<PlanNode>,
    pub(crate) root: ExprId,
    pub(crate) fetches: Vec<Fetch>,
}

impl Plan {
    pub(crate) fn node(&self, id: ExprId) -> &PlanNode {
        &self.nodes[id.index()]
    }

    pub(crate) fn value_type(&self, id: ExprId) -> ValueType {
        self.node(id).value_type
    }
}

#[derive(Debug)]
pub(crate) struct PlanNode {
    pub(crate) op: Op,
    pub(crate) span: Span,
    pub(crate) value_type: ValueType,
    /// Whether the value is the same at every step, but for its time.
    pub(crate) invariant: bool,
}

#[derive(Debug)]
pub(crate) enum Op {
    Number(f64),
    String(Vec<u8>),
    Selector(SelectorPlan),
    Range(RangePlan),
    Subquery(SubqueryPlan),
    Unary {
        negative: bool,
        expr: ExprId,
    },
    Binary(Binary),
    Call {
        function: Function,
        args: Vec<ExprId>,
    },
    Aggregate(AggregatePlan),
    Info(InfoPlan),
    /// Parentheses, which nothing refers to any more.
    Paren(ExprId),
}

/// When samples are looked for: `t − offset`, or `at − offset` whatever the step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeShift {
    pub(crate) offset_ms: i64,
    pub(crate) at_ms: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct SelectorPlan {
    pub(crate) matchers: Arc<[Matcher]>,
    pub(crate) shift: TimeShift,
    pub(crate) extension: Option<Extension>,
    /// Index into [`Plan::fetches`].
    pub(crate) fetch: usize,
    /// Whether only count, sum and hint of histograms are wanted (and hints are worked out while reading).
    pub(crate) stats_only: bool,
}

#[derive(Debug)]
pub(crate) struct RangePlan {
    pub(crate) selector: SelectorPlan,
    pub(crate) range_ms: i64,
}

#[derive(Debug)]
pub(crate) struct SubqueryPlan {
    pub(crate) expr: ExprId,
    pub(crate) range_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) shift: TimeShift,
}

#[derive(Debug)]
pub(crate) struct AggregatePlan {
    pub(crate) op: AggregateOp,
    pub(crate) expr: ExprId,
    pub(crate) param: Option<ExprId>,
    pub(crate) without: bool,
    pub(crate) grouping: Vec<SmolStr>,
}

/// `info`: a vector, and what its labels are enriched from.
#[derive(Debug)]
pub(crate) struct InfoPlan {
    pub(crate) base: ExprId,
    /// Conditions on the names of info metrics.
    pub(crate) names: Vec<Matcher>,
    /// Conditions on their data labels.
    pub(crate) data: Vec<Matcher>,
    /// When info series are looked up: as the first selector of the base.
    pub(crate) shift: TimeShift,
    /// Index into [`Plan::fetches`].
    pub(crate) fetch: usize,
}

/// One selection of storage, for all selectors with the same matchers.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) matchers: Arc<[Matcher]>,
    /// Everything that some selector may look at, inclusive.
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    /// The widest range selector among its readers; 0 when all are instant.
    pub(crate) range_ms: i64,
    /// Whether all its readers are instant selectors that look at one and the same time.
    pub(crate) newest_only: bool,
    /// How many selectors read it.
    pub(crate) uses: usize,
    /// The function or aggregation right above all of them; `None` where there is none, or not the same.
    pub(crate) above: Option<Above>,
}

/// What a store may like to know of a selector's surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Above {
    pub(crate) function: &'static str,
    /// The labels of an aggregation, and whether it groups by them.
    pub(crate) grouping: Vec<SmolStr>,
    pub(crate) by: bool,
}

impl Op {
    /// Calls `on` for every operand. Parentheses have none: they were resolved away.
    pub(crate) fn operands(&self, on: &mut dyn FnMut(ExprId)) {
        match self {
            Op::Subquery(s) => on(s.expr),
            Op::Unary { expr, .. } => on(*expr),
            Op::Binary(b) => [b.lhs, b.rhs].into_iter().for_each(on),
            Op::Call { args, .. } => args.iter().copied().for_each(on),
            Op::Aggregate(a) => a.param.into_iter().chain([a.expr]).for_each(on),
            Op::Info(info) => on(info.base),
            Op::Paren(_) | Op::Number(_) | Op::String(_) | Op::Selector(_) | Op::Range(_) => {}
        }
    }
}
