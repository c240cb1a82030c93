//! The queries: the shapes that dashboards, alerts and Grafana's menus ask.

use std::io;
use std::time::{Duration, Instant};

use promethium_benches::mix::{Mix, START_MS};

use super::server::Server;

// A query is asked again until it took this long in all.
const AT_LEAST: Duration = Duration::from_millis(1_500);
const AT_MOST_RUNS: usize = 300;
const TOO_LONG: Duration = Duration::from_secs(60);

/// How a query is asked.
#[derive(Clone, Copy)]
enum Ask {
    /// At the end of the data.
    Instant(&'static str),
    /// Over the last hour, every 15 s.
    Hour(&'static str),
    /// Over the last two hours, every minute.
    TwoHours(&'static str),
    /// A path below `/api/v1`, over all of the data.
    Metadata(&'static str),
}

const ONE_HOST: &str = "node_load1{instance=\"ip-10-32-0-7.eu-west-1.compute.internal:9100\"}";
const ONE_SERIES: &str = "rate(node_network_receive_bytes_total{instance=\"ip-10-32-0-7.eu-west-1.compute.internal:9100\",device=\"eth0\"}[5m])";
const SUM_BY_RATE: &str = "sum by (instance) (rate(node_cpu_seconds_total[5m]))";
const HISTOGRAM: &str = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))";
const BY_REGEX: &str =
    "sum by (handler) (rate(http_requests_total{code=~\"5..\",handler=~\"/api/v1/(query|write).*\"}[5m]))";

const QUERIES: [(&str, Ask); 20] = [
    ("i one gauge", Ask::Instant(ONE_HOST)),
    ("i sum(rate())", Ask::Instant("sum(rate(node_cpu_seconds_total{mode!=\"idle\"}[5m]))")),
    (
        "i topk(10, sum by (pod) (rate()))",
        Ask::Instant("topk(10, sum by (pod) (rate(container_cpu_usage_seconds_total[5m])))"),
    ),
    ("i quantile_over_time[1h]", Ask::Instant("max(quantile_over_time(0.95, container_memory_working_set_bytes[1h]))")),
    ("i predict_linear[1h]", Ask::Instant("count(predict_linear(node_filesystem_avail_bytes[1h], 14400) > 0)")),
    (
        "i max_over_time(sum by (rate())[30m:1m])",
        Ask::Instant("max_over_time(sum by (instance) (rate(node_network_receive_bytes_total[5m]))[30m:1m])"),
    ),
    ("i count by (__name__) of everything", Ask::Instant("count by (__name__) ({__name__=~\".+\"})")),
    ("r1 rate() of one series", Ask::Hour(ONE_SERIES)),
    ("r1 sum by (instance) (rate())", Ask::Hour(SUM_BY_RATE)),
    ("r2 sum by (instance) (rate())", Ask::TwoHours(SUM_BY_RATE)),
    ("r1 histogram_quantile(sum by (le))", Ask::Hour(HISTOGRAM)),
    ("r2 histogram_quantile(sum by (le))", Ask::TwoHours(HISTOGRAM)),
    ("r2 avg_over_time[1h]", Ask::TwoHours("avg_over_time(node_load1[1h])")),
    ("r1 max by (zone)", Ask::Hour("max by (zone) (node_memory_MemAvailable_bytes)")),
    ("r1 a / on (instance) b", Ask::Hour("node_memory_MemAvailable_bytes / on (instance) node_memory_MemTotal_bytes")),
    ("r1 regular expressions", Ask::Hour(BY_REGEX)),
    ("r1 raw series", Ask::Hour("node_load1")),
    ("label values", Ask::Metadata("label/pod/values")),
    ("series", Ask::Metadata("series?match[]=node_filesystem_avail_bytes{zone=\"eu-west-1a\"}")),
    ("label names", Ask::Metadata("labels")),
];

/// One query's outcome.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Median, and CPU time a run.
    pub(crate) outcome: Result<Times, String>,
}

#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) median: Duration,
    pub(crate) least: Duration,
    pub(crate) cpu: Duration,
    /// Bytes of the answer: shows at a glance whether all answer alike.
    pub(crate) bytes: usize,
}

/// Asks everything, each query twice for warmth and then at least `runs` times.
pub(crate) fn run(server: &Server, mix: &Mix, runs: usize) -> io::Result<Vec<Row>> {
    QUERIES.iter().map(|(name, ask)| Ok(Row { name, outcome: one(server, &path(*ask, mix, server), runs)? })).collect()
}

fn one(server: &Server, path: &str, runs: usize) -> io::Result<Result<Times, String>> {
    let mut connection = server.connect()?;
    let mut bytes = 0;
    for _ in 0..2 {
        let (status, body) = connection.send("GET", path, b"")?;
        if status != 200 {
            let text: String = String::from_utf8_lossy(&body).chars().take(80).collect();
            return Ok(Err(format!("{status}: {text}")));
        }
        bytes = body.len();
    }
    let (begun, cpu) = (Instant::now(), server.cpu_seconds());
    let mut times = Vec::new();
    while times.len() < runs || (begun.elapsed() < AT_LEAST && times.len() < AT_MOST_RUNS) {
        let start = Instant::now();
        connection.send("GET", path, b"")?;
        times.push(start.elapsed());
        if begun.elapsed() > TOO_LONG && times.len() >= 3 {
            break;
        }
    }
    let cpu = Duration::from_secs_f64((server.cpu_seconds() - cpu).max(0.0) / times.len() as f64);
    times.sort_unstable();
    Ok(Ok(Times { median: times[times.len() / 2], least: times[0], cpu, bytes }))
}

fn path(ask: Ask, mix: &Mix, server: &Server) -> String {
    let end = mix.end_ms() / 1000;
    let extra = server.kind.extra_parameters();
    match ask {
        Ask::Instant(query) => format!("/api/v1/query?query={}&time={end}{extra}", encoded(query)),
        Ask::Hour(query) => range(query, end - 3_600, end, 15, extra),
        Ask::TwoHours(query) => range(query, end - 7_200, end, 60, extra),
        Ask::Metadata(path) => {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let query: String =
                query.split_once('=').map_or(String::new(), |(k, v)| format!("{}={}&", encoded(k), encoded(v)));
            format!("/api/v1/{path}?{query}start={}&end={end}{extra}", START_MS / 1000)
        }
    }
}

fn range(query: &str, start: i64, end: i64, step: i64, extra: &str) -> String {
    format!("/api/v1/query_range?query={}&start={start}&end={end}&step={step}{extra}", encoded(query))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
