//! The real Alertmanager takes what we post. Needs Debian's `prometheus-alertmanager`; skipped, with a line that says
//! so, where it is absent.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use promethium_model::{Labels, Limits};
use promethium_notify::{AlertmanagerUrl, Alertmanagers, HttpSender};
use promethium_rules::{Alert, Notifier};
use serde_json::Value;

const PROGRAM: &str = "prometheus-alertmanager";
const CONFIG: &str = "route: {receiver: none}\nreceivers: [{name: none}]\n";

/// The process we started; it ends with the test.
struct Running {
    process: Child,
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts an Alertmanager of our own below `folder`, or says why not.
fn start(folder: &Path) -> Option<Running> {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let config = folder.join("alertmanager.yml");
    std::fs::write(&config, CONFIG).unwrap();
    let spawned = Command::new(PROGRAM)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match spawned {
        Ok(process) => Some(Running { process, address }),
        Err(error) => {
            println!("skipped: {PROGRAM} cannot be started: {error}");
            None
        }
    }
}

/// Asks until the answer is as expected; gives up after 30 seconds.
async fn wait_for(url: &str, expected: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..600 {
        if let Ok(answer) = reqwest::get(url).await {
            last = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null);
            if expected(&last) {
                return last;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{url} still answers {last}");
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

#[tokio::test]
async fn a_firing_alert_arrives_and_is_resolved() {
    #[cfg(feature = "tls")]
    promethium_notify::install_tls_provider();
    let folder = tempfile::tempdir().unwrap();
    let Some(alertmanager) = start(folder.path()) else { return };
    let base = format!("http://{}/api/v2", alertmanager.address);
    wait_for(&format!("{base}/status"), Value::is_object).await;

    let url = AlertmanagerUrl::new("http", &alertmanager.address, "").unwrap();
    let external = Labels::from_pairs([("site", "test")]);
    let alertmanagers = Arc::new(Alertmanagers::new([url], external, &Limits::default()));
    let sender = HttpSender::start(Arc::clone(&alertmanagers)).unwrap();

    let started_ms = now_ms() - 60_000;
    let labels = Labels::from_pairs([("alertname", "Down"), ("job", "a <b> & \"c\"\n")]);
    let alert = |ends_at_ms| {
        Alert::new(labels.clone(), started_ms, ends_at_ms)
            .with_annotations(vec![("summary".to_owned(), "é is down".to_owned())])
            .with_generator_url("http://127.0.0.1/graph?g0.expr=up+%3D%3D+0&g0.tab=1")
    };
    let has_alerts = |n: usize| move |answer: &Value| answer.as_array().is_some_and(|alerts| alerts.len() == n);

    alertmanagers.notify(vec![alert(now_ms() + 600_000)]);
    let firing = wait_for(&format!("{base}/alerts"), has_alerts(1)).await;
    assert_eq!(firing[0]["labels"]["job"], "a <b> & \"c\"\n");
    assert_eq!(firing[0]["labels"]["site"], "test");
    assert_eq!(firing[0]["annotations"]["summary"], "é is down");
    assert_eq!(firing[0]["generatorURL"], "http://127.0.0.1/graph?g0.expr=up+%3D%3D+0&g0.tab=1");

    alertmanagers.notify(vec![alert(now_ms() - 1)]);
    wait_for(&format!("{base}/alerts"), has_alerts(0)).await;
    sender.shutdown(Duration::from_secs(10)).await;
    let metrics = &alertmanagers.metrics()[0];
    assert_eq!((metrics.sent_total, metrics.errors_total, metrics.dropped_total), (2, 0, 0));
}
