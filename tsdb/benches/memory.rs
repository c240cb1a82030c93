//! Memory a series, by the process's resident set: fresh, and after two hours of scrapes.

use promethium_model::{AppendOptions, Appendable, Labels, Point, SeriesKey, SeriesRef};
use promethium_tsdb::{Db, DbOptions};

const SERIES: usize = 200_000;
const START_MS: i64 = 1_717_200_000_000;

fn labels(i: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{}", i % 500)),
        ("instance", format!("host-{}.example.org:9100", i / 500)),
        ("job", "node".to_owned()),
        ("mode", ["user", "system", "idle", "iowait"][i % 4].to_owned()),
    ])
}

/// Kilobytes that the process holds; `None` where the system does not say.
fn resident_kb() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

fn main() {
    let Some(before) = resident_kb() else {
        println!("memory: this system does not say");
        return;
    };
    let db = Db::in_memory(DbOptions::default()).unwrap();
    let mut refs: Vec<SeriesRef> = Vec::with_capacity(SERIES);
    for block in 0..SERIES / 1_000 {
        let mut tx = db.appender();
        for i in 0..1_000 {
            let key = labels(block * 1_000 + i);
            let point = Point::float(START_MS, i as f64);
            refs.push(tx.append(SeriesKey::Labels(&key), point, &AppendOptions::default()).unwrap().series);
        }
        tx.commit().unwrap();
    }
    let report = |what: &str| {
        let bytes = (resident_kb().unwrap_or(before) - before) * 1024 - refs.capacity() * 8;
        println!("memory: {:.0} bytes a series {what}", bytes as f64 / SERIES as f64);
    };
    report("when fresh");
    for step in 1..480 {
        let mut tx = db.appender();
        for (i, r) in refs.iter().enumerate() {
            let point = Point::float(START_MS + step * 15_000, (i as i64 + step * 3) as f64);
            tx.append(SeriesKey::Ref(*r), point, &AppendOptions::default()).unwrap();
        }
        tx.commit().unwrap();
    }
    let stats = db.stats();
    report(&format!(
        "after 480 scrapes, {:.2} of them a sample in chunks",
        stats.chunk_bytes as f64 / stats.samples as f64
    ));
}
