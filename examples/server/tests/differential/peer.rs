//! The real Prometheus as a child process, asked over its HTTP API.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// The version whose differences from 3.14 the expressions know.
const VERSION: &str = "prometheus, version 2.42.";

/// Whether Prometheus 2.42 is installed. Prints why the test is skipped; panics instead where peers are required.
pub(crate) fn is_here() -> bool {
    let output = Command::new("prometheus").arg("--version").output();
    let text = |o: std::process::Output| String::from_utf8_lossy(&[o.stdout, o.stderr].concat()).into_owned();
    let missing = match output.map(text) {
        Ok(version) if version.contains(VERSION) => None,
        Ok(version) => Some(format!("prometheus is not 2.42: {}", version.lines().next().unwrap_or_default())),
        Err(error) => Some(format!("prometheus is not installed: {error}")),
    };
    let required = std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_some();
    let Some(reason) = missing else { return true };
    assert!(!required, "{reason}");
    println!("skipped: {reason}");
    false
}

/// A running Prometheus without targets; ended when it goes out of scope.
pub(crate) struct Peer {
    child: Child,
    port: u16,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    /// Starts it over `data` and waits until it is ready. Its configuration and its log go into `dir`.
    pub(crate) fn start(dir: &Path, data: &Path) -> Peer {
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, "global:\n  evaluation_interval: 1m\n").expect("the configuration can be written");
        let log = std::fs::File::create(dir.join("prometheus.log")).expect("the log can be written");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=100y")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap_or_else(|e| panic!("prometheus does not start: {e}"));
        let mut peer = Peer { child, port };
        peer.wait_until_ready(&dir.join("prometheus.log"));
        peer
    }

    fn wait_until_ready(&mut self, log: &Path) {
        let start = Instant::now();
        while self.get("/-/ready").is_none_or(|(status, _)| status != 200) {
            let ended = self.child.try_wait().expect("the child's state");
            let late = start.elapsed() > PATIENCE;
            let text = || std::fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none() && !late, "prometheus is not ready ({ended:?}): {}", text());
            std::thread::sleep(POLL);
        }
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn api(&self, path: &str) -> Value {
        let (_, body) = self.get(path).unwrap_or_else(|| panic!("no answer to {path}"));
        serde_json::from_str(&body).unwrap_or_else(|e| panic!("no JSON to {path}: {e}: {body}"))
    }

    /// The body of an instant query.
    pub(crate) fn instant(&self, query: &str, time_ms: i64) -> Value {
        self.api(&format!("/api/v1/query?query={}&time={}", percent_encode(query), seconds(time_ms)))
    }

    /// The body of a range query.
    pub(crate) fn range(&self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Value {
        let (start, end, step) = (seconds(start_ms), seconds(end_ms), seconds(step_ms));
        let query = percent_encode(query);
        self.api(&format!("/api/v1/query_range?query={query}&start={start}&end={end}&step={step}"))
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
