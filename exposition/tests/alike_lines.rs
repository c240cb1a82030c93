//! Lines that start as the line before them: what is taken over from one to the next changes nothing.

use promethium_exposition::{DecodeOptions, Decoder, Event, Format, Mode, fuzzing};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

/// Names that start alike, and what only looks like a name.
const NAMES: [&str; 8] = ["a", "a_total", "ab", "a:b", "", "\"a\",", " a", "a "];

/// Labels of the plain shape and of every other.
const LABELS: [&str; 22] = [
    "l=\"1\"",
    "l=\"12\"",
    "long_name_of_a_label=\"and a value that is longer than two words\"",
    "long_name_of_a_label=\"and a value that is longer than two sworders\"",
    "m=\"\"",
    "m=\"é\"",
    "m=\"\\\"\"",
    "m=\"\\\\\"",
    "\"m\"=\"1\"",
    "\"m.m\"=\"1\"",
    "\"a\"",
    "m =\"1\"",
    "m= \"1\"",
    "m=\"1\" ",
    "m=\"1\"l=\"1\"",
    "m=\"1\"  l=\"1\"",
    "m=\"}\"",
    "m=\",\"",
    "m",
    "",
    "m=\"\0\"",
    "m=\"a\nb\"",
];

const ENDS: [&str; 9] =
    ["1", "1.5 17", "NaN", "x", "1 # {t=\"1\"} 1", "1 # {t=\"1\",u=\"2\"} 1 2", "1 2 3", "", "1.7976931348623157e+308"];

#[derive(Clone, Debug)]
struct Line {
    name: &'static str,
    labels: Vec<&'static str>,
    end: &'static str,
}

impl Line {
    fn text(&self) -> String {
        let (before, inside) = if self.name.starts_with('"') { ("", self.name) } else { (self.name, "") };
        format!("{before}{{{inside}{}}} {}\n", self.labels.join(","), self.end)
    }
}

fn line() -> impl Strategy<Value = Line> {
    (select(&NAMES[..]), vec(select(&LABELS[..]), 0..5), select(&ENDS[..])).prop_map(|(name, labels, end)| Line {
        name,
        labels,
        end,
    })
}

/// A line and lines that differ from it in one place each.
fn alike() -> impl Strategy<Value = Vec<Line>> {
    let change = (0..4u8, any::<prop::sample::Index>(), line());
    (line(), vec(change, 0..8)).prop_map(|(first, changes)| {
        let mut lines = vec![first];
        for (what, place, other) in changes {
            let mut next = lines[lines.len() - 1].clone();
            match what {
                0 => next.name = other.name,
                1 => next.end = other.end,
                2 if !next.labels.is_empty() => {
                    let place = place.index(next.labels.len());
                    next.labels.splice(place..=place, other.labels.first().copied());
                }
                2 => next.labels = other.labels,
                _ => next.labels.truncate(place.index(next.labels.len() + 1)),
            }
            lines.push(next);
        }
        lines
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        rng_seed: RngSeed::Fixed(23),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_reads_as_it_does_alone(families in vec(alike(), 1..4)) {
        let page: String = families.iter().flatten().map(Line::text).collect();
        fuzzing::text(page.as_bytes());
        fuzzing::text_lenient(page.as_bytes());
        let page = page + "# EOF\n";
        fuzzing::openmetrics(page.as_bytes());
        fuzzing::openmetrics_lenient(page.as_bytes());
    }
}

fn series(format: Format, page: &str) -> Vec<String> {
    let mut decoder = Decoder::new(format, page.as_bytes(), &DecodeOptions::new().mode(Mode::Lenient));
    let mut series = Vec::new();
    while let Some(event) = decoder.next_event().expect("lenient") {
        match event {
            Event::Sample(s) => series.push(s.series().to_labels().map_or_else(|e| e.to_string(), |l| l.to_string())),
            Event::Skipped(error) => series.push(error.message()),
            _ => {}
        }
    }
    series
}

/// What stands at the borders of what lines have in common.
#[test]
fn lines_that_part_at_a_border() {
    let page = "a{b=\"c\",d=\"e\"} 1\na{b=\"c\",d=\"e\"} 2\na{b=\"c\",d=\"ef\"} 3\na{b=\"c\",d=\"e\",f=\"g\"} 4\na{b=\"c\"} 5\n\
                a{b=\"c\",} 6\na{b=\"c\",d=\"e\"} 7\nab{b=\"c\",d=\"e\"} 8\na 9\na{} 10\na{b=\"c\",d\"e\"} 11\na{b=\"c\",d=\"e\"} 12\n";
    let both = r#"a{b="c", d="e"}"#;
    let read = [
        both,
        both,
        r#"a{b="c", d="ef"}"#,
        r#"a{b="c", d="e", f="g"}"#,
        r#"a{b="c"}"#,
        r#"a{b="c"}"#,
        both,
        r#"ab{b="c", d="e"}"#,
        "a",
        "a",
    ];
    for format in [Format::PrometheusText, Format::OpenMetrics] {
        let page = if format == Format::OpenMetrics { format!("{page}# EOF\n") } else { page.to_owned() };
        let series = series(format, &page);
        assert_eq!(series.len(), 12, "{series:?}");
        assert_eq!(series[..10], read);
        assert!(series[10].starts_with("expected equal, got"), "{series:?}");
        assert_eq!(series[11], both);
    }
}
