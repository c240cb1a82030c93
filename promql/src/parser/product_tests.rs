//! What the parser gives beyond trees: formats, JSON, walks, and that trees survive being printed.

use proptest::prelude::*;

use super::*;

fn all() -> ParserOptions {
    ParserOptions::new(Features::all(), &Limits::default())
}

fn tree(text: &str) -> Ast {
    parse(text, &all()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The tree without positions. Matchers are printed sorted, so their order is not part of it.
fn shape(ast: &Ast) -> String {
    let mut ast = ast.clone();
    ast.selectors_mut().for_each(|s| s.matchers.sort_by_key(ToString::to_string));
    ast.to_json() + &ast.to_string()
}

#[test]
fn what_fits_a_line_stays_on_it() {
    for text in ["a", "sum by (job) (rate(x[5m]))", "-a", "(a + b) * 2", "max_over_time(a[1h:1m])"] {
        assert_eq!(tree(text).pretty(), text);
    }
}

#[test]
fn what_does_not_is_split_at_its_operands() {
    let (long, longer) = ("l".repeat(60), "m".repeat(60));
    for (text, pretty) in [
        (format!("{long} + {longer}"), format!("  {long}\n+\n  {longer}")),
        (
            format!("topk(3, {long} == bool on (a) group_left (b) {longer})"),
            format!("topk(\n  3,\n    {long}\n  == bool on (a) group_left (b)\n    {longer}\n)"),
        ),
        (format!("-({long} or {longer})"), format!("-(\n    {long}\n  or\n    {longer}\n)")),
        (
            format!("sum without (x) (clamp({long}, 1, scalar({longer})))[5m:1m] offset 2m"),
            format!("sum without (x) (\n  clamp(\n    {long},\n    1,\n    scalar({longer})\n  )\n)[5m:1m] offset 2m"),
        ),
        (format!("{long} - {longer} - {long}"), format!("    {long}\n  -\n    {longer}\n-\n  {long}")),
    ] {
        assert_eq!(tree(&text).pretty(), pretty, "{text}");
        assert_eq!(shape(&tree(&pretty)), shape(&tree(&text)));
    }
}

#[test]
fn long_chains_are_formatted_in_linear_space() {
    let text = vec!["a"; 20_000].join(" + ");
    let options = ParserOptions { max_bytes: usize::MAX, ..all() };
    let pretty = parse(&text, &options).unwrap().pretty();
    assert!(pretty.len() < 20_000 * 500, "{}", pretty.len());
    assert_eq!(parse(&pretty, &options).unwrap().to_string(), text);
}

#[test]
fn json_has_the_shape_of_parse_query() {
    for (text, json) in [
        ("1h", r#"{"type":"numberLiteral","val":"3600"}"#),
        ("\"a\\\"<b>\"", r#"{"type":"stringLiteral","val":"a\"\u003cb\u003e"}"#),
        (
            "x{a=~\"b\"}[5m] @ 1.5 offset -1m",
            r#"{"anchored":false,"matchers":[{"name":"a","type":"=~","value":"b"},{"name":"__name__","type":"=","value":"x"}],"name":"x","offset":-60000,"range":300000,"smoothed":false,"startOrEnd":null,"timestamp":1500,"type":"matrixSelector"}"#,
        ),
        (
            "x @ end()",
            r#"{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"x"}],"name":"x","offset":0,"smoothed":false,"startOrEnd":"end","timestamp":null,"type":"vectorSelector"}"#,
        ),
        (
            "1 + -(2)",
            r#"{"bool":false,"lhs":{"type":"numberLiteral","val":"1"},"matching":null,"op":"+","rhs":{"expr":{"expr":{"type":"numberLiteral","val":"2"},"type":"parenExpr"},"op":"-","type":"unaryExpr"},"type":"binaryExpr"}"#,
        ),
        ("pi()", r#"{"args":[],"func":{"argTypes":[],"name":"pi","returnType":"scalar","variadic":0},"type":"call"}"#),
    ] {
        assert_eq!(tree(text).to_json(), json, "{text}");
    }
    let json = tree("a + on (l) group_left (m) fill (2) b").to_json();
    let matching =
        r#""matching":{"card":"many-to-one","fillValues":{"lhs":2,"rhs":2},"include":["m"],"labels":["l"],"on":true}"#;
    assert!(json.contains(matching), "{json}");
    let json = tree("count_values by (a) (\"v\", x)[1h:5m]").to_json();
    assert!(
        json.contains(r#""grouping":["a"],"op":"count_values","param":{"type":"stringLiteral","val":"v"}"#),
        "{json}"
    );
    assert!(json.ends_with(r#""range":3600000,"startOrEnd":null,"step":300000,"timestamp":null,"type":"subquery"}"#));
    for (call, variadic) in [("round(x)", 1), ("label_join(x, \"a\", \"b\")", -1), ("hour()", 1)] {
        assert!(tree(call).to_json().contains(&format!("\"variadic\":{variadic}")), "{call}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn both_ways_to_json_agree() {
    for text in [
        "sum by (a, b) (rate(x{y!~\"z\"}[5m] anchored)) / on (a) group_right () fill_left (-Inf) (b > bool 1.5)",
        "histogram_quantiles(x, \"q\", 0.5, 1e300) or label_replace(y, \"a\", \"$1\", \"b\", \"c\")",
        "quantile(0.5, -x offset 5m) unless max_over_time((y)[1h:] @ start())",
    ] {
        let ast = tree(text);
        let parsed: serde_json::Value = serde_json::from_str(&ast.to_json()).unwrap();
        assert_eq!(serde_json::to_value(&ast).unwrap(), parsed, "{text}");
    }
    let chain = vec!["1"; 5_000].join(" + ");
    assert!(serde_json::to_value(tree(&chain)).is_err());
    assert!(tree(&chain).to_json().len() > 5_000 * 30);
}

#[test]
fn rewritten_trees_are_checked_again() {
    let mut ast = tree("rate(x[5m]) + 1");
    ast.rewrite(|expr| {
        if let Expr::Call(call) = expr {
            call.function = Function::Abs;
        }
    });
    let error = ast.check().unwrap_err();
    assert_eq!(error.message, "expected type instant vector in call to function \"abs\", got range vector");
    let mut visited = 0;
    tree("a + b * rate(c[5m:])").walk(|_, _| {
        visited += 1;
        Walk::Into
    });
    assert_eq!(visited, 7);
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "sum", "offset", "anchored", "fill", "a:b", "le", "start", "by", "bool_", "inf_"])
        .prop_map(str::to_owned)
}

fn label() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["l", "and", "by", "\"l.x\"", "offset", "__name__", "\"ü\""]).prop_map(str::to_owned)
}

fn number() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["1", "0.5", "1e9", "Inf", "NaN", "5m", "0x1f", "1_000", "-3", "010", "1h30m", "0"])
        .prop_map(str::to_owned)
}

fn duration() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "5m",
        "1h",
        "90",
        "1.5",
        "step()",
        "2 * step()",
        "range() / 3",
        "max_of(1m, step())",
        "(1m + 30s) ^ 2",
        "-(-5m)",
        "1d % 7h",
        "min_of(range(), 2 * (step() + 1))",
    ])
    .prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = String> {
    let matcher = (label(), prop::sample::select(vec!["=", "!=", "=~", "!~"]))
        .prop_map(|(l, op)| format!("{l}{op}\"v.|\""))
        .prop_filter("the name is set once", |m| !m.starts_with("__name__"));
    let time = prop_oneof![
        3 => Just(String::new()),
        1 => duration().prop_map(|d| format!(" offset ({d})")),
        1 => Just(" @ 12.345 offset -1m".to_owned()),
        1 => Just(" smoothed offset 5m @ end()".to_owned()),
        1 => Just(" @ start() anchored".to_owned()),
    ];
    (name(), prop::collection::vec(matcher, 0..3), prop::option::of(duration()), time)
        .prop_map(|(name, matchers, range, time)| {
            let range = range.map_or(String::new(), |r| format!("[{r}]"));
            (format!("{name}{{{}}}{range}{time}", matchers.join(",")), !range.is_empty())
        })
        .prop_map(|(text, is_range)| if is_range { format!("delta({text})") } else { text })
}

/// Queries of every kind of node.
fn query() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![number(), Just("scalar(x)".to_owned()), Just("time()".to_owned())];
    prop_oneof![4 => selector(), 1 => number().prop_map(|n| format!("vector({n})"))].prop_recursive(5, 40, 3, move |inner| {
        let op = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<= bool", "</", ">/", "and", "or", "unless",
            "+ on (l)", "- ignoring (l, m)", "* on () group_left (x)", "/ ignoring (l) group_right", "+ fill (1)",
            "- on (l) fill_left (-2) fill_right (Inf)", "and on (a)",
        ]);
        let grouping = prop_oneof![
            2 => Just(String::new()),
            1 => label().prop_map(|l| format!(" by ({l}, z)")),
            1 => label().prop_map(|l| format!(" without ({l})")),
        ];
        let aggregate = prop::sample::select(vec!["sum", "avg", "count", "group", "stddev"]);
        let ranked = prop::sample::select(vec!["topk", "quantile", "limit_ratio"]);
        prop_oneof![
            3 => (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            2 => (inner.clone(), prop::sample::select(vec!["+", "*", "> bool", "^"]), scalar.clone())
                .prop_map(|(a, op, s)| format!("{a} {op} {s}")),
            1 => inner.clone().prop_map(|x| format!("-{x}")),
            2 => inner.clone().prop_map(|x| format!("({x})")),
            1 => (aggregate, grouping.clone(), inner.clone()).prop_map(|(f, g, x)| format!("{f}{g} ({x})")),
            1 => (ranked, grouping, scalar.clone(), inner.clone()).prop_map(|(f, g, s, x)| format!("{f}({s}, {x}){g}")),
            1 => inner.clone().prop_map(|x| format!("clamp({x}, 1, Inf)")),
            1 => inner.clone().prop_map(|x| format!("label_join({x}, \"a\", \"\\n\", \"b\")")),
            1 => (inner, duration(), prop::option::of(duration())).prop_map(|(x, r, s)| {
                format!("max_over_time(({x})[{r}:{}] offset 1m)", s.unwrap_or_default())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printed_and_formatted_trees_parse_back(text in query()) {
        let options = ParserOptions { max_bytes: usize::MAX, max_depth: 1_000, ..all() };
        // Some are refused, for reasons of type that the grammar here does not know.
        if let Ok(ast) = parse(&text, &options) {
            for again in [ast.to_string(), ast.pretty()] {
                let parsed = parse(&again, &options);
                prop_assert!(parsed.is_ok(), "{text} became {again}: {parsed:?}");
                prop_assert_eq!(shape(&parsed.unwrap()), shape(&ast), "{} became {}", text, again);
            }
        }
    }
}
