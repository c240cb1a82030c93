//! The tree as JSON, in the shape of Prometheus' `/api/v1/parse_query`: keys in alphabetical order, durations in
//! milliseconds, a duration that has to be computed as 0.

use std::fmt::Write;

use promethium_model::float::{format_f, push_json};
use smol_str::SmolStr;

use super::ast::{
    Aggregate, Ast, At, Binary, Call, Expr, ExprId, Extension, Grouping, NodeTypes, Selector, Subquery, TimeModifiers,
    ValueType,
};
use super::duration_expr::DurationExpr;
use super::functions::Signature;

impl Ast {
    /// As `data` of `/api/v1/parse_query`. Linear in the size of the tree, and no deeper than a loop for chains of operators.
    ///
    /// ```
    /// use promethium_promql::parser::{ParserOptions, parse};
    ///
    /// let ast = parse("-1", &ParserOptions::default())?;
    /// assert_eq!(ast.to_json(), r#"{"type":"numberLiteral","val":"-1"}"#);
    /// # Ok::<(), promethium_promql::parser::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut writer =
            Writer { ast: self, types: self.types(), out: String::new(), todo: vec![Todo::Node(self.root())] };
        while let Some(todo) = writer.todo.pop() {
            match todo {
                Todo::Text(text) => writer.out.push_str(text),
                Todo::Owned(text) => writer.out.push_str(&text),
                Todo::Node(id) => writer.node(id),
            }
        }
        writer.out
    }
}

/// What is still to be written, last first: a stack, so that deep trees need none of the thread's.
enum Todo {
    Text(&'static str),
    Owned(String),
    Node(ExprId),
}

struct Writer<'a> {
    ast: &'a Ast,
    types: NodeTypes,
    out: String,
    todo: Vec<Todo>,
}

impl Writer<'_> {
    fn node(&mut self, id: ExprId) {
        let ast = self.ast;
        match ast.expr(id) {
            Expr::Number(number) => {
                let value = format_f(number.value);
                let _ = write!(self.out, r#"{{"type":"numberLiteral","val":"{value}"}}"#);
            }
            Expr::String(bytes) => {
                let value = quoted(&String::from_utf8_lossy(bytes));
                let _ = write!(self.out, r#"{{"type":"stringLiteral","val":{value}}}"#);
            }
            Expr::Selector(selector) => {
                let fields = selector_fields(selector, None);
                let _ = write!(self.out, r#"{{{fields},"type":"vectorSelector"}}"#);
            }
            Expr::Matrix(matrix) => {
                let fields = selector_fields(&matrix.selector, Some(&matrix.range));
                let _ = write!(self.out, r#"{{{fields},"type":"matrixSelector"}}"#);
            }
            Expr::Subquery(subquery) => self.subquery(subquery),
            Expr::Unary { negative, expr } => {
                let tail =
                    if *negative { r#","op":"-","type":"unaryExpr"}"# } else { r#","op":"+","type":"unaryExpr"}"# };
                self.later([Todo::Text(r#"{"expr":"#), Todo::Node(*expr), Todo::Text(tail)]);
            }
            Expr::Paren(inner) => {
                self.later([Todo::Text(r#"{"expr":"#), Todo::Node(*inner), Todo::Text(r#","type":"parenExpr"}"#)]);
            }
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) => self.call(call),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
        }
    }

    fn later<const N: usize>(&mut self, parts: [Todo; N]) {
        self.todo.extend(parts.into_iter().rev());
    }

    fn subquery(&mut self, subquery: &Subquery) {
        let Subquery { expr, range, step, time } = subquery;
        let step = step.as_ref().map_or(0, milliseconds);
        let tail = format!(
            r#","offset":{},"range":{},{},"step":{step},"timestamp":{},"type":"subquery"}}"#,
            offset(time),
            milliseconds(range),
            start_or_end(time),
            timestamp(time)
        );
        self.later([Todo::Text(r#"{"expr":"#), Todo::Node(*expr), Todo::Owned(tail)]);
    }

    fn binary(&mut self, binary: &Binary) {
        let vector = |id: ExprId| self.types[id.index()] == ValueType::Vector;
        let matching = if vector(binary.lhs) && vector(binary.rhs) { matching(binary) } else { "null".to_owned() };
        let op = quoted(binary.op.as_str());
        let head = format!(r#"{{"bool":{},"lhs":"#, binary.return_bool);
        let middle = format!(r#","matching":{matching},"op":{op},"rhs":"#);
        self.later([
            Todo::Owned(head),
            Todo::Node(binary.lhs),
            Todo::Owned(middle),
            Todo::Node(binary.rhs),
            Todo::Text(r#","type":"binaryExpr"}"#),
        ]);
    }

    fn call(&mut self, call: &Call) {
        self.out.push_str(r#"{"args":["#);
        self.todo.push(Todo::Owned(format!(r#"],"func":{},"type":"call"}}"#, function(call.function.signature()))));
        for (i, arg) in call.args.iter().enumerate().rev() {
            self.todo.push(Todo::Node(*arg));
            if i > 0 {
                self.todo.push(Todo::Text(","));
            }
        }
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        let middle =
            format!(r#","grouping":{},"op":{},"param":"#, list(&aggregate.grouping), quoted(aggregate.op.as_str()));
        let param = aggregate.param.map_or(Todo::Text("null"), Todo::Node);
        let tail = format!(r#","type":"aggregation","without":{}}}"#, aggregate.without);
        self.later([
            Todo::Text(r#"{"expr":"#),
            Todo::Node(aggregate.expr),
            Todo::Owned(middle),
            param,
            Todo::Owned(tail),
        ]);
    }
}

/// All of a selector but its type.
fn selector_fields(selector: &Selector, range: Option<&DurationExpr>) -> String {
    let extended = |extension| selector.extension() == Some(extension);
    let matchers: Vec<String> = selector
        .all_matchers()
        .iter()
        .map(|m| {
            let (name, op, value) = (quoted(&m.name), quoted(m.op.as_str()), quoted(&m.value));
            format!(r#"{{"name":{name},"type":{op},"value":{value}}}"#)
        })
        .collect();
    let range = range.map_or(String::new(), |range| format!(r#""range":{},"#, milliseconds(range)));
    format!(
        r#""anchored":{},"matchers":[{}],"name":{},"offset":{},{range}"smoothed":{},{},"timestamp":{}"#,
        extended(Extension::Anchored),
        matchers.join(","),
        quoted(selector.name.as_deref().unwrap_or("")),
        offset(selector.time()),
        extended(Extension::Smoothed),
        start_or_end(selector.time()),
        timestamp(selector.time())
    )
}

fn matching(binary: &Binary) -> String {
    let matching = binary.matching();
    let card = match matching.grouping {
        _ if binary.op.is_set() => "many-to-many",
        None => "one-to-one",
        Some(Grouping::Left) => "many-to-one",
        Some(Grouping::Right) => "one-to-many",
    };
    format!(
        r#"{{"card":"{card}","fillValues":{{"lhs":{},"rhs":{}}},"include":{},"labels":{},"on":{}}}"#,
        fill(matching.fill_left),
        fill(matching.fill_right),
        list(&matching.include),
        list(&matching.labels),
        matching.on
    )
}

/// JSON has no number for infinities and NaN: they are texts.
fn fill(value: Option<f64>) -> String {
    let mut out = String::new();
    match value {
        None => out.push_str("null"),
        Some(v) if v.is_finite() => push_json(&mut out, v),
        Some(v) => out = quoted(&format_f(v)),
    }
    out
}

fn function(signature: &Signature) -> String {
    let types: Vec<String> = signature.args.iter().map(|t| quoted(t.as_str())).collect();
    let variadic = signature.repeats.map_or(-1, |n| i32::from(n.max(signature.optional)));
    format!(
        r#"{{"argTypes":[{}],"name":{},"returnType":{},"variadic":{variadic}}}"#,
        types.join(","),
        quoted(signature.name),
        quoted(signature.returns.as_str())
    )
}

fn milliseconds(duration: &DurationExpr) -> i64 {
    match duration {
        DurationExpr::Literal(ms) => *ms,
        DurationExpr::Computed(_) => 0,
    }
}

fn offset(time: &TimeModifiers) -> i64 {
    time.offset.as_ref().map_or(0, milliseconds)
}

fn timestamp(time: &TimeModifiers) -> String {
    match time.at {
        Some(At::Time(ms)) => ms.to_string(),
        _ => "null".to_owned(),
    }
}

fn start_or_end(time: &TimeModifiers) -> &'static str {
    match time.at {
        Some(At::Start) => r#""startOrEnd":"start""#,
        Some(At::End) => r#""startOrEnd":"end""#,
        _ => r#""startOrEnd":null"#,
    }
}

fn list(texts: &[SmolStr]) -> String {
    let quoted: Vec<String> = texts.iter().map(|t| quoted(t)).collect();
    format!("[{}]", quoted.join(","))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // As Go's encoder does, for texts that end up inside HTML.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
