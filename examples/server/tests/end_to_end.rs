//! The whole loop with the real programs: node_exporter is scraped, promtool asks, the server is killed and comes
//! back with everything it had shown, an alert reaches Alertmanager and resolves.
//!
//! Skipped with a printed reason where the programs are not installed; with `PROMETHIUM_REQUIRE_PEERS` set, as CI does,
//! their absence is a failure.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(200);

/// A child process that is ended when it goes out of scope: only what this test started.
struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    fn start(name: &'static str, command: &mut Command) -> Process {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        Process { name, child }
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap_or_else(|e| panic!("{}: {e}", self.name));
        self.child.wait().unwrap_or_else(|e| panic!("{}: {e}", self.name));
    }

    /// SIGTERM, then waits for the exit status.
    fn terminate(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|s| s.success()));
        wait_for("exit after SIGTERM", || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn peers_are_here() -> bool {
    let needed = ["promtool", "amtool", "prometheus-node-exporter", "prometheus-alertmanager"];
    let missing: Vec<&str> = needed.into_iter().filter(|p| !is_installed(p)).collect();
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

fn http_get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn query(port: u16, expr: &str) -> Option<Value> {
    let (status, body) = http_get(port, &format!("/api/v1/query?query={}", percent_encode(expr)))?;
    (status == 200).then(|| serde_json::from_str(&body).expect("the API answers JSON"))
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn output_of(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Ports, directory and configuration of one run.
struct Scene {
    dir: tempfile::TempDir,
    node: u16,
    alertmanager: u16,
    server: u16,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene {
            dir: tempfile::tempdir().expect("a temporary directory"),
            node: free_port(),
            alertmanager: free_port(),
            server: free_port(),
        };
        scene.write("prometheus.yml", &scene.prometheus_yml());
        scene.write("rules.yml", RULES);
        scene.write("alertmanager.yml", "route:\n  receiver: none\nreceivers:\n  - name: none\n");
        scene
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the file can be written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn prometheus_yml(&self) -> String {
        format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s\n\
             rule_files:\n  - rules.yml\n\
             alerting:\n  alertmanagers:\n    - static_configs:\n        - targets: ['127.0.0.1:{}']\n\
             scrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: ['127.0.0.1:{}']\n",
            self.alertmanager, self.node
        )
    }

    fn start_server(&self) -> Process {
        Process::start(
            "promethium-server",
            Command::new(env!("CARGO_BIN_EXE_promethium-server"))
                .arg(format!("--config.file={}", self.path("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", self.path("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{}", self.server)),
        )
    }

    fn start_node_exporter(&self) -> Process {
        Process::start(
            "node_exporter",
            Command::new("prometheus-node-exporter")
                .arg(format!("--web.listen-address=127.0.0.1:{}", self.node))
                .stderr(Stdio::null()),
        )
    }

    fn start_alertmanager(&self) -> Process {
        Process::start(
            "alertmanager",
            Command::new("prometheus-alertmanager")
                .arg(format!("--config.file={}", self.path("alertmanager.yml").display()))
                .arg(format!("--storage.path={}", self.path("am").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{}", self.alertmanager))
                .arg("--cluster.listen-address=")
                .stderr(Stdio::null()),
        )
    }

    fn promtool(&self, arguments: &[&str]) -> String {
        output_of(Command::new("promtool").args(arguments))
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server)
    }

    fn amtool_alerts(&self) -> String {
        let url = format!("--alertmanager.url=http://127.0.0.1:{}", self.alertmanager);
        output_of(Command::new("amtool").args([&url, "alert", "query", "alertname=NodeDown"]))
    }

    /// Every sample of `expr` that the server shows, as text of series, time and value.
    fn samples(&self, expr: &str) -> Option<BTreeSet<String>> {
        let answer = query(self.server, expr)?;
        let series = answer["data"]["result"].as_array()?;
        let of_series = |s: &Value| -> Vec<String> {
            s["values"].as_array().into_iter().flatten().map(|v| format!("{} {v}", s["metric"])).collect()
        };
        Some(series.iter().flat_map(of_series).collect())
    }

    fn up_is(&self, value: &str) -> Option<()> {
        let answer = query(self.server, "up{job=\"node\"}")?;
        (answer["data"]["result"][0]["value"][1] == value).then_some(())
    }
}

const RULES: &str = r#"groups:
  - name: node
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: NodeDown
        expr: up{job="node"} == 0
        for: 2s
        labels:
          severity: page
        annotations:
          summary: "{{ $labels.instance }} is down"
"#;

#[test]
fn scrape_ask_crash_recover_alert() {
    if !peers_are_here() {
        return;
    }
    let scene = Scene::new();
    let node = scene.start_node_exporter();
    let _alertmanager = scene.start_alertmanager();
    let server = scene.start_server();

    wait_for("readiness", || http_get(scene.server, "/-/ready").filter(|(status, _)| *status == 200));
    wait_for("up to be 1", || scene.up_is("1"));
    promtool_is_answered(&scene);
    let server = nothing_shown_is_lost(&scene, server);
    let node = an_alert_fires_and_resolves(&scene, node);

    assert!(server.terminate().success(), "SIGTERM is a clean shutdown");
    drop(node);
}

fn promtool_is_answered(scene: &Scene) {
    let instant = scene.promtool(&["query", "instant", &scene.url(), "up"]);
    assert!(instant.contains("job=\"node\"") && instant.contains("=> 1 @["), "promtool query instant: {instant}");
    wait_for("a recorded series", || {
        scene.promtool(&["query", "instant", &scene.url(), "job:up:sum"]).contains("=> 1 @[").then_some(())
    });
    let (start, end) = (format!("--start={}", now_s() - 5.0), format!("--end={}", now_s()));
    let range = scene.promtool(&["query", "range", &start, &end, "--step=1s", &scene.url(), "node_load1"]);
    assert!(range.contains("node_load1{") && range.contains(" @["), "promtool query range: {range}");
    let labels = scene.promtool(&["query", "labels", &scene.url(), "job"]);
    assert!(labels.lines().any(|l| l == "node"), "promtool query labels: {labels}");
    let series = scene.promtool(&["query", "series", "--match=node_load1", &scene.url()]);
    assert!(series.contains("node_load1"), "promtool query series: {series}");
}

/// Kills the server in the middle of its work; every sample that a query had shown must be there again.
fn nothing_shown_is_lost(scene: &Scene, server: Process) -> Process {
    let expr = "{job=\"node\"}[10m]";
    wait_for("a few scrapes", || scene.samples("up{job=\"node\"}[10m]").filter(|s| s.len() >= 5));
    let shown = scene.samples(expr).expect("an answer before the crash");
    assert!(shown.len() > 1_000, "node_exporter gives many series: {}", shown.len());
    server.kill();

    let server = scene.start_server();
    wait_for("readiness after the crash", || http_get(scene.server, "/-/ready").filter(|(status, _)| *status == 200));
    let again = scene.samples(expr).expect("an answer after the crash");
    let lost: Vec<&String> = shown.difference(&again).take(5).collect();
    assert!(lost.is_empty(), "samples were shown before SIGKILL and are gone: {lost:?}");
    println!("{} samples shown before SIGKILL, all there after the restart", shown.len());
    server
}

fn an_alert_fires_and_resolves(scene: &Scene, node: Process) -> Process {
    node.kill();
    wait_for("up to be 0", || scene.up_is("0"));
    let listed =
        wait_for("the alert at Alertmanager", || Some(scene.amtool_alerts()).filter(|a| a.contains("NodeDown")));
    assert!(listed.contains(&format!("127.0.0.1:{} is down", scene.node)), "templated annotation: {listed}");
    println!("{listed}");
    let node = scene.start_node_exporter();
    wait_for("the alert to resolve", || (!scene.amtool_alerts().contains("NodeDown")).then_some(()));
    node
}

#[test]
fn wrong_starts_end_with_one_clear_line_and_status_1() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = dir.path().join("bad.yml");
    fs::write(&config, "global:\n  scrape_intervall: 1s\n").expect("the file can be written");
    let refused = run_server(&[&format!("--config.file={}", config.display())], dir.path());
    assert!(refused.contains("bad.yml") && refused.contains("2:3"), "file, line and column: {refused}");

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("--web.listen-address={}", taken.local_addr().expect("its address"));
    let refused = run_server(&[&address], dir.path());
    assert!(refused.contains(&taken.local_addr().expect("its address").to_string()), "names the address: {refused}");

    let file = dir.path().join("a-file");
    fs::write(&file, "").expect("the file can be written");
    let refused = run_server(&[&format!("--storage.tsdb.path={}", file.join("data").display())], dir.path());
    assert!(refused.contains("a-file"), "names the directory: {refused}");
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let scene = Scene::new();
    let _first = scene.start_server();
    wait_for("readiness", || http_get(scene.server, "/-/ready").filter(|(status, _)| *status == 200));
    let data = format!("--storage.tsdb.path={}", scene.path("data").display());
    let address = format!("--web.listen-address=127.0.0.1:{}", free_port());
    let refused = run_server(&[&data, &address], scene.dir.path());
    assert!(refused.contains("in use by another process"), "says that the directory is taken: {refused}");
}

/// Runs the server with arguments that must make it refuse; returns its one line.
fn run_server(arguments: &[&str], dir: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_promethium-server"));
    command.current_dir(dir).args(arguments).stdin(Stdio::null());
    if !arguments.iter().any(|a| a.starts_with("--storage.tsdb.path")) {
        command.arg(format!("--storage.tsdb.path={}", dir.join("other-data").display()));
    }
    if !arguments.iter().any(|a| a.starts_with("--web.listen-address")) {
        command.arg("--web.listen-address=127.0.0.1:0");
    }
    let output = command.output().expect("the server runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "exit status, with {text}");
    text
}
