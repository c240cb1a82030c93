//! `--enable-feature`, from the flag to what it switches: the server scrapes itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const EXPERIMENTAL: &str = "/api/v1/query?query=limitk(1,vector(1))";

/// A process that is ended when it goes out of scope.
struct OnDrop(Child);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that has said where it listens.
struct Server {
    child: OnDrop,
    stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    /// Starts it, and waits until it says that it listens.
    fn start(data_dir: &Path, config: &Path, features: &str) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_promethium-server"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data_dir.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--enable-feature={features}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("text");
        assert!(first.contains("listening on"), "{first}");
        Server { child: OnDrop(child), stdout, port }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// SIGTERM, when nobody reads any more what it does; what it had to complain of.
    fn end(mut self) -> String {
        drop(self.stdout);
        let pid = self.child.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().is_ok_and(|s| s.success()));
        let mut said = String::new();
        self.child.0.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert!(self.child.0.wait().is_ok_and(|status| status.success()), "{said}");
        said
    }
}

#[test]
fn features_are_off_until_they_are_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (data_dir, config) = (dir.path().join("data"), dir.path().join("prometheus.yml"));
    let snapshot = data_dir.join("head_snapshot");
    let yml =
        "storage:\n  tsdb:\n    stale_series_compaction_threshold: 0.5\n    chunk_encoding:\n      floats: xor2\n";
    fs::write(&config, yml).expect("written");

    let server = Server::start(&data_dir, &config, "");
    let refused = "limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions";
    assert!(server.get(EXPERIMENTAL).contains(refused));
    assert_eq!(server.end(), "");
    assert!(!snapshot.exists());

    let named = "promql-experimental-functions,memory-snapshot-on-shutdown,exemplar-storage,search-api";
    let server = Server::start(&data_dir, &config, named);
    assert!(server.get(EXPERIMENTAL).contains("\"status\":\"success\""));
    let flags = server.get("/api/v1/status/flags");
    assert!(flags.contains(&format!("\"enable-feature\":\"{named}\"")), "{flags}");
    let said = server.end();
    let warnings = "promethium-server: --enable-feature: exemplar-storage is always on\n\
                    promethium-server: --enable-feature: search-api is unknown here and switches nothing\n";
    assert_eq!(said, warnings);
    assert!(snapshot.exists());
}

#[test]
fn a_threshold_that_is_no_share_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = dir.path().join("prometheus.yml");
    fs::write(&config, "storage:\n  tsdb:\n    stale_series_compaction_threshold: 1.5\n").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_promethium-server"))
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
        .arg("--web.listen-address=127.0.0.1:0")
        .output()
        .expect("the server runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("stale_series_compaction_threshold: 1.5 is not between 0 and 1"), "{said}");
}
