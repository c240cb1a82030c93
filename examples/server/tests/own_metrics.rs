//! Metrics of rules and of the delivery of alerts beside those of the real Prometheus: every family that it shows is shown here, with its
//! type, its help text and its labels.
//!
//! Skipped with a printed reason where `prometheus` is not installed; with `PROMETHIUM_REQUIRE_PEERS` set, as CI does,
//! its absence is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use promethium::exposition::{DecodeOptions, Family, Format, MetricValue, collect};

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
const PREFIXES: [&str; 2] = ["prometheus_rule_", "prometheus_notifications_"];

/// Where Debian's 2.42 differs from Prometheus 3, which is what we follow: another text for errors, one counter of dropped alerts
/// and one queue for all Alertmanagers.
const HELP_CHANGED: &str = "prometheus_notifications_errors_total";
const LABELS_CHANGED: [&str; 2] = ["prometheus_notifications_dropped_total", "prometheus_notifications_queue_length"];

/// A child process that is ended when it goes out of scope: only what this test started.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> std::io::Result<Process> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// Says yes to everything, as Alertmanager does.
fn serve_receiver() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut text = Vec::new();
            let mut piece = [0; 4_096];
            while !text.ends_with(b"}]") {
                match stream.read(&mut piece) {
                    Ok(read) if read > 0 => text.extend_from_slice(&piece[..read]),
                    _ => break,
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    port
}

fn metrics_of(port: u16) -> Option<Vec<Family>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let page = answer.split_once("\r\n\r\n")?.1;
    let families =
        collect(Format::PrometheusText, page.as_bytes(), &DecodeOptions::new()).expect("a page that can be read");
    Some(families.into_iter().filter(|family| PREFIXES.iter().any(|prefix| family.name.starts_with(prefix))).collect())
}

/// Waits until alerts were delivered, so that every family has a metric.
fn metrics_with_latency(port: u16) -> BTreeMap<String, Family> {
    let start = Instant::now();
    loop {
        let families = metrics_of(port).unwrap_or_default();
        if families.iter().any(|family| family.name == "prometheus_notifications_latency_seconds") {
            return families.into_iter().map(|family| (family.name.clone(), family)).collect();
        }
        assert!(start.elapsed() < PATIENCE, "no delivery within {PATIENCE:?}");
        std::thread::sleep(POLL);
    }
}

fn label_names(family: &Family) -> BTreeSet<&str> {
    family.metrics.iter().flat_map(|metric| metric.labels.iter().map(|(name, _)| name.as_str())).collect()
}

/// Quantiles of a summary; none of other types.
fn quantiles(family: &Family) -> Vec<f64> {
    match &family.metrics[0].value {
        MetricValue::Summary(summary) => summary.quantiles.iter().map(|(quantile, _)| *quantile).collect(),
        _ => Vec::new(),
    }
}

fn write_config(dir: &Path, receiver: u16) {
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{receiver}']}}]}}]}}\n"
    );
    let rules = "groups: [{name: g, rules: [{alert: A, expr: vector(1)}, {record: 'a:b', expr: vector(1)}]}]\n";
    std::fs::write(dir.join("prometheus.yml"), config).expect("written");
    std::fs::write(dir.join("rules.yml"), rules).expect("written");
}

fn start(program: &str, dir: &Path, port: u16) -> std::io::Result<Process> {
    Process::start(
        Command::new(program)
            .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.join(format!("data{port}")).display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--rules.alert.resend-delay=1s"),
    )
}

#[test]
fn families_have_the_names_types_texts_labels_and_quantiles_of_prometheus() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    write_config(dir.path(), serve_receiver());
    let ports = [free_port(), free_port()];
    let _peer = match start("prometheus", dir.path(), ports[0]) {
        Ok(process) => process,
        Err(error) => {
            assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "prometheus cannot be started: {error}");
            println!("skipped: prometheus cannot be started: {error}");
            return;
        }
    };
    let _ours = start(env!("CARGO_BIN_EXE_promethium-server"), dir.path(), ports[1]).expect("the server starts");
    let [theirs, ours] = ports.map(metrics_with_latency);
    assert!(theirs.len() >= 18, "{:?}", theirs.keys());
    for (name, family) in &theirs {
        let own = ours.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(own.metric_type, family.metric_type, "{name}");
        assert!(own.help == family.help || name == HELP_CHANGED, "{name}: {:?} {:?}", own.help, family.help);
        assert!(
            label_names(own) == label_names(family) || LABELS_CHANGED.contains(&name.as_str()),
            "{name}: {:?} {:?}",
            label_names(own),
            label_names(family)
        );
        assert_eq!(quantiles(own), quantiles(family), "{name}");
    }
    for name in ["prometheus_rule_evaluation_duration_seconds", "prometheus_rule_group_duration_seconds"] {
        let MetricValue::Summary(summary) = &ours[name].metrics[0].value else { panic!("{name} is no summary") };
        assert!(summary.count > Some(0.0) && summary.sum > Some(0.0), "{name}: {summary:?}");
        assert!(summary.quantiles.iter().all(|(_, v)| *v > 0.0 && *v < 10.0), "{name}: {summary:?}");
    }
}
