//! `testdata/openmetrics.txt`: pages of OpenMetrics, and what the strict reading and Prometheus make of them.
//!
//! A case is a title line `== title`, the page as one line with the escapes `\n \t \r \0 \xHH \\` (`# EOF` is added behind it
//! unless it ends in `\!`), and two lines: `strict ok` or `strict <reason>`, and the same for `prometheus`. A reason is the
//! start of the message.

use std::fmt::Write;

use promethium_exposition::openmetrics::Decoder;
use promethium_exposition::{DecodeOptions, Event, Mode};

const CASES: &str = include_str!("../testdata/openmetrics.txt");

fn unescape(line: &str) -> Vec<u8> {
    let (line, end) = match line.strip_suffix("\\!") {
        Some(line) => (line, ""),
        None => (line, "# EOF\n"),
    };
    let mut out = Vec::new();
    let mut bytes = line.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().expect("an escape") {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'0' => 0,
            b'x' => {
                let digits = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
                u8::from_str_radix(std::str::from_utf8(&digits).expect("ASCII"), 16).expect("hexadecimal")
            }
            other => other,
        });
    }
    out.extend_from_slice(end.as_bytes());
    out
}

fn verdict(page: &[u8], mode: Mode) -> String {
    let mut decoder = Decoder::with_options(page, &DecodeOptions::new().mode(mode));
    loop {
        match decoder.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => return "ok".to_owned(),
            Err(error) => return error.message(),
        }
    }
}

#[test]
fn pages_are_judged_as_the_table_says() {
    let (mut wrong, mut cases) = (String::new(), 0);
    for case in CASES.split("== ").skip(1) {
        let mut lines = case.lines();
        let (title, page) = (lines.next().expect("a title"), unescape(lines.next().expect("a page")));
        for (name, mode) in [("strict", Mode::Strict), ("prometheus", Mode::Prometheus)] {
            let expected = lines.next().and_then(|l| l.strip_prefix(name)).expect(title).trim_start();
            let found = verdict(&page, mode);
            let agrees = if expected == "ok" { found == "ok" } else { found.starts_with(expected) };
            if !agrees {
                let _ = writeln!(wrong, "{title}: {name}\n expected {expected}\n found    {found}");
            }
        }
        cases += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases >= 180, "{cases}");
}

#[test]
fn created_lines_become_start_timestamps() {
    let page = "# TYPE a counter\na_total{b=\"1\"} 1\na_created{b=\"1\"} 12.5\na_total{b=\"2\"} 2\n\
                # TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\nh_created 7\n# EOF\n";
    let mut options = DecodeOptions::new();
    options.start_timestamps = true;
    let mut decoder = Decoder::with_options(page.as_bytes(), &options);
    let mut starts = Vec::new();
    while let Some(event) = decoder.next_event().expect("a good page") {
        if let Event::Sample(s) = event {
            starts.push((s.name().into_owned(), s.start_timestamp_ms));
        }
    }
    let expected = [
        ("a_total", Some(12_500)),
        ("a_total", None),
        ("h_bucket", Some(7_000)),
        ("h_count", Some(7_000)),
        ("h_sum", Some(7_000)),
    ];
    assert_eq!(starts, expected.map(|(name, start)| (name.to_owned(), start)));
}

#[test]
fn exemplars_are_kept_as_they_stand_but_for_the_strict_reading() {
    let page = b"# TYPE a counter\na_total 1 # {b=\"c\\n\\\"d\"} 2 3.5\n# EOF\n";
    for (mode, value) in [(Mode::Prometheus, "c\\n\\\"d"), (Mode::Strict, "c\n\"d")] {
        let mut decoder = Decoder::with_options(page, &DecodeOptions::new().mode(mode));
        let mut exemplars = Vec::new();
        while let Some(event) = decoder.next_event().expect("a good page") {
            if let Event::Sample(s) = event {
                exemplars.extend(s.exemplars().map(|e| e.to_stored().expect("unique labels")));
            }
        }
        assert_eq!(exemplars.len(), 1);
        assert_eq!((exemplars[0].value, exemplars[0].timestamp_ms), (2.0, Some(3_500)));
        assert_eq!(exemplars[0].labels.get("b"), Some(value));
    }
}

#[test]
fn the_lenient_reading_skips_lines_and_says_where() {
    let page = b"a 1\nb{ 2\nc 3\n\n# EOF\nd 4\n";
    let mut decoder = Decoder::with_options(page, &DecodeOptions::new().mode(Mode::Lenient));
    let (mut names, mut skipped) = (Vec::new(), Vec::new());
    while let Some(event) = decoder.next_event().expect("nothing ends it") {
        match event {
            Event::Sample(s) => names.push(s.name().into_owned()),
            Event::Skipped(error) => skipped.push((error.line(), error.column())),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names, ["a", "c", "d"]);
    let places = [(2, 3), (4, 1), (6, 1), (7, 1)].map(|(line, column)| (Some(line), Some(column)));
    assert_eq!(skipped, places);
    assert_eq!(decoder.skipped(), 4);
}
