//! What `info` joins with, and when.

use promethium_model::labels::METRIC_NAME;
use promethium_model::{MatchOp, Matcher, QueryError};

use super::{InfoPlan, Op, PlanNode, TimeShift};
use crate::parser::ExprId;

/// Sorts the matchers of the second argument into those of the info metrics' names and those of their data labels.
///
/// # Errors
///
/// Never for the patterns used here; a matcher could not be built.
pub(super) fn plan(base: ExprId, matchers: &[Matcher], nodes: &[PlanNode]) -> Result<InfoPlan, QueryError> {
    let of_name = |m: &&Matcher| m.name == METRIC_NAME;
    let mut names: Vec<Matcher> = matchers.iter().filter(of_name).cloned().collect();
    let data = matchers.iter().filter(|m| !of_name(m)).cloned().collect();
    if names.is_empty() {
        names.push(Matcher::equal(METRIC_NAME, "target_info"));
    } else if names.iter().all(|m| m.op.is_negative()) {
        let any = Matcher::new(MatchOp::Regex, METRIC_NAME, ".+_info");
        names.push(any.map_err(|e| QueryError::Invalid(e.to_string()))?);
    }
    Ok(InfoPlan { base, names, data, shift: reference(base, nodes), fetch: 0 })
}

/// The shift of the first selector of an expression, enclosing subqueries counted in.
fn reference(base: ExprId, nodes: &[PlanNode]) -> TimeShift {
    let mut stack = vec![(base, TimeShift::default())];
    while let Some((id, outer)) = stack.pop() {
        match &nodes[id.index()].op {
            Op::Selector(s) => return inside(outer, s.shift),
            Op::Range(r) => return inside(outer, r.selector.shift),
            Op::Subquery(s) => stack.push((s.expr, inside(outer, s.shift))),
            Op::Unary { expr, .. } | Op::Paren(expr) => stack.push((*expr, outer)),
            Op::Binary(b) => stack.extend([(b.rhs, outer), (b.lhs, outer)]),
            Op::Call { args, .. } => stack.extend(args.iter().rev().map(|a| (*a, outer))),
            Op::Aggregate(a) => stack.push((a.expr, outer)),
            Op::Info(info) => stack.push((info.base, outer)),
            Op::Number(_) | Op::String(_) => {}
        }
    }
    TimeShift::default()
}

/// Offsets add up, outwards until something is pinned.
fn inside(outer: TimeShift, inner: TimeShift) -> TimeShift {
    match inner.at_ms {
        Some(_) => inner,
        None => TimeShift { offset_ms: outer.offset_ms.saturating_add(inner.offset_ms), at_ms: outer.at_ms },
    }
}
