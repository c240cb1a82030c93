//! The queries: the shapes that dashboards, alerts and Grafana's menus ask.

use std::io;
use std::time::{Duration, Instant};

use promethium_benches::join;
use promethium_benches::mix::START_MS;

use super::data::DataSet;
use super::server::Server;

const AT_MOST_RUNS: usize = 300;
// A query is asked no more after this long, if it was answered this often.
const TOO_LONG: Duration = Duration::from_secs(12);
const ENOUGH_RUNS: usize = 3;

/// How often a query is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// At least so often,
    pub(crate) runs: usize,
    /// and on until it took so long in all.
    pub(crate) at_least: Duration,
}

/// How a query is asked.
#[derive(Clone, Copy)]
enum Ask {
    /// At the end of the data.
    Instant(&'static str),
    /// Over the last hour, every 15 s.
    Hour(&'static str),
    /// Over the last two hours, every minute.
    TwoHours(&'static str),
    /// At every sample of the data.
    Join(&'static str),
    /// A path below `/api/v1`, over all of the data.
    Metadata(&'static str),
    /// Not evaluated.
    Format(&'static str),
}

const ONE_HOST: &str = "node_load1{instance=\"ip-10-32-0-7.eu-west-1.compute.internal:9100\"}";
const ONE_SERIES: &str = "rate(node_network_receive_bytes_total{instance=\"ip-10-32-0-7.eu-west-1.compute.internal:9100\",device=\"eth0\"}[5m])";
const SUM_BY_RATE: &str = "sum by (instance) (rate(node_cpu_seconds_total[5m]))";
const HISTOGRAM: &str = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))";
const BY_REGEX: &str =
    "sum by (handler) (rate(http_requests_total{code=~\"5..\",handler=~\"/api/v1/(query|write).*\"}[5m]))";

const MIX: [(&str, Ask); 21] = [
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
    ("format_query", Ask::Format(SUM_BY_RATE)),
];

const JOIN: [(&str, Ask); 4] = [
    ("join: sum(S + E)", Ask::Join("sum(rpc_request_success_total + rpc_request_error_total)")),
    (
        "join: sum(S + on () group_left E)",
        Ask::Join("sum(rpc_request_success_total + on (job, instance) group_left rpc_request_error_total)"),
    ),
    ("join: sum(S and E)", Ask::Join("sum(rpc_request_success_total and rpc_request_error_total{instance=~\"0.*\"})")),
    (
        "join: sum(S unless E)",
        Ask::Join("sum(rpc_request_success_total unless rpc_request_error_total{instance=~\"0.*\"})"),
    ),
];

fn queries(set: &DataSet) -> &'static [(&'static str, Ask)] {
    match set {
        DataSet::Mix(_) => &MIX,
        DataSet::Join(_) => &JOIN,
    }
}

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

/// Asks everything, each query first for warmth and then as often as is wanted.
pub(crate) fn run(server: &Server, set: &DataSet, effort: Effort) -> io::Result<Vec<Row>> {
    let asked = queries(set).iter();
    asked.map(|(name, ask)| Ok(Row { name, outcome: one(server, &path(*ask, set, server), effort)? })).collect()
}

fn one(server: &Server, path: &str, effort: Effort) -> io::Result<Result<Times, String>> {
    let mut connection = server.connect()?;
    let (mut bytes, warm) = (0, Instant::now());
    for _ in 0..2 {
        let (status, body) = connection.send("GET", path, b"")?;
        if status != 200 {
            let text: String = String::from_utf8_lossy(&body).chars().take(80).collect();
            return Ok(Err(format!("{status}: {text}")));
        }
        bytes = body.len();
        if warm.elapsed() > effort.at_least {
            break;
        }
    }
    let (begun, cpu) = (Instant::now(), server.cpu_seconds());
    let mut times = Vec::new();
    while times.len() < effort.runs || (begun.elapsed() < effort.at_least && times.len() < AT_MOST_RUNS) {
        let start = Instant::now();
        connection.send("GET", path, b"")?;
        times.push(start.elapsed());
        if begun.elapsed() > TOO_LONG && times.len() >= ENOUGH_RUNS {
            break;
        }
    }
    let cpu = Duration::from_secs_f64((server.cpu_seconds() - cpu).max(0.0) / times.len() as f64);
    times.sort_unstable();
    Ok(Ok(Times { median: times[times.len() / 2], least: times[0], cpu, bytes }))
}

fn path(ask: Ask, set: &DataSet, server: &Server) -> String {
    let end = set.end_s();
    let extra = server.kind.extra_parameters();
    match ask {
        Ask::Instant(query) => format!("/api/v1/query?query={}&time={end}{extra}", encoded(query)),
        Ask::Hour(query) => range(query, end - 3_600, end, 15, extra),
        Ask::TwoHours(query) => range(query, end - 7_200, end, 60, extra),
        Ask::Join(query) => range(query, join::START_MS / 1000, end, join::STEP_MS / 1000, extra),
        Ask::Format(query) => format!("/api/v1/format_query?query={}{extra}", encoded(query)),
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
