//! Agreement with `promtool check metrics`, where it is installed.
//!
//! Its parser is that of the Go client library, not the server's: of the table's cases those are compared on which
//! the two have the same rule.

use std::io::Write;
use std::process::{Command, Stdio};

use promethium_exposition::text::{Decoder, Encoder};
use promethium_exposition::{DecodeOptions, Format, collect, lint};

use promethium_model::MetricType;

/// Whether promtool parses a page; `None` where there is no promtool.
fn promtool_parses(page: &[u8]) -> Option<bool> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(page).ok()?;
    let output = child.wait_with_output().ok()?;
    // 3 says that it parsed and found fault with names.
    Some(matches!(output.status.code(), Some(0 | 3)))
}

/// What promtool has to say about a page.
fn promtool_findings(page: &[u8]) -> Option<String> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(page).ok()?;
    Some(String::from_utf8_lossy(&child.wait_with_output().ok()?.stderr).into_owned())
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

const PAGES: &[&str] = &[
    "up 1\n",
    "up{a=\"b\",c=\"d\",} 1 1700000000000\n",
    "# HELP up Is it \\\\ up?\\n\n# TYPE up gauge\nup 1\n",
    "a NaN\nb +Inf\nc -Inf\nd 1e-3\n",
    "up{a=\"x\\\\\\\"\\n\"} 1\n",
    "# just a comment\n\nup 1\n",
    "up{a=\"b\" 1\n",
    "up{a=b} 1\n",
    "up{=\"b\"} 1\n",
    "up\n",
    "up one\n",
    "up 1 now\n",
    "up 1 2 3\n",
    "1up 1\n",
    "# TYPE up gaug\n",
];

#[test]
fn pages_are_taken_and_refused_alike() {
    if promtool_parses(b"up 1\n").is_none() {
        println!("skipped: promtool is not installed");
        return;
    }
    for page in PAGES {
        assert_eq!(Some(parses(page.as_bytes())), promtool_parses(page.as_bytes()), "{page}");
    }
}

#[test]
fn what_the_encoder_writes_passes() {
    let mut page = Encoder::new();
    page.family("jobs_total", MetricType::Counter, "Jobs \"done\" \\ so\nfar.")
        .sample(&[("queue", "a\"b\\c\nd")], 12.5e9);
    page.family("wait_seconds", MetricType::Histogram, "Wait.").histogram(&[("queue", "é")], &[(0.5, 3)], 2.5, 5);
    page.family("size_bytes", MetricType::Summary, "Size.").summary(&[], &[(0.5, 3.0), (0.99, f64::NAN)], 2.5, 5);
    match promtool_parses(page.as_str().as_bytes()) {
        Some(parsed) => assert!(parsed, "{}", page.as_str()),
        None => println!("skipped: promtool is not installed"),
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
    let Some(said) = promtool_findings(UNTIDY.as_bytes()) else {
        println!("skipped: promtool is not installed");
        return;
    };
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
