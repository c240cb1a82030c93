//! Templates: what they give, and what is refused.

use promethium_model::{Labels, SampleValue};
use promethium_rules::template::{BasicTemplates, Render, TemplateData, TemplateError};

fn render_with(text: &str, value: f64) -> Result<String, TemplateError> {
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "node"), ("n", "1234.5")]);
    let external = Labels::from_pairs([("site", "x")]);
    let value = SampleValue::Float(value);
    let data = TemplateData::new(&labels, &value, &external, "http://prom");
    BasicTemplates.compile("t", text)?.render(&data)
}

/// Template, value, result; with the labels and the external labels and URL of `render_with`.
pub(crate) const RENDERED: &[(&str, f64, &str)] = &[
    ("", 1.0, ""),
    ("plain }} text", 1.0, "plain }} text"),
    ("{{ $value }}", 1.0, "1"),
    ("{{.Value}}", 1234567.0, "1.234567e+06"),
    ("{{ $value }}", f64::NAN, "NaN"),
    ("{{ $value }}", f64::INFINITY, "+Inf"),
    ("{{ $labels.job }}/{{ .Labels.job }}", 1.0, "node/node"),
    ("[{{ $labels.missing }}]", 1.0, "[]"),
    ("{{ $labels }}", 1.0, "map[__name__:up job:node n:1234.5]"),
    ("{{ $externalLabels.site }}{{ .ExternalLabels.site }}", 1.0, "xx"),
    ("{{ $externalURL }} {{ .ExternalURL }}", 1.0, "http://prom http://prom"),
    ("a  {{- $value -}}  b", 1.0, "a1b"),
    ("a {{- /* note }} */ -}} b", 1.0, "ab"),
    ("a{{/* note */}}b", 1.0, "ab"),
    ("{{-1}}", 1.0, "-1"),
    ("{{ \"a\\tb\\\"\" }}{{ `raw\\t` }}", 1.0, "a\tb\"raw\\t"),
    ("{{ 1.50 }} {{ 7 }}", 1.0, "1.5 7"),
    ("{{ $value | humanize }}", 1048576.0, "1.049M"),
    ("{{ humanize1024 $value }}", 1048576.0, "1Mi"),
    ("{{ $value | humanizePercentage }}", 0.1234, "12.34%"),
    ("{{ $value | humanizeDuration }}", 135.3563, "2m 15s"),
    ("{{ $labels.n | humanize }}", 1.0, "1.234k"),
    ("{{ humanize 2000 | printf \"%s!\" }}", 1.0, "2k!"),
    ("{{ $value | printf \"%.2f\" }}", 2.71999, "2.72"),
    ("{{ printf \"%s=%v %d%%\" $labels.job $value 5 }}", 0.5, "node=0.5 5%"),
    (
        "{{ printf \"%8.3f|%-8.1f|%08.2f|%+g|% d\" $value $value $value $value 7 }}",
        2.5,
        "   2.500|2.5     |00002.50|+2.5| 7",
    ),
    (
        "{{ printf \"%e %E %g %.3g\" $value $value $value $value }}",
        123456.789,
        "1.234568e+05 1.234568E+05 123456.789 1.23e+05",
    ),
    (
        "{{ printf \"%5s|%-5s|%.2s|%q\" $labels.job $labels.job $labels.job $labels.job }}",
        1.0,
        " node|node |no|\"node\"",
    ),
    ("{{ printf \"%d %s %f\" $value $value $labels.job }}", 1.5, "%!d(float64=1.5) %!s(float64=1.5) %!f(string=node)"),
    ("{{ printf \"%s %s\" $labels.job }}", 1.0, "node %!s(MISSING)"),
    ("{{ $labels.job | printf \"%d\" | printf \"%s%s\" }}", 1.0, "%!d(string=node)%!s(MISSING)"),
    ("{{ printf \"%s %.3d %05.3d %5v\" 7 7 7 2.5 }}", 1.0, "%!s(int=7) 007   007   2.5"),
    ("{{ printf \"x\" $value }}", 1.0, "x%!(EXTRA float64=1)"),
    ("{{ printf \"%f %06.1f\" $value $value }}", f64::NEG_INFINITY, "-Inf   -Inf"),
];

#[test]
fn templates_render() {
    for (text, value, expected) in RENDERED {
        assert_eq!(render_with(text, *value).as_deref(), Ok(*expected), "{text}");
    }
}

#[test]
fn what_is_not_known_is_refused_when_compiled() {
    for (text, message) in [
        ("{{", "1: unclosed action"),
        ("{{ }}", "1: missing value for command"),
        ("{{ $value | }}", "1: missing value for command"),
        ("a\n\n{{ nosuch }}", "3: function \"nosuch\" not defined"),
        ("{{ query \"up\" }}", "1: function \"query\" not defined"),
        ("{{ range $labels }}", "1: \"range\" is not available in these templates"),
        ("{{ end }}", "1: \"end\" is not available in these templates"),
        ("{{ $x }}", "1: undefined variable \"$x\""),
        ("{{ .Nosuch }}", "1: .Nosuch is not available in these templates"),
        ("{{ . }}", "1: . is not available in these templates"),
        ("{{ $labels.a.b }}", "1: $labels.a.b is not available in these templates"),
        ("{{ ($value) }}", "1: '(' is not available in these templates"),
        ("{{ $value | $value }}", "1: non executable command in pipeline stage 2"),
        ("{{ $value 1 }}", "1: can't give argument to non-function"),
        ("{{ printf \"%x\" $value }}", "1: printf: verb %x is not available in these templates"),
        ("{{ printf \"%99999d\" 1 }}", "1: printf: width or precision above 1000"),
        ("{{ printf \"%\" 1 }}", "1: printf: no verb at the end of the format"),
        ("{{ \"abc }}", "1: unterminated quoted string"),
        ("{{ \"\\q\" }}", "1: unknown escape in quoted string"),
        ("{{ `abc }}", "1: unterminated raw quoted string"),
        ("{{/* abc }}", "1: unclosed comment"),
        ("{{ 12abc }}", "1: bad number syntax: \"12abc\""),
    ] {
        let error = render_with(text, 1.0).expect_err(text);
        assert_eq!(error.to_string(), format!("error parsing template t: template: t:{message}"), "{text}");
    }
}

#[test]
fn failures_at_run_time_name_the_place() {
    for (text, place_and_message) in [
        ("{{ humanize }}", "1:115: <humanize>: wrong number of args for humanize: want 1 got 0"),
        (
            "x\n {{ $labels | humanize }}",
            "2:14: <humanize>: error calling humanize: can't convert map[string]string to float",
        ),
        (
            "{{ humanize \"x\" }}",
            "1:115: <humanize \"x\">: error calling humanize: strconv.ParseFloat: parsing \"x\": invalid syntax",
        ),
        ("{{ printf 1 }}", "1:122: <1>: expected string; found 1"),
        ("{{ printf $value }}", "1:122: <$value>: wrong type for value; expected string; got float64"),
        ("{{ printf }}", "1:115: <printf>: wrong number of args for printf: want at least 1 got 0"),
    ] {
        let (place, message) = place_and_message.split_once(": ").unwrap();
        let expected = format!("error executing template t: template: t:{place}: executing \"t\" at {message}");
        assert_eq!(render_with(text, 1.0).expect_err(text).to_string(), expected, "{text}");
    }
}

#[test]
fn the_size_of_a_result_is_limited() {
    let text = "{{ printf \"%1000s\" $labels.job }}";
    assert_eq!(render_with(&text.repeat(65), 1.0).map(|out| out.len()), Ok(65_000));
    assert!(render_with(&text.repeat(66), 1.0).unwrap_err().to_string().contains("limit of 65536 bytes"));
}
