//! `bench`: how fast samples of known series are taken, as `promtool tsdb bench write` asks, and beside it where it is there.

use std::io::Write;
use std::time::Instant;

use promethium_model::{AppendOptions, Appendable, Labels, Point, SeriesKey, SeriesRef};
use promethium_tsdb::{Compression, Db, DbOptions};

use crate::{Arguments, Failure, Out, promtool};

const START_MS: i64 = 1_717_200_000_000;
const STEP_MS: i64 = 15_000;
const BATCH: usize = 1_000;

/// Wall time and processor time so far, in seconds.
struct Watch {
    wall: Instant,
    cpu_s: f64,
}

impl Watch {
    fn start() -> Self {
        Watch { wall: Instant::now(), cpu_s: cpu_s() }
    }

    fn cpu_s(&self) -> f64 {
        cpu_s() - self.cpu_s
    }

    fn report(&self, what: &str, count: usize, out: &mut Out<'_>) -> std::io::Result<()> {
        let (wall_s, cpu_s) = (self.wall.elapsed().as_secs_f64(), self.cpu_s());
        let per = |s: f64| count as f64 / s / 1e6;
        let (a_second, a_cpu_second) = (per(wall_s), per(cpu_s));
        writeln!(
            out,
            "{what}: {count} in {wall_s:.3} s ({a_second:.2} M/s), {cpu_s:.3} CPU s ({a_cpu_second:.2} M/CPU s)"
        )?;
        out.flush()
    }
}

/// Processor time of this process, which has one thread while it appends; 0 where the system does not say.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn labels(i: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{}", i % 500)),
        ("instance", format!("host-{}.example.org:9100", i / 1000)),
        ("job", "node".to_owned()),
        ("mode", ["user", "system", "idle", "iowait"][i % 4].to_owned()),
        ("n", (i % 1000).to_string()),
    ])
}

fn compression(arguments: &Arguments) -> Result<Compression, Failure> {
    match arguments.option("compression") {
        None => Ok(Compression::default()),
        Some("none") => Ok(Compression::None),
        Some("snappy") => Ok(Compression::Snappy),
        Some("zstd") => Ok(Compression::Zstd),
        Some(other) => Err(format!("--compression: {other:?} is none of none, snappy, zstd").into()),
    }
}

pub(crate) fn run(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let (series, scrapes) = (arguments.number("series", 10_000)?, arguments.number("scrapes", 500)?);
    let options = DbOptions::default().compression(compression(arguments)?);
    let db = Db::open(arguments.dir(), options.clone())?;
    if db.stats().samples > 0 || db.stats().blocks > 0 {
        return Err(format!("{} has data: bench wants a directory of its own", arguments.dir()).into());
    }
    let whole = Watch::start();
    let watch = Watch::start();
    let references = create(&db, series)?;
    watch.report("series created", series, out)?;
    let watch = Watch::start();
    append(&db, &references, scrapes)?;
    watch.report("samples appended", series * scrapes, out)?;
    let stats = db.stats();
    writeln!(
        out,
        "chunks: {} of {} bytes, {:.2} bytes a sample; log: {} bytes",
        stats.chunks,
        stats.chunk_bytes,
        stats.chunk_bytes as f64 / stats.samples as f64,
        stats.log_bytes
    )?;
    let watch = Watch::start();
    db.close()?;
    watch.report("closed", 1, out)?;
    drop(db);
    whole.report("from the first series to the end", series * scrapes, out)?;
    let ours_s = whole.cpu_s();
    let watch = Watch::start();
    let db = Db::open(arguments.dir(), options)?;
    let samples = db.replay_report().samples;
    watch.report("samples replayed", usize::try_from(samples)?, out)?;
    promtool::beside(arguments, out, &(0..series).map(labels).collect::<Vec<_>>(), scrapes, ours_s)
}

/// A sample of each series a scrape, in batches.
fn append(db: &Db, references: &[SeriesRef], scrapes: usize) -> Result<(), Failure> {
    let mut rejected = Vec::new();
    let mut rows = Vec::with_capacity(BATCH);
    for scrape in 1..=scrapes {
        let t = START_MS + scrape as i64 * STEP_MS;
        for batch in references.chunks(BATCH) {
            rows.clear();
            rows.extend(batch.iter().map(|r| (*r, Point::float(t, (r.0 as i64 * 1_000 + scrape as i64 * 7) as f64))));
            let mut tx = db.appender();
            tx.append_batch(&rows, &mut rejected);
            tx.commit()?;
        }
    }
    match rejected.first() {
        Some(row) => Err(format!("{} samples were refused, the first with: {}", rejected.len(), row.error).into()),
        None => Ok(()),
    }
}

fn create(db: &Db, series: usize) -> Result<Vec<SeriesRef>, Failure> {
    let all: Vec<Labels> = (0..series).map(labels).collect();
    let mut references = Vec::with_capacity(series);
    for batch in all.chunks(BATCH) {
        let mut tx = db.appender();
        for labels in batch {
            let point = Point::float(START_MS, 0.0);
            references.push(tx.append(SeriesKey::Labels(labels), point, &AppendOptions::default())?.series);
        }
        tx.commit()?;
    }
    Ok(references)
}
