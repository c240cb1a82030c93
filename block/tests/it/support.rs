//! Where the fixtures are, and dumps as promtool writes them.

use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use promethium_block::Block;
use promethium_model::float::format_g;
use promethium_model::{Labels, QueryableExt, SampleBatch, TimeRange};
use promethium_vfs::StdVfs;

/// The fixtures that Prometheus 2.42 wrote, where they are there.
pub(crate) fn fixtures() -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/prometheus-2.42");
    if !shared.is_dir() {
        println!("skipped: {} is not there", shared.display());
        return None;
    }
    Some(shared)
}

pub(crate) fn open(dir: &Path) -> Block {
    Block::open(&StdVfs, dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
}

/// The directories of blocks in `dir`.
pub(crate) fn blocks_in(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().parse::<promethium_block::Ulid>().is_ok()))
        .collect();
    found.sort();
    found
}

pub(crate) fn gunzip(path: &Path) -> String {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

pub(crate) fn all(block: &Block) -> Vec<(Labels, SampleBatch)> {
    block.read_all(TimeRange::ALL, &[]).unwrap()
}

/// What `promtool tsdb dump` prints: the floats, a line each.
pub(crate) fn dump(series: &[(Labels, SampleBatch)]) -> String {
    let mut text = String::new();
    for (labels, samples) in series {
        let is_histogram = |row: usize| samples.histograms.binary_search_by_key(&(row as u32), |(r, _)| *r).is_ok();
        for (row, (t, v)) in samples.timestamps.iter().zip(&samples.floats).enumerate() {
            if !is_histogram(row) {
                writeln!(text, "{labels:?} {} {t}", format_g(*v)).unwrap();
            }
        }
    }
    text
}
