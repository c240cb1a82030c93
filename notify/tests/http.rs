//! The HTTP sender against a server of a few lines.

use std::sync::Arc;
use std::time::Duration;

use promethium_model::{Labels, Limits};
use promethium_notify::{
    AlertmanagerConfig, AlertmanagerUrl, Alertmanagers, Credentials, HttpSender, Secret, TargetGroup, USER_AGENT,
};
use promethium_rules::{Alert, Notifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Reads one request: its head and its body.
async fn read_request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse::<usize>().unwrap() {
                return (head.to_owned(), body.to_owned());
            }
        }
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the client hung up inside a request");
        bytes.extend_from_slice(&piece[..read]);
    }
}

async fn answer(stream: &mut TcpStream, status: &str) {
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn listener() -> (TcpListener, AlertmanagerUrl) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, AlertmanagerUrl::new("http", &address, "/am").unwrap())
}

fn batches_of(batch: usize) -> Limits {
    let mut limits = Limits::default();
    limits.max_notification_batch = batch;
    limits
}

fn alerts(n: usize) -> Vec<Alert> {
    (0..n).map(|i| Alert::new(Labels::from_pairs([("n", i.to_string())]), 0, 1_000)).collect()
}

fn sender_to(url: &AlertmanagerUrl, limits: &Limits, timeout: Duration) -> (Arc<Alertmanagers>, HttpSender) {
    let (address, path) = url.as_str().strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut config = AlertmanagerConfig::new(vec![TargetGroup::new([address])]);
    config.path_prefix = path.strip_suffix("api/v2/alerts").unwrap().to_owned();
    config.timeout = timeout;
    started(config, limits)
}

fn started(config: AlertmanagerConfig, limits: &Limits) -> (Arc<Alertmanagers>, HttpSender) {
    let alertmanagers = Arc::new(Alertmanagers::none(limits));
    alertmanagers.apply(Labels::empty(), Vec::new(), vec![config]).unwrap();
    let sender = HttpSender::start(Arc::clone(&alertmanagers)).unwrap();
    (alertmanagers, sender)
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn requests_carry_the_batch_and_failures_are_not_repeated() {
    let (listener, url) = listener().await;
    let (alertmanagers, sender) = sender_to(&url, &batches_of(2), LONG);
    alertmanagers.notify(alerts(5));
    let mut bodies = Vec::new();
    for status in ["200 OK", "503 Service Unavailable", "202 Accepted"] {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (head, body) = read_request(&mut stream).await;
        assert!(head.starts_with("POST /am/api/v2/alerts HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(head.contains(&format!("user-agent: {USER_AGENT}")), "{head}");
        bodies.push(body);
        answer(&mut stream, status).await;
    }
    assert_eq!(sender.shutdown(LONG).await, 0);
    let counts: Vec<usize> = bodies.iter().map(|body| body.matches("\"n\":").count()).collect();
    assert_eq!(counts, [2, 2, 1]);
    let metrics = &alertmanagers.metrics()[0];
    assert_eq!((metrics.sent_total, metrics.errors_total, metrics.dropped_total), (3, 2, 2));
    assert_eq!(metrics.latency.count, 2);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    // Connections are queued by the system, and nobody takes them.
    let (_listener, url) = listener().await;
    let (alertmanagers, sender) = sender_to(&url, &Limits::default(), Duration::from_millis(20));
    alertmanagers.notify(alerts(1));
    sender.shutdown(LONG).await;
    let metrics = &alertmanagers.metrics()[0];
    assert_eq!((metrics.errors_total, metrics.last_error.as_deref()), (1, Some("no answer within 20 ms")));
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn https_needs_a_client_that_speaks_it() {
    let url = AlertmanagerUrl::new("https", "localhost:1", "").unwrap();
    let alertmanagers = Arc::new(Alertmanagers::new([url], Labels::empty(), &Limits::default()));
    let error = HttpSender::start(alertmanagers).unwrap_err();
    assert_eq!(error.to_string(), "https://localhost:1/api/v2/alerts needs a client with TLS");
}

#[tokio::test]
async fn requests_show_who_sends_them() {
    for (credentials, expected) in [
        (Credentials::basic("me", Secret::new("pass:word")), "authorization: Basic bWU6cGFzczp3b3Jk"),
        (Credentials::bearer(Secret::read_by("f", || Ok("token\n".to_owned()))), "authorization: Bearer token"),
    ] {
        let (listener, url) = listener().await;
        let address = url.as_str().strip_prefix("http://").unwrap().split_once('/').unwrap().0.to_owned();
        let mut config = AlertmanagerConfig::new(vec![TargetGroup::new([address])]);
        config.credentials = credentials;
        let (alertmanagers, sender) = started(config, &Limits::default());
        alertmanagers.notify(alerts(1));
        let (mut stream, _) = listener.accept().await.unwrap();
        let (head, _) = read_request(&mut stream).await;
        assert!(head.contains(expected), "{head}");
        answer(&mut stream, "200 OK").await;
        assert_eq!(sender.shutdown(LONG).await, 0);
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_read_fail_the_request() {
    let (_listener, url) = listener().await;
    let address = url.as_str().strip_prefix("http://").unwrap().split_once('/').unwrap().0.to_owned();
    let mut config = AlertmanagerConfig::new(vec![TargetGroup::new([address])]);
    config.credentials = Credentials::bearer(Secret::read_by("f", || Err(std::io::Error::other("gone"))));
    let (alertmanagers, sender) = started(config, &Limits::default());
    alertmanagers.notify(alerts(1));
    sender.shutdown(LONG).await;
    assert_eq!(alertmanagers.metrics()[0].last_error.as_deref(), Some("reading credentials: gone"));
}

#[tokio::test]
async fn a_reload_starts_senders_for_new_alertmanagers() {
    let (first, first_url) = listener().await;
    let alertmanagers = Arc::new(Alertmanagers::none(&Limits::default()));
    let sender = HttpSender::start(Arc::clone(&alertmanagers)).unwrap();
    let address = first_url.as_str().strip_prefix("http://").unwrap().split_once('/').unwrap().0.to_owned();
    let config = AlertmanagerConfig::new(vec![TargetGroup::new([address])]);
    alertmanagers.apply(Labels::empty(), Vec::new(), vec![config]).unwrap();
    sender.refresh().unwrap();
    alertmanagers.notify(alerts(1));
    let serve = async {
        let (mut stream, _) = first.accept().await.unwrap();
        read_request(&mut stream).await;
        answer(&mut stream, "200 OK").await;
    };
    serve.await;
    let queue = Arc::clone(&alertmanagers.queues()[0]);
    alertmanagers.apply(Labels::empty(), Vec::new(), Vec::new()).unwrap();
    sender.shutdown(LONG).await;
    assert_eq!((queue.metrics().sent_total, queue.is_closed()), (1, true));
}

#[tokio::test]
async fn nobody_listening_is_an_error() {
    let (listener, url) = listener().await;
    drop(listener);
    let (alertmanagers, sender) = sender_to(&url, &Limits::default(), LONG);
    alertmanagers.notify(alerts(1));
    sender.shutdown(LONG).await;
    assert_eq!(alertmanagers.metrics()[0].errors_total, 1);
}

#[tokio::test]
async fn shutdown_delivers_what_waits() {
    let (listener, url) = listener().await;
    let (alertmanagers, sender) = sender_to(&url, &batches_of(2), LONG);
    alertmanagers.notify(alerts(3));
    let serve = async {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            answer(&mut stream, "200 OK").await;
        }
    };
    let (left, ()) = tokio::join!(sender.shutdown(LONG), serve);
    assert_eq!((left, alertmanagers.metrics()[0].sent_total), (0, 3));
    // What comes later is dropped and counted.
    alertmanagers.notify(alerts(1));
    assert_eq!(alertmanagers.metrics()[0].dropped_total, 1);
}

#[tokio::test]
async fn an_alertmanager_that_does_not_answer_holds_up_no_other() {
    // The first takes connections and never says a word.
    let ((_silent, silent_url), (other, other_url)) = (listener().await, listener().await);
    let alertmanagers = Arc::new(Alertmanagers::new([silent_url, other_url], Labels::empty(), &batches_of(1)));
    let sender = HttpSender::start(Arc::clone(&alertmanagers)).unwrap();
    alertmanagers.notify(alerts(3));
    for n in 0..3 {
        let (mut stream, _) = other.accept().await.unwrap();
        let (_, body) = read_request(&mut stream).await;
        assert!(body.contains(&format!("\"n\":\"{n}\"")), "{body}");
        answer(&mut stream, "200 OK").await;
    }
    let silent = &alertmanagers.metrics()[0];
    assert_eq!((silent.sent_total, silent.errors_total), (0, 0), "its first request is still on its way");
    sender.shutdown(Duration::ZERO).await;
    assert_eq!(alertmanagers.metrics()[0].dropped_total, 3);
}

#[tokio::test]
async fn a_full_queue_drops_its_oldest_and_says_how_many() {
    let (listener, url) = listener().await;
    let mut limits = batches_of(4);
    limits.max_notification_queue = 4;
    let alertmanagers = Arc::new(Alertmanagers::new([url], Labels::empty(), &limits));
    alertmanagers.notify(alerts(10));
    let sender = HttpSender::start(Arc::clone(&alertmanagers)).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let (_, body) = read_request(&mut stream).await;
    assert!(body.contains("\"n\":\"6\"") && body.contains("\"n\":\"9\"") && !body.contains("\"n\":\"5\""), "{body}");
    answer(&mut stream, "200 OK").await;
    assert_eq!(sender.shutdown(LONG).await, 0);
    let metrics = &alertmanagers.metrics()[0];
    assert_eq!((metrics.sent_total, metrics.dropped_total), (4, 6));
}

#[tokio::test]
async fn shutdown_without_patience_drops_and_counts() {
    let (listener, url) = listener().await;
    let (alertmanagers, sender) = sender_to(&url, &batches_of(2), LONG);
    alertmanagers.notify(alerts(5));
    let (mut stream, _) = listener.accept().await.unwrap();
    read_request(&mut stream).await;
    assert_eq!(sender.shutdown(Duration::ZERO).await, 3);
    let metrics = &alertmanagers.metrics()[0];
    assert_eq!((metrics.sent_total, metrics.errors_total, metrics.dropped_total), (0, 2, 5));
}
