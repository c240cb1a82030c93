//! Pages to decode: deterministic, of the shape that a fleet of hosts exposes.
//!
//! A host has node metrics, an HTTP service with classic histograms, and containers; a series has eight to twelve labels.
//! Values are float counters in steps of 10 ms, integer counters, gauges with two decimals and of full precision, random
//! walks, constants, and histograms.

use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{
    BucketValue, EncodeOptions, ExemplarValue, Family, HistogramValue, Metric, MetricValue, NativeHistogram, encode,
};
use promethium_model::{Histogram, MetricType, Span};

/// A small generator of numbers (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn pair(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// The labels that all series of a host share.
fn host_labels(host: usize) -> Vec<(String, String)> {
    vec![
        pair("cluster", format!("prod-eu-{}", host % 4)),
        pair("datacenter", format!("fra{}", host % 3)),
        pair("environment", "production"),
        pair("instance", format!("host-{host:05}.example.internal:9100")),
        pair("job", "node"),
        pair("rack", format!("r{:02}", host % 40)),
        pair("team", "infrastructure"),
        pair("zone", format!("zone-{}", host % 5)),
    ]
}

/// Families with the series of many hosts each.
struct Mix {
    numbers: Numbers,
    hosts: usize,
}

const PATHS: [&str; 5] = ["/api/v1/query", "/api/v1/query_range", "/api/v1/write", "/-/healthy", "/metrics"];
const BOUNDS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0];

impl Mix {
    fn value(&mut self, class: usize) -> f64 {
        match class % 6 {
            0 => self.numbers.below(1 << 34) as f64 / 100.0,
            1 => self.numbers.below(1 << 40) as f64,
            2 => (self.numbers.below(20_000) as f64 / 100.0).round(),
            3 => f64::from_bits(0x3fe0_0000_0000_0000 | self.numbers.next() >> 12),
            4 => self.numbers.below(5_000) as f64,
            _ => 1.0,
        }
    }

    /// `series` series of each host, told apart by two labels.
    fn plain(&mut self, name: &str, metric_type: MetricType, series: usize, labels: [&str; 2], class: usize) -> Family {
        let mut family = Family::new(name, metric_type);
        family.help = format!("Help text of {name}, as long as such texts are.");
        for host in 0..self.hosts {
            for i in 0..series {
                let mut all = host_labels(host);
                all.push(pair(labels[0], format!("{}{}", labels[0], i % 16)));
                all.push(pair(labels[1], format!("{}-{}", labels[1], i / 16)));
                let value = MetricValue::Single { value: self.value(class), exemplar: None };
                family.metrics.push(Metric { labels: all, value, ..Metric::default() });
            }
        }
        family
    }

    fn histogram(&mut self, exemplars: bool) -> Family {
        let mut family = Family::new("http_request_duration_seconds", MetricType::Histogram);
        family.help = "How long requests took.".to_owned();
        for host in 0..self.hosts {
            for (i, path) in PATHS.into_iter().enumerate() {
                let mut labels = host_labels(host);
                labels.push(pair("handler", path));
                labels.push(pair("method", if i % 2 == 0 { "GET" } else { "POST" }));
                let value = MetricValue::Histogram(Box::new(self.classic(exemplars)));
                family.metrics.push(Metric { labels, value, ..Metric::default() });
            }
        }
        family
    }

    fn classic(&mut self, exemplars: bool) -> HistogramValue {
        let mut count = 0.0;
        let mut buckets = Vec::new();
        for upper_bound in BOUNDS.into_iter().chain([f64::INFINITY]) {
            count += self.numbers.below(5_000) as f64;
            let exemplar = exemplars.then(|| self.exemplar(upper_bound.min(60.0) * 0.9));
            buckets.push(BucketValue { upper_bound, cumulative_count: count, exemplar });
        }
        HistogramValue { count: Some(count), sum: Some(count * 0.125), buckets, ..HistogramValue::default() }
    }

    fn exemplar(&mut self, value: f64) -> ExemplarValue {
        ExemplarValue {
            labels: vec![pair("trace_id", format!("{:016x}{:016x}", self.numbers.next(), self.numbers.next()))],
            value,
            timestamp_ms: Some(1_785_542_400_000 + self.numbers.below(15_000).cast_signed()),
        }
    }

    fn native(&mut self) -> Family {
        let mut family = Family::new("rpc_duration_seconds", MetricType::Histogram);
        for host in 0..self.hosts {
            for path in PATHS {
                let mut labels = host_labels(host);
                labels.push(pair("handler", path));
                let native = NativeHistogram::Integer(self.exponential());
                let exemplars = (0..2).map(|i| self.exemplar(f64::from(i) + 0.5)).collect();
                let value = HistogramValue { native: Some(native), exemplars, ..HistogramValue::default() };
                let value = MetricValue::Histogram(Box::new(value));
                family.metrics.push(Metric {
                    labels,
                    value,
                    start_timestamp_ms: Some(1_785_000_000_000),
                    ..Metric::default()
                });
            }
        }
        family
    }

    fn exponential(&mut self) -> Histogram {
        let counts: Vec<i64> = (0..40).map(|_| 1 + self.numbers.below(500).cast_signed()).collect();
        let total: i64 = counts.iter().sum();
        let deltas = counts.iter().scan(0, |before, c| Some(c - std::mem::replace(before, *c))).collect();
        Histogram {
            schema: 3,
            zero_threshold: 1e-3,
            zero_count: 2,
            count: total.unsigned_abs() + 2,
            sum: total as f64 * 0.3,
            positive_spans: vec![
                Span { offset: -10, length: 15 },
                Span { offset: 3, length: 20 },
                Span { offset: 2, length: 5 },
            ]
            .into(),
            positive_deltas: deltas,
            ..Histogram::default()
        }
    }
}

/// The mix of families, for so many hosts.
#[must_use]
pub fn mix(hosts: usize, exemplars: bool) -> Vec<Family> {
    let mut mix = Mix { numbers: Numbers(7), hosts };
    vec![
        mix.plain("node_cpu_seconds_total", MetricType::Counter, 64, ["cpu", "mode"], 0),
        mix.plain("node_disk_io_time_seconds_total", MetricType::Counter, 16, ["device", "controller"], 0),
        mix.plain("node_network_receive_bytes_total", MetricType::Counter, 32, ["device", "direction"], 1),
        mix.plain("node_filesystem_avail_bytes", MetricType::Gauge, 16, ["mountpoint", "fstype"], 1),
        mix.plain("node_load1", MetricType::Gauge, 4, ["kind", "window"], 2),
        mix.plain("node_hwmon_temp_celsius", MetricType::Gauge, 8, ["chip", "sensor"], 3),
        mix.plain("container_memory_working_set_bytes", MetricType::Gauge, 36, ["pod", "container"], 1),
        mix.plain("container_cpu_usage_seconds_total", MetricType::Counter, 36, ["pod", "container"], 0),
        mix.plain("container_spec_cpu_shares", MetricType::Gauge, 36, ["pod", "container"], 4),
        mix.plain("kube_pod_status_ready", MetricType::Gauge, 36, ["pod", "condition"], 5),
        mix.histogram(exemplars),
    ]
}

/// The mix as a page, of about `bytes` bytes.
#[must_use]
pub fn page(protocol: ScrapeProtocol, bytes: usize, exemplars: bool) -> Vec<u8> {
    let write = |hosts| encode(&mix(hosts, exemplars), &EncodeOptions::new(protocol)).unwrap_or_default();
    let hosts = bytes / write(1).len().max(1);
    write(hosts.max(1))
}

/// Native histograms as a page of messages.
#[must_use]
pub fn native_page(hosts: usize) -> Vec<u8> {
    let family = Mix { numbers: Numbers(7), hosts }.native();
    encode(&[family], &EncodeOptions::new(ScrapeProtocol::PrometheusProto)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_exposition::{DecodeOptions, Format, Mode, collect};

    #[test]
    fn pages_are_of_the_shape_that_they_claim() {
        for protocol in [ScrapeProtocol::PrometheusText0_0_4, ScrapeProtocol::OpenMetricsText1_0_0] {
            let page = page(protocol, 1_000_000, true);
            assert!((700_000..1_300_000).contains(&page.len()), "{}", page.len());
            let strict = DecodeOptions::new().mode(Mode::Strict);
            let families = collect(protocol.format(), &page, &strict).expect("a good page");
            assert_eq!(families.len(), 11);
        }
        let families = collect(Format::Protobuf, &native_page(3), &DecodeOptions::new()).expect("a good page");
        assert_eq!(families[0].metrics.len(), 15);
    }
}
