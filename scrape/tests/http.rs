//! HTTP targets against a small server on the loopback interface.
#![cfg(feature = "http")]

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use promethium_model::{ManualClock, MemStore};
use promethium_scrape::{FetchError, FetchResponse, Health, HttpFetcher, ScrapeTarget, Source, TargetConfig, Targets};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PAGE: &str = "# TYPE a gauge\na 1\n";

/// A server that answers by path; gives its address.
async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let own = address.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, own.clone()));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, address: String) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        request.push(byte);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    if path == "/silent" {
        std::future::pending::<()>().await;
    }
    let _ = stream.write_all(&response(&path, &request, &address)).await;
    if path == "/slow-body" {
        std::future::pending::<()>().await;
    }
}

fn response(path: &str, request: &str, address: &str) -> Vec<u8> {
    let plain = |body: &str| with_body("200 OK", "Content-Type: text/plain; version=0.0.4\r\n", body.as_bytes());
    match path {
        "/gzip" => {
            with_body("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", &gzip(PAGE.as_bytes()))
        }
        "/bomb" => {
            with_body("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", &gzip(&vec![b'a'; 1 << 20]))
        }
        "/damaged" => with_body("200 OK", "Content-Encoding: gzip\r\n", b"not gzip"),
        "/large" => plain(&"a".repeat(1 << 20)),
        "/error" => with_body("500 Internal Server Error", "", b"no"),
        "/moved" => with_body("302 Found", &format!("Location: http://{address}/metrics\r\n"), b""),
        "/loop" => with_body("302 Found", &format!("Location: http://{address}/loop\r\n"), b""),
        "/untyped" => with_body("200 OK", "", PAGE.as_bytes()),
        "/html" => with_body("200 OK", "Content-Type: text/html\r\n", b"<html>"),
        "/slow-body" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na 1\n".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\n".to_vec(),
        "/echo" => plain(&request.lines().skip(1).map(|line| format!("# {line}\n")).collect::<String>()),
        _ => plain(PAGE),
    }
}

fn with_body(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("to memory");
    encoder.finish().expect("to memory")
}

async fn fetch(address: &str, path: &str) -> Result<FetchResponse, FetchError> {
    let mut config = TargetConfig::new("j", Source::http(format!("http://{address}{path}")));
    config.body_size_limit = 100_000;
    let target = ScrapeTarget::new(config, 0).expect("a good configuration");
    HttpFetcher::new().expect("a client").fetch(&target.request()).await
}

#[tokio::test]
async fn pages_arrive() {
    let address = serve().await;
    for path in ["/metrics", "/gzip", "/moved"] {
        let response = fetch(&address, path).await.expect(path);
        assert_eq!(response.body, PAGE, "{path}");
        assert!(response.content_type.starts_with("text/plain"));
    }
    assert_eq!(fetch(&address, "/untyped").await.expect("a page").content_type, "");
}

#[tokio::test]
async fn the_request_is_prometheus() {
    let address = serve().await;
    let page = fetch(&address, "/echo").await.expect("a page");
    let request = String::from_utf8_lossy(&page.body).to_ascii_lowercase();
    for header in [
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "accept-encoding: gzip",
        "x-prometheus-scrape-timeout-seconds: 10",
        "user-agent: promethium/",
    ] {
        assert!(request.contains(header), "{header} in {request}");
    }
}

#[tokio::test]
async fn failures_say_why() {
    let address = serve().await;
    for (path, message) in [
        ("/error", "server returned HTTP status 500 Internal Server Error"),
        ("/large", "body size limit exceeded"),
        ("/bomb", "body size limit exceeded"),
        ("/damaged", "cannot decompress the body: "),
        ("/loop", "too many redirects"),
        ("/cut", "end of file before message length reached"),
    ] {
        let error = fetch(&address, path).await.expect_err(path).to_string();
        assert!(error.contains(message), "{path}: {error}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let free = nobody.local_addr().expect("an address").to_string();
    drop(nobody);
    let error = fetch(&free, "/metrics").await.expect_err("nobody listens").to_string();
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_timeout_covers_connecting_and_reading() {
    let address = serve().await;
    for path in ["/silent", "/slow-body"] {
        let url = format!("http://{address}{path}");
        let error = fetch(&address, path).await.expect_err(path);
        assert_eq!(error, FetchError::TimedOut { url: url.clone(), timeout_ms: 10_000 });
        assert_eq!(error.to_string(), format!("Get \"{url}\": context deadline exceeded"));
    }
}

#[tokio::test]
async fn a_tick_scrapes_all_that_are_due() {
    let address = serve().await;
    let clock = ManualClock::new(1_000);
    let store = Arc::new(MemStore::new());
    let mut targets = Targets::new();
    for path in ["/metrics", "/gzip", "/error", "/html"] {
        let source = Source::http(format!("http://{address}{path}"));
        targets.add(TargetConfig::new(path, source).at_once(), 1_000).expect("a good configuration");
    }
    targets.add(TargetConfig::new("closure", Source::closure(|| PAGE.to_owned())).at_once(), 1_000).expect("good");
    let fetcher = HttpFetcher::new().expect("a client");
    let reports = fetcher.tick(&mut targets, &*store, &clock).await;
    assert_eq!(reports.len(), 5);
    let fared: Vec<_> = targets.statuses().map(|status| (status.job, status.health, status.last_error)).collect();
    let up = |job: &str| (job.to_owned(), Health::Up, String::new());
    let down = |job: &str, error: &str| (job.to_owned(), Health::Down, error.to_owned());
    let unsupported =
        "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified for target";
    assert_eq!(
        fared,
        [
            up("/metrics"),
            up("/gzip"),
            down("/error", "server returned HTTP status 500 Internal Server Error"),
            down("/html", unsupported),
            up("closure"),
        ]
    );
    assert!(fetcher.tick(&mut targets, &*store, &clock).await.is_empty(), "nothing is due twice");
}
