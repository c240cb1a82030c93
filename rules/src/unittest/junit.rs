//! Results in JUnit's XML, for build servers.

use std::fmt::Write;

use super::FileReport;

/// One `testsuite` a file, one `testcase` a test.
#[must_use]
pub fn junit_xml(reports: &[FileReport]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>");
    for report in reports {
        let failures = report.cases.iter().filter(|case| !case.failures.is_empty()).count();
        let errors = usize::from(report.error.is_some());
        let _ = write!(
            out,
            "<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">",
            escaped(&report.file),
            report.cases.len()
        );
        for case in &report.cases {
            let _ = write!(out, "<testcase name=\"{}\">", escaped(&case.name));
            for failure in &case.failures {
                let _ = write!(out, "<failure>{}</failure>", escaped(failure));
            }
            out.push_str("</testcase>");
        }
        if let Some(error) = &report.error {
            let _ = write!(out, "<system-err>{}</system-err>", escaped(error));
        }
        out.push_str("</testsuite>");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text in XML; characters that XML does not know become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("&#xA;"),
            '\t' => out.push_str("&#x9;"),
            '\r' => out.push_str("&#xD;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
