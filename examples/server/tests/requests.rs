//! The HTTP API beside the real Prometheus 2.42, over the same files: the requests of `requests.txt`, the same statuses and
//! the same bodies.
//!
//! Skipped with a printed reason where Prometheus is not installed; with `PROMETHIUM_REQUIRE_PEERS` set its absence is a
//! failure.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use promethium::Monitor;
use promethium::api::{ApiRequest, Method, handle};
use promethium::model::{AppendOptions, Appendable, Labels, Point, QueryCx, SeriesKey};
use promethium::tsdb::{Db, DbOptions};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
const START_MS: i64 = 1_717_200_000_000;
const FORM: &str = "application/x-www-form-urlencoded";

/// How alike the answers have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alike {
    /// Status and body, but for the order of arrays.
    Body,
    /// Status, `errorType`, and the type of the data.
    Kind,
}

struct Case {
    line: usize,
    alike: Alike,
    method: String,
    target: String,
    form: Option<String>,
}

/// `= METHOD target [+ form]` for the same body, `~` for the same kind of answer; `#` begins a comment.
fn cases() -> Vec<Case> {
    let lines = include_str!("requests.txt").lines().enumerate();
    let wanted = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let case = |(at, line): (usize, &str)| {
        let mut words = line.split(' ');
        let alike = match words.next() {
            Some("=") => Alike::Body,
            Some("~") => Alike::Kind,
            other => panic!("requests.txt:{}: {other:?}", at + 1),
        };
        let mut word = || words.next().map(str::to_owned);
        let (method, target) = (word().expect("a method"), word().expect("a target"));
        let form = word().and_then(|plus| (plus == "+").then(|| word().expect("a form")));
        Case { line: at + 1, alike, method, target, form }
    };
    wanted.map(case).collect()
}

struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(dir: &Path, data: &Path) -> Prometheus {
        let config = dir.join("prometheus.yml");
        fs::write(&config, "global:\n  evaluation_interval: 1m\n").expect("a configuration");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--storage.tsdb.retention.time=100y", "--enable-feature=exemplar-storage"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was there a moment ago");
        let mut started = Prometheus { child, port };
        let begun = Instant::now();
        while started.ask("GET", "/-/ready", None).is_none_or(|(status, _)| status != 200) {
            let ended = started.child.try_wait().expect("the child's state");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "prometheus is not ready: {ended:?}");
            std::thread::sleep(POLL);
        }
        started
    }

    fn ask(&self, method: &str, target: &str, form: Option<&str>) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let body = form.unwrap_or_default();
        let head = format!("{method} {target} HTTP/1.0\r\nHost: x\r\nContent-Type: {FORM}\r\n");
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }
}

/// Whether Prometheus is installed. Prints why the test is skipped; panics instead where peers are required.
fn is_here() -> bool {
    let version = Command::new("prometheus").arg("--version").output();
    let text = version.map(|o| String::from_utf8_lossy(&[o.stdout, o.stderr].concat()).into_owned());
    let is_here = text.as_ref().is_ok_and(|text| text.contains("prometheus, version 2.42."));
    assert!(is_here || std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "prometheus 2.42: {text:?}");
    if !is_here {
        println!("skipped: prometheus 2.42 is not installed");
    }
    is_here
}

fn write_data(dir: &Path) {
    let db = Db::open(dir, DbOptions::default()).expect("a new store");
    for step in 0..40_i64 {
        let mut appender = db.appender();
        for (i, (name, job)) in
            [("up", "node"), ("up", "db"), ("load", "node"), ("reads_total", "db"), ("x_ratio", "a<b&c")]
                .into_iter()
                .enumerate()
        {
            let labels = Labels::from_pairs([("__name__", name), ("instance", "h:1"), ("job", job)]);
            let value = match name {
                "up" => 1.0,
                "load" => 1e-9 * step as f64,
                "reads_total" => (step * step) as f64 * 1e20,
                _ => f64::from(i as u32) / 3.0 - step as f64,
            };
            let point = Point::float(START_MS + step * 15_000 + 101, value);
            appender.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).expect("in order");
        }
        appender.commit().expect("a commit");
    }
    db.close().expect("a clean end");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").map(|e| e.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "lock" && entry.file_name() != "head_snapshot" {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// A body in which the order of arrays counts for nothing, points of a series aside: they have their own order.
fn unordered(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(unordered).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, unordered(v))).collect()),
        other => other,
    }
}

fn kind_of(body: &str) -> (Value, Value, &'static str) {
    let Ok(json) = serde_json::from_str::<Value>(body) else { return (Value::Null, Value::Null, "no JSON") };
    let data = match &json["data"] {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        _ => "none",
    };
    (json["status"].clone(), json["errorType"].clone(), data)
}

fn difference(case: &Case, ours: &(u16, String), theirs: &(u16, String)) -> Option<String> {
    let read = |body: &str| serde_json::from_str(body).map_or_else(|_| Value::from(body.trim()), unordered);
    let same = ours.0 == theirs.0
        && match case.alike {
            Alike::Body => read(&ours.1) == read(&theirs.1),
            Alike::Kind => kind_of(&ours.1) == kind_of(&theirs.1),
        };
    let shown = |(status, body): &(u16, String)| format!("{status} {}", body.chars().take(400).collect::<String>());
    (!same).then(|| {
        format!(
            "requests.txt:{}: {} {}\n  ours   {}\n  theirs {}",
            case.line,
            case.method,
            case.target,
            shown(ours),
            shown(theirs)
        )
    })
}

#[test]
fn prometheus_gives_the_same_answers_to_the_same_requests() {
    if !is_here() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let (own, copied) = (dir.path().join("own"), dir.path().join("copied"));
    write_data(&own);
    copy(&own, &copied);
    let peer = Prometheus::start(dir.path(), &copied);
    let monitor = Monitor::builder().data_dir(&own).build().expect("a monitor");
    let cases = cases();
    assert!(cases.len() >= 100, "{} requests only", cases.len());
    let mut differences = Vec::new();
    for case in &cases {
        let theirs = peer.ask(&case.method, &case.target, case.form.as_deref()).expect("an answer");
        let mut request = ApiRequest::new(Method::from_name(&case.method), &case.target);
        if let Some(form) = &case.form {
            request = request.with_body(Some(FORM), form.as_bytes());
        }
        let answer = handle(&monitor, &request, &QueryCx::unlimited());
        let ours = (answer.status, String::from_utf8(answer.body).expect("text"));
        differences.extend(difference(case, &ours, &theirs));
    }
    monitor.close().expect("a clean end");
    assert!(differences.is_empty(), "{} of {} differ\n{}", differences.len(), cases.len(), differences.join("\n"));
    println!("{} requests, answered alike", cases.len());
}
