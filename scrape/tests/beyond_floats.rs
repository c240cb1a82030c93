//! Histograms, exemplars, start timestamps and metadata labels on their way from the page to the store.

use std::sync::Mutex;
use std::time::Duration;

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    BucketValue, EncodeOptions, ExemplarValue, Family, HistogramValue as ExposedHistogram, Metric, MetricValue,
    NativeHistogram, encode,
};
use promethium_model::float::format_g;
use promethium_model::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, Histogram, HistogramValue,
    MemStore, MetricType, Point, QueryableExt, SampleBatch, SeriesKey, Span, TimeRange, is_stale,
};
use promethium_scrape::{FetchResponse, ScrapeTarget, Source, TargetConfig};

/// A store in memory that writes down the exemplars that it is handed.
#[derive(Default)]
struct Recording {
    store: MemStore,
    exemplars: Mutex<Vec<String>>,
}

struct RecordingAppender<'s> {
    inner: Box<dyn Appender + 's>,
    store: &'s Recording,
}

impl Appendable for Recording {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(RecordingAppender { inner: self.store.appender(), store: self })
    }
}

impl Appender for RecordingAppender<'_> {
    fn append(&mut self, key: SeriesKey<'_>, p: Point<'_>, o: &AppendOptions<'_>) -> Result<Appended, AppendError> {
        let mut exemplars = self.store.exemplars.lock().expect("no panic");
        for exemplar in o.exemplars {
            exemplars.push(format!("{} {} {:?}", exemplar.labels, exemplar.value, exemplar.timestamp_ms));
        }
        self.inner.append(key, p, o)
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        self.inner.commit()
    }

    fn rollback(self: Box<Self>) {
        self.inner.rollback();
    }
}

fn target(change: impl FnOnce(&mut TargetConfig)) -> ScrapeTarget {
    let mut config = TargetConfig::new("j", Source::closure(String::new));
    change(&mut config);
    ScrapeTarget::new(config, 0).expect("a good configuration")
}

fn scrape(target: &mut ScrapeTarget, store: &Recording, at_ms: i64, response: FetchResponse) {
    let report = target.ingest(store, at_ms, Duration::ZERO, Ok(response));
    assert_eq!(report.error.map(|e| e.to_string()), None);
}

fn messages(families: &[Family]) -> FetchResponse {
    let page = encode(families, &EncodeOptions::new(ScrapeProtocol::PrometheusProto)).expect("a page");
    FetchResponse::new(
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        page,
    )
}

fn openmetrics(page: &'static str) -> FetchResponse {
    FetchResponse::new("application/openmetrics-text; version=1.0.0", page)
}

/// Values by time; of a histogram count, sum and schema.
fn describe(batch: &SampleBatch) -> String {
    let histogram = |row: usize| batch.histograms.iter().find(|(at, _)| *at as usize == row).map(|(_, h)| h);
    let value = |(row, time): (usize, &i64)| {
        let text = match histogram(row) {
            Some(HistogramValue::Int(h)) if is_stale(h.sum) => "stale".to_owned(),
            Some(HistogramValue::Int(h)) => format!("n={} sum={} schema={}", h.count, h.sum, h.schema),
            Some(HistogramValue::Float(h)) => format!("n={:?} sum={} schema={}", h.count, h.sum, h.schema),
            None if is_stale(batch.floats[row]) => "stale".to_owned(),
            None => format_g(batch.floats[row]),
        };
        let start = batch.start_timestamps.get(row).copied().unwrap_or(0);
        if start == 0 { format!("{time}:{text}") } else { format!("{time}:{text} since {start}") }
    };
    batch.timestamps.iter().enumerate().map(value).collect::<Vec<_>>().join(" ")
}

/// What the store holds, without the series about the scrapes.
fn held(store: &Recording) -> Vec<String> {
    let all = store.store.read_all(TimeRange::ALL, &[]).expect("a store in memory");
    let own = |name: &str| name == "up" || name.starts_with("scrape_");
    let shown = all.iter().filter(|(labels, _)| !own(labels.metric_name()));
    shown
        .map(|(labels, batch)| {
            let mut labels = labels.to_builder();
            labels.set("instance", "").set("job", "");
            format!("{} {}", labels.build(), describe(batch))
        })
        .collect()
}

/// A histogram that is both native and classic, with one exemplar of each kind.
fn both_kinds() -> Family {
    let exemplar = |trace: &str, timestamp_ms| ExemplarValue {
        labels: vec![("trace".to_owned(), trace.to_owned())],
        value: 0.5,
        timestamp_ms,
    };
    let native = Histogram {
        schema: 1,
        zero_threshold: 1e-3,
        count: 4,
        sum: 6.0,
        positive_spans: [Span { offset: 0, length: 2 }].into(),
        positive_deltas: vec![1, 2],
        ..Histogram::default()
    };
    let bucket = |upper_bound, cumulative_count, exemplar| BucketValue { upper_bound, cumulative_count, exemplar };
    let value = ExposedHistogram {
        count: Some(4.0),
        sum: Some(6.0),
        buckets: vec![bucket(1.0, 1.0, Some(exemplar("bucket", Some(7)))), bucket(f64::INFINITY, 4.0, None)],
        native: Some(NativeHistogram::Integer(native)),
        exemplars: vec![exemplar("native", Some(5)), exemplar("undated", None)],
    };
    let mut family = Family::new("h", MetricType::Histogram);
    family.metrics.push(Metric {
        value: MetricValue::Histogram(Box::new(value)),
        start_timestamp_ms: Some(1_000),
        ..Metric::default()
    });
    family
}

const CLASSIC: [&str; 4] = [
    "h_bucket{le=\"+Inf\"} 15000:4 since 1000",
    "h_bucket{le=\"1.0\"} 15000:1 since 1000",
    "h_count 15000:4 since 1000",
    "h_sum 15000:6 since 1000",
];

#[test]
fn a_histogram_is_stored_as_what_the_configuration_asks_for() {
    let native = "h 15000:n=4 sum=6 schema=1 since 1000";
    let custom = "h 15000:n=4 sum=6 schema=-53 since 1000";
    for (scrapes_native, keeps_classic, converts, expected) in [
        (false, false, false, CLASSIC.to_vec()),
        (true, false, false, vec![native]),
        (true, true, false, [&[native], &CLASSIC[..]].concat()),
        (false, false, true, vec![custom]),
        (false, true, true, [&[custom], &CLASSIC[..]].concat()),
        (true, false, true, vec![native]),
    ] {
        let mut target = target(|c| {
            c.scrape_native_histograms = scrapes_native;
            c.always_scrape_classic_histograms = keeps_classic;
            c.convert_classic_histograms_to_nhcb = converts;
            c.ingest_start_timestamps = true;
        });
        let store = Recording::default();
        scrape(&mut target, &store, 15_000, messages(&[both_kinds()]));
        assert_eq!(held(&store), expected, "native {scrapes_native}, classic {keeps_classic}, custom {converts}");
    }
}

#[test]
fn a_native_histogram_that_is_gone_is_stale() {
    let mut target = target(|c| c.scrape_native_histograms = true);
    let store = Recording::default();
    for at_ms in [15_000, 30_000] {
        scrape(&mut target, &store, at_ms, messages(&[both_kinds()]));
    }
    scrape(&mut target, &store, 45_000, messages(&[]));
    let expected = "h 15000:n=4 sum=6 schema=1 since 1000 30000:n=4 sum=6 schema=1 since 1000 45000:stale";
    assert_eq!(held(&store), [expected]);
}

#[test]
fn classic_histograms_of_the_text_formats_are_converted() {
    let page = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n# EOF\n";
    for response in [FetchResponse::text(page.replace("# EOF\n", "")), openmetrics(page)] {
        let mut target = target(|c| c.convert_classic_histograms_to_nhcb = true);
        let store = Recording::default();
        scrape(&mut target, &store, 15_000, response);
        assert_eq!(held(&store), ["h 15000:n=2 sum=3 schema=-53"]);
    }
}

#[test]
fn exemplars_go_along_with_their_samples() {
    let store = Recording::default();
    let mut native = target(|c| c.scrape_native_histograms = true);
    scrape(&mut native, &store, 15_000, messages(&[both_kinds()]));
    let mut classic = target(|_| {});
    scrape(&mut classic, &store, 30_000, messages(&[both_kinds()]));
    let expected = [r#"{trace="native"} 0.5 Some(5)"#, r#"{trace="bucket"} 0.5 Some(7)"#];
    assert_eq!(*store.exemplars.lock().expect("no panic"), expected);
}

#[test]
fn exemplars_of_openmetrics_are_kept_up_to_128_characters() {
    let fits = "x".repeat(127);
    let long = "x".repeat(128);
    let page = format!(
        "# TYPE a counter\na_total{{i=\"1\"}} 1 # {{t=\"{fits}\"}} 0.5 1.25\na_total{{i=\"2\"}} 1 # {{t=\"{long}\"}} 0.5\n\
         a_total{{i=\"3\"}} 1 # {{}} 0.25\n# EOF\n"
    );
    let store = Recording::default();
    let mut target = target(|_| {});
    // Known series have exemplars too.
    for at_ms in [15_000, 30_000] {
        let response = FetchResponse::new("application/openmetrics-text", page.clone());
        scrape(&mut target, &store, at_ms, response);
    }
    let once = [format!(r#"{{t="{fits}"}} 0.5 Some(1250)"#), "{} 0.25 None".to_owned()];
    assert_eq!(*store.exemplars.lock().expect("no panic"), [&once[..], &once[..]].concat());
    assert_eq!(held(&store).len(), 3);
}

#[test]
fn creation_lines_are_start_timestamps_where_that_is_asked_for() {
    let page = "# TYPE a counter\na_total{i=\"1\"} 5\na_created{i=\"1\"} 2.5\na_total{i=\"2\"} 6\n# EOF\n";
    for (ingests, expected) in [
        (true, vec!["a_total{i=\"1\"} 15000:5 since 2500", "a_total{i=\"2\"} 15000:6"]),
        (false, vec!["a_created{i=\"1\"} 15000:2.5", "a_total{i=\"1\"} 15000:5", "a_total{i=\"2\"} 15000:6"]),
    ] {
        let store = Recording::default();
        let mut target = target(|c| c.ingest_start_timestamps = ingests);
        scrape(&mut target, &store, 15_000, openmetrics(page));
        assert_eq!(held(&store), expected);
    }
}

#[test]
fn type_and_unit_are_labels_where_that_is_asked_for() {
    let page = "# TYPE a_bytes gauge\n# UNIT a_bytes bytes\na_bytes 5\n# EOF\n";
    let store = Recording::default();
    let mut target = target(|c| c.type_and_unit_labels = true);
    for at_ms in [15_000, 30_000] {
        scrape(&mut target, &store, at_ms, openmetrics(page));
    }
    assert_eq!(held(&store), [r#"a_bytes{__type__="gauge", __unit__="bytes"} 15000:5 30000:5"#]);
}
