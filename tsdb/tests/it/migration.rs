//! Two days written here, served by the real Prometheus 2.42, and what it then appends read here again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use promethium_model::{
    AppendOptions, Appendable, ManualClock, Matcher, Point, QueryableExt, SampleBatch, SeriesKey, TimeRange,
};
use promethium_tsdb::vfs::StdVfs;
use promethium_tsdb::{Db, DbOptions};

use crate::fixtures::{floats_of, parse_dump};
use crate::life::{scrape, series};
use crate::support::START_MS;

const STEP_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const SERIES: usize = 10;

/// Two days of floats and histograms, with late samples and deletes, compacted.
fn two_days(dir: &Path) -> i64 {
    let clock = Arc::new(ManualClock::new(START_MS));
    let options = DbOptions::default().out_of_order_window_ms(HOUR_MS);
    let db = Db::open_with(Arc::new(StdVfs), dir, options, clock.clone()).unwrap();
    let mut t = START_MS;
    while t < START_MS + 48 * HOUR_MS {
        clock.advance(Duration::from_millis(STEP_MS as u64));
        scrape(&db, t, SERIES);
        // None near the end: promtool leaves the log out before the end of the newest block, one of late samples too.
        if t % HOUR_MS == 0 && (START_MS + 2 * HOUR_MS..START_MS + 40 * HOUR_MS).contains(&t) {
            let mut tx = db.appender();
            let late = Point::float(t - 1_800_000 + 500, 0.25);
            tx.append(SeriesKey::Labels(&series(0)), late, &AppendOptions::default()).unwrap();
            tx.commit().unwrap();
        }
        db.maintain(t, Duration::from_secs(60)).unwrap();
        t += STEP_MS;
    }
    let deleted = TimeRange::new(START_MS + 10 * HOUR_MS, START_MS + 20 * HOUR_MS);
    assert!(db.delete(deleted, &[Matcher::equal("n", "1")]).unwrap().block_series > 0);
    assert!(db.stats().blocks < 15, "{:?}", db.stats());
    db.close().unwrap();
    t
}

pub(crate) struct Prometheus {
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
    /// `None`, with the reason printed, where it is not installed.
    pub(crate) fn start(dir: &Path, scratch: &Path) -> Option<Self> {
        Self::start_with(dir, scratch, "native-histograms", "")
    }

    /// As [`Prometheus::start`], with features, and something more in the configuration.
    pub(crate) fn start_with(dir: &Path, scratch: &Path, features: &str, config_end: &str) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = scratch.join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: self\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n{config_end}"
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(scratch.join("prometheus.log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--enable-feature={features}"))
            .arg("--storage.tsdb.retention.time=3650d")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) => {
                assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "prometheus does not run: {error}");
                println!("skipped: prometheus does not run: {error}");
                return None;
            }
        };
        let mut started = Prometheus { child, port };
        for _ in 0..300 {
            if started.get("/-/ready").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Some(started);
            }
            assert!(started.child.try_wait().unwrap().is_none(), "prometheus went down");
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("prometheus is not ready after 30 s");
    }

    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The value of an instant query that gives one sample.
    pub(crate) fn value(&self, query: &str, t_ms: i64) -> f64 {
        let escape = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
        let query: String = query.bytes().map(escape).collect();
        let answer = self.get(&format!("/api/v1/query?time={}&query={query}", t_ms / 1000)).expect("an answer");
        let value = answer.split("\"value\":[").nth(1).and_then(|v| v.split('"').nth(1));
        value.unwrap_or_else(|| panic!("no value: {answer}")).parse().unwrap()
    }

    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        for _ in 0..300 {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("prometheus does not stop");
    }
}

fn read(db: &Db, n: usize) -> SampleBatch {
    db.read_all(TimeRange::ALL, &[Matcher::equal("n", n.to_string())]).unwrap().remove(0).1
}

fn promtool(arguments: &[&str], dir: &Path) -> Option<String> {
    match Command::new("promtool").args(arguments).arg(dir).output() {
        Ok(out) => {
            assert!(out.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
            Some(String::from_utf8(out.stdout).unwrap())
        }
        Err(error) => {
            assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "promtool does not run: {error}");
            println!("skipped: promtool does not run: {error}");
            None
        }
    }
}

#[test]
fn prometheus_takes_over_and_gives_back() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("data");
    let end_ms = two_days(&dir);
    let ours = Db::open_read_only(&dir, DbOptions::default()).unwrap();
    let Some(dump) = promtool(&["tsdb", "dump"], &dir) else { return };
    let (theirs, here) = (parse_dump(&dump), floats_of(&ours).0);
    assert_eq!(theirs.keys().collect::<Vec<_>>(), here.keys().collect::<Vec<_>>());
    for (series, rows) in &here {
        let missing: Vec<_> = rows.iter().filter(|row| !theirs[series].contains(row)).collect();
        let more: Vec<_> = theirs[series].iter().filter(|row| !rows.contains(row)).collect();
        let shown = |rows: &[&(i64, String)]| format!("{} {:?}", rows.len(), rows.iter().take(4).collect::<Vec<_>>());
        assert!(theirs[series] == *rows, "{series}: promtool lacks {}, has {}", shown(&missing), shown(&more));
    }
    let list = promtool(&["tsdb", "list"], &dir).unwrap();
    assert_eq!(list.lines().count() - 1, ours.block_metas().len(), "{list}");
    for (meta, _) in ours.block_metas() {
        let line = list.lines().find(|l| l.starts_with(&meta.ulid.to_string())).expect("promtool lists it");
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells[4], meta.stats.num_samples.to_string());
    }
    assert!(promtool(&["tsdb", "analyze"], &dir).unwrap().contains("Series: 10"));

    let Some(prometheus) = Prometheus::start(&dir, tmp.path()) else { return };
    let at = end_ms - STEP_MS;
    for n in 0..SERIES {
        let batch = read(&ours, n);
        let selector = format!("{{n=\"{n}\"}}");
        let count = prometheus.value(&format!("count_over_time({selector}[3d])"), at);
        assert_eq!(count, batch.len() as f64, "samples of series {n}");
        if let Some((_, histogram)) = batch.histograms.last() {
            let newest = histogram.to_float();
            assert_eq!(prometheus.value(&format!("histogram_count({selector})"), at), newest.count);
            assert_eq!(prometheus.value(&format!("histogram_sum({selector})"), at), newest.sum);
        } else {
            assert_eq!(
                prometheus.value(&format!("max_over_time({selector}[3d])"), at),
                batch.floats.iter().copied().fold(0.0, f64::max)
            );
            assert_eq!(
                prometheus.value(&format!("sum_over_time({selector}[3d])"), at),
                batch.floats.iter().sum::<f64>()
            );
        }
    }
    let before: Vec<_> = (0..SERIES).map(|n| read(&ours, n)).collect();
    // Until it has scraped itself.
    for _ in 0..100 {
        if prometheus.get("/api/v1/query?query=up").is_some_and(|a| a.contains("\"value\"")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    prometheus.stop();
    let back = Db::open_read_only(&dir, DbOptions::default()).unwrap();
    assert_eq!(back.replay_report().damage_count, 0, "{:?}", back.replay_report());
    for (n, before) in before.iter().enumerate() {
        let after = read(&back, n);
        assert_eq!((&after.timestamps, &after.floats), (&before.timestamps, &before.floats), "series {n}");
        assert_eq!(after.histograms.len(), before.histograms.len(), "series {n}");
    }
    let up = back.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "up")]).unwrap();
    assert!(!up[0].1.is_empty(), "what Prometheus appended");
}
