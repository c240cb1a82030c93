//! The syntax tree: a flat arena, children before parents.
//!
//! A tree in one vector has no recursion in its drop, and passes over it that work bottom-up are plain loops. A node takes one
//! cache line: names of up to 23 bytes lie in it, and what few nodes have (ranges, modifiers, matching) lies behind a box.

use promethium_model::{Matcher, labels::METRIC_NAME};
use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;

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
    Matrix(Box<MatrixSelector>),
    /// `expr[1h:1m]`
    Subquery(Box<Subquery>),
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

impl Expr {
    /// The selector, that of a range included.
    #[must_use]
    pub fn selector(&self) -> Option<&Selector> {
        match self {
            Expr::Selector(selector) => Some(selector),
            Expr::Matrix(matrix) => Some(&matrix.selector),
            _ => None,
        }
    }
}

impl Expr {
    /// Its type, given those of all nodes before it.
    #[inline]
    pub(super) fn type_over(&self, types: &[ValueType]) -> ValueType {
        let of = |id: ExprId| types.get(id.index()).copied().unwrap_or(ValueType::Scalar);
        match self {
            Expr::Number(_) => ValueType::Scalar,
            Expr::String(_) => ValueType::String,
            Expr::Selector(_) | Expr::Aggregate(_) => ValueType::Vector,
            Expr::Matrix(_) | Expr::Subquery(_) => ValueType::Matrix,
            Expr::Call(call) => call.function.signature().returns,
            Expr::Unary { expr, .. } | Expr::Paren(expr) => of(*expr),
            Expr::Binary(b) if of(b.lhs) == ValueType::Scalar && of(b.rhs) == ValueType::Scalar => ValueType::Scalar,
            Expr::Binary(_) => ValueType::Vector,
        }
    }
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
    pub name: Option<SmolStr>,
    /// The conditions in braces.
    pub matchers: Vec<Matcher>,
    modifiers: Option<Box<Modifiers>>,
}

/// What most selectors do without.
#[derive(Clone, Debug, Default)]
struct Modifiers {
    time: TimeModifiers,
    extension: Option<Extension>,
    may_match_everything: bool,
}

impl Selector {
    /// All conditions: those in braces, and behind them that on the name.
    #[must_use]
    pub fn all_matchers(&self) -> Vec<Matcher> {
        let name = self.name.as_ref().map(|name| Matcher::equal(METRIC_NAME, name.as_str()));
        let mut all = Vec::with_capacity(self.matchers.len().saturating_add(1));
        all.extend_from_slice(&self.matchers);
        all.extend(name);
        all
    }

    /// `offset` and `@`.
    #[must_use]
    pub fn time(&self) -> &TimeModifiers {
        const NONE: &TimeModifiers = &TimeModifiers { offset: None, at: None };
        self.modifiers.as_ref().map_or(NONE, |m| &m.time)
    }

    /// `offset` and `@`, to be changed.
    pub fn time_mut(&mut self) -> &mut TimeModifiers {
        &mut self.modifiers.get_or_insert_default().time
    }

    /// `anchored` or `smoothed`.
    #[must_use]
    pub fn extension(&self) -> Option<Extension> {
        self.modifiers.as_ref().and_then(|m| m.extension)
    }

    /// Makes it `anchored` or `smoothed`, or neither.
    pub fn set_extension(&mut self, extension: Option<Extension>) {
        self.modifiers.get_or_insert_default().extension = extension;
    }

    pub(crate) fn has_bare_name(&self) -> bool {
        self.name.is_some()
    }

    /// Whether it is the second argument of `info`, or stands alone.
    pub(super) fn may_match_everything(&self) -> bool {
        self.modifiers.as_ref().is_some_and(|m| m.may_match_everything)
    }

    pub(super) fn allow_everything(&mut self) {
        self.modifiers.get_or_insert_default().may_match_everything = true;
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
    /// `on`, `ignoring`, `group_left`, `group_right`, `fill`, where one of them was written.
    pub matching: Option<Box<Matching>>,
    /// The bytes of the operator itself.
    pub op_span: Span,
}

impl Binary {
    /// How samples find each other; by all labels if nothing was written.
    #[must_use]
    pub fn matching(&self) -> &Matching {
        const BY_ALL: &Matching = &Matching {
            on: false,
            labels: Vec::new(),
            grouping: None,
            include: Vec::new(),
            fill_left: None,
            fill_right: None,
        };
        self.matching.as_deref().unwrap_or(BY_ALL)
    }
}

/// How samples of two vectors find each other.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Matching {
    /// Whether `on(…)` was written; else `ignoring(…)`, perhaps with an empty list.
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<SmolStr>,
    /// `group_left` or `group_right`.
    pub grouping: Option<Grouping>,
    /// Labels that `group_left(…)` or `group_right(…)` takes from the one side.
    pub include: Vec<SmolStr>,
    /// Stands for a missing left sample.
    pub fill_left: Option<f64>,
    /// Stands for a missing right sample.
    pub fill_right: Option<f64>,
}

impl Matching {
    /// Whether a value stands for missing samples of either side.
    #[must_use]
    pub fn fills(&self) -> bool {
        self.fill_left.is_some() || self.fill_right.is_some()
    }
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
    pub args: SmallVec<[ExprId; 4]>,
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
    pub grouping: Vec<SmolStr>,
}

/// The types of nodes by position: no allocation for the trees of most queries.
pub(crate) type NodeTypes = SmallVec<[ValueType; 32]>;

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
        self.nodes.iter().filter_map(|n| n.expr.selector())
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
    pub fn children(&self, id: ExprId) -> SmallVec<[ExprId; 4]> {
        match self.expr(id) {
            Expr::Number(_) | Expr::String(_) | Expr::Selector(_) | Expr::Matrix(_) => SmallVec::new(),
            Expr::Subquery(subquery) => smallvec![subquery.expr],
            Expr::Unary { expr, .. } | Expr::Paren(expr) => smallvec![*expr],
            Expr::Binary(binary) => smallvec![binary.lhs, binary.rhs],
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
    pub(crate) fn types(&self) -> NodeTypes {
        let mut types = NodeTypes::with_capacity(self.nodes.len());
        for node in &self.nodes {
            types.push(node.expr.type_over(&types));
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
