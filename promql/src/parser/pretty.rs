//! The format of Prometheus' `format_query`: what fits a line stays on it, what does not is split at its operands.

use super::ast::{Ast, Binary, Expr, ExprId};
use super::print::{Printed, push_aggregate_head, push_operator, push_subquery_suffix};

/// Longest text that is not split, in bytes.
const MAX_LINE: usize = 100;

/// Indentation grows no further than so many levels: the text of a chain of a thousand operators stays readable, and
/// linear in its length.
const MAX_INDENT: usize = 100;

impl Ast {
    /// The expression over several lines, as Prometheus formats it. It parses back to the same tree.
    ///
    /// ```
    /// use promethium_promql::parser::{ParserOptions, parse};
    ///
    /// let query = "sum by (instance, job) (rate(node_network_receive_bytes_total{device!=\"lo\"}[5m]) \
    ///              + rate(node_network_transmit_bytes_total{device!=\"lo\"}[5m]))";
    /// let ast = parse(query, &ParserOptions::default())?;
    /// assert_eq!(
    ///     ast.pretty(),
    ///     "sum by (instance, job) (
    ///     rate(node_network_receive_bytes_total{device!=\"lo\"}[5m])
    ///   +
    ///     rate(node_network_transmit_bytes_total{device!=\"lo\"}[5m])
    /// )"
    /// );
    /// # Ok::<(), promethium_promql::parser::ParseError>(())
    /// ```
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut prettifier = Prettifier { ast: self, printed: self.printed(), out: String::new() };
        prettifier.node(self.root(), 0);
        prettifier.out
    }
}

struct Prettifier<'a> {
    ast: &'a Ast,
    printed: Printed,
    out: String,
}

impl<'a> Prettifier<'a> {
    fn fits(&self, id: ExprId) -> bool {
        self.printed.spans[id.index()].len() <= MAX_LINE
    }

    fn indent(&mut self, level: usize) {
        (0..level.min(MAX_INDENT)).for_each(|_| self.out.push_str("  "));
    }

    fn line(&mut self, id: ExprId) {
        self.out.push_str(&self.printed.text[self.printed.spans[id.index()].clone()]);
    }

    fn node(&mut self, id: ExprId, level: usize) {
        match self.ast.expr(id) {
            // Prometheus does not indent these.
            Expr::Subquery(_) if self.fits(id) => self.line(id),
            Expr::Subquery(subquery) => {
                self.node(subquery.expr, level);
                push_subquery_suffix(&mut self.out, subquery);
            }
            Expr::Unary { negative, expr } => self.unary(*negative, *expr, level),
            Expr::Binary(_) if !self.fits(id) => self.chain(id, level),
            Expr::Call(call) if !self.fits(id) => {
                self.indent(level);
                self.out.push_str(call.function.name());
                self.block(&call.args, level);
            }
            Expr::Aggregate(aggregate) if !self.fits(id) => {
                self.indent(level);
                push_aggregate_head(&mut self.out, aggregate);
                let args: Vec<ExprId> = aggregate.param.into_iter().chain([aggregate.expr]).collect();
                self.block(&args, level);
            }
            Expr::Paren(inner) if !self.fits(id) => {
                self.indent(level);
                self.block(&[*inner], level);
            }
            _ => {
                self.indent(level);
                self.line(id);
            }
        }
    }

    /// `(`, the arguments a level deeper, `)`.
    fn block(&mut self, args: &[ExprId], level: usize) {
        self.out.push_str("(\n");
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                self.out.push_str(",\n");
            }
            self.node(*arg, level + 1);
        }
        self.out.push('\n');
        self.indent(level);
        self.out.push(')');
    }

    /// The sign stands where the operand's indentation would.
    fn unary(&mut self, negative: bool, expr: ExprId, level: usize) {
        self.indent(level);
        self.out.push(if negative { '-' } else { '+' });
        let start = self.out.len();
        self.node(expr, level);
        let blank = self.out[start..].len() - self.out[start..].trim_start().len();
        self.out.replace_range(start..start + blank, "");
    }

    /// Each operator on a line of its own, between its operands a level deeper: the left one of a chain again a chain.
    fn chain(&mut self, id: ExprId, level: usize) {
        let mut chain: Vec<(&'a Binary, usize)> = Vec::new();
        let (mut left, mut depth) = (id, level);
        while let Expr::Binary(binary) = self.ast.expr(left) {
            if self.fits(left) {
                break;
            }
            chain.push((binary, depth));
            (left, depth) = (binary.lhs, depth + 1);
        }
        self.node(left, depth);
        for (binary, depth) in chain.into_iter().rev() {
            self.out.push('\n');
            self.indent(depth);
            push_operator(&mut self.out, binary);
            self.out.push('\n');
            self.node(binary.rhs, depth + 1);
        }
    }
}
