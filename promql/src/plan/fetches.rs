//! Which data each selector may look at, and which selectors share it.

use std::sync::Arc;

use promethium_model::Matcher;

use super::{Above, Fetch, Op, Plan, PlanContext, SelectorPlan, TimeShift};
use crate::parser::{ExprId, Extension};

/// The evaluation times of a node, first and last.
#[derive(Clone, Copy)]
struct Window {
    first_ms: i64,
    last_ms: i64,
}

impl Window {
    fn shifted(self, shift: TimeShift) -> Window {
        let pinned = shift.at_ms.map_or(self, |at| Window { first_ms: at, last_ms: at });
        Window {
            first_ms: pinned.first_ms.saturating_sub(shift.offset_ms),
            last_ms: pinned.last_ms.saturating_sub(shift.offset_ms),
        }
    }

    fn is_one_time(self) -> bool {
        self.first_ms == self.last_ms
    }

    fn reaching_back(self, ms: i64) -> Window {
        Window { first_ms: self.first_ms.saturating_sub(ms), ..self }
    }
}

/// Parents first: every node learns its evaluation times from its parent, every selector becomes part of a fetch.
pub(super) fn assign_fetches(plan: &mut Plan, context: PlanContext) {
    // What has no times is read by nobody: the second argument of `info` is no vector of its own.
    let mut windows: Vec<Option<Window>> = vec![None; plan.nodes.len()];
    windows[plan.root.index()] = Some(Window { first_ms: context.times.start_ms, last_ms: context.times.end_ms });
    let mut above: Vec<Option<Above>> = vec![None; plan.nodes.len()];
    let Plan { nodes, fetches, .. } = plan;
    for i in (0..nodes.len()).rev() {
        let Some(window) = windows[i] else { continue };
        let here = above_operands(&nodes[i].op);
        nodes[i].op.operands(&mut |id| above[id.index()].clone_from(&here));
        assign(&mut nodes[i].op, window, context.lookback_ms, above[i].take(), fetches);
        hand_down(&nodes[i].op, window, &mut |id, window| windows[id.index()] = Some(window));
    }
}

/// Makes a selector part of a fetch.
fn assign(op: &mut Op, window: Window, lookback_ms: i64, above: Option<Above>, fetches: &mut Vec<Fetch>) {
    match op {
        Op::Selector(selector) => {
            let data = data_window(selector, window, 0, lookback_ms);
            let newest_only = selector.extension.is_none() && window.shifted(selector.shift).is_one_time();
            selector.fetch = fetch_for(fetches, &selector.matchers, data, 0, newest_only, above);
        }
        Op::Range(range) => {
            let data = data_window(&range.selector, window, range.range_ms, lookback_ms);
            range.selector.fetch = fetch_for(fetches, &range.selector.matchers, data, range.range_ms, false, above);
        }
        Op::Info(info) => {
            let data = window.shifted(info.shift).reaching_back(lookback_ms.saturating_sub(1));
            let matchers = info.names.iter().chain(&info.data).cloned().collect();
            info.fetch = fetch_for(fetches, &matchers, data, 0, false, None);
        }
        _ => {}
    }
}

/// The times at which a node evaluates its operands.
fn hand_down(op: &Op, window: Window, to: &mut dyn FnMut(ExprId, Window)) {
    match op {
        Op::Subquery(s) => to(s.expr, window.shifted(s.shift).reaching_back(s.range_ms)),
        Op::Unary { expr, .. } | Op::Paren(expr) => to(*expr, window),
        Op::Binary(binary) => [binary.lhs, binary.rhs].into_iter().for_each(|id| to(id, window)),
        Op::Call { args, .. } => args.iter().for_each(|id| to(*id, window)),
        Op::Aggregate(aggregate) => {
            aggregate.param.into_iter().chain([aggregate.expr]).for_each(|id| to(id, window));
        }
        Op::Info(info) => to(info.base, window),
        Op::Number(_) | Op::String(_) | Op::Selector(_) | Op::Range(_) => {}
    }
}

/// A range selector looks back its range; an instant one, and both extended forms, the lookback.
fn data_window(selector: &SelectorPlan, window: Window, range_ms: i64, lookback_ms: i64) -> Window {
    let mut data = window.shifted(selector.shift).reaching_back(range_ms);
    if range_ms == 0 || selector.extension.is_some() {
        data = data.reaching_back(lookback_ms);
    }
    if selector.extension == Some(Extension::Smoothed) {
        data.last_ms = data.last_ms.saturating_add(lookback_ms);
    }
    // Windows are left-open.
    data.first_ms = data.first_ms.saturating_add(1);
    data
}

/// What an operator is to the selectors that are its operands.
fn above_operands(op: &Op) -> Option<Above> {
    match op {
        Op::Call { function, .. } => Some(Above { function: function.name(), grouping: Vec::new(), by: false }),
        Op::Aggregate(a) => Some(Above {
            function: a.op.as_str(),
            grouping: a.grouping.clone(),
            by: !a.without && !a.grouping.is_empty(),
        }),
        _ => None,
    }
}

fn fetch_for(
    fetches: &mut Vec<Fetch>,
    matchers: &Arc<[Matcher]>,
    data: Window,
    range_ms: i64,
    newest_only: bool,
    above: Option<Above>,
) -> usize {
    if let Some(i) = fetches.iter().position(|f| f.matchers == *matchers) {
        let fetch = &mut fetches[i];
        fetch.newest_only &= newest_only && (fetch.min_ms, fetch.max_ms) == (data.first_ms, data.last_ms);
        fetch.min_ms = fetch.min_ms.min(data.first_ms);
        fetch.max_ms = fetch.max_ms.max(data.last_ms);
        fetch.range_ms = fetch.range_ms.max(range_ms);
        fetch.uses += 1;
        fetch.above = fetch.above.take().filter(|known| above.as_ref() == Some(known));
        return i;
    }
    let matchers = Arc::clone(matchers);
    let (min_ms, max_ms) = (data.first_ms, data.last_ms);
    fetches.push(Fetch { matchers, min_ms, max_ms, range_ms, newest_only, uses: 1, above });
    fetches.len() - 1
}
