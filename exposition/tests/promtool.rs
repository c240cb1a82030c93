//! Agreement with `promtool check metrics`, where it is installed.
//!
//! Its parser is that of the Go client library, not the server's: of the table's cases those are compared on which
//! the two have the same rule.

use std::io::Write;
use std::process::{Command, Stdio};

use promethium_exposition::text::{Decoder, Encoder};

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
