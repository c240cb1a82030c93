//! Alerts from the server to two real Alertmanagers: templated annotations arrive, one Alertmanager that dies does not hold
//! up the other and catches up when it is back, a server that is killed while an alert is pending picks it up where it
//! was, and a resolved alert is gone.
//!
//! Skipped with a printed reason where the programs are not installed; with `PROMETHIUM_REQUIRE_PEERS` set, as CI does,
//! their absence is a failure.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
const FOR_S: f64 = 20.0;
const PENDING_BEFORE_KILL_S: f64 = 10.0;

const RULES: &str = "
groups:
- name: g
  interval: 1s
  rules:
  - alert: Now
    expr: probe > 0
    labels: {severity: page}
    annotations:
      summary: '{{ $labels.job | toUpper }}: {{ $value | humanizePercentage }}{{ range query \"probe\" }} of {{ .Labels.job }}{{ end }}'
  - alert: Long
    expr: probe > 0
    for: 20s
";

/// A child process that is ended when it goes out of scope: only what this test started.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Process {
        Process(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts"))
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.0.kill().expect("the process is there");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(POLL);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

fn peers_are_here() -> bool {
    let installed = |program: &&str| {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
    };
    let missing: Vec<&str> = ["amtool", "prometheus-alertmanager"].into_iter().filter(|p| !installed(p)).collect();
    let required = std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_some();
    assert!(missing.is_empty() || !required, "programs are missing: {missing:?}");
    if !missing.is_empty() {
        println!("skipped: not installed: {missing:?}");
    }
    missing.is_empty()
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs_f64()
}

fn http_get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// A page of one metric, whose value the test sets.
fn serve_probe(value: Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4_096]);
            let body = format!("probe {}\n", value.load(Ordering::SeqCst) as f64 / 100.0);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    port
}

struct Scene {
    dir: tempfile::TempDir,
    alertmanagers: [u16; 2],
    server: u16,
}

impl Scene {
    fn new(probe: u16) -> Scene {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let scene = Scene { dir, alertmanagers: [free_port(), free_port()], server: free_port() };
        let [first, second] = scene.alertmanagers;
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: {{site: north, replica: a}}}}\n\
             rule_files: [rules.yml]\n\
             alerting:\n  alert_relabel_configs:\n  - {{action: labeldrop, regex: replica}}\n  alertmanagers:\n\
             \x20 - timeout: 2s\n    static_configs:\n    - targets: ['127.0.0.1:{first}', '127.0.0.1:{second}', 'nowhere:1']\n\
             \x20   relabel_configs:\n    - {{source_labels: [__address__], regex: 'nowhere.*', action: drop}}\n\
             scrape_configs:\n- job_name: probe\n  static_configs:\n  - targets: ['127.0.0.1:{probe}']\n"
        );
        for (name, text) in [
            ("prometheus.yml", config.as_str()),
            ("rules.yml", RULES),
            ("alertmanager.yml", "route:\n  receiver: none\nreceivers:\n  - name: none\n"),
        ] {
            fs::write(scene.dir.path().join(name), text).expect("the file can be written");
        }
        scene
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn start_server(&self) -> Process {
        let process = Process::start(
            Command::new(env!("CARGO_BIN_EXE_promethium-server"))
                .arg(format!("--config.file={}", self.path().join("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", self.path().join("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{}", self.server))
                .arg("--web.external-url=http://monitoring.example")
                .args(["--rules.alert.resend-delay=1s", "--rules.alert.for-grace-period=1s"]),
        );
        wait_for("the server", || http_get(self.server, "/-/ready"));
        process
    }

    fn start_alertmanager(&self, number: usize) -> Process {
        let port = self.alertmanagers[number];
        let process = Process::start(
            Command::new("prometheus-alertmanager")
                .arg(format!("--config.file={}", self.path().join("alertmanager.yml").display()))
                .arg(format!("--storage.path={}", self.path().join(format!("am{port}")).display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg("--cluster.listen-address=")
                .stderr(Stdio::null()),
        );
        wait_for("Alertmanager", || http_get(port, "/-/ready"));
        process
    }

    /// The alerts of a name that amtool sees.
    fn seen(&self, number: usize, alert: &str) -> Vec<Value> {
        let url = format!("--alertmanager.url=http://127.0.0.1:{}", self.alertmanagers[number]);
        let filter = format!("alertname={alert}");
        let output = Command::new("amtool").args([&url, "alert", "query", "-o", "json", &filter]).output();
        let output = output.expect("amtool runs");
        match serde_json::from_slice::<Value>(&output.stdout) {
            Ok(Value::Array(alerts)) => alerts,
            _ => Vec::new(),
        }
    }

    fn wait_for_alert(&self, number: usize, alert: &str) -> Value {
        wait_for(&format!("{alert} at Alertmanager {number}"), || self.seen(number, alert).into_iter().next())
    }

    fn wait_for_silence(&self, number: usize, alert: &str) {
        wait_for(&format!("the end of {alert} at Alertmanager {number}"), || {
            self.seen(number, alert).is_empty().then_some(())
        });
    }

    /// One of the server's own counters for an Alertmanager.
    fn sent(&self, number: usize) -> f64 {
        let page = http_get(self.server, "/metrics").unwrap_or_default();
        let start = format!(
            "prometheus_notifications_sent_total{{alertmanager=\"http://127.0.0.1:{}/api/v2/alerts\"}} ",
            self.alertmanagers[number]
        );
        page.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or(0.0)
    }

    fn pending_since(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&http_get(self.server, "/api/v1/alerts")?).ok()?;
        let alerts = body["data"]["alerts"].as_array()?.clone();
        let long = alerts.into_iter().find(|a| a["labels"]["alertname"] == "Long")?;
        Some(long["activeAt"].as_str()?.to_owned())
    }
}

#[test]
fn alerts_survive_the_death_of_an_alertmanager_and_of_the_server() {
    if !peers_are_here() {
        return;
    }
    let value = Arc::new(AtomicU64::new(25));
    let scene = Scene::new(serve_probe(Arc::clone(&value)));
    let (first, _second) = (scene.start_alertmanager(0), scene.start_alertmanager(1));
    let server = scene.start_server();

    wait_for("a pending alert", || scene.pending_since());
    let pending_since_s = now_s();
    for number in [0, 1] {
        let alert = scene.wait_for_alert(number, "Now");
        assert_eq!(alert["annotations"]["summary"], "PROBE: 25% of probe");
        let labels = &alert["labels"];
        assert_eq!((&labels["site"], &labels["severity"]), (&"north".into(), &"page".into()));
        assert!(labels.get("replica").is_none(), "relabelling drops it: {labels}");
        assert_eq!(alert["generatorURL"], "http://monitoring.example/graph?g0.expr=probe+%3E+0&g0.tab=1");
    }

    // One Alertmanager dies: the other goes on getting its messages, one a resend.
    first.kill();
    let (before, started) = (scene.sent(1), Instant::now());
    wait_for("three more messages to the other", || (scene.sent(1) >= before + 3.0).then_some(()));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    fs::remove_dir_all(scene.path().join(format!("am{}", scene.alertmanagers[0]))).expect("it had data");
    let _first = scene.start_alertmanager(0);
    scene.wait_for_alert(0, "Now");

    // The server dies while an alert is pending.
    while now_s() < pending_since_s + PENDING_BEFORE_KILL_S {
        std::thread::sleep(POLL);
    }
    assert!(scene.seen(0, "Long").is_empty(), "not for long enough yet");
    server.kill();
    let killed_s = now_s();
    let _server = scene.start_server();
    scene.wait_for_alert(1, "Long");
    let (fired_s, restarted_s) = (now_s() - killed_s, now_s());
    let left_s = FOR_S - (killed_s - pending_since_s);
    assert!(
        fired_s >= left_s - 3.0 && fired_s < FOR_S - 2.0,
        "fired {fired_s:.1} s after the kill, with {left_s:.1} s left ({restarted_s})"
    );

    value.store(0, Ordering::SeqCst);
    for number in [0, 1] {
        scene.wait_for_silence(number, "Now");
        scene.wait_for_silence(number, "Long");
    }
}
