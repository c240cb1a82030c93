//! Text to syntax tree and back. Usable alone: the feature `parser` pulls no engine.
//!
//! ```
//! use promethium_promql::parser::{ParserOptions, parse};
//! use promethium_model::Matcher;
//!
//! // Confine a query to one tenant: add a matcher to every selector.
//! let mut ast = parse("sum(rate(http_requests_total[5m])) / sum(up)", &ParserOptions::default())?;
//! for selector in ast.selectors_mut() {
//!     selector.matchers.push(Matcher::equal("tenant", "blue"));
//! }
//! assert_eq!(ast.to_string(), r#"sum(rate(http_requests_total{tenant="blue"}[5m])) / sum(up{tenant="blue"})"#);
//! # Ok::<(), promethium_promql::parser::ParseError>(())
//! ```

mod ast;
mod check;
mod duration_expr;
mod error;
mod functions;
mod json;
mod lexer;
mod modifiers;
mod number;
mod op;
mod parse;
mod pretty;
mod print;
#[cfg(test)]
mod product_tests;
mod regexes;
mod selector;
#[cfg(feature = "serde")]
mod serialize;
mod span;
mod string;
#[cfg(test)]
mod tests;
mod token;
mod visit;

pub use ast::{
    Aggregate, Ast, At, Binary, Call, Expr, ExprId, Extension, Grouping, Matching, MatrixSelector, Node, Number,
    Selector, Subquery, TimeModifiers, ValueType,
};
#[cfg(feature = "engine")]
pub(crate) use duration_expr::Sign;
pub use duration_expr::{DurationExpr, DurationOp, DurationTerm};
pub use error::ParseError;
pub use functions::{Function, Signature};
#[cfg(feature = "engine")]
pub(crate) use number::parse_integer;
pub use op::{AggregateOp, BinaryOp};
pub use regexes::RegexCache;
/// How syntax trees hold names.
pub use smol_str::SmolStr;
pub use span::Span;
#[cfg(feature = "engine")]
pub(crate) use string::unquote;
pub use visit::Walk;

use promethium_model::{Limits, Matcher};

use crate::Features;
use error::Fault;

/// What the parser accepts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ParserOptions {
    /// Parts of the language.
    pub features: Features,
    /// Longest text, in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of expressions. A chain of binary operators without parentheses counts as one level.
    pub max_depth: usize,
    /// Most parts: nodes, matchers, labels in lists and terms of durations count one each, a regular expression sixteen, one
    /// more for every four bytes and one more for every KiB of its program. What a text costs to parse is bounded by this,
    /// whatever its length.
    pub max_parts: usize,
    /// Where compiled patterns come from. Each of the options' clones uses the same cache.
    pub regexes: RegexCache,
}

impl ParserOptions {
    /// With these features and limits.
    #[must_use]
    pub fn new(features: Features, limits: &Limits) -> Self {
        let regexes = RegexCache::default();
        ParserOptions {
            features,
            max_bytes: limits.max_query_bytes,
            max_depth: limits.max_query_depth,
            max_parts: limits.max_query_parts,
            regexes,
        }
    }
}

impl Default for ParserOptions {
    fn default() -> Self {
        ParserOptions::new(Features::default(), &Limits::default())
    }
}

/// Parses and checks an expression.
///
/// # Errors
///
/// The first thing that is wrong: syntax before types.
pub fn parse(text: &str, options: &ParserOptions) -> Result<Ast, ParseError> {
    check_length(text, options)?;
    parse::Parser::new(text, options).parse_query().map_err(|fault| fault.locate(text))
}

/// Parses a series selector without modifiers, as in `match[]` of the HTTP API: `up{job="node"}`. Unlike in a query, it may
/// accept every series: what that means is for the caller to say.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn parse_selector(text: &str, options: &ParserOptions) -> Result<Vec<Matcher>, ParseError> {
    check_length(text, options)?;
    let ast = parse::Parser::new(text, options).parse_selector().map_err(|fault| fault.locate(text))?;
    Ok(ast.selectors().next().map(Selector::all_matchers).unwrap_or_default())
}

fn check_length(text: &str, options: &ParserOptions) -> Result<(), ParseError> {
    if text.len() <= options.max_bytes {
        return Ok(());
    }
    let message = format!("expression is longer than {} bytes", options.max_bytes);
    Err(Fault::new(Span::default(), message).locate(text))
}
