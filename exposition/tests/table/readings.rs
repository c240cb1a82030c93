//! Pages read as the table says.

use std::fmt::Write;

use crate::cases;
use promethium_exposition::DecodeError;
use promethium_exposition::text::Decoder;
use promethium_exposition::{Event, Sample};
use promethium_model::float::format_g;

fn describe(page: &[u8]) -> String {
    let mut decoder = Decoder::new(page);
    let mut out = String::new();
    loop {
        match decoder.next_event() {
            Ok(Some(event)) => push_event(&mut out, &event),
            Ok(None) => return out.trim_end().to_owned(),
            Err(error) => {
                let _ = write!(out, "{}", describe_error(&error));
                return out;
            }
        }
    }
}

fn describe_error(error: &DecodeError) -> String {
    let (line, column) = (error.line().expect("a line"), error.column().expect("a column"));
    format!("error {line}:{column} {}", error.message())
}

fn push_event(out: &mut String, event: &Event<'_, '_>) {
    let _ = match event {
        Event::Help(help) => writeln!(out, "help {:?} {:?}", help.name(), help.text()),
        Event::Type(family) => writeln!(out, "type {:?} {}", family.name(), family.metric_type()),
        Event::Sample(sample) => writeln!(out, "sample {}", describe_sample(sample)),
        other => writeln!(out, "{other:?}"),
    };
}

/// The name and the labels in the page's order, then the value and the time.
fn describe_sample(sample: &Sample<'_>) -> String {
    let labels: Vec<String> =
        sample.series().canonical_labels().map(|(name, value)| format!("{name:?}={value:?}")).collect();
    let mut out = format!("{:?} {{{}}} {}", sample.name(), labels.join(","), format_g(sample.value));
    if let Some(timestamp_ms) = sample.timestamp_ms {
        let _ = write!(out, " @{timestamp_ms}");
    }
    out
}

#[test]
fn pages_read_as_the_table_says() {
    let mut wrong = String::new();
    for case in cases() {
        let found = describe(&case.page);
        if found != case.expected {
            let _ = writeln!(wrong, "== {}\nexpected\n{}\nfound\n{found}\n", case.title, case.expected);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_table_is_large_and_its_titles_are_unique() {
    let mut titles: Vec<&str> = cases().map(|case| case.title).collect();
    assert!(titles.len() >= 150, "{}", titles.len());
    titles.sort_unstable();
    assert!(titles.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn knowing_a_series_changes_nothing() {
    for case in cases() {
        promethium_exposition::fuzzing::text(&case.page);
    }
}
