//! The peer of `bench`: the same series and as many samples through `promtool tsdb bench write`.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use promethium_model::Labels;

use crate::{Arguments, Failure, Out};

/// Processor time of the children that have ended, in seconds; 0 where the system does not say.
fn children_cpu_s() -> f64 {
    const TICKS_PER_S: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / TICKS_PER_S
}

/// One series a line, as promtool reads them.
fn write_series(file: &Path, series: &[Labels]) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    for labels in series {
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name:?}:{value:?}")).collect();
        writeln!(out, "{{{}}}", pairs.join(","))?;
    }
    Ok(out.flush()?)
}

/// It takes scrapes by the hundred.
const SCRAPES_AT_ONCE: usize = 100;

/// Runs promtool, where `--promtool` says which, and compares the processor time a sample of both. Its log is not compressed.
pub(crate) fn beside(
    arguments: &Arguments,
    out: &mut Out<'_>,
    series: &[Labels],
    scrapes: usize,
    ours_s: f64,
) -> Result<(), Failure> {
    let Some(promtool) = arguments.option("promtool") else { return Ok(()) };
    let dir = Path::new(arguments.dir()).with_extension("promtool");
    std::fs::create_dir_all(&dir)?;
    let file = dir.join("series.json");
    write_series(&file, series)?;
    let theirs = scrapes.next_multiple_of(SCRAPES_AT_ONCE);
    let (start, before_s) = (Instant::now(), children_cpu_s());
    let status = Command::new(promtool)
        .args(["tsdb", "bench", "write"])
        .arg(format!("--out={}", dir.join("out").display()))
        .args([format!("--metrics={}", series.len()), format!("--scrapes={theirs}")])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let (wall_s, cpu_s) = (start.elapsed().as_secs_f64(), children_cpu_s() - before_s);
    std::fs::remove_dir_all(&dir)?;
    if !status.success() {
        return Err(format!("{promtool} ended with {status}").into());
    }
    let per_cpu_s = |scrapes: usize, cpu_s: f64| (series.len() * scrapes) as f64 / cpu_s / 1e6;
    let (our_rate, their_rate) = (per_cpu_s(scrapes, ours_s), per_cpu_s(theirs, cpu_s));
    writeln!(out, "promtool, all of it: {wall_s:.3} s, {cpu_s:.2} CPU s ({their_rate:.2} M/CPU s)")?;
    writeln!(out, "a CPU second takes {:.2} times the samples here", our_rate / their_rate)?;
    Ok(())
}
