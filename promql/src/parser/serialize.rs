//! [`serde::Serialize`] for trees: the same JSON as [`Ast::to_json`], or any other format's form of it.

use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};
use smol_str::SmolStr;

use super::ast::{
    Aggregate, Ast, At, Binary, Call, Expr, ExprId, Extension, Grouping, Selector, Subquery, TimeModifiers, ValueType,
};
use super::duration_expr::DurationExpr;

/// Deepest nesting: serializers recurse, along chains of operators too. [`Ast::to_json`] has no such bound.
const MAX_DEPTH: usize = 256;

impl Serialize for Ast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Tree { ast: self, id: self.root(), depth: 0 }.serialize(serializer)
    }
}

#[derive(Clone, Copy)]
struct Tree<'a> {
    ast: &'a Ast,
    id: ExprId,
    depth: usize,
}

impl<'a> Tree<'a> {
    fn below(self, id: ExprId) -> Tree<'a> {
        Tree { id, depth: self.depth + 1, ..self }
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth > MAX_DEPTH {
            return Err(S::Error::custom(format_args!("expression nests deeper than {MAX_DEPTH} levels")));
        }
        let mut map = serializer.serialize_map(None)?;
        match self.ast.expr(self.id) {
            Expr::Number(number) => {
                map.serialize_entry("type", "numberLiteral")?;
                map.serialize_entry("val", &promethium_model::float::format_f(number.value))?;
            }
            Expr::String(bytes) => {
                map.serialize_entry("type", "stringLiteral")?;
                map.serialize_entry("val", &String::from_utf8_lossy(bytes))?;
            }
            Expr::Selector(selector) => selector_entries(&mut map, selector, None, "vectorSelector")?,
            Expr::Matrix(m) => selector_entries(&mut map, &m.selector, Some(&m.range), "matrixSelector")?,
            Expr::Subquery(subquery) => self.subquery(&mut map, subquery)?,
            Expr::Unary { negative, expr } => {
                map.serialize_entry("expr", &self.below(*expr))?;
                map.serialize_entry("op", if *negative { "-" } else { "+" })?;
                map.serialize_entry("type", "unaryExpr")?;
            }
            Expr::Paren(inner) => {
                map.serialize_entry("expr", &self.below(*inner))?;
                map.serialize_entry("type", "parenExpr")?;
            }
            Expr::Binary(binary) => self.binary(&mut map, binary)?,
            Expr::Call(call) => self.call(&mut map, call)?,
            Expr::Aggregate(aggregate) => self.aggregate(&mut map, aggregate)?,
        }
        map.end()
    }
}

impl Tree<'_> {
    fn subquery<M: SerializeMap>(&self, map: &mut M, subquery: &Subquery) -> Result<(), M::Error> {
        map.serialize_entry("expr", &self.below(subquery.expr))?;
        map.serialize_entry("offset", &subquery.time.offset.as_ref().map_or(0, milliseconds))?;
        map.serialize_entry("range", &milliseconds(&subquery.range))?;
        map.serialize_entry("startOrEnd", &start_or_end(&subquery.time))?;
        map.serialize_entry("step", &subquery.step.as_ref().map_or(0, milliseconds))?;
        map.serialize_entry("timestamp", &timestamp(&subquery.time))?;
        map.serialize_entry("type", "subquery")
    }

    fn binary<M: SerializeMap>(&self, map: &mut M, binary: &Binary) -> Result<(), M::Error> {
        let vector = |id: ExprId| self.ast.type_of(id) == ValueType::Vector;
        let matches = vector(binary.lhs) && vector(binary.rhs);
        map.serialize_entry("bool", &binary.return_bool)?;
        map.serialize_entry("lhs", &self.below(binary.lhs))?;
        map.serialize_entry("matching", &matches.then_some(MatchingOf(binary)))?;
        map.serialize_entry("op", binary.op.as_str())?;
        map.serialize_entry("rhs", &self.below(binary.rhs))?;
        map.serialize_entry("type", "binaryExpr")
    }

    fn call<M: SerializeMap>(&self, map: &mut M, call: &Call) -> Result<(), M::Error> {
        map.serialize_entry("args", &Args(*self, &call.args))?;
        map.serialize_entry("func", &FunctionOf(call))?;
        map.serialize_entry("type", "call")
    }

    fn aggregate<M: SerializeMap>(&self, map: &mut M, aggregate: &Aggregate) -> Result<(), M::Error> {
        map.serialize_entry("expr", &self.below(aggregate.expr))?;
        map.serialize_entry("grouping", &texts(&aggregate.grouping))?;
        map.serialize_entry("op", aggregate.op.as_str())?;
        map.serialize_entry("param", &aggregate.param.map(|p| self.below(p)))?;
        map.serialize_entry("type", "aggregation")?;
        map.serialize_entry("without", &aggregate.without)
    }
}

struct Args<'a>(Tree<'a>, &'a [ExprId]);

impl Serialize for Args<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.1.len()))?;
        self.1.iter().try_for_each(|id| seq.serialize_element(&self.0.below(*id)))?;
        seq.end()
    }
}

struct FunctionOf<'a>(&'a Call);

impl Serialize for FunctionOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let signature = self.0.function.signature();
        let types: Vec<&str> = signature.args.iter().map(|t| t.as_str()).collect();
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("argTypes", &types)?;
        map.serialize_entry("name", signature.name)?;
        map.serialize_entry("returnType", signature.returns.as_str())?;
        map.serialize_entry("variadic", &signature.repeats.map_or(-1, |n| i32::from(n.max(signature.optional))))?;
        map.end()
    }
}

struct MatchingOf<'a>(&'a Binary);

impl Serialize for MatchingOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let matching = self.0.matching();
        let card = match matching.grouping {
            _ if self.0.op.is_set() => "many-to-many",
            None => "one-to-one",
            Some(Grouping::Left) => "many-to-one",
            Some(Grouping::Right) => "one-to-many",
        };
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("card", card)?;
        map.serialize_entry("fillValues", &Fills(matching.fill_left, matching.fill_right))?;
        map.serialize_entry("include", &texts(&matching.include))?;
        map.serialize_entry("labels", &texts(&matching.labels))?;
        map.serialize_entry("on", &matching.on)?;
        map.end()
    }
}

struct Fills(Option<f64>, Option<f64>);

impl Serialize for Fills {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        for (key, value) in [("lhs", self.0), ("rhs", self.1)] {
            match value {
                Some(v) if !v.is_finite() => map.serialize_entry(key, &promethium_model::float::format_f(v))?,
                // Whole numbers without a fraction, as everywhere in the API.
                Some(v) if v.fract() == 0.0 && v.abs() < 1e15 => map.serialize_entry(key, &(v as i64))?,
                value => map.serialize_entry(key, &value)?,
            }
        }
        map.end()
    }
}

struct Matchers<'a>(&'a Selector);

impl Serialize for Matchers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let matchers = self.0.all_matchers();
        let mut seq = serializer.serialize_seq(Some(matchers.len()))?;
        for m in &matchers {
            let entries = [("name", m.name.as_str()), ("type", m.op.as_str()), ("value", m.value.as_str())];
            seq.serialize_element(&std::collections::BTreeMap::from(entries))?;
        }
        seq.end()
    }
}

fn selector_entries<M: SerializeMap>(
    map: &mut M,
    selector: &Selector,
    range: Option<&DurationExpr>,
    kind: &str,
) -> Result<(), M::Error> {
    map.serialize_entry("anchored", &(selector.extension() == Some(Extension::Anchored)))?;
    map.serialize_entry("matchers", &Matchers(selector))?;
    map.serialize_entry("name", selector.name.as_deref().unwrap_or(""))?;
    map.serialize_entry("offset", &selector.time().offset.as_ref().map_or(0, milliseconds))?;
    if let Some(range) = range {
        map.serialize_entry("range", &milliseconds(range))?;
    }
    map.serialize_entry("smoothed", &(selector.extension() == Some(Extension::Smoothed)))?;
    map.serialize_entry("startOrEnd", &start_or_end(selector.time()))?;
    map.serialize_entry("timestamp", &timestamp(selector.time()))?;
    map.serialize_entry("type", kind)
}

fn texts(names: &[SmolStr]) -> Vec<&str> {
    names.iter().map(SmolStr::as_str).collect()
}

fn milliseconds(duration: &DurationExpr) -> i64 {
    match duration {
        DurationExpr::Literal(ms) => *ms,
        DurationExpr::Computed(_) => 0,
    }
}

fn timestamp(time: &TimeModifiers) -> Option<i64> {
    match time.at {
        Some(At::Time(ms)) => Some(ms),
        _ => None,
    }
}

fn start_or_end(time: &TimeModifiers) -> Option<&'static str> {
    match time.at {
        Some(At::Start) => Some("start"),
        Some(At::End) => Some("end"),
        _ => None,
    }
}
