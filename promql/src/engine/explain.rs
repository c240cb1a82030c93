//! What the engine is going to do, and what it did.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{Clock, QueryCx, QueryError, QueryOutput, Queryable};

use super::column::Series;
use super::prepared::{Prepared, QueryTime, Selection};
use super::query::Engine;
use crate::parser::{ExprId, ValueType};
use crate::plan::{Op, Plan};

/// How a query is evaluated, as a tree in the order of the text. Its [`Display`](fmt::Display) is for people.
///
/// ```
/// use promethium_model::InstantOptions;
/// use promethium_promql::Engine;
///
/// let explained = Engine::default().explain("sum by (job) (rate(a[5m])) / pi()", InstantOptions::at(0))?;
/// assert_eq!(
///     explained.to_string(),
///     "\
/// operator /: vector
///   sum by (job), one accumulator a group: vector
///     rate, streamed: vector
///       [300s] of selection 0: matrix
///   pi: scalar, the same at every step
/// selection 0: {__name__=\"a\"} from -299.999 to 0
/// "
/// );
/// # Ok::<(), promethium_model::QueryError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The nodes, parents before their operands.
    pub nodes: Vec<ExplainedNode>,
    /// What is read from storage.
    pub selections: Vec<Selection>,
}

/// A node of an [`Explanation`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainedNode {
    /// How deep it stands; the root is at 0.
    pub depth: usize,
    /// What it does.
    pub text: String,
    /// What it gives.
    pub value_type: ValueType,
    /// Whether it is evaluated once for all steps.
    pub invariant: bool,
    /// Its selection, of a node that reads one.
    pub selection: Option<usize>,
    /// What it cost, once it was measured.
    pub cost: Option<NodeCost>,
}

/// What evaluating a node cost. Time is its own, without that of its operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCost {
    /// Spent in the node itself.
    pub time: Duration,
    /// Series that it gave.
    pub series: u64,
    /// Samples in these.
    pub samples: u64,
    /// Bytes of these, labels not counted: they are shared.
    pub bytes: u64,
}

/// An answer, and what it cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Analysis {
    /// The answer.
    pub output: QueryOutput,
    /// The plan, each node with its cost.
    pub explanation: Explanation,
    /// Of the whole query.
    pub time: Duration,
}

impl Engine {
    /// Plans a query and tells how it would be evaluated, without reading anything.
    ///
    /// # Errors
    ///
    /// As [`Engine::prepare`].
    pub fn explain(&self, query: &str, time: impl Into<QueryTime>) -> Result<Explanation, QueryError> {
        Ok(explanation(&self.prepare(query, time)?))
    }

    /// Evaluates a query and measures every node on the monotonic time of `clock`. Scalars are not measured: they are a column
    /// at most.
    ///
    /// # Errors
    ///
    /// As a query.
    pub fn analyze(
        &self,
        store: &dyn Queryable,
        query: &str,
        time: impl Into<QueryTime>,
        cx: &QueryCx,
        clock: &Arc<dyn Clock>,
    ) -> Result<Analysis, QueryError> {
        let prepared = self.prepare(query, time)?;
        let profile = Profile::new(prepared.plan.nodes.len(), clock);
        let begun = clock.monotonic();
        let output = self.execute_profiled(&prepared, store, cx, Some(&profile))?;
        let time = clock.monotonic().saturating_sub(begun);
        let mut explanation = explanation(&prepared);
        let costs = profile.costs.into_inner();
        let ids = order(&prepared.plan);
        for (node, (id, _)) in explanation.nodes.iter_mut().zip(ids) {
            node.cost = Some(costs[id.index()]);
        }
        Ok(Analysis { output, explanation, time })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.nodes {
            write!(f, "{:1$}{2}: {3}", "", node.depth * 2, node.text, node.value_type.as_str())?;
            if node.invariant {
                f.write_str(", the same at every step")?;
            }
            if let Some(NodeCost { time, series, samples, bytes }) = node.cost {
                write!(f, "  [{time:?}, {series} series, {samples} samples, {bytes} bytes]")?;
            }
            f.write_char('\n')?;
        }
        for (i, Selection { matchers, range, .. }) in self.selections.iter().enumerate() {
            let matchers: Vec<String> = matchers.iter().map(ToString::to_string).collect();
            let (from, to) = (range.min_ms as f64 / 1000.0, range.max_ms as f64 / 1000.0);
            writeln!(f, "selection {i}: {{{}}} from {from} to {to}", matchers.join(","))?;
        }
        Ok(())
    }
}

/// Parents before operands, each with its depth.
fn order(plan: &Plan) -> Vec<(ExprId, usize)> {
    let mut stack = vec![(plan.root, 0)];
    let mut order = Vec::new();
    while let Some((id, depth)) = stack.pop() {
        order.push((id, depth));
        let mut operands = Vec::new();
        plan.node(id).op.operands(&mut |operand| operands.push((operand, depth + 1)));
        stack.extend(operands.into_iter().rev());
    }
    order
}

fn explanation(prepared: &Prepared) -> Explanation {
    let node = |(id, depth): (ExprId, usize)| {
        let node = prepared.plan.node(id);
        let selection = match &node.op {
            Op::Selector(s) => Some(s.fetch),
            Op::Range(r) => Some(r.selector.fetch),
            Op::Info(info) => Some(info.fetch),
            _ => None,
        };
        let text = describe(&prepared.plan, &node.op);
        ExplainedNode { depth, text, value_type: node.value_type, invariant: node.invariant, selection, cost: None }
    };
    Explanation { nodes: order(&prepared.plan).into_iter().map(node).collect(), selections: prepared.selections() }
}

fn describe(plan: &Plan, op: &Op) -> String {
    let seconds = |ms: i64| format!("{}s", ms as f64 / 1000.0);
    let read = |fetch: usize| {
        let uses = plan.fetches.get(fetch).map_or(0, |f| f.uses);
        format!("selection {fetch}{}", if uses > 1 { ", shared" } else { "" })
    };
    match op {
        Op::Number(value) => promethium_model::float::format_g(*value),
        Op::String(bytes) => promethium_model::quote::go_quoted_bytes(bytes),
        Op::Selector(s) => {
            format!("newest of {}{}", read(s.fetch), if s.stats_only { ", statistics alone" } else { "" })
        }
        Op::Range(r) => format!("[{}] of {}", seconds(r.range_ms), read(r.selector.fetch)),
        Op::Subquery(s) => format!("subquery [{}:{}]", seconds(s.range_ms), seconds(s.step_ms)),
        Op::Unary { negative, .. } => if *negative { "unary -" } else { "unary +" }.to_owned(),
        Op::Binary(binary) => format!("operator {}", binary.op),
        Op::Call { function, .. } => {
            let streams = function.takes_range();
            format!("{}{}", function.name(), if streams { ", streamed" } else { "" })
        }
        Op::Aggregate(aggregate) => {
            let (word, labels) = (if aggregate.without { "without" } else { "by" }, aggregate.grouping.join(", "));
            let grouping =
                if labels.is_empty() && !aggregate.without { String::new() } else { format!(" {word} ({labels})") };
            let how = if aggregate.op.streams() { "one accumulator a group" } else { "vector held whole" };
            format!("{}{grouping}, {how}", aggregate.op)
        }
        Op::Info(info) => format!("info from {}", read(info.fetch)),
        Op::Paren(_) => String::new(),
    }
}

/// Measures nodes while they are evaluated. A node hands its series to the one above in the midst of its own work, so the
/// clock is switched at every hand-over.
pub(crate) struct Profile {
    clock: Arc<dyn Clock>,
    current: Cell<Option<usize>>,
    since: Cell<Duration>,
    costs: RefCell<Vec<NodeCost>>,
}

impl Profile {
    fn new(nodes: usize, clock: &Arc<dyn Clock>) -> Profile {
        Profile {
            clock: Arc::clone(clock),
            current: Cell::new(None),
            since: Cell::new(clock.monotonic()),
            costs: RefCell::new(vec![NodeCost::default(); nodes]),
        }
    }

    /// From now on time counts for `node`; returns for whom it counted.
    pub(crate) fn switch(&self, node: Option<usize>) -> Option<usize> {
        let now = self.clock.monotonic();
        let before = self.current.replace(node);
        if let Some(before) = before {
            self.costs.borrow_mut()[before].time += now.saturating_sub(self.since.get());
        }
        self.since.set(now);
        before
    }

    pub(crate) fn gave(&self, node: usize, series: &Series) {
        let cost = &mut self.costs.borrow_mut()[node];
        cost.series += 1;
        cost.samples += (series.column.present.count() + series.column.histograms.len()) as u64;
        cost.bytes += series.column.bytes() as u64;
    }
}
