//! The background runner against listeners on this machine. Time is the system's here: every wait is a bounded poll.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use promethium::model::QueryValue;
use promethium::model::{Labels, Limits, SampleValue};
use promethium::notify::{AlertmanagerUrl, Alertmanagers};
use promethium::rules::RuleSource;
use promethium::scrape::{Health, Source, TargetConfig};
use promethium::{Monitor, Runner};

const POLLS: usize = 1_000;
const BETWEEN_POLLS: Duration = Duration::from_millis(10);

/// An HTTP server of one answer; it ends when it is dropped.
struct Server {
    address: SocketAddr,
    requests: mpsc::Receiver<String>,
    answered: Arc<AtomicUsize>,
    running: Option<JoinHandle<()>>,
}

impl Server {
    fn start(body: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answered = Arc::new(AtomicUsize::new(0));
        let (sender, requests) = mpsc::channel();
        let counter = answered.clone();
        let running = std::thread::spawn(move || serve(&listener, body, &sender, &counter));
        Server { address, requests, answered, running: Some(running) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A connection without a request is the sign to end.
        drop(std::net::TcpStream::connect(self.address));
        self.running.take().unwrap().join().unwrap();
    }
}

fn serve(listener: &TcpListener, body: &str, requests: &mpsc::Sender<String>, answered: &AtomicUsize) {
    loop {
        let (mut connection, _) = listener.accept().unwrap();
        let request = read_request(&mut connection);
        if request.is_empty() {
            return;
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        // A client that is gone has no need of an answer.
        let _ = connection.write_all(answer.as_bytes());
        answered.fetch_add(1, Ordering::SeqCst);
        let _ = requests.send(request);
    }
}

/// Head and body of a request; `""` when the client said nothing.
fn read_request(connection: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return String::from_utf8(request).unwrap();
            }
        }
        match connection.read(&mut buffer) {
            Ok(0) | Err(_) => return String::new(),
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Asks again and again, for ten seconds at most.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..POLLS {
        if holds() {
            return;
        }
        tokio::time::sleep(BETWEEN_POLLS).await;
    }
    panic!("{what}: not within ten seconds");
}

fn on_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn http_target(server: &Server) -> TargetConfig {
    TargetConfig::new("remote", Source::http(format!("http://{}/metrics", server.address))).every_ms(100).at_once()
}

fn value(monitor: &Monitor, expr: &str) -> Option<f64> {
    let QueryValue::Vector(samples) = monitor.query(expr, monitor.clock().now_ms()).unwrap().value else {
        panic!("{expr} is no vector")
    };
    samples.first().map(|sample| match &sample.value {
        SampleValue::Float(v) => *v,
        SampleValue::Histogram(h) => h.count,
    })
}

#[test]
fn targets_are_scraped_side_by_side_until_the_shutdown() {
    on_runtime(async {
        let server = Server::start("remote_total 5\n");
        let monitor = Monitor::builder()
            .target(http_target(&server))
            .target(TargetConfig::new("app", Source::closure(|| "local 7\n".to_owned())).every_ms(100).at_once())
            .build()
            .unwrap();
        let monitor = Arc::new(monitor);
        let watched = Arc::downgrade(&monitor);
        let own = move || watched.upgrade().map_or_else(String::new, |monitor| monitor.metrics_page());
        monitor.add_target(TargetConfig::new("self", Source::closure(own)).every_ms(100).at_once()).unwrap();

        let runner = Runner::start(Arc::clone(&monitor)).unwrap();
        until("two scrapes of each", || {
            value(&monitor, "count(count_over_time({__name__=~'remote_total|local|promethium_targets'}[1m]) >= 2)")
                == Some(3.0)
        })
        .await;
        let request = server.requests.recv().unwrap();
        assert!(request.starts_with("GET /metrics HTTP/1.1\r\n"), "{request}");
        assert!(monitor.targets().iter().all(|target| target.health == Health::Up), "{:?}", monitor.targets());

        runner.shutdown().await;
        assert_eq!(Arc::strong_count(&monitor), 1, "nothing runs on");
        assert_eq!(value(&monitor, "remote_total"), Some(5.0), "queries go on");
    });
}

#[test]
fn a_target_that_is_not_there_is_down_with_its_url() {
    on_runtime(async {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{address}/metrics");
        let target = TargetConfig::new("gone", Source::http(&*url)).every_ms(100).at_once();
        let monitor = Arc::new(Monitor::builder().target(target).build().unwrap());
        let runner = Runner::start(Arc::clone(&monitor)).unwrap();
        until("a failed scrape", || value(&monitor, "up") == Some(0.0)).await;
        let error = monitor.targets().remove(0).last_error;
        assert!(error.starts_with(&format!("Get \"{url}\": ")), "{error}");
        runner.shutdown().await;
    });
}

#[test]
fn alerts_reach_an_alertmanager() {
    on_runtime(async {
        let alertmanager = Server::start("");
        let url = AlertmanagerUrl::new("http", &alertmanager.address.to_string(), "").unwrap();
        let site = Labels::from_pairs([("site", "north")]);
        let rules = "groups: [{name: g, interval: 1s, rules: [{alert: Always, expr: vector(1)}]}]";
        let monitor = Monitor::builder()
            .alertmanagers(Arc::new(Alertmanagers::new([url], site, &Limits::default())))
            .rules(RuleSource::new("r.yml", rules))
            .build()
            .unwrap();
        let monitor = Arc::new(monitor);
        let runner = Runner::start(Arc::clone(&monitor)).unwrap();
        until("a request", || alertmanager.answered.load(Ordering::SeqCst) > 0).await;
        let request = alertmanager.requests.recv().unwrap();
        assert!(request.starts_with("POST /api/v2/alerts HTTP/1.1\r\n"), "{request}");
        assert!(request.contains(r#""labels":{"alertname":"Always","site":"north"}"#), "{request}");
        runner.shutdown().await;
        assert_eq!(Arc::strong_count(&monitor), 1);
    });
}

#[test]
fn a_runner_that_is_dropped_lets_go_of_the_monitor() {
    on_runtime(async {
        let page = Source::closure(|| "a 1\n".to_owned());
        let monitor =
            Monitor::builder().target(TargetConfig::new("app", page).every_ms(100).at_once()).build().unwrap();
        let monitor = Arc::new(monitor);
        let runner = Runner::start(Arc::clone(&monitor)).unwrap();
        until("a scrape", || value(&monitor, "a") == Some(1.0)).await;
        drop(runner);
        until("the end of its tasks", || Arc::strong_count(&monitor) == 1).await;
    });
}
