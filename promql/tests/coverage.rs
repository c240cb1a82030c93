//! The project's own scripts touch the whole language: what none of them touches is listed, and the list must be empty.
#![cfg(feature = "engine")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use promethium_model::{
    InstantOptions, Limits, Matcher, QueryCx, QueryEngine, QueryError, QueryOutput, Queryable, RangeOptions,
};
use promethium_promql::parser::{
    AggregateOp, At, BinaryOp, DurationExpr, DurationOp, Expr, Extension, Function, Grouping, ParserOptions, Walk,
    parse,
};
use promethium_promql::{Engine, EngineOptions, Features, promqltest};

/// Keeps what was said.
struct Recording {
    engine: Engine,
    texts: Mutex<BTreeSet<String>>,
}

impl Recording {
    fn kept(&self, answer: Result<QueryOutput, QueryError>) -> Result<QueryOutput, QueryError> {
        let mut texts = self.texts.lock().unwrap();
        match &answer {
            Ok(output) => texts.extend(output.annotations.iter().map(|a| a.text.clone())),
            Err(error) => drop(texts.insert(error.to_string())),
        }
        answer
    }
}

impl QueryEngine for Recording {
    fn check(&self, query: &str) -> Result<String, QueryError> {
        self.engine.check(query)
    }

    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> {
        self.engine.selector(text)
    }

    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        self.kept(self.engine.instant(store, query, options, cx))
    }

    fn range(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &RangeOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        self.kept(self.engine.range(store, query, options, cx))
    }
}

/// What the scripts asked and were told.
struct Told {
    queries: Vec<String>,
    texts: BTreeSet<String>,
}

fn told() -> Told {
    let options = EngineOptions::default().with_features(Features::all());
    let recording = Recording { engine: Engine::new(options), texts: Mutex::default() };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "test") {
            let script = std::fs::read_to_string(&path).unwrap();
            let report = promqltest::run(&script, &recording, &promqltest::mem_store).unwrap();
            queries.extend(report.outcomes.into_iter().map(|o| o.query));
        }
    }
    Told { queries, texts: recording.texts.into_inner().unwrap() }
}

/// Every word of the language.
fn words() -> BTreeSet<String> {
    let functions = Function::ALL.iter().map(|f| format!("{}()", f.name()));
    let aggregations = AggregateOp::ALL.iter().map(|op| format!("aggregation {op}"));
    let operators = BinaryOp::ALL.iter().map(|op| format!("operator {op}"));
    let others = [
        "bool",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "fill",
        "fill_left",
        "fill_right",
        "by",
        "without",
        "offset",
        "@ time",
        "@ start()",
        "@ end()",
        "anchored",
        "smoothed",
        "subquery",
        "subquery without step",
        "unary -",
        "unary +",
        "string",
        "duration as number",
        "duration step()",
        "duration range()",
        "duration min_of",
        "duration max_of",
        "duration operator +",
        "duration operator -",
        "duration operator *",
        "duration operator /",
        "duration operator %",
        "duration operator ^",
        "duration unary -",
        "parentheses",
        "= matcher",
        "!= matcher",
        "=~ matcher",
        "!~ matcher",
    ];
    functions.chain(aggregations).chain(operators).chain(others.map(str::to_owned)).collect()
}

fn words_of(query: &str, into: &mut BTreeSet<String>) {
    let Ok(ast) = parse(query, &ParserOptions::new(Features::all(), &Limits::default())) else { return };
    ast.walk(|_, expr| {
        match expr {
            Expr::Number(n) if n.is_duration => add(into, "duration as number"),
            Expr::Number(_) => {}
            Expr::String(_) => add(into, "string"),
            Expr::Paren(_) => add(into, "parentheses"),
            Expr::Unary { negative, .. } => add(into, if *negative { "unary -" } else { "unary +" }),
            Expr::Call(call) => add(into, &format!("{}()", call.function.name())),
            Expr::Selector(selector) => selector_words(selector, into),
            Expr::Matrix(matrix) => {
                duration_words(&matrix.range, into);
                selector_words(&matrix.selector, into);
            }
            Expr::Subquery(subquery) => {
                add(into, if subquery.step.is_some() { "subquery" } else { "subquery without step" });
                duration_words(&subquery.range, into);
                time_words(&subquery.time, into);
            }
            Expr::Aggregate(aggregate) => {
                add(into, &format!("aggregation {}", aggregate.op));
                match (aggregate.without, aggregate.grouping.is_empty()) {
                    (true, _) => add(into, "without"),
                    (false, false) => add(into, "by"),
                    (false, true) => {}
                }
            }
            Expr::Binary(binary) => binary_words(binary, into),
            _ => {}
        }
        Walk::Into
    });
}

fn binary_words(binary: &promethium_promql::parser::Binary, into: &mut BTreeSet<String>) {
    add(into, &format!("operator {}", binary.op));
    let matching = binary.matching();
    for (word, is) in [
        ("bool", binary.return_bool),
        ("on", matching.on),
        ("ignoring", !matching.on && !matching.labels.is_empty()),
        ("group_left", matching.grouping == Some(Grouping::Left)),
        ("group_right", matching.grouping == Some(Grouping::Right)),
        ("fill", matching.fill_left.is_some() && matching.fill_right.is_some()),
        ("fill_left", matching.fill_left.is_some() && matching.fill_right.is_none()),
        ("fill_right", matching.fill_left.is_none() && matching.fill_right.is_some()),
    ] {
        if is {
            add(into, word);
        }
    }
}

fn selector_words(selector: &promethium_promql::parser::Selector, into: &mut BTreeSet<String>) {
    selector.matchers.iter().for_each(|m| add(into, &format!("{} matcher", m.op.as_str())));
    match selector.extension() {
        Some(Extension::Anchored) => add(into, "anchored"),
        Some(Extension::Smoothed) => add(into, "smoothed"),
        None => {}
    }
    time_words(selector.time(), into);
}

fn time_words(time: &promethium_promql::parser::TimeModifiers, into: &mut BTreeSet<String>) {
    if let Some(offset) = &time.offset {
        add(into, "offset");
        duration_words(offset, into);
    }
    match time.at {
        Some(At::Time(_)) => add(into, "@ time"),
        Some(At::Start) => add(into, "@ start()"),
        Some(At::End) => add(into, "@ end()"),
        None => {}
    }
}

fn duration_words(duration: &DurationExpr, into: &mut BTreeSet<String>) {
    let DurationExpr::Computed(terms) = duration else { return };
    for term in terms {
        match term.op {
            DurationOp::Step => add(into, "duration step()"),
            DurationOp::Range => add(into, "duration range()"),
            DurationOp::MinOf => add(into, "duration min_of"),
            DurationOp::MaxOf => add(into, "duration max_of"),
            DurationOp::Negate => add(into, "duration unary -"),
            DurationOp::Binary(op) => add(into, &format!("duration operator {op}")),
            _ => {}
        }
    }
}

fn add(into: &mut BTreeSet<String>, word: &str) {
    into.insert(word.to_owned());
}

/// The texts of annotations and errors, one a line, `…` for what changes.
const TEXTS: &str = include_str!("../testdata/texts.txt");

fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    pattern.split('…').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

#[test]
fn scripts_touch_every_word_and_every_text() {
    let told = told();
    let mut seen = BTreeSet::new();
    told.queries.iter().for_each(|query| words_of(query, &mut seen));
    let mut untouched: Vec<String> = words().difference(&seen).cloned().collect();
    let patterns: Vec<&str> = TEXTS.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    assert!(patterns.len() >= 130, "{}", patterns.len());
    let unsaid = patterns.into_iter().filter(|p| !told.texts.iter().any(|t| matches(p, t)));
    untouched.extend(unsaid.map(str::to_owned));
    assert!(untouched.is_empty(), "no script touches\n{}", untouched.join("\n"));
}

#[test]
fn patterns_match_in_order() {
    assert!(matches("expected …, got …", "1:1: parse error: expected 2, got 3"));
    assert!(!matches("got … expected", "expected 2, got 3"));
}
