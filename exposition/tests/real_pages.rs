//! Pages that real programs wrote: node_exporter 1.5, Prometheus 2.42, Alertmanager 0.25, and Python's `prometheus_client` 0.26,
//! in every format that they speak: the first three answer an `Accept` of OpenMetrics with text, the last knows no messages.
//! Each is read strictly, and reads equal when it is written again in its format.

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{DecodeOptions, EncodeOptions, Mode, collect, encode};

fn reads_equal(title: &str, protocol: ScrapeProtocol, page: &[u8]) {
    let strict = DecodeOptions::new().mode(Mode::Strict);
    let families = collect(protocol.format(), page, &strict).unwrap_or_else(|e| panic!("{title}: {e}"));
    assert!(families.len() >= 6, "{title}: {}", families.len());
    let written = encode(&families, &EncodeOptions::new(protocol).with_created_lines()).expect("all can be said");
    let again = collect(protocol.format(), &written, &strict).unwrap_or_else(|e| panic!("{title}, written: {e}"));
    // NaN is equal to nothing.
    assert_eq!(format!("{again:?}"), format!("{families:?}"), "{title}");
}

#[test]
fn text() {
    for (title, page) in [
        ("node_exporter", &include_bytes!("../testdata/node_exporter.txt")[..]),
        ("prometheus", include_bytes!("../testdata/real/prometheus.txt")),
        ("alertmanager", include_bytes!("../testdata/real/alertmanager.txt")),
        ("python", include_bytes!("../testdata/real/python_client.txt")),
    ] {
        reads_equal(title, ScrapeProtocol::PrometheusText0_0_4, page);
    }
}

#[test]
fn openmetrics() {
    let page = include_bytes!("../testdata/real/python_client.om.txt");
    reads_equal("python", ScrapeProtocol::OpenMetricsText1_0_0, page);
}

#[test]
fn protobuf() {
    for (title, page) in [
        ("node_exporter", &include_bytes!("../testdata/real/node_exporter.pb")[..]),
        ("prometheus", include_bytes!("../testdata/real/prometheus.pb")),
        ("alertmanager", include_bytes!("../testdata/real/alertmanager.pb")),
    ] {
        reads_equal(title, ScrapeProtocol::PrometheusProto, page);
    }
}
