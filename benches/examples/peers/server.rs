//! The servers that are compared, as child processes.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::data;
use super::http::Connection;

const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(20);
// The kernel counts CPU time in these, on every machine that this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Promethium,
    Prometheus,
    VictoriaMetrics,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Promethium, Kind::Prometheus, Kind::VictoriaMetrics];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Promethium => "Promethium",
            Kind::Prometheus => "Prometheus",
            Kind::VictoriaMetrics => "VictoriaMetrics",
        }
    }

    /// What every query needs besides: VictoriaMetrics answers a repeated one from a cache otherwise.
    pub(crate) fn extra_parameters(self) -> &'static str {
        if self == Kind::VictoriaMetrics { "&nocache=1" } else { "" }
    }

    fn program(self) -> PathBuf {
        match self {
            Kind::Promethium => own_server(),
            Kind::Prometheus => "prometheus".into(),
            Kind::VictoriaMetrics => "victoria-metrics".into(),
        }
    }

    /// Why the program cannot be started, if so.
    pub(crate) fn missing(self) -> Option<String> {
        let version = if self == Kind::VictoriaMetrics { "-version" } else { "--version" };
        let run = Command::new(self.program()).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.err().map(|e| format!("{}: {e}", self.program().display()))
    }

    fn arguments(self, dir: &Path, data: &Path, port: u16) -> Vec<String> {
        let (data, config) = (data.display(), dir.join("empty.yml"));
        match self {
            Kind::Promethium | Kind::Prometheus => {
                let mut all = vec![
                    format!("--config.file={}", config.display()),
                    format!("--storage.tsdb.path={data}"),
                    format!("--web.listen-address=127.0.0.1:{port}"),
                ];
                if self == Kind::Prometheus {
                    all.push("--storage.tsdb.retention.time=100y".into());
                }
                all
            }
            Kind::VictoriaMetrics => vec![
                format!("-storageDataPath={data}"),
                format!("-httpListenAddr=127.0.0.1:{port}"),
                "-retentionPeriod=100y".into(),
                "-search.maxStalenessInterval=5m".into(),
                "-search.latencyOffset=0s".into(),
            ],
        }
    }
}

/// The server that was built beside this program.
fn own_server() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    let profile = this.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    profile.join("promethium-server")
}

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Since it was started.
    pub(crate) ready_after: Duration,
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) peak_bytes: u64,
}

/// A running server; ended when it goes out of scope.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    child: Child,
    port: u16,
    ready_after: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts it over its own copy of `data`, and waits until it is ready.
    pub(crate) fn start(kind: Kind, dir: &Path, data: &Path) -> io::Result<Server> {
        let own = dir.join(format!("of-{}", kind.name()));
        if own.exists() {
            fs::remove_dir_all(&own)?;
        }
        fs::create_dir_all(&own)?;
        if kind != Kind::VictoriaMetrics {
            data::copy(data, &own)?;
        }
        fs::write(dir.join("empty.yml"), "global:\n  evaluation_interval: 1m\n")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = fs::File::create(dir.join(format!("{}.log", kind.name())))?;
        let begun = Instant::now();
        let child = Command::new(kind.program())
            .args(kind.arguments(dir, &own, port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let mut server = Server { kind, child, port, ready_after: Duration::ZERO };
        server.wait_until_ready(begun)?;
        server.ready_after = begun.elapsed();
        Ok(server)
    }

    fn wait_until_ready(&mut self, begun: Instant) -> io::Result<()> {
        let path = if self.kind == Kind::VictoriaMetrics { "/health" } else { "/-/ready" };
        loop {
            let answer = Connection::open(self.port).and_then(|mut c| c.send("GET", path, b""));
            if matches!(answer, Ok((200, _))) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("{} ended: {status}", self.kind.name())));
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("{} is not ready", self.kind.name())));
            }
            std::thread::sleep(POLL);
        }
    }

    pub(crate) fn connect(&self) -> io::Result<Connection> {
        Connection::open(self.port)
    }

    pub(crate) fn get(&self, path: &str) -> io::Result<Vec<u8>> {
        self.connect()?.send("GET", path, b"").map(|(_, body)| body)
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> io::Result<()> {
        match self.connect()?.send("POST", path, body)? {
            (200..=299, _) => Ok(()),
            (status, body) => Err(io::Error::other(format!("{path}: {status}: {}", String::from_utf8_lossy(&body)))),
        }
    }

    /// CPU seconds so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The program's name, in brackets, may hold blanks.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / TICKS_PER_SECOND
    }

    pub(crate) fn figures(&self) -> Figures {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kib = |key: &str| -> u64 {
            let line = status.lines().find(|l| l.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        Figures {
            ready_after: self.ready_after,
            cpu_seconds: self.cpu_seconds(),
            resident_bytes: kib("VmRSS:") * 1024,
            peak_bytes: kib("VmHWM:") * 1024,
        }
    }
}
