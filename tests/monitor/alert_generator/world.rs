//! A monitor under a simulated clock, asked over HTTP, and a server that plays Alertmanager.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promethium::model::{AppendOptions, Clock, Labels, Limits, ManualClock, Point, SeriesKey};
use promethium::notify::{AlertmanagerUrl, Alertmanagers, HttpSender};
use promethium::rules::{Alert, Notifier, RuleSource};
use promethium::{Monitor, Store};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::support::START_MS;

pub(super) const STEP_S: i64 = 15;
pub(super) const INTERVAL_S: i64 = 30;

/// Of the system's clock, for anything on a socket.
const PATIENCE: Duration = Duration::from_secs(60);

/// Name, then labels.
pub(super) type Series<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// A received alert, times in seconds since the start of the world.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) at_s: i64,
    pub(super) labels: Value,
    pub(super) annotations: Value,
    pub(super) starts_s: i64,
    pub(super) ends_s: i64,
    pub(super) url: String,
}

impl Received {
    fn new(alert: &Value, at_s: i64) -> Received {
        Received {
            at_s,
            labels: alert["labels"].clone(),
            annotations: alert["annotations"].clone(),
            starts_s: seconds_of(&alert["startsAt"]),
            ends_s: seconds_of(&alert["endsAt"]),
            url: alert["generatorURL"].as_str().unwrap().to_owned(),
        }
    }
}

/// An RFC 3339 time in seconds since the start of the world.
pub(super) fn seconds_of(time: &Value) -> i64 {
    let text = time.as_str().unwrap();
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let date = promethium::model::calendar::Date { year: part(0..4), month: part(5..7), day: part(8..10) };
    let seconds = date.epoch_day() * 86_400 + part(11..13) * 3_600 + part(14..16) * 60 + part(17..19);
    seconds - START_MS / 1_000
}

/// Counts what goes to the queues, so that it is known when all of it was delivered.
struct Counting {
    queues: Arc<Alertmanagers>,
    pushed: AtomicU64,
}

impl Notifier for Counting {
    fn notify(&self, alerts: Vec<Alert>) {
        self.pushed.fetch_add(alerts.len() as u64, Ordering::SeqCst);
        self.queues.notify(alerts);
    }
}

/// What an alerting rule showed at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) state: String,
    /// As `/api/v1/alerts` has them.
    pub(super) alerts: Vec<Value>,
}

impl Shown {
    /// The states of the alerts, sorted.
    pub(super) fn states(&self) -> Vec<String> {
        let mut states: Vec<String> = self.alerts.iter().map(|a| a["state"].as_str().unwrap().to_owned()).collect();
        states.sort();
        states
    }
}

pub(super) struct World {
    monitor: Arc<Monitor>,
    clock: Arc<ManualClock>,
    notifier: Arc<Counting>,
    bodies: Arc<Mutex<Vec<Value>>>,
    pub(super) received: Vec<Received>,
    pub(super) now_s: i64,
    /// States of each rule's alerts by the second at which `ALERTS` was asked for.
    seen: BTreeMap<String, BTreeMap<i64, Vec<String>>>,
    api: String,
    runtime: Runtime,
    // Lives as long as the world: its task delivers.
    _sender: HttpSender,
}

impl World {
    pub(super) fn new(rules: &str) -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Arc::new(ManualClock::new(START_MS));
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let receiver = runtime.block_on(listen());
        let url = AlertmanagerUrl::new("http", &address_of(&receiver), "").unwrap();
        runtime.spawn(play_alertmanager(receiver, Arc::clone(&bodies)));
        let queues = Arc::new(Alertmanagers::new([url], Labels::empty(), &Limits::default()));
        let sender = runtime.block_on(async { HttpSender::start(Arc::clone(&queues)) }).unwrap();
        let notifier = Arc::new(Counting { queues, pushed: AtomicU64::new(0) });
        let text = format!("groups:\n- name: g\n  interval: {INTERVAL_S}s\n  rules:\n{rules}");
        let monitor = Monitor::builder()
            .clock(clock.clone())
            .external_url("http://prom")
            .notifier(notifier.clone())
            .rules(RuleSource::new("compliance.yml", text))
            .build()
            .unwrap();
        let monitor = Arc::new(monitor);
        let listener = runtime.block_on(listen());
        let api = address_of(&listener);
        let router = promethium::api::axum_router(monitor.clone());
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let (received, seen) = (Vec::new(), BTreeMap::new());
        World { monitor, clock, notifier, bodies, received, now_s: 0, seen, api, runtime, _sender: sender }
    }

    /// Time goes on to `until_s`; `value` gives each series' sample of a moment.
    pub(super) fn run(&mut self, until_s: i64, series: &[Series<'_>], value: impl Fn(&str, i64) -> Option<f64>) {
        while self.now_s < until_s {
            if self.now_s % STEP_S == 0 {
                self.write(series, &value);
            }
            self.monitor.tick(self.clock.now_ms()).unwrap();
            self.receive();
            self.clock.advance(Duration::from_secs(1));
            self.now_s += 1;
        }
    }

    fn write(&self, series: &[Series<'_>], value: impl Fn(&str, i64) -> Option<f64>) {
        let store: &Arc<dyn Store> = self.monitor.store();
        let mut appender = store.appender();
        for (name, labels) in series {
            let id = labels.first().map_or(*name, |(_, v)| *v);
            let Some(v) = value(id, self.now_s) else { continue };
            let labels = Labels::from_pairs(labels.iter().copied().chain([("__name__", *name)]));
            let point = Point::float(self.clock.now_ms(), v);
            appender.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
        appender.commit().unwrap();
    }

    /// Waits until everything that was due has arrived.
    fn receive(&mut self) {
        let (queues, pushed) = (&self.notifier.queues, self.notifier.pushed.load(Ordering::SeqCst));
        let arrived = async {
            while queues.metrics()[0].sent_total < pushed {
                let metrics = &queues.metrics()[0];
                assert_eq!((metrics.errors_total, metrics.dropped_total), (0, 0), "{:?}", metrics.last_error);
                tokio::task::yield_now().await;
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, arrived).await }).expect("alerts arrive");
        for body in std::mem::take(&mut *self.bodies.lock().unwrap()) {
            self.received.extend(body.as_array().unwrap().iter().map(|alert| Received::new(alert, self.now_s)));
        }
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, http_get(&self.api, path)).await });
        let answer = answer.expect("the API answers");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{path}: {answer}");
        let mut body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], "success");
        body["data"].take()
    }

    /// The second of the last tick: everything due by then has run.
    fn last_tick_s(&self) -> i64 {
        self.now_s - 1
    }

    /// What `/rules` shows of a rule; `/alerts` and `ALERTS` must agree with it.
    pub(super) fn shown(&mut self, rule: &str) -> Shown {
        let rules = self.get("/api/v1/rules?type=alert");
        let rules = rules["groups"][0]["rules"].as_array().unwrap();
        let found = rules.iter().find(|r| r["name"] == rule).unwrap();
        assert_eq!((&found["health"], &found["type"]), (&"ok".into(), &"alerting".into()), "{found}");
        let of_rule = found["alerts"].as_array().unwrap().clone();
        let all = self.get("/api/v1/alerts");
        let all = all["alerts"].as_array().unwrap().iter().filter(|a| a["labels"]["alertname"] == rule);
        assert_eq!(all.collect::<Vec<_>>(), of_rule.iter().collect::<Vec<_>>());
        let shown = Shown { state: found["state"].as_str().unwrap().to_owned(), alerts: of_rule };
        let at_s = self.last_tick_s();
        assert_eq!(self.stored_states(rule, at_s), shown.states(), "ALERTS at {at_s}");
        self.seen.entry(rule.to_owned()).or_default().insert(at_s, shown.states());
        shown
    }

    /// What `query` says of `ALERTS`.
    fn stored_states(&self, rule: &str, at_s: i64) -> Vec<String> {
        let time = START_MS / 1_000 + at_s;
        let data = self.get(&format!("/api/v1/query?query={}&time={time}", selector(rule)));
        let series = data["result"].as_array().unwrap();
        let mut states: Vec<String> = series.iter().map(|s| state_of(s).to_owned()).collect();
        states.sort();
        states
    }

    /// `query_range` over the whole time says of `ALERTS` what was seen at every moment at which it was looked at.
    pub(super) fn check_range(&self, rule: &str) {
        let seen = &self.seen[rule];
        let (first, last) = (seen.first_key_value().unwrap(), seen.last_key_value().unwrap());
        let (start_s, end_s) = (START_MS / 1_000 + first.0, START_MS / 1_000 + last.0);
        let range = format!("start={start_s}&end={end_s}&step={STEP_S}");
        let data = self.get(&format!("/api/v1/query_range?query={}&{range}", selector(rule)));
        assert_eq!(data["resultType"], "matrix");
        let mut found: BTreeMap<i64, Vec<String>> = seen.keys().map(|at_s| (*at_s, Vec::new())).collect();
        for series in data["result"].as_array().unwrap() {
            for value in series["values"].as_array().unwrap() {
                assert_eq!(value[1], "1");
                let at_s = value[0].as_i64().unwrap() - START_MS / 1_000;
                found.get_mut(&at_s).expect("a step that was seen").push(state_of(series).to_owned());
            }
        }
        found.values_mut().for_each(|states| states.sort());
        assert_eq!(&found, seen, "{rule}");
    }

    /// The messages about a rule's alerts.
    pub(super) fn of(&self, rule: &str) -> Vec<&Received> {
        self.received.iter().filter(|alert| alert.labels["alertname"] == rule).collect()
    }
}

fn state_of(series: &Value) -> &str {
    series["metric"]["alertstate"].as_str().unwrap()
}

/// `ALERTS{alertname="…"}`, escaped for a URL.
fn selector(rule: &str) -> String {
    format!("ALERTS%7Balertname%3D%22{rule}%22%7D")
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn address_of(listener: &TcpListener) -> String {
    listener.local_addr().unwrap().to_string()
}

/// A whole answer, head and body.
async fn http_get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Takes what is posted to `/api/v2/alerts`.
async fn play_alertmanager(listener: TcpListener, bodies: Arc<Mutex<Vec<Value>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (head, body) = read_request(&mut stream).await;
        assert!(head.starts_with("POST /api/v2/alerts HTTP/1.1\r\n"), "{head}");
        bodies.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
    }
}

async fn read_request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse::<usize>().unwrap() {
                return (head.to_owned(), body.to_owned());
            }
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the sender hung up inside a request");
    }
}
