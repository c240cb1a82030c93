//! The parser against tables of texts, then against generated ones.

use proptest::prelude::*;

use super::*;

fn all() -> ParserOptions {
    ParserOptions { features: Features::all(), ..ParserOptions::default() }
}

fn printed(text: &str) -> String {
    parse(text, &all()).unwrap_or_else(|e| panic!("{text}: {e}")).to_string()
}

fn refused(text: &str) -> String {
    match parse(text, &all()) {
        Ok(ast) => panic!("{text} was accepted as {ast}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn canonical_form() {
    for (text, canonical) in [
        ("1", "1"),
        ("-1", "-1"),
        ("0x3d", "61"),
        ("010", "8"),
        ("1e3", "1000"),
        ("+Inf", "+Inf"),
        ("nan", "NaN"),
        ("5m", "5m"),
        ("-2^2", "-2 ^ 2"),
        ("2 ^ 3 ^ 2", "2 ^ 3 ^ 2"),
        ("'it'", "\"it\""),
        ("`a\\n`", "\"a\\\\n\""),
        ("foo{b=\"2\",a!=\"1\"}", "foo{a!=\"1\",b=\"2\"}"),
        ("{\"a.b\",\"l.x\"=\"v\",}", "{\"l.x\"=\"v\",__name__=\"a.b\"}"),
        ("x offset 0", "x"),
        ("x @ 100 offset 1m", "x @ 100.000 offset 1m"),
        ("x[5m] offset -1.5 @ start()", "x[5m] @ start() offset -1s500ms"),
        ("x[600]", "x[10m]"),
        ("x[2*(1m + step())]", "x[2 * (1m + step())]"),
        ("x[min_of(step(), 1m):max_of(1s,2)]", "x[min_of(step(), 1m):max_of(1s, 2)]"),
        ("x[5m] anchored @ 1", "x[5m] anchored @ 1.000"),
        ("x @ 1 smoothed", "x @ 1.000 smoothed"),
        ("rate(x[1h:])[30m:1m] offset 5m", "rate(x[1h:])[30m:1m] offset 5m"),
        ("m offset 100 + 2", "m offset 1m40s + 2"),
        ("m offset -2^2", "m offset -2s ^ 2"),
        ("m offset step()*2", "m offset step() * 2"),
        ("m offset -(2*step())+1", "m offset -(2 * step()) + 1"),
        ("sum(x) by (a, \"b.c\",)", "sum by (a, \"b.c\") (x)"),
        ("sum by () (x)", "sum(x)"),
        ("SUM WITHOUT () (x)", "sum without () (x)"),
        ("topk(3, x) by (by)", "topk by (by) (3, x)"),
        ("a + ignoring() b", "a + b"),
        ("a == bool on() group_left b", "a == bool on () group_left () b"),
        ("a + on(x) group_left fill(1) b", "a + on (x) group_left () fill (1) b"),
        ("a * on(x) group_right(y) fill_left(1) b", "a * on (x) group_right (y) fill_left (1) b"),
        ("a + fill(-Inf) b", "a + fill (-Inf) b"),
        ("a </ 1", "a </ 1"),
        ("offset offset 5m", "offset offset 5m"),
        ("sum + by + start + fill", "sum + by + start + fill"),
        ("START()", "start()"),
        ("avg{a=\"b\"}", "avg{a=\"b\"}"),
        ("a:b:c # comment\n or\tx", "a:b:c or x"),
        ("label_join(x, \"d\", \"\")", "label_join(x, \"d\", \"\")"),
        ("((x))", "((x))"),
    ] {
        let once = printed(text);
        assert_eq!(once, canonical, "{text}");
        assert_eq!(printed(&once), once, "{text}");
    }
}

#[test]
fn precedence_and_associativity() {
    for (text, shape) in [
        ("1 + 2 * 3", "(1+(2*3))"),
        ("1 - 2 - 3", "((1-2)-3)"),
        ("2 ^ 3 ^ 2", "(2^(3^2))"),
        ("-2 ^ 2 * 3", "((-(2^2))*3)"),
        ("2 ^ -1 * 3", "((2^-1)*3)"),
        ("a or b and c", "(aor(bandc))"),
        ("1 + 2 == bool 3", "((1+2)==3)"),
        ("1 atan2 2 % 3", "((1atan22)%3)"),
    ] {
        let ast = parse(text, &all()).unwrap();
        assert_eq!(shape_of(&ast, ast.root()), shape, "{text}");
    }
}

fn shape_of(ast: &Ast, id: ExprId) -> String {
    match ast.expr(id) {
        Expr::Selector(s) => s.name.as_deref().unwrap_or("").to_owned(),
        Expr::Binary(b) => format!("({}{}{})", shape_of(ast, b.lhs), b.op, shape_of(ast, b.rhs)),
        Expr::Unary { expr, .. } => format!("(-{})", shape_of(ast, *expr)),
        Expr::Number(n) => promethium_model::float::format_f(n.value),
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_have_prometheus_words_and_places() {
    for (text, error) in [
        ("", "1:1: parse error: no expression found in input"),
        ("# only a comment", "1:17: parse error: no expression found in input"),
        ("(", "1:2: parse error: unclosed left parenthesis"),
        ("}", "1:1: parse error: unexpected character: '}'"),
        ("1 +", "1:4: parse error: unexpected end of input"),
        ("foo bar", "1:5: parse error: unexpected identifier \"bar\""),
        ("1 or 1", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"),
        ("1 or on(bar) foo", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("foo unless on(bar) group_left(baz) bar", "1:1: parse error: no grouping allowed for \"unless\" operation"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"),
        (
            "foo + on(bar) group_left(bar) x",
            "1:5: parse error: label \"bar\" must not occur in ON and GROUP clause at once",
        ),
        ("foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"),
        ("foo{a=1}", "1:7: parse error: unexpected character inside braces: '1'"),
        (
            "foo{a b}",
            "1:7: parse error: unexpected identifier \"b\" in label matching, expected label matching operator",
        ),
        (
            "foo{a=\"1\" b=\"2\"}",
            "1:11: parse error: unexpected identifier \"b\" in label matching, expected \",\" or \"}\"",
        ),
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        ("foo{a:b=\"x\"}", "1:6: parse error: unexpected character inside braces: ':'"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{x=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("foo{__name__=\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
        ("foo{__name__!~\"b.*\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"b.*\""),
        ("foo{__name__=~\"b\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"b\""),
        (
            "foo{__name__=\"a\",__name__!=\"b\"}",
            "1:1: parse error: metric name must not be set twice: \"foo\" or \"a\"",
        ),
        ("foo[", "1:5: parse error: unexpected end of input in duration expression"),
        ("foo[5m", "1:7: parse error: unclosed left bracket"),
        ("foo[0]", "1:5: parse error: duration must be greater than 0"),
        ("foo[5m/0]", "1:8: parse error: division by zero"),
        ("foo[5q]", "1:5: parse error: bad number or duration syntax: \"5\""),
        ("foo[:5m]", "1:6: parse error: unexpected colon before duration in duration expression"),
        ("(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"),
        ("foo offset 1m[5m]", "1:14: parse error: no offset modifiers allowed before range"),
        ("foo offset 1m [5m]", "1:15: parse error: no offset modifiers allowed before range"),
        ("sum(foo)[5m]", "1:9: parse error: ranges only allowed for vector selectors"),
        ("foo[5m][5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ("foo[5m] offset 5m [5m]", "1:19: parse error: ranges only allowed for vector selectors"),
        ("foo @ 1[5m]", "1:8: parse error: no @ modifiers allowed before range"),
        ("foo[5m][1h:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"),
        (
            "foo offset",
            "1:11: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
        ),
        ("foo offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
        (
            "(foo) offset 1m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("foo @ x", "1:7: parse error: unexpected identifier \"x\" in @, expected timestamp"),
        ("foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
        ("foo anchored smoothed", "1:1: parse error: anchored and smoothed modifiers cannot be used together"),
        ("foo[1h:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"),
        ("sum by (a) x", "1:12: parse error: unexpected identifier \"x\" in aggregation"),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        ("topk(x)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        ("topk(x, x)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
        ("sum by (1) (x)", "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"),
        ("nope(1)", "1:1: parse error: unknown function with name \"nope\""),
        ("rate(x)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("rate()", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0"),
        ("round(x, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"),
        ("label_join(x)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"),
        ("abs(x,)", "1:6: parse error: trailing commas not allowed in function call args"),
        (
            "-x[5m]",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\"",
        ),
        (
            "1 + - \"a\"",
            "1:5: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
        ("up[5m] + bool 1", "1:8: parse error: bool modifier can only be used on comparison operators"),
        (
            "\"a\" > on(a) group_left(a) up",
            "1:5: parse error: label \"a\" must not occur in ON and GROUP clause at once",
        ),
        ("1 + bool 2 x", "1:12: parse error: unexpected identifier \"x\""),
        (")", "1:2: parse error: unexpected right parenthesis ')'"),
        ("foo[5m])", "1:9: parse error: unexpected right parenthesis ')'"),
        ("foo[5m)]", "1:8: parse error: unexpected right parenthesis ')'"),
        ("topk(3 , )", "1:8: parse error: trailing commas not allowed in function call args"),
        ("x + x[5m]", "1:5: parse error: binary expression must contain only scalar and instant vector types"),
        ("\"a\nb\"", "1:1: parse error: unterminated quoted string"),
        ("x == \"\\q\"", "1:6: parse error: unknown escape sequence U+0071 'q'"),
        ("'\\q'", "1:1: parse error: unknown escape sequence U+0071 'q'"),
        ("\"ab\\x4\"", "1:1: parse error: illegal character U+0022 '\"' in escape sequence"),
        ("a\n+\n  &", "3:3: parse error: unexpected character: '&'"),
        ("time(vector())", "1:1: parse error: expected 0 argument(s) in call to \"time\", got 1"),
        ("abs(1, abs())", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 2"),
        ("abs(vector())", "1:5: parse error: expected 1 argument(s) in call to \"vector\", got 0"),
        (
            "clamp(x, x, abs())",
            "1:10: parse error: expected type scalar in call to function \"clamp\", got instant vector",
        ),
        ("topk(x, abs())", "1:9: parse error: expected 1 argument(s) in call to \"abs\", got 0"),
        ("topk(abs(), 1)", "1:13: parse error: expected type instant vector in aggregation expression, got scalar"),
        ("(1 > 2) + abs()", "1:4: parse error: comparisons between scalars must use BOOL modifier"),
        ("info(x, y)", "1:9: parse error: expected label selectors only, got vector selector instead"),
        ("1 + on(a) x", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("a + fill(1) fill(2) b", "1:13: parse error: unexpected <fill>"),
        ("foo[5m:", "1:8: parse error: unclosed left bracket"),
        ("rate(foo[5m", "1:12: parse error: unclosed left parenthesis"),
        ("foo[5m=~]", "1:7: parse error: unexpected character after '=': '~'"),
        ("foo[5m o]", "1:8: parse error: unexpected character: 'o', expected ':'"),
        ("foo[o]", "1:5: parse error: unexpected character in duration expression: 'o'"),
        ("foo[5m::]", "1:8: parse error: unexpected colon ':'"),
        ("foo[step()::]", "1:13: parse error: unexpected repeated colon in duration expression"),
        ("foo[5m[1m]]", "1:7: parse error: unexpected left bracket '['"),
        ("foo[5m]]", "1:8: parse error: unexpected right bracket ']'"),
        ("sum by (}) (up)", "1:9: parse error: unexpected character: '}'"),
        ("up{job==\"a\"}", "1:8: parse error: unexpected \"=\" in label matching, expected string"),
        ("up @ @", "1:6: parse error: unexpected <op:@> in @, expected timestamp"),
        ("1by", "1:1: parse error: bad number or duration syntax: \"1\""),
        ("up[0son]", "1:4: parse error: bad number or duration syntax: \"0so\""),
        ("round(up, , )", "1:9: parse error: trailing commas not allowed in function call args"),
        ("rate(up[5m], * 2)", "1:12: parse error: trailing commas not allowed in function call args"),
        ("round(up, &)", "1:11: parse error: unexpected character: '&'"),
        ("round(, up)", "1:7: parse error: unexpected \",\""),
        ("sum(, up)", "1:5: parse error: unexpected \",\" in aggregation"),
        ("topk(\"a\" up)", "1:10: parse error: unexpected identifier \"up\" in aggregation"),
        ("sum(abs(up up))", "1:12: parse error: unexpected identifier \"up\" in aggregation"),
        ("sum(up) up", "1:9: parse error: unexpected identifier \"up\""),
        ("sum job (up)", "1:5: parse error: unexpected identifier \"job\""),
        ("up + on () group_left", "1:22: parse error: unexpected end of input in grouping opts, expected \"(\""),
        ("up + on () group_left * up", "1:23: parse error: unexpected <op:*> in grouping opts, expected \"(\""),
        ("(up start())", "1:5: parse error: unexpected \"start\""),
        ("up BY", "1:4: parse error: unexpected <BY>"),
        ("up SUM", "1:4: parse error: unexpected <aggr:SUM>"),
        ("sum by (NaN) (up)", "1:9: parse error: unexpected number \"NaN\" in grouping opts, expected label"),
        ("0x1e", "1:1: parse error: bad number or duration syntax: \"0x1e\""),
    ] {
        assert_eq!(refused(text), error, "{text}");
    }
}

#[test]
fn features_gate_their_syntax() {
    let server = ParserOptions::default();
    for (text, message) in [
        (
            "limitk(1, x)",
            "limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        ("mad_over_time(x[5m])", "function \"mad_over_time\" is not enabled"),
        ("x anchored", "anchored modifier is experimental and not enabled"),
        ("x + fill(1) y", "binop fill modifiers are experimental and not enabled"),
    ] {
        assert_eq!(parse(text, &server).unwrap_err().message, message);
        assert!(parse(text, &all()).is_ok(), "{text}");
    }
}

#[test]
fn selectors_of_match_parameters() {
    let m = parse_selector("up{job=\"node\"}", &all()).unwrap();
    assert_eq!(m.iter().map(ToString::to_string).collect::<Vec<_>>(), ["job=\"node\"", "__name__=\"up\""]);
    assert_eq!(parse_selector("{}", &all()).unwrap().len(), 0);
    assert_eq!(parse_selector("{job=\"\"}", &all()).unwrap().len(), 1);
    for text in ["up[5m]", "up offset 5m", "1", "up or down", ""] {
        assert!(parse_selector(text, &all()).is_err(), "{text}");
    }
}

#[test]
fn hostile_texts_end_in_errors_on_a_small_stack() {
    let units =
        ["(", "-", "a+", "a[1m:1s]", "{", "sum(", "a or ", "a[1m:", "-(", "x offset -(", "a^", "[(", "1+(", "\"", "'"];
    let run = move || {
        for unit in units {
            let text = unit.repeat((1 << 20) / unit.len());
            for (max_bytes, max_parts) in [(64 << 10, 50_000), (2 << 20, 50_000), (2 << 20, 2 << 20)] {
                let options = ParserOptions { max_bytes, max_parts, ..all() };
                assert!(parse(&text, &options).is_err(), "{unit}");
            }
        }
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn long_chains_are_no_nesting() {
    let run = || {
        let text = format!("{}a", "a + ".repeat(100_000));
        let options = ParserOptions { max_bytes: 1 << 20, max_parts: 1 << 20, ..all() };
        let ast = parse(&text, &options).unwrap();
        assert_eq!(ast.to_string(), text);
        assert_eq!(ast.value_type(), ValueType::Vector);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn the_depth_limit_is_met_exactly() {
    let options = ParserOptions { max_depth: 10, ..all() };
    let nested = |n: usize| format!("{}x{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&nested(9), &options).is_ok());
    let error = parse(&nested(10), &options).unwrap_err();
    assert_eq!(error.message, "expression is nested deeper than 10 levels");
    let long = ParserOptions { max_bytes: 3, ..all() };
    assert!(parse("abc", &long).is_ok());
    assert_eq!(parse("abcd", &long).unwrap_err().message, "expression is longer than 3 bytes");
}

fn selector() -> impl Strategy<Value = String> {
    let names =
        prop::sample::select(vec!["x", "a:b", "offset", "sum", "{\"u.t\"}", "{a=~\"x.*\",b!=\"\"}", "y{z=\"q\"}"]);
    let modifiers = prop::sample::select(vec!["", " offset 5m", " @ 12.5", " offset -(2*step()) @ end()", " smoothed"]);
    (names, modifiers).prop_map(|(n, m)| format!("{n}{m}"))
}

fn vector() -> impl Strategy<Value = String> {
    selector().prop_recursive(5, 40, 4, |inner| {
        let ops = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "atan2",
            "and",
            "or",
            "unless on (a)",
            "== bool",
            "> on (a, b) group_left (c)",
            "+ ignoring (\"x.y\") fill (2)",
            "</",
            "!=",
        ]);
        let wrap = prop::sample::select(vec![
            "sum by (a) (#)",
            "topk(2, #)",
            "-#",
            "+#",
            "(#)",
            "rate(#[5m:1m] offset 1m)",
            "abs(#)",
            "# * 2.5",
            "label_replace(#, \"a\", \"$1\", \"b\", `c\\d`)",
            "max_over_time((#)[1h:] @ 3)",
            "1e-7 + #",
            "scalar(#) + #",
            "vector(1h30m) - #",
            "count_values without (q) (\"l\", #)",
        ]);
        prop_oneof![
            (inner.clone(), ops, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (wrap, inner).prop_map(|(w, x)| w.replace('#', &x)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn printed_trees_parse_back(text in vector()) {
        if let Ok(ast) = parse(&text, &all()) {
            let once = ast.to_string();
            let again = parse(&once, &all());
            prop_assert!(again.is_ok(), "{once}: {:?}", again.err());
            prop_assert_eq!(again.unwrap().to_string(), once);
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused_inside_its_bounds(text in "[-a-z0-9 (){}\\[\\]:,.@+*/^=~!<>\"'`#\n\\\\é]{0,60}") {
        if let Err(error) = parse(&text, &all()) {
            prop_assert!(error.span.start as usize <= text.len());
        }
    }
}
