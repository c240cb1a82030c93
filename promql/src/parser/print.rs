//! Canonical PromQL: `parse(print(ast))` is the tree again, up to positions.

use std::fmt::{self, Display, Formatter, Write};

use promethium_model::duration::format_ms;
use promethium_model::float::{format_f, format_g};
use promethium_model::labels::is_legacy_label_name;
use promethium_model::quote::{go_quoted, go_quoted_bytes};

use super::ast::{
    Aggregate, Ast, At, Binary, Call, Expr, ExprId, Grouping, Matching, MatrixSelector, Number, Selector, Subquery,
    TimeModifiers,
};
use super::duration_expr::DurationExpr;
use super::number::seconds_to_ms;

impl Display for Ast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.print(f, self.root)
    }
}

impl Ast {
    /// Recurses as deep as the nesting limit of the parser; along chains of binary operators it loops.
    fn print(&self, f: &mut Formatter<'_>, id: ExprId) -> fmt::Result {
        match self.expr(id) {
            Expr::Number(number) => f.write_str(&number_text(*number)),
            Expr::String(bytes) => f.write_str(&go_quoted_bytes(bytes)),
            Expr::Selector(selector) => print_selector(f, selector),
            Expr::Matrix(matrix) => print_matrix(f, matrix),
            Expr::Subquery(subquery) => self.print_subquery(f, subquery),
            Expr::Unary { negative, expr } => {
                f.write_char(if *negative { '-' } else { '+' })?;
                self.print(f, *expr)
            }
            Expr::Binary(_) => self.print_chain(f, id),
            Expr::Call(call) => self.print_call(f, call),
            Expr::Aggregate(aggregate) => self.print_aggregate(f, aggregate),
            Expr::Paren(inner) => {
                f.write_char('(')?;
                self.print(f, *inner)?;
                f.write_char(')')
            }
        }
    }

    fn print_chain(&self, f: &mut Formatter<'_>, id: ExprId) -> fmt::Result {
        let mut chain: Vec<&Binary> = Vec::new();
        let mut leftmost = id;
        while let Expr::Binary(binary) = self.expr(leftmost) {
            chain.push(binary);
            leftmost = binary.lhs;
        }
        self.print(f, leftmost)?;
        for binary in chain.into_iter().rev() {
            write!(f, " {}", binary.op)?;
            if binary.return_bool {
                f.write_str(" bool")?;
            }
            print_matching(f, &binary.matching)?;
            f.write_char(' ')?;
            self.print(f, binary.rhs)?;
        }
        Ok(())
    }

    fn print_subquery(&self, f: &mut Formatter<'_>, subquery: &Subquery) -> fmt::Result {
        self.print(f, subquery.expr)?;
        write!(f, "[{}:", subquery.range)?;
        if let Some(step) = &subquery.step {
            write!(f, "{step}")?;
        }
        f.write_char(']')?;
        print_at(f, subquery.time.at)?;
        print_offset(f, &subquery.time)
    }

    fn print_call(&self, f: &mut Formatter<'_>, call: &Call) -> fmt::Result {
        f.write_str(call.function.name())?;
        self.print_args(f, call.args.iter().copied())
    }

    fn print_args(&self, f: &mut Formatter<'_>, args: impl Iterator<Item = ExprId>) -> fmt::Result {
        f.write_char('(')?;
        for (i, arg) in args.enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            self.print(f, arg)?;
        }
        f.write_char(')')
    }

    fn print_aggregate(&self, f: &mut Formatter<'_>, aggregate: &Aggregate) -> fmt::Result {
        f.write_str(aggregate.op.as_str())?;
        if aggregate.without {
            write!(f, " without ({}) ", LabelList(&aggregate.grouping))?;
        } else if !aggregate.grouping.is_empty() {
            write!(f, " by ({}) ", LabelList(&aggregate.grouping))?;
        }
        self.print_args(f, aggregate.param.into_iter().chain([aggregate.expr]))
    }
}

fn number_text(number: Number) -> String {
    match seconds_to_ms(number.value) {
        Some(ms) if number.is_duration => format_ms(ms),
        _ => format_f(number.value),
    }
}

fn print_matching(f: &mut Formatter<'_>, matching: &Matching) -> fmt::Result {
    if matching.on || !matching.labels.is_empty() || matching.grouping.is_some() {
        let word = if matching.on { "on" } else { "ignoring" };
        write!(f, " {word} ({})", LabelList(&matching.labels))?;
    }
    match matching.grouping {
        Some(Grouping::Left) => write!(f, " group_left ({})", LabelList(&matching.include))?,
        Some(Grouping::Right) => write!(f, " group_right ({})", LabelList(&matching.include))?,
        None => {}
    }
    match (matching.fill_left, matching.fill_right) {
        (Some(l), Some(r)) if l.to_bits() == r.to_bits() => return write!(f, " fill ({})", format_g(l)),
        _ => {}
    }
    if let Some(left) = matching.fill_left {
        write!(f, " fill_left ({})", format_g(left))?;
    }
    if let Some(right) = matching.fill_right {
        write!(f, " fill_right ({})", format_g(right))?;
    }
    Ok(())
}

/// Name and matchers, the latter sorted as text.
fn print_matchers(f: &mut Formatter<'_>, selector: &Selector) -> fmt::Result {
    if let Some(name) = &selector.name {
        f.write_str(name)?;
    }
    let mut shown: Vec<String> =
        selector.matchers.iter().filter(|m| !selector.is_bare_name(m)).map(ToString::to_string).collect();
    if shown.is_empty() && selector.name.is_some() {
        return Ok(());
    }
    shown.sort_unstable();
    write!(f, "{{{}}}", shown.join(","))
}

fn print_selector(f: &mut Formatter<'_>, selector: &Selector) -> fmt::Result {
    print_matchers(f, selector)?;
    print_at(f, selector.time.at)?;
    print_extension(f, selector)?;
    print_offset(f, &selector.time)
}

fn print_matrix(f: &mut Formatter<'_>, matrix: &MatrixSelector) -> fmt::Result {
    print_matchers(f, &matrix.selector)?;
    write!(f, "[{}]", matrix.range)?;
    print_extension(f, &matrix.selector)?;
    print_at(f, matrix.selector.time.at)?;
    print_offset(f, &matrix.selector.time)
}

fn print_extension(f: &mut Formatter<'_>, selector: &Selector) -> fmt::Result {
    match selector.extension {
        Some(extension) => write!(f, " {}", extension.as_str()),
        None => Ok(()),
    }
}

fn print_at(f: &mut Formatter<'_>, at: Option<At>) -> fmt::Result {
    match at {
        Some(At::Time(ms)) => {
            let sign = if ms < 0 { "-" } else { "" };
            let ms = ms.unsigned_abs();
            write!(f, " @ {sign}{}.{:03}", ms / 1000, ms % 1000)
        }
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        None => Ok(()),
    }
}

fn print_offset(f: &mut Formatter<'_>, time: &TimeModifiers) -> fmt::Result {
    match &time.offset {
        // No offset at all is what an offset of zero means.
        None | Some(DurationExpr::Literal(0)) => Ok(()),
        Some(offset) => write!(f, " offset {offset}"),
    }
}

struct LabelList<'a>(&'a [String]);

impl Display for LabelList<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, label) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if is_legacy_label_name(label) {
                f.write_str(label)?;
            } else {
                f.write_str(&go_quoted(label))?;
            }
        }
        Ok(())
    }
}
