//! The data on disk: a directory for those who read Prometheus' files, text for the others.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use promethium::tsdb::{Db, DbOptions, Sync};
use promethium_benches::mix::{Mix, MixSeries};

use super::server::Server;

// Bytes of one import request.
const IMPORT_BYTES: usize = 16 << 20;

/// Writes the directory and the text, unless an earlier run left them in `dir`.
pub(crate) fn prepare(dir: &Path, mix: &Mix) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let data = dir.join(format!("data-{}x{}", mix.hosts, mix.scrapes));
    if data.join("done").exists() {
        return Ok(data);
    }
    fs::create_dir_all(dir)?;
    let db = Db::open(&data, DbOptions::default().sync(Sync::Never))?;
    let mut text = BufWriter::new(fs::File::create(text_file(dir))?);
    let mut failed = None;
    mix.write(&db, |series, at_ms, values| {
        failed = write_text(&mut text, series, at_ms, values).err().or(failed.take());
    })?;
    db.close()?;
    text.flush()?;
    failed.map_or(Ok(()), Err)?;
    fs::write(data.join("done"), "")?;
    Ok(data)
}

fn text_file(dir: &Path) -> PathBuf {
    dir.join("import.txt")
}

/// One line a sample: what VictoriaMetrics imports.
fn write_text(out: &mut impl io::Write, series: &[MixSeries], at_ms: i64, values: &[f64]) -> io::Result<()> {
    let mut line = String::new();
    for (one, value) in series.iter().zip(values) {
        line.clear();
        let mut separator = '{';
        line.push_str(one.labels.get("__name__").unwrap_or_default());
        for (name, value) in one.labels.iter().filter(|(name, _)| *name != "__name__") {
            let _ = write!(line, "{separator}{name}=\"{value}\"");
            separator = ',';
        }
        let _ = writeln!(line, "}} {value} {at_ms}");
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Sends the text, in whole lines.
pub(crate) fn import(server: &Server, dir: &Path) -> io::Result<()> {
    let mut file = fs::File::open(text_file(dir))?;
    let mut chunk = Vec::with_capacity(IMPORT_BYTES);
    loop {
        let read = (&mut file).take((IMPORT_BYTES - chunk.len()) as u64).read_to_end(&mut chunk)?;
        let end = chunk.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if end > 0 {
            server.post("/api/v1/import/prometheus", &chunk[..end])?;
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
