//! Walking and rewriting trees.

use super::ast::{Ast, Expr, ExprId};
use super::check;
use super::error::ParseError;

/// Whether a walk goes on below a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Into its operands.
    Into,
    /// Past them.
    Past,
}

impl Ast {
    /// Visits the nodes, parents before their operands, operands in the order of evaluation. Needs no stack of the
    /// thread's, however deep the tree.
    ///
    /// ```
    /// use promethium_promql::parser::{Expr, ParserOptions, Walk, parse};
    ///
    /// // Metrics that are read outside of any subquery.
    /// let ast = parse("a + max_over_time(b[1h:]) * c", &ParserOptions::default())?;
    /// let mut names = Vec::new();
    /// ast.walk(|_, expr| {
    ///     if let Expr::Selector(selector) = expr {
    ///         names.extend(selector.name.clone());
    ///     }
    ///     if matches!(expr, Expr::Subquery(_)) { Walk::Past } else { Walk::Into }
    /// });
    /// assert_eq!(names, ["a", "c"]);
    /// # Ok::<(), promethium_promql::parser::ParseError>(())
    /// ```
    pub fn walk(&self, mut visit: impl FnMut(ExprId, &Expr) -> Walk) {
        let mut stack = vec![self.root()];
        while let Some(id) = stack.pop() {
            if visit(id, self.expr(id)) == Walk::Into {
                stack.extend(self.children(id).into_iter().rev());
            }
        }
    }

    /// Changes the nodes, operands before their parents. What becomes of the tree is for [`Ast::check`] to say.
    ///
    /// ```
    /// use promethium_promql::parser::{Expr, Function, ParserOptions, parse};
    ///
    /// let mut ast = parse("rate(a[5m]) / rate(b[5m])", &ParserOptions::default())?;
    /// ast.rewrite(|expr| match expr {
    ///     Expr::Call(call) if call.function == Function::Rate => call.function = Function::Increase,
    ///     _ => {}
    /// });
    /// ast.check()?;
    /// assert_eq!(ast.to_string(), "increase(a[5m]) / increase(b[5m])");
    /// # Ok::<(), promethium_promql::parser::ParseError>(())
    /// ```
    pub fn rewrite(&mut self, mut change: impl FnMut(&mut Expr)) {
        self.nodes.iter_mut().for_each(|node| change(&mut node.expr));
    }

    /// Applies the rules on types and matchers again, after a change.
    ///
    /// # Errors
    ///
    /// The first rule that is broken; its position is that in the text of which the tree was parsed, as if that were one
    /// line.
    pub fn check(&self) -> Result<(), ParseError> {
        check::check(self).map_err(|fault| fault.locate(""))
    }
}
