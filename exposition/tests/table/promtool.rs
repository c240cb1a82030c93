//! Agreement with `promtool check metrics`, where it is installed.
//!
//! Its parser is that of the Go client library, not the server's. All cases of the table are put to it, and those in which the
//! two parsers differ are listed with the rule that differs.

use std::io::Write;
use std::process::{Command, Stdio};

use promethium_exposition::text::{Decoder, Encoder};
use promethium_exposition::{DecodeOptions, Format, collect, lint};

use crate::cases;
use promethium_model::MetricType;

/// What promtool says of a page, and its exit code; `None` where there is no promtool.
fn promtool(page: &[u8]) -> Option<(String, Option<i32>)> {
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "promtool is not installed");
        println!("skipped: promtool is not installed");
        return None;
    };
    // It may end before it has read all.
    let _ = child.stdin.take().expect("a pipe").write_all(page);
    let output = child.wait_with_output().expect("promtool ends");
    Some((String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code()))
}

/// Whether promtool parses a page.
fn promtool_parses(page: &[u8]) -> Option<bool> {
    // 3 says that it parsed and found fault with names.
    promtool(page).map(|(_, code)| matches!(code, Some(0 | 3)))
}

fn parses(page: &[u8]) -> bool {
    let mut decoder = Decoder::new(page);
    loop {
        match decoder.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Where the parser of the Go client library, which promtool 2.42 has, differs from that of the server, which is the rule here.
const DIFFERENT: &[(&str, &[&str])] = &[
    ("a page must end in a line break", &["no last newline", "help without newline"]),
    ("labels must be separated by commas", &["missing comma", "missing comma with blank"]),
    ("no blank may follow a timestamp", &["blanks everywhere"]),
    ("other escapes are faults", &["other escapes stay", "nul behind backslash", "help with escapes"]),
    (
        "a label value is on one line",
        &["newline in label value", "newline in label value fools a line reader", "newline in quoted name"],
    ),
    (
        "names are not quoted before version 1.0.0 of the format",
        &[
            "blank before brace",
            "quoted name",
            "quoted name with labels",
            "quoted name with comma",
            "quoted name last",
            "quoted name between",
            "quoted legacy name",
            "quoted label name",
            "quoted legacy label name",
            "quoted names with escapes",
            "quoted utf8 name",
            "quoted name with timestamp",
            "empty quoted name",
            "help of a quoted name",
            "help of a quoted name with escapes",
            "type of a quoted name",
        ],
    ),
    ("a metric name in metadata is one of the classic character set", &["help of odd name"]),
    ("a type comes once and before the samples", &["type after sample", "type twice"]),
    ("a bound is a number", &["le becomes a float"]),
    ("a NUL is a byte like others", &["nul at line start ends the page", "nul behind blanks ends the page"]),
    ("timestamps have a sign", &["negative timestamp"]),
    (
        "metadata that is incomplete or has blanks too many is a comment or means what was meant",
        &["help without name", "type without name", "empty type", "type with two blanks"],
    ),
    ("help may be any bytes", &["invalid utf8 help"]),
];

fn differs(title: &str) -> bool {
    DIFFERENT.iter().any(|(_, titles)| titles.contains(&title))
}

#[test]
fn pages_of_the_table_are_taken_and_refused_alike() {
    let mut wrong = Vec::new();
    let mut alike = 0;
    for case in cases() {
        let Some(theirs) = promtool_parses(&case.page) else { return };
        if (theirs == parses(&case.page)) == differs(case.title) {
            wrong.push(case.title);
        }
        alike += usize::from(!differs(case.title));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(alike >= 130, "{alike}");
}

#[test]
fn what_is_said_to_differ_is_in_the_table() {
    for title in DIFFERENT.iter().flat_map(|(_, titles)| *titles) {
        assert!(cases().any(|case| case.title == *title), "{title}");
    }
}

#[test]
fn what_the_encoder_writes_passes() {
    let mut page = Encoder::new();
    page.family("jobs_total", MetricType::Counter, "Jobs \"done\" \\ so\nfar.")
        .sample(&[("queue", "a\"b\\c\nd")], 12.5e9);
    page.family("wait_seconds", MetricType::Histogram, "Wait.").histogram(&[("queue", "é")], &[(0.5, 3)], 2.5, 5);
    page.family("size_bytes", MetricType::Summary, "Size.").summary(&[], &[(0.5, 3.0), (0.99, f64::NAN)], 2.5, 5);
    if let Some(parsed) = promtool_parses(page.as_str().as_bytes()) {
        assert!(parsed, "{}", page.as_str());
    }
}

/// Every rule of promtool 2.42, broken at least once. Of a name with two units that are no base units promtool names either, by
/// chance: there is none here.
const UNTIDY: &str = "\
# TYPE a counter
a 1
# HELP b_milliseconds x
# TYPE b_milliseconds gauge
b_milliseconds 1
# HELP c_total x
# TYPE c_total gauge
c_total 1
# HELP e_bucket x
# TYPE e_bucket gauge
e_bucket 1
# HELP f_count x
# TYPE f_count gauge
f_count 1
# HELP g_sum x
# TYPE g_sum gauge
g_sum{le=\"1\",quantile=\"2\"} 1
# HELP h x
# TYPE h summary
h{le=\"1\",quantile=\"2\"} 1
h_sum 1
h_count 2
# HELP i_gauge_x x
# TYPE i_gauge_x gauge
i_gauge_x 1
# HELP i:x x
# TYPE i:x gauge
i:x 1
# HELP camelCase x
# TYPE camelCase gauge
camelCase{fooBar=\"1\",bazQux=\"2\"} 1
camelCase{fooBar=\"2\",bazQux=\"2\"} 1
# HELP k_ms_b x
# TYPE k_ms_b gauge
k_ms_b 1
untyped_total 1
# HELP m_kilometers x
# TYPE m_kilometers gauge
m_kilometers 1
# HELP thermometers x
# TYPE thermometers gauge
thermometers 1
# HELP n_gauge_histogram x
# TYPE n_gauge_histogram gauge
n_gauge_histogram 1
# HELP o_histogram x
# TYPE o_histogram histogram
o_histogram_bucket{le=\"+Inf\"} 1
o_histogram_sum 1
o_histogram_count 1
";

fn findings(page: &str) -> String {
    let families = collect(Format::PrometheusText, page.as_bytes(), &DecodeOptions::new()).expect("a good page");
    lint(&families).iter().map(|finding| format!("{} {}\n", finding.metric, finding.text)).collect()
}

#[test]
fn lint_says_what_promtool_says() {
    let Some((said, _)) = promtool(UNTIDY.as_bytes()) else { return };
    assert_eq!(findings(UNTIDY), said);
}

/// Rules that are younger than the promtool above.
#[test]
fn lint_knows_the_younger_rules() {
    let page = "# HELP a_timestamp_seconds x\n# TYPE a_timestamp_seconds summary\na_timestamp_seconds_sum 1\n";
    assert_eq!(findings(page), "a_timestamp_seconds non-gauge metrics should not have \"_timestamp_seconds\" suffix\n");
    let page = "# HELP a x\n# TYPE a gauge\na{b=\"1\"} 1\na{b=\"1\"} 2\n";
    assert_eq!(findings(page), "a metric not unique\n");
}
