//! Pages of the registries that Rust programs have, and the adapters to them.

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{DecodeOptions, EncodeOptions, Family, Format, MetricValue, Mode, collect, encode};
use promethium_model::MetricType;

fn read(format: Format, page: &str) -> Vec<Family> {
    collect(format, page.as_bytes(), &DecodeOptions::new().mode(Mode::Strict)).unwrap_or_else(|e| panic!("{e}\n{page}"))
}

/// Every format says the same of families that all of them can say.
fn reads_equal_in_every_format(families: &[Family]) {
    for protocol in
        [ScrapeProtocol::PrometheusText1_0_0, ScrapeProtocol::OpenMetricsText1_0_0, ScrapeProtocol::PrometheusProto]
    {
        let page = encode(families, &EncodeOptions::new(protocol)).expect("all can be said");
        let again = collect(protocol.format(), &page, &DecodeOptions::new()).expect("a good page");
        assert_eq!(again, families, "{protocol}");
    }
}

fn prometheus_registry() -> prometheus::Registry {
    let registry = prometheus::Registry::new();
    let jobs = prometheus::IntCounterVec::new(prometheus::Opts::new("jobs_total", "Jobs \"done\"."), &["queue"])
        .expect("good names");
    jobs.with_label_values(&["mail \\ \"x\"\n"]).inc_by(3);
    let temperature = prometheus::Gauge::new("temperature_celsius", "Temperature.").expect("good names");
    temperature.set(-12.75);
    let opts = prometheus::HistogramOpts::new("wait_seconds", "Waiting.").buckets(vec![0.5, 1.0, 2.5]);
    let wait = prometheus::Histogram::with_opts(opts).expect("good names");
    for seconds in [0.25, 0.75, 3.5] {
        wait.observe(seconds);
    }
    for collector in [Box::new(jobs) as Box<dyn prometheus::core::Collector>, Box::new(temperature), Box::new(wait)] {
        registry.register(collector).expect("different names");
    }
    registry
}

fn prometheus_page() -> String {
    prometheus::TextEncoder::new().encode_to_string(&prometheus_registry().gather()).expect("text")
}

#[test]
fn a_page_of_the_prometheus_crate() {
    let families = read(Format::PrometheusText, &prometheus_page());
    let types: Vec<(&str, MetricType)> = families.iter().map(|f| (f.name.as_str(), f.metric_type)).collect();
    assert_eq!(
        types,
        [
            ("jobs_total", MetricType::Counter),
            ("temperature_celsius", MetricType::Gauge),
            ("wait_seconds", MetricType::Histogram)
        ]
    );
    assert_eq!(families[0].metrics[0].labels[0].1, "mail \\ \"x\"\n");
    let MetricValue::Histogram(wait) = &families[2].metrics[0].value else { panic!("a histogram") };
    assert_eq!((wait.count, wait.sum, wait.buckets.len()), (Some(3.0), Some(4.5), 4));
    reads_equal_in_every_format(&families);
}

fn client_registry() -> prometheus_client::registry::Registry {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::exemplar::CounterWithExemplar;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::metrics::info::Info;
    use prometheus_client::registry::Unit;

    let mut registry = prometheus_client::registry::Registry::default();
    let jobs = Family::<Vec<(String, String)>, Counter>::default();
    jobs.get_or_create(&vec![("queue".to_owned(), "mail \\ \"x\"\n".to_owned())]).inc_by(3);
    registry.register("jobs", "Jobs done", jobs);
    let traced = CounterWithExemplar::<Vec<(String, String)>>::default();
    traced.inc_by(2, Some(vec![("trace_id".to_owned(), "7f".to_owned())]), None);
    registry.register("traced", "Traced", traced);
    let temperature = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    temperature.set(-12.75);
    registry.register("temperature", "Temperature", temperature);
    let wait = Histogram::new([0.5, 1.0, 2.5]);
    for seconds in [0.25, 0.75, 3.5] {
        wait.observe(seconds);
    }
    registry.register_with_unit("wait", "Waiting", Unit::Seconds, wait);
    registry.register("build", "Build", Info::new(vec![("version".to_owned(), "1.2".to_owned())]));
    registry
}

fn client_page() -> String {
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &client_registry()).expect("text");
    page
}

#[test]
fn a_page_of_the_prometheus_client_crate() {
    let families = read(Format::OpenMetrics, &client_page());
    let mut names: Vec<&str> = families.iter().map(|f| f.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["build_info", "jobs_total", "temperature", "traced_total", "wait_seconds"]);
    let written =
        encode(&families, &EncodeOptions::new(ScrapeProtocol::OpenMetricsText1_0_0)).expect("all can be said");
    assert_eq!(read(Format::OpenMetrics, &String::from_utf8_lossy(&written)), families);
}

#[cfg(feature = "prometheus")]
#[test]
fn the_adapter_says_what_the_page_of_the_prometheus_crate_says() {
    let adapted = promethium_exposition::adapt::prometheus::families(&prometheus_registry().gather());
    assert_eq!(adapted, read(Format::PrometheusText, &prometheus_page()));
    reads_equal_in_every_format(&adapted);
}

#[cfg(feature = "prometheus-client")]
#[test]
fn the_adapter_says_what_the_page_of_the_prometheus_client_crate_says() {
    let adapted = promethium_exposition::adapt::prometheus_client::families(&client_registry()).expect("a good page");
    assert_eq!(adapted, read(Format::OpenMetrics, &client_page()));
}
