//! The data on disk: a directory for those who read Prometheus' files, lines of JSON for the others.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium::model::{CommitError, Labels};
use promethium::tsdb::{Db, DbOptions, Sync};
use promethium_benches::join::{self, Join};
use promethium_benches::mix::Mix;

use super::server::Server;

// Bytes of one import request.
const IMPORT_BYTES: usize = 16 << 20;
// Samples of one line.
const LINE_SAMPLES: usize = 1_000;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DataSet {
    Mix(Mix),
    Join(Join),
}

/// A series as it was written.
struct Column {
    labels: Labels,
    times: Arc<Vec<i64>>,
    values: Vec<f64>,
}

impl DataSet {
    fn name(&self) -> String {
        match self {
            DataSet::Mix(mix) => format!("mix-{}x{}", mix.hosts, mix.scrapes),
            DataSet::Join(join) => format!("join-{}", join.steps),
        }
    }

    fn write(&self, db: &Db) -> Result<Vec<Column>, CommitError> {
        match self {
            DataSet::Mix(mix) => write_mix(mix, db),
            DataSet::Join(join) => write_join(join, db),
        }
    }

    /// Time of the last sample, in seconds.
    pub(crate) fn end_s(&self) -> i64 {
        match self {
            DataSet::Mix(mix) => mix.end_ms() / 1000,
            DataSet::Join(join) => join.end_ms() / 1000,
        }
    }
}

fn write_mix(mix: &Mix, db: &Db) -> Result<Vec<Column>, CommitError> {
    let mut hosts: Vec<(Vec<i64>, Vec<Vec<f64>>)> = vec![Default::default(); mix.hosts];
    let mut scrape = 0;
    mix.write(db, |_, at_ms, values| {
        let (times, columns) = &mut hosts[scrape % mix.hosts];
        columns.resize_with(values.len(), Vec::new);
        times.push(at_ms);
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(*value));
        scrape += 1;
    })?;
    let of_host = |(series, (times, columns)): (Vec<_>, (Vec<i64>, Vec<Vec<f64>>))| {
        let times = Arc::new(times);
        let column = move |(series, values): (promethium_benches::mix::MixSeries, _)| Column {
            labels: series.labels,
            times: Arc::clone(&times),
            values,
        };
        series.into_iter().zip(columns).map(column).collect::<Vec<_>>()
    };
    Ok(mix.series().into_iter().zip(hosts).flat_map(of_host).collect())
}

fn write_join(join: &Join, db: &Db) -> Result<Vec<Column>, CommitError> {
    join.write(db)?;
    let times = Arc::new((0..join.steps as i64).map(|step| join::START_MS + step * join::STEP_MS).collect());
    let column = |(i, labels)| Column {
        labels,
        times: Arc::clone(&times),
        values: (0..join.steps).map(|step| Join::value(i, step)).collect(),
    };
    Ok(join.series().into_iter().enumerate().map(column).collect())
}

/// Writes the directory and the lines, unless an earlier run left them in `dir`.
pub(crate) fn prepare(dir: &Path, set: &DataSet) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let data = dir.join(set.name());
    if data.join("done").exists() {
        return Ok(data);
    }
    if data.exists() {
        // An earlier run was ended before it was done.
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(dir)?;
    let db = Db::open(&data, DbOptions::default().sync(Sync::Never))?;
    let columns = set.write(&db)?;
    db.close()?;
    let mut lines = BufWriter::new(fs::File::create(lines_file(&data))?);
    columns.iter().try_for_each(|column| write_lines(&mut lines, column))?;
    lines.flush()?;
    fs::write(data.join("done"), "")?;
    Ok(data)
}

fn lines_file(data: &Path) -> PathBuf {
    data.with_extension("jsonl")
}

/// What VictoriaMetrics imports: a series, or a part of one, a line.
fn write_lines(out: &mut impl io::Write, column: &Column) -> io::Result<()> {
    let labels: Vec<String> = column.labels.iter().map(|(name, value)| format!("{name:?}:{value:?}")).collect();
    let mut line = String::new();
    for (times, values) in column.times.chunks(LINE_SAMPLES).zip(column.values.chunks(LINE_SAMPLES)) {
        line.clear();
        let _ = write!(line, "{{\"metric\":{{{}}},\"values\":[", labels.join(","));
        push_list(&mut line, values);
        line.push_str("],\"timestamps\":[");
        push_list(&mut line, times);
        line.push_str("]}\n");
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn push_list<T: std::fmt::Display>(line: &mut String, items: &[T]) {
    for (i, item) in items.iter().enumerate() {
        let separator = if i > 0 { "," } else { "" };
        let _ = write!(line, "{separator}{item}");
    }
}

/// Sends the lines, whole ones at a time.
pub(crate) fn import(server: &Server, data: &Path) -> io::Result<()> {
    let mut file = fs::File::open(lines_file(data))?;
    let mut chunk = Vec::with_capacity(IMPORT_BYTES);
    loop {
        let read = (&mut file).take((IMPORT_BYTES - chunk.len()) as u64).read_to_end(&mut chunk)?;
        let end = chunk.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if end > 0 {
            server.post("/api/v1/import", &chunk[..end])?;
        }
        chunk.drain(..end);
        if read == 0 {
            break;
        }
    }
    server.get("/internal/force_flush").map(|_| ())
}

/// A copy that a peer may change.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_name() != "lock" {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
