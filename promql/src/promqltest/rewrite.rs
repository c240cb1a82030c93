//! The same query at other times: every selector pinned with `@`.

use promethium_model::Limits;

use crate::Features;
use crate::parser::{Ast, At, Expr, ExprId, ParserOptions, TimeModifiers, parse};

/// The query with `@ time` on every selector and subquery that names no time; `None` where some function depends on the
/// evaluation time, or the text is no query.
pub(super) fn pinned(query: &str, time_ms: i64) -> Option<String> {
    let mut ast = parse(query, &ParserOptions::new(Features::all(), &Limits::default())).ok()?;
    let depends =
        |ast: &Ast| ast.nodes().any(|(_, n)| matches!(&n.expr, Expr::Call(call) if call.function.depends_on_time()));
    if depends(&ast) {
        return None;
    }
    pin(&mut ast, At::Time(time_ms));
    Some(ast.to_string())
}

/// Parents come first here, so that what stands inside a pinned subquery stays as it is.
fn pin(ast: &mut Ast, at: At) {
    let mut inside_pinned = vec![false; ast.nodes.len()];
    for i in (0..ast.nodes.len()).rev() {
        if !inside_pinned[i] {
            match &mut ast.nodes[i].expr {
                Expr::Selector(selector) => pin_to(selector.time_mut(), at),
                Expr::Matrix(matrix) => pin_to(matrix.selector.time_mut(), at),
                Expr::Subquery(subquery) => pin_to(&mut subquery.time, at),
                _ => {}
            }
        }
        let pinned_below = inside_pinned[i] || matches!(ast.nodes[i].expr, Expr::Subquery(_));
        for child in ast.children(ExprId(i as u32)) {
            inside_pinned[child.index()] = pinned_below;
        }
    }
}

/// `start()` and `end()` are the evaluation time here, and would become another one.
fn pin_to(time: &mut TimeModifiers, at: At) {
    if !matches!(time.at, Some(At::Time(_))) {
        time.at = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_and_outer_subqueries_are_pinned() {
        assert_eq!(pinned("a + b @ 1 offset 5m", 2_000).unwrap(), "a @ 2.000 + b @ 1.000 offset 5m");
        assert_eq!(pinned("rate(x[5m:1m])", 2_000).unwrap(), "rate(x[5m:1m] @ 2.000)");
        assert_eq!(
            pinned("max_over_time(rate(x[5m])[1h:])", -2_500).unwrap(),
            "max_over_time(rate(x[5m])[1h:] @ -2.500)"
        );
        assert_eq!(pinned("a @ start() - a @ end()", 2_000).unwrap(), "a @ 2.000 - a @ 2.000");
        assert_eq!(pinned("time()", 0), None);
        assert_eq!(pinned("(", 0), None);
    }
}
