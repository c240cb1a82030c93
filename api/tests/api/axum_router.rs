//! The router behind a real listener, with a client that writes and reads bytes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use promethium_api::{ApiHost, MAX_FORM_BYTES, RouterOptions, axum_router, axum_router_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::common::TestHost;

/// Long enough for any machine: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

async fn serve(host: TestHost, options: RouterOptions) -> std::net::SocketAddr {
    let host: Arc<dyn ApiHost> = Arc::new(host);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, axum_router_with(host, options)).await });
    address
}

async fn connect(address: std::net::SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

/// Reads to the end of the connection; header and body.
async fn read(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer").unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a header");
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap().to_lowercase(), body)
}

fn request_line(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
}

async fn ask(address: std::net::SocketAddr, line: &str, headers: &str) -> (String, Vec<u8>) {
    read(connect(address, request_line(line, headers).as_bytes()).await).await
}

async fn post(address: std::net::SocketAddr, path: &str, form: &[u8]) -> (String, Vec<u8>) {
    let headers = format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len());
    let mut request = request_line(&format!("POST {path}"), &headers).into_bytes();
    request.extend_from_slice(form);
    read(connect(address, &request).await).await
}

/// Waits for the scripted engine, off the runtime.
async fn wait_for(progress: Receiver<&'static str>, expected: &'static str) -> Receiver<&'static str> {
    tokio::task::spawn_blocking(move || {
        assert_eq!(progress.recv_timeout(PATIENCE), Ok(expected));
        progress
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn queries_come_by_get_and_by_post() {
    let address = serve(TestHost::new(), RouterOptions::default()).await;
    let expected = br#"{"status":"success","data":{"resultType":"scalar","result":[4,"2"]}}"#;

    let (header, body) = ask(address, "GET /api/v1/query?query=1%2B1&time=4", "").await;
    assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");
    assert!(header.contains("content-type: application/json\r\n"), "{header}");
    assert!(header.contains("x-content-type-options: nosniff\r\n"), "{header}");
    assert_eq!(body, expected);

    let (header, body) = post(address, "/api/v1/query", b"query=1%2B1&time=4").await;
    assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");
    assert_eq!(body, expected);
}

#[tokio::test]
async fn errors_methods_and_headers_pass_through() {
    let address = serve(TestHost::new(), RouterOptions::default()).await;
    for (line, headers, status, part) in [
        ("GET /api/v1/query?query=", "", "400 bad request", "content-type: application/json"),
        ("GET /api/v1/query?query=many+to+many", "", "422 unprocessable entity", "content-type: application/json"),
        ("PUT /api/v1/query", "", "405 method not allowed", "allow: get, options, post"),
        ("OPTIONS /api/v1/query", "Origin: http://x\r\n", "204 no content", "access-control-allow-origin: *"),
        ("HEAD /-/ready", "", "200 ok", "content-length: 28"),
        ("GET /metrics", "", "200 ok", "content-type: text/plain; version=0.0.4; charset=utf-8"),
        ("GET /api/v1/rules", "Accept-Encoding: gzip\r\n", "200 ok", "content-encoding: gzip"),
        ("GET /api/v1/nothing", "", "404 not found", "content-type: text/plain; charset=utf-8"),
    ] {
        let (header, _) = ask(address, line, headers).await;
        assert!(header.starts_with(&format!("http/1.1 {status}\r\n")), "{line}: {header}");
        assert!(header.contains(&format!("{part}\r\n")), "{line}: {header}");
    }
}

#[tokio::test]
async fn a_router_can_be_nested_below_a_prefix() {
    let host: Arc<dyn ApiHost> = Arc::new(TestHost::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let nested = axum::Router::new().nest("/prometheus", axum_router(host));
    tokio::spawn(async move { axum::serve(listener, nested).await });
    let (header, _) = ask(address, "GET /prometheus/api/v1/status/buildinfo", "").await;
    assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");
}

#[tokio::test]
async fn a_form_over_the_limit_is_refused() {
    let address = serve(TestHost::new(), RouterOptions::default()).await;
    let headers =
        format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", MAX_FORM_BYTES + 1);
    let request = request_line("POST /api/v1/query", &headers);
    // The length alone tells: none of the body is sent.
    let (header, body) = read(connect(address, request.as_bytes()).await).await;
    assert!(header.starts_with("http/1.1 400 bad request\r\n"), "{header}");
    assert!(String::from_utf8(body).unwrap().contains("http: POST too large"));
}

#[tokio::test]
async fn a_panic_is_answered_and_stays_alone() {
    let address = serve(TestHost::new(), RouterOptions::default().with_max_concurrency(1)).await;
    for _ in 0..2 {
        let (header, body) = ask(address, "GET /api/v1/query?query=panic", "").await;
        assert!(header.starts_with("http/1.1 500 internal server error\r\n"), "{header}");
        assert!(String::from_utf8(body).unwrap().contains(r#""errorType":"internal""#));
    }
    let (header, _) = ask(address, "GET /api/v1/query?query=1%2B1", "").await;
    assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_cancels_its_query_and_lets_the_next_one_in() {
    let (sender, progress) = channel();
    let mut host = TestHost::new();
    host.engine.progress = Some(sender);
    let address = serve(host, RouterOptions::default().with_max_concurrency(1)).await;

    let leaving = connect(address, request_line("GET /api/v1/query?query=until+cancelled", "").as_bytes()).await;
    let progress = wait_for(progress, "started").await;
    let waiting = connect(address, request_line("GET /api/v1/query?query=1%2B1", "").as_bytes()).await;
    // Health does not wait.
    let (header, _) = ask(address, "GET /-/healthy", "").await;
    assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");

    drop(leaving);
    wait_for(progress, "cancelled").await;
    let (header, _) = read(waiting).await;
    assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_no_longer_than_a_query_may_run() {
    let (sender, progress) = channel();
    let mut host = TestHost::new();
    host.engine.progress = Some(sender);
    host.limits.query_timeout_ms = 1;
    let address = serve(host, RouterOptions::default().with_max_concurrency(1)).await;

    let running = connect(address, request_line("GET /api/v1/query?query=until+cancelled", "").as_bytes()).await;
    let _progress = wait_for(progress, "started").await;
    let (header, body) = ask(address, "GET /api/v1/query?query=1%2B1", "").await;
    assert!(header.starts_with("http/1.1 503 service unavailable\r\n"), "{header}");
    assert!(String::from_utf8(body).unwrap().contains("query timed out in query queue"));
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_short_and_is_not_any_more_is_answered_all_the_same() {
    let address = serve(TestHost::new(), RouterOptions::default()).await;
    // The second is tried where it arrives, is ended there, and is begun anew.
    for value in [0, 2, 3] {
        let (header, body) = ask(address, "GET /api/v1/query?query=slow+at+the+second+time&time=1", "").await;
        assert!(header.starts_with("http/1.1 200 ok\r\n"), "{header}");
        let expected = format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[1,"{value}"]}}}}"#);
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
