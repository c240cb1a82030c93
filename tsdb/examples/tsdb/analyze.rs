//! `analyze`: what the series of the newest block, or of one that is named, are made of; the figures of `promtool tsdb analyze`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use promethium_chunk::sample_count;
use promethium_tsdb::block::{Block, BlockSource, SeriesSource, SourceSeries};
use promethium_tsdb::vfs::StdVfs;

use crate::list::go_duration;
use crate::{Arguments, Failure, Out};

pub(crate) fn run(arguments: &Arguments, out: &mut Out<'_>) -> Result<(), Failure> {
    let limit = arguments.number("limit", 20)?;
    let wanted = arguments.operand();
    let mut blocks = Vec::new();
    for path in crate::blocks_in(Path::new(arguments.dir()))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if wanted.is_none_or(|w| w == name) {
            blocks.push(Block::open(&StdVfs, &path)?);
        }
    }
    let newest = blocks.into_iter().max_by_key(|b| (b.meta().min_time_ms, b.meta().ulid));
    let block = newest.ok_or_else(|| format!("{}: there is no such block", arguments.dir()))?;
    let counts = Counts::of(&block)?;
    counts.write(&block, limit, out)?;
    if arguments.is_set("extended") {
        counts.fullness.write(out)?;
    }
    let damage = block.damage();
    damage.iter().for_each(|damage| eprintln!("damaged: {damage}"));
    if damage.is_empty() { Ok(()) } else { Err("what is damaged was not counted".into()) }
}

/// What is counted of a label pair, or of a label.
#[derive(Clone, Copy, Default)]
struct Count {
    series: u64,
    /// Milliseconds of the block's time in which series with it have no chunks.
    uncovered_ms: u64,
}

impl Count {
    fn add(&mut self, more: Count) {
        self.series += more.series;
        self.uncovered_ms += more.uncovered_ms;
    }
}

#[derive(Default)]
struct Counts {
    series: u64,
    values: BTreeMap<String, BTreeMap<String, Count>>,
    fullness: Fullness,
}

impl Counts {
    fn of(block: &Block) -> Result<Self, Failure> {
        let mut source = BlockSource::new(block);
        let symbols: Vec<String> =
            source.symbols()?.map(|symbol| String::from_utf8_lossy(symbol).into_owned()).collect();
        let span_ms = block.meta().max_time_ms.abs_diff(block.meta().min_time_ms);
        let (mut counts, mut series) = (Counts::default(), SourceSeries::default());
        while source.next_series(&mut series)? {
            counts.series += 1;
            let covered_ms = match (series.chunks.first(), series.chunks.last()) {
                (Some(first), Some(last)) => last.max_ms.abs_diff(first.min_ms),
                _ => 0,
            };
            let one = Count { series: 1, uncovered_ms: span_ms.saturating_sub(covered_ms) };
            for (name, value) in &series.labels {
                let text = |symbol: u32| symbols.get(symbol as usize).cloned().unwrap_or_default();
                counts.values.entry(text(*name)).or_default().entry(text(*value)).or_default().add(one);
            }
            series.chunks.iter().for_each(|c| counts.fullness.add(sample_count(c.encoding, c.data())));
        }
        Ok(counts)
    }

    fn write(&self, block: &Block, limit: usize, out: &mut impl Write) -> io::Result<()> {
        let meta = block.meta();
        let span_ms = meta.max_time_ms.abs_diff(meta.min_time_ms).max(1);
        let pairs: Vec<(String, Count)> =
            self.values.iter().flat_map(|(name, values)| pairs_of(name, values)).collect();
        let sum = |values: &BTreeMap<String, Count>| {
            values.values().fold(Count::default(), |mut sum, count| {
                sum.add(*count);
                sum
            })
        };
        let labels: Vec<(String, Count)> = self.values.iter().map(|(n, values)| (n.clone(), sum(values))).collect();
        writeln!(out, "Block ID: {}", meta.ulid)?;
        writeln!(out, "Duration: {}", go_duration(meta.max_time_ms.saturating_sub(meta.min_time_ms)))?;
        writeln!(out, "Series: {}", self.series)?;
        writeln!(out, "Label names: {}", self.values.len())?;
        writeln!(out, "Postings (unique label pairs): {}", pairs.len())?;
        writeln!(out, "Postings entries (total label pairs): {}", labels.iter().map(|(_, c)| c.series).sum::<u64>())?;
        let churn =
            |rows: &[(String, Count)]| rows.iter().map(|(n, c)| (n.clone(), c.uncovered_ms / span_ms)).collect();
        let series = |rows: Vec<(String, Count)>| rows.into_iter().map(|(name, count)| (name, count.series)).collect();
        let of_labels = |f: fn(&BTreeMap<String, Count>) -> u64| {
            self.values.iter().map(|(name, values)| (name.clone(), f(values))).collect::<Vec<_>>()
        };
        let bytes = of_labels(|values| values.keys().map(|v| v.len() as u64).sum());
        let metrics = self.values.get("__name__").cloned().unwrap_or_default().into_iter().collect();
        let lists = [
            ("Label pairs most involved in churning", churn(&pairs)),
            ("Label names most involved in churning", churn(&labels)),
            ("Most common label pairs", series(pairs)),
            ("Label names with highest cumulative label value length", bytes),
            ("Highest cardinality labels", of_labels(|values| values.len() as u64)),
            ("Highest cardinality metric names", series(metrics)),
        ];
        lists.into_iter().try_for_each(|(title, rows)| write_largest(title, rows, limit, out))
    }
}

fn pairs_of<'v>(name: &'v str, values: &'v BTreeMap<String, Count>) -> impl Iterator<Item = (String, Count)> + 'v {
    values.iter().map(move |(value, count)| (format!("{name}={value}"), *count))
}

fn write_largest(title: &str, mut rows: Vec<(String, u64)>, limit: usize, out: &mut impl Write) -> io::Result<()> {
    rows.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    writeln!(out, "\n{title}:")?;
    rows.into_iter().take(limit).try_for_each(|(name, count)| writeln!(out, "{count} {name}"))
}

const FULL_CHUNK_SAMPLES: usize = 120;
const TENTHS: usize = 10;

/// How full chunks are, in tenths of the 120 samples at which the head begins another.
#[derive(Default)]
struct Fullness {
    chunks: [u64; TENTHS],
}

impl Fullness {
    fn add(&mut self, samples: usize) {
        let per_tenth = FULL_CHUNK_SAMPLES / TENTHS;
        self.chunks[samples.clamp(1, FULL_CHUNK_SAMPLES).div_ceil(per_tenth) - 1] += 1;
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nCompaction analysis:")?;
        writeln!(out, "Fullness: Amount of samples in chunks (100% is {FULL_CHUNK_SAMPLES} samples)")?;
        let total = self.chunks.iter().sum::<u64>().max(1);
        for (i, chunks) in self.chunks.iter().enumerate() {
            let percent = (100 * chunks / total) as usize;
            writeln!(out, "{:7}%: {}", (i + 1) * 100 / TENTHS, "#".repeat(percent))?;
        }
        Ok(())
    }
}
