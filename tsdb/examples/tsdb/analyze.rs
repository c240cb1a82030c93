//! `analyze`: what the series of the newest block, or of one that is named, are made of; with the figures of
//! `promtool tsdb analyze`.

use std::collections::BTreeMap;

use promethium_model::{QueryCx, Queryable, SelectHints, TimeRange};
use promethium_tsdb::block::{Block, list_blocks};
use promethium_tsdb::vfs::StdVfs;

use crate::list::go_duration;
use crate::{Arguments, Failure};

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dir = std::path::Path::new(arguments.dir()?);
    let limit = arguments.number("limit", 20)?;
    let wanted = arguments.rest.get(1);
    let mut blocks = Vec::new();
    for (ulid, path) in list_blocks(&StdVfs, dir)? {
        if wanted.is_none_or(|w| *w == ulid.to_string()) {
            blocks.push(Block::open(&StdVfs, &path)?);
        }
    }
    let block = blocks.into_iter().max_by_key(|b| b.meta().max_time_ms).ok_or("there is no such block")?;
    let meta = block.meta();
    println!("Block ID: {}", meta.ulid);
    println!("Duration: {}", go_duration(meta.max_time_ms - meta.min_time_ms));
    let counts = Counts::of(&block)?;
    println!("Series: {}", counts.series);
    println!("Label names: {}", counts.values.len());
    let pairs = counts.pairs.len();
    println!("Postings (unique label pairs): {pairs}");
    println!("Postings entries (total label pairs): {}", counts.pairs.values().sum::<u64>());
    let values = counts.values.iter().map(|(name, values)| (name.clone(), values.len() as u64));
    let lengths =
        counts.values.iter().map(|(name, values)| (name.clone(), values.keys().map(|v| v.len() as u64).sum::<u64>()));
    print("Most common label pairs", counts.pairs.iter().map(|((n, v), c)| (format!("{n}={v}"), *c)).collect(), limit);
    print("Label names with highest cumulative label value length", lengths.collect(), limit);
    print("Highest cardinality labels", values.collect(), limit);
    let names = counts.values.get("__name__").cloned().unwrap_or_default();
    print("Highest cardinality metric names", names.into_iter().collect(), limit);
    Ok(())
}

#[derive(Default)]
struct Counts {
    series: u64,
    pairs: BTreeMap<(String, String), u64>,
    values: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Counts {
    fn of(block: &Block) -> Result<Self, Failure> {
        let mut counts = Counts::default();
        let querier = block.querier(TimeRange::ALL)?;
        let hints = SelectHints::series_only(TimeRange::ALL);
        let mut set = querier.select(&[], &hints, &QueryCx::unlimited())?;
        while let Some(series) = set.next_series()? {
            counts.series += 1;
            for (name, value) in series.labels.iter() {
                *counts.pairs.entry((name.to_owned(), value.to_owned())).or_default() += 1;
                *counts.values.entry(name.to_owned()).or_default().entry(value.to_owned()).or_default() += 1;
            }
        }
        Ok(counts)
    }
}

fn print(title: &str, mut rows: Vec<(String, u64)>, limit: usize) {
    rows.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    println!("\n{title}:");
    for (name, count) in rows.into_iter().take(limit) {
        println!("{count} {name}");
    }
}
