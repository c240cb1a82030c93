//! `testdata/scrapes.txt`: scrapes of one target, and what the store holds afterwards.
//!
//! A case is a title `== title`, options `!name`, steps, and expectations. A step `@15 a 1 | b 2` is a scrape at
//! second 15 of a page with those lines; `fail` is a fetch that failed and `remove` the end of the target. `= series
//! t:v …` are the series of the store, all of them; those named `scrape_…` are left out without `!report`. `? text`
//! are the errors of the scrapes.

use std::collections::BTreeMap;
use std::time::Duration;

use promethium_model::float::format_g;
use promethium_model::{Labels, MemStore, QueryableExt, TimeRange, is_stale};
use promethium_scrape::{FetchError, FetchResponse, ScrapeTarget, Source, TargetConfig};

const SCRIPT: &str = include_str!("../testdata/scrapes.txt");

struct Case<'a> {
    title: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Case<'a> {
    /// What follows a mark on the lines that start with it.
    fn marked(&self, mark: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix(mark)).map(str::trim_start)
    }

    fn has_option(&self, name: &str) -> bool {
        self.marked("!").any(|option| option == name)
    }
}

fn cases() -> Vec<Case<'static>> {
    let case = |text: &'static str| {
        let (title, rest) = text.split_once('\n').expect("a title line");
        Case { title, lines: rest.lines().filter(|line| !line.is_empty()).collect() }
    };
    SCRIPT.split("== ").skip(1).map(case).collect()
}

fn config(case: &Case<'_>) -> TargetConfig {
    let mut config = TargetConfig::new("j", Source::closure(String::new));
    config.labels = Labels::from_pairs([("instance", "i"), ("__meta_hidden", "x")]);
    config.honor_labels = case.has_option("honor_labels");
    config.honor_timestamps = !case.has_option("no_timestamps");
    config.track_timestamps_staleness = case.has_option("track_timestamps_staleness");
    config.sample_limit = if case.has_option("sample_limit") { 2 } else { 0 };
    config.body_size_limit = if case.has_option("body_limit") { 19 } else { 0 };
    config
}

/// Takes one step; the error of a scrape that failed.
fn step(target: &mut ScrapeTarget, store: &MemStore, line: &str) -> Option<String> {
    let (second, action) = line.split_once(' ').unwrap_or((line, ""));
    let at_ms = second.parse::<i64>().expect("a second") * 1_000;
    let response = match action {
        "remove" => {
            target.remove(store, at_ms).expect("markers");
            return None;
        }
        "fail" => Err(FetchError::InProcess { message: "connection refused".to_owned() }),
        page => {
            let lines: Vec<String> = page.split(" | ").filter(|l| !l.is_empty()).map(|l| format!("{l}\n")).collect();
            Ok(FetchResponse::text(lines.concat()))
        }
    };
    let report = target.ingest(store, at_ms, Duration::from_millis(250), response);
    assert_eq!(report.up, report.error.is_none());
    assert_eq!(target.status().last_scrape_ms, Some(at_ms));
    assert_eq!(target.status().last_error, report.error.as_ref().map_or(String::new(), ToString::to_string));
    report.error.map(|error| error.to_string())
}

fn held(store: &MemStore, with_report: bool) -> Vec<String> {
    let mut lines = BTreeMap::new();
    for (labels, samples) in store.read_all(TimeRange::ALL, &[]).expect("a store in memory") {
        let value = |v: f64| if is_stale(v) { "stale".to_owned() } else { format_g(v) };
        let columns = samples.timestamps.iter().zip(&samples.floats);
        let samples: Vec<String> = columns.map(|(t, v)| format!("{}:{}", t / 1_000, value(*v))).collect();
        if with_report || !labels.metric_name().starts_with("scrape_") {
            lines.insert(labels.to_string(), format!("{labels} {}", samples.join(" ")));
        }
    }
    lines.into_values().collect()
}

#[test]
fn the_store_holds_what_the_script_says() {
    let mut wrong = String::new();
    for case in cases() {
        let store = MemStore::new();
        let mut target = ScrapeTarget::new(config(&case), 0).expect("a good configuration");
        let errors: Vec<String> = case.marked("@").filter_map(|line| step(&mut target, &store, line)).collect();
        let found = (held(&store, case.has_option("report")), errors);
        let expected: (Vec<_>, Vec<_>) =
            (case.marked("=").map(str::to_owned).collect(), case.marked("?").map(str::to_owned).collect());
        if found != expected {
            wrong += &format!("== {}\nexpected\n{expected:#?}\nfound\n{found:#?}\n", case.title);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
