//! Opens a data directory that another program wrote, and asks it. Without an argument, it writes one first.
//!
//! `cargo run --example open_store -- DIR 'sum by (job) (up)'`

use promethium::Table;
use promethium::model::{
    AppendOptions, Appendable, InstantOptions, Labels, Point, QueryCx, QueryEngine, QueryableExt, SeriesKey, TimeRange,
};
use promethium::promql::{Engine, EngineOptions};
use promethium::tsdb::{Db, DbOptions, Sync};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let scratch = tempfile::tempdir()?;
    let dir = match arguments.next() {
        Some(dir) => dir.into(),
        None => write_a_little(scratch.path().to_owned())?,
    };
    let query = arguments.next().unwrap_or_else(|| "avg_over_time(temperature_celsius[1h])".to_owned());

    let db = Db::open(&dir, DbOptions::default())?;
    let report = db.replay_report();
    println!("{}: {} series, {} samples in the log", dir.display(), report.series, report.samples);
    for damage in &report.damage {
        println!("{damage}");
    }
    let newest = db.read_all(TimeRange::ALL, &[])?.iter().filter_map(|(_, s)| s.timestamps.last().copied()).max();
    let at = InstantOptions::at(newest.unwrap_or(0));
    let answer = Engine::new(EngineOptions::default()).instant(&db, &query, &at, &QueryCx::unlimited())?;
    println!("# {query}\n{}", Table(&answer));
    db.close()?;
    Ok(())
}

/// What some other program would have left behind: every commit is on the medium when it returns.
fn write_a_little(dir: std::path::PathBuf) -> Result<std::path::PathBuf, Box<dyn std::error::Error>> {
    let db = Db::open(&dir, DbOptions::default().sync(Sync::Always))?;
    let series = Labels::from_pairs([("__name__", "temperature_celsius"), ("room", "kitchen")]);
    for minute in 0..60 {
        let mut tx = db.appender();
        let point = Point::float(1_760_000_000_000 + minute * 60_000, 20.0 + minute as f64 / 10.0);
        tx.append(SeriesKey::Labels(&series), point, &AppendOptions::default())?;
        tx.commit()?;
    }
    db.close()?;
    Ok(dir)
}
