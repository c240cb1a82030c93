//! `backfill`: blocks from an OpenMetrics file, as `promtool tsdb create-blocks-from openmetrics` makes them; `import`: the
//! same samples appended to a store.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use promethium_exposition::{DecodeOptions, Decoder, Event, Format};
use promethium_model::{AppendOptions, Appendable, Limits, Point, SeriesKey};
use promethium_tsdb::vfs::StdVfs;
use promethium_tsdb::{BackfillSample, BackfillValue, Db, DbOptions, backfill};

use crate::progress::Bar;
use crate::{Arguments, Failure, Out};

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// The samples of a page, each with its time.
fn read(path: &str) -> Result<Vec<BackfillSample>, Failure> {
    let page = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    let mut limits = Limits::standard();
    (limits.max_scrape_body_bytes, limits.max_scrape_samples) = (usize::MAX >> 1, usize::MAX >> 1);
    let mut options = DecodeOptions::new();
    options.limits = limits;
    let mut decoder = Decoder::new(Format::OpenMetrics, &page, &options);
    let mut samples = Vec::new();
    while let Some(event) = decoder.next_event()? {
        if let Event::Sample(sample) = event {
            let timestamp_ms = sample.timestamp_ms.ok_or("expected timestamp for series, got none")?;
            let labels = sample.series().to_labels()?;
            samples.push(BackfillSample { labels, timestamp_ms, value: BackfillValue::Float(sample.value) });
        }
    }
    Ok(samples)
}

pub(crate) fn run(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let file = arguments.file();
    let bar = Bar::new();
    let options = DbOptions::default().on_progress(move |k, d, t| bar.show(k, d, t));
    let dir = std::path::Path::new(arguments.dir());
    let samples = read(file)?.into_iter().map(Ok::<_, promethium_tsdb::TsdbError>);
    let report = backfill(&StdVfs, dir, samples, &options, u64::from(std::process::id()), now_ms())?;
    for meta in &report.blocks {
        let (ulid, samples) = (meta.ulid, meta.stats.num_samples);
        writeln!(out, "{ulid} [{}, {}): {samples} samples", meta.min_time_ms, meta.max_time_ms)?;
    }
    if report.duplicates > 0 {
        writeln!(out, "{} samples were left out: their series has another one at the same time", report.duplicates)?;
    }
    Ok(())
}

pub(crate) fn import(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let file = arguments.file();
    let mut samples = read(file)?;
    samples.sort_by_key(|s| s.timestamp_ms);
    let db = Db::open(arguments.dir(), DbOptions::default())?;
    let (mut stored, mut refused) = (0, 0);
    for batch in samples.chunks(10_000) {
        let mut tx = db.appender();
        for sample in batch {
            let BackfillValue::Float(value) = &sample.value else { continue };
            let point = Point::float(sample.timestamp_ms, *value);
            let appended = tx.append(SeriesKey::Labels(&sample.labels), point, &AppendOptions::default());
            refused += usize::from(appended.is_err());
        }
        let stats = tx.commit()?;
        stored += stats.samples;
        refused += stats.dropped;
        db.maintain(now_ms(), std::time::Duration::from_secs(60))?;
    }
    db.close()?;
    writeln!(out, "{stored} samples stored, {refused} refused")?;
    Ok(())
}
