//! The whole loop in one process and one file: a registry of the `prometheus-client` crate is scraped on a simulated clock,
//! stored, asked, and raises an alert.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use prometheus_client::registry::Registry;
use promethium::model::{Clock, ManualClock};
use promethium::rules::RuleSource;
use promethium::scrape::{FetchResponse, Source, TargetConfig};
use promethium::{Monitor, Table};

const RULES: &str = r#"
groups:
- name: app
  interval: 15s
  rules:
  - alert: QueueTooLong
    expr: queue_length > 10
    for: 30s
    annotations:
      summary: "{{ $labels.instance }} has {{ $value }} jobs waiting"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What the program would count anyway.
    let (done, waiting) = (Counter::<u64>::default(), Gauge::<i64>::default());
    let mut registry = Registry::default();
    registry.register("jobs_done", "Jobs done", done.clone());
    registry.register("queue_length", "Jobs waiting", waiting.clone());
    let page = move || {
        let mut page = String::new();
        encode(&mut page, &registry).map_or_else(|e| panic!("{e}"), |()| FetchResponse::text(page))
    };

    let dir = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::new(1_760_000_000_000));
    let monitor = Monitor::builder()
        .data_dir(dir.path())
        .clock(clock.clone())
        .target(TargetConfig::new("app", Source::try_closure(move || Ok(page()))).every_ms(15_000).at_once())
        .rules(RuleSource::new("app.yml", RULES))
        .build()?;

    for step in 0..8 {
        done.inc_by(30 + step);
        waiting.set(i64::try_from(step * 3)?);
        monitor.tick(clock.now_ms())?;
        let alerts: Vec<_> = monitor.alerts().iter().map(|a| format!("{:?} {}", a.state, a.labels)).collect();
        println!("+{:>3}s  queue {:>2}  alerts: {alerts:?}", step * 15, step * 3);
        clock.advance(Duration::from_secs(15));
    }

    let now = clock.now_ms();
    println!("\n# instant\n{}", Table(&monitor.query("rate(jobs_done_total[1m])", now)?));
    println!("# range\n{}", Table(&monitor.query_range("queue_length", now - 75_000..=now, 15_000)?));
    Ok(())
}
