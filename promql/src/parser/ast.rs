//! The syntax tree: a flat arena, children before parents.
//!
//! A tree in one vector has no recursion in its drop, and passes over it that work bottom-up are plain loops.

use promethium_model::{Matcher, labels::METRIC_NAME};

use super::duration_expr::DurationExpr;
use super::functions::Function;
use super::op::{AggregateOp, BinaryOp};
use super::span::Span;

/// A parsed and checked expression. Prints as canonical PromQL through [`Display`](std::fmt::Display).
#[derive(Clone, Debug)]
pub struct Ast {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: ExprId,
}

/// Names a node of its [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub(crate) u32);

impl ExprId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub expr: Expr,
    /// Its bytes in the query text.
    pub span: Span,
}

/// The types of PromQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number a step.
    Scalar,
    /// One sample a series and step.
    Vector,
    /// A window of samples a series and step.
    Matrix,
    /// A text.
    String,
}

impl ValueType {
    /// As messages name it: "instant vector", "range vector", "scalar", "string".
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
            ValueType::String => "string",
        }
    }

    /// As the HTTP API names it: "vector", "matrix", "scalar", "string".
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::Vector => "vector",
            ValueType::Matrix => "matrix",
            ValueType::String => "string",
        }
    }
}

/// An expression. Operands are [`ExprId`]s into the same [`Ast`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Expr {
    /// `1.5`, `1h30m`
    Number(Number),
    /// `"text"`: bytes, since escapes can spell what is not UTF-8.
    String(Vec<u8>),
    /// `up{job="node"} offset 5m`
    Selector(Selector),
    /// `up{job="node"}[5m]`
    Matrix(MatrixSelector),
    /// `expr[1h:1m]`
    Subquery(Subquery),
    /// `-expr`, `+expr`
    Unary {
        /// Whether the sign is `-`.
        negative: bool,
        /// The operand.
        expr: ExprId,
    },
    /// `a + b`
    Binary(Binary),
    /// `rate(x[5m])`
    Call(Call),
    /// `sum by (job) (x)`
    Aggregate(Aggregate),
    /// `(expr)`
    Paren(ExprId),
}

/// A number literal.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// Its value; seconds for a duration.
    pub value: f64,
    /// Whether it was written as a duration.
    pub is_duration: bool,
}

/// An instant vector selector.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Selector {
    /// The name in front of the braces.
    pub name: Option<String>,
    /// All conditions, that on the name included.
    pub matchers: Vec<Matcher>,
    /// `offset` and `@`.
    pub time: TimeModifiers,
    /// `anchored` or `smoothed`.
    pub extension: Option<Extension>,
    /// The second argument of `info`, which may match everything.
    pub(crate) may_match_everything: bool,
}

impl Selector {
    pub(crate) fn has_bare_name(&self) -> bool {
        self.name.is_some()
    }

    /// Whether a matcher only repeats the name in front of the braces.
    pub(crate) fn is_bare_name(&self, matcher: &Matcher) -> bool {
        let equal = matcher.op == promethium_model::MatchOp::Equal && matcher.name == METRIC_NAME;
        equal && self.name.as_deref() == Some(matcher.value.as_str())
    }
}

/// `offset` and `@`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TimeModifiers {
    /// How far to look back (or, negative, ahead).
    pub offset: Option<DurationExpr>,
    /// The fixed evaluation time.
    pub at: Option<At>,
}

/// The time of an `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since the epoch.
    Time(i64),
    /// `start()`
    Start,
    /// `end()`
    End,
}

/// How a range takes in samples around its boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// `anchored`: the last sample before counts as the boundary's.
    Anchored,
    /// `smoothed`: boundaries are interpolated.
    Smoothed,
}

impl Extension {
    /// The keyword.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Extension::Anchored => "anchored",
            Extension::Smoothed => "smoothed",
        }
    }
}

/// A range vector selector.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MatrixSelector {
    /// What is selected; carries the modifiers.
    pub selector: Selector,
    /// The width of the window.
    pub range: DurationExpr,
}

/// An expression evaluated at the steps of a window.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Subquery {
    /// What is evaluated.
    pub expr: ExprId,
    /// The width of the window.
    pub range: DurationExpr,
    /// Distance of evaluations; `None` is the engine's default.
    pub step: Option<DurationExpr>,
    /// `offset` and `@`.
    pub time: TimeModifiers,
}

/// A binary expression.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub lhs: ExprId,
    /// Right operand.
    pub rhs: ExprId,
    /// Whether `bool` makes a comparison give 0 or 1.
    pub return_bool: bool,
    /// `on`, `ignoring`, `group_left`, `group_right`, `fill`.
    pub matching: Matching,
    /// The bytes of the operator itself.
    pub op_span: Span,
}

/// How samples of two vectors find each other.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Matching {
    /// Whether `on(…)` was written; else `ignoring(…)`, perhaps with an empty list.
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// `group_left` or `group_right`.
    pub grouping: Option<Grouping>,
    /// Labels that `group_left(…)` or `group_right(…)` takes from the one side.
    pub include: Vec<String>,
    /// Stands for a missing left sample.
    pub fill_left: Option<f64>,
    /// Stands for a missing right sample.
    pub fill_right: Option<f64>,
}

/// Which side may have several samples in a match group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// `group_left`: the left side.
    Left,
    /// `group_right`: the right side.
    Right,
}

/// A function call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// Which function.
    pub function: Function,
    /// Its arguments.
    pub args: Vec<ExprId>,
}

/// An aggregation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Aggregate {
    /// Which one.
    pub op: AggregateOp,
    /// The vector.
    pub expr: ExprId,
    /// The parameter of `topk`, `quantile`, `count_values` and the like.
    pub param: Option<ExprId>,
    /// Whether the labels are those to drop.
    pub without: bool,
    /// The labels of `by` or `without`.
    pub grouping: Vec<String>,
}

impl Ast {
    /// The whole expression.
    #[must_use]
    pub fn root(&self) -> ExprId {
        self.root
    }

    /// A node.
    ///
    /// # Panics
    ///
    /// When the id is of another, larger tree.
    #[must_use]
    pub fn node(&self, id: ExprId) -> &Node {
        &self.nodes[id.index()]
    }

    /// An expression.
    ///
    /// # Panics
    ///
    /// When the id is of another, larger tree.
    #[must_use]
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.node(id).expr
    }

    /// All nodes, children before parents.
    pub fn nodes(&self) -> impl Iterator<Item = (ExprId, &Node)> {
        self.nodes.iter().enumerate().map(|(i, n)| (ExprId(i as u32), n))
    }

    /// All series selectors, those of ranges included, in the order of the text.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.nodes.iter().filter_map(|n| match &n.expr {
            Expr::Selector(s) => Some(s),
            Expr::Matrix(m) => Some(&m.selector),
            _ => None,
        })
    }

    /// All series selectors, to be changed: to add a matcher to every one of them, for example.
    pub fn selectors_mut(&mut self) -> impl Iterator<Item = &mut Selector> {
        self.nodes.iter_mut().filter_map(|n| match &mut n.expr {
            Expr::Selector(s) => Some(s),
            Expr::Matrix(m) => Some(&mut m.selector),
            _ => None,
        })
    }

    /// The operands of a node, in the order of evaluation.
    #[must_use]
    pub fn children(&self, id: ExprId) -> Vec<ExprId> {
        match self.expr(id) {
            Expr::Number(_) | Expr::String(_) | Expr::Selector(_) | Expr::Matrix(_) => Vec::new(),
            Expr::Subquery(subquery) => vec![subquery.expr],
            Expr::Unary { expr, .. } | Expr::Paren(expr) => vec![*expr],
            Expr::Binary(binary) => vec![binary.lhs, binary.rhs],
            Expr::Call(call) => call.args.clone(),
            Expr::Aggregate(aggregate) => aggregate.param.into_iter().chain([aggregate.expr]).collect(),
        }
    }

    /// The type of the whole expression.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        self.type_of(self.root)
    }

    /// The type of a node.
    #[must_use]
    pub fn type_of(&self, id: ExprId) -> ValueType {
        let mut id = id;
        loop {
            id = match self.expr(id) {
                Expr::Number(_) => return ValueType::Scalar,
                Expr::String(_) => return ValueType::String,
                Expr::Selector(_) | Expr::Aggregate(_) => return ValueType::Vector,
                Expr::Matrix(_) | Expr::Subquery(_) => return ValueType::Matrix,
                Expr::Call(call) => return call.function.signature().returns,
                Expr::Unary { expr, .. } | Expr::Paren(expr) => *expr,
                // A scalar only if all operands are: the first that is not decides.
                Expr::Binary(b) => match self.type_of(b.rhs) {
                    ValueType::Scalar => b.lhs,
                    _ => return ValueType::Vector,
                },
            }
        }
    }

    /// The types of all nodes, by position.
    pub(crate) fn types(&self) -> Vec<ValueType> {
        let mut types: Vec<ValueType> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let of = |id: &ExprId| types[id.index()];
            let value_type = match &node.expr {
                Expr::Number(_) => ValueType::Scalar,
                Expr::String(_) => ValueType::String,
                Expr::Selector(_) | Expr::Aggregate(_) => ValueType::Vector,
                Expr::Matrix(_) | Expr::Subquery(_) => ValueType::Matrix,
                Expr::Call(call) => call.function.signature().returns,
                Expr::Unary { expr, .. } | Expr::Paren(expr) => of(expr),
                Expr::Binary(b) if of(&b.lhs) == ValueType::Scalar && of(&b.rhs) == ValueType::Scalar => {
                    ValueType::Scalar
                }
                Expr::Binary(_) => ValueType::Vector,
            };
            types.push(value_type);
        }
        types
    }

    /// The node behind any parentheses.
    #[must_use]
    pub fn without_parens(&self, id: ExprId) -> ExprId {
        let mut id = id;
        while let Expr::Paren(inner) = self.expr(id) {
            id = *inner;
        }
        id
    }
}
