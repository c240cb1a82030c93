//! Series from several sources into one block: head flush, compaction, clean-up of tombstones, back-fill, snapshot.

mod chunks;
mod compact;
mod symbols;

use std::ops::ControlFlow;
use std::path::Path;

use promethium_chunk::Encodings;
use promethium_vfs::Vfs;

use crate::chunks::DEFAULT_CHUNK_FILE_BYTES;
use crate::error::{BlockError, Damage};
use crate::meta::BlockMeta;
use crate::source::{SeriesSource, SourceChunk, SourceSeries};
use crate::write::BlockWriter;
use chunks::ChunkMerge;
pub use compact::{clean_tombstones, compact, merged_meta};
use symbols::SymbolMerge;

/// How a block is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WriteOptions {
    /// Encodings of chunks that are written anew. Untouched chunks keep theirs.
    pub encodings: Encodings,
    /// Bytes of a chunk file, at most.
    pub chunk_file_bytes: u64,
}

impl Default for WriteOptions {
    /// What every Prometheus reads.
    fn default() -> Self {
        WriteOptions { encodings: Encodings::CLASSIC, chunk_file_bytes: DEFAULT_CHUNK_FILE_BYTES }
    }
}

impl WriteOptions {
    /// With other encodings.
    #[must_use]
    pub fn encodings(mut self, encodings: Encodings) -> Self {
        self.encodings = encodings;
        self
    }

    /// With chunk files of at most so many bytes.
    #[must_use]
    pub fn chunk_file_bytes(mut self, bytes: u64) -> Self {
        self.chunk_file_bytes = bytes;
        self
    }
}

/// How far long work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Series that are done, those of all sources counted.
    pub done: u64,
    /// Series in all, as far as known; 0 when not.
    pub total: u64,
}

/// Is told how far work is, now and then, and may stop it.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// How many series are between two reports of progress.
const REPORT_EVERY: u64 = 256;

/// What became of [`write_block`].
#[derive(Debug)]
pub struct Written {
    /// The new block; `None` when nothing was left to write, and no block was made.
    pub meta: Option<BlockMeta>,
    /// What of the sources was damaged and is not in it. Sources with damage should be kept aside, not removed.
    pub damage: Vec<Damage>,
}

/// Writes one block of all that the sources have in `[meta.min_time_ms, meta.max_time_ms)`.
///
/// Chunks that nothing touches are copied as they are. A chunk that a deletion or the range cuts is written anew, in its
/// encoding; chunks of one series that overlap are merged, 120 samples each, in the encodings of the options (with start
/// timestamps where a source has them). Of samples with the same time, that of the later source stands: give sources in
/// the order in which they were written.
///
/// `meta` gives name, range and descent; counts are filled in.
///
/// # Errors
///
/// [`BlockError`]; nothing is then left but what [`clean_leftovers`](crate::clean_leftovers) takes away.
pub fn write_block(
    vfs: &dyn Vfs,
    data_dir: &Path,
    meta: BlockMeta,
    sources: &mut [&mut dyn SeriesSource],
    options: &WriteOptions,
    on_progress: OnProgress<'_>,
) -> Result<Written, BlockError> {
    let (symbols, maps) = SymbolMerge::of(sources)?;
    let mut writer = BlockWriter::create(vfs, data_dir, meta.ulid, || Ok(symbols.iter()), options.chunk_file_bytes)?;
    let mut merge = Merge::new(sources, maps)?;
    let mut chunks = ChunkMerge::new(meta.min_time_ms, meta.max_time_ms, options.encodings);
    let mut ready: Vec<SourceChunk> = Vec::new();
    let mut damage = Vec::new();
    let mut reports = Reports { on_progress, total: merge.total(), last: 0 };
    while let Some(parts) = merge.next()? {
        chunks.merge(parts, &mut ready, &mut damage);
        if !ready.is_empty() {
            writer.add_series(merge.labels(), &ready)?;
        }
        reports.report(merge.done)?;
    }
    drop(merge);
    damage.extend(sources.iter().flat_map(|s| s.damage()));
    damage.sort();
    damage.dedup();
    if writer.stats().num_samples == 0 && writer.stats().num_chunks == 0 {
        return Ok(Written { meta: None, damage });
    }
    Ok(Written { meta: Some(writer.finish(meta)?), damage })
}

struct Reports<'a> {
    on_progress: OnProgress<'a>,
    total: u64,
    last: u64,
}

impl Reports<'_> {
    fn report(&mut self, done: u64) -> Result<(), BlockError> {
        if done < self.last + REPORT_EVERY {
            return Ok(());
        }
        self.last = done;
        match (self.on_progress)(Progress { done, total: self.total.max(done) }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(BlockError::Stopped),
        }
    }
}

/// All sources, each at its next series.
struct Merge<'m, 's> {
    sources: &'m mut [&'s mut dyn SeriesSource],
    /// From a source's symbols to the merged ones.
    maps: Vec<Vec<u32>>,
    heads: Vec<SourceSeries>,
    is_at_end: Vec<bool>,
    /// The heads with the labels that are being written.
    current: Vec<usize>,
    done: u64,
}

impl<'m, 's> Merge<'m, 's> {
    fn new(sources: &'m mut [&'s mut dyn SeriesSource], maps: Vec<Vec<u32>>) -> Result<Self, BlockError> {
        let n = sources.len();
        let heads = vec![SourceSeries::default(); n];
        Ok(Merge { sources, maps, heads, is_at_end: vec![false; n], current: (0..n).collect(), done: 0 })
    }

    fn total(&self) -> u64 {
        self.sources.iter().map(|s| s.series_count()).sum()
    }

    /// The labels of the present series.
    fn labels(&self) -> &[(u32, u32)] {
        self.current.first().map_or(&[], |first| self.heads[*first].labels.as_slice())
    }

    /// The parts of the next series, in the order of the sources.
    fn next(&mut self) -> Result<Option<Parts<'_>>, BlockError> {
        for source in std::mem::take(&mut self.current) {
            self.advance(source)?;
        }
        let open = || (0..self.heads.len()).filter(|i| !self.is_at_end[*i]);
        let Some(least) = open().min_by(|a, b| self.heads[*a].labels.cmp(&self.heads[*b].labels)) else {
            return Ok(None);
        };
        self.current = open().filter(|i| self.heads[*i].labels == self.heads[least].labels).collect();
        self.done += self.current.len() as u64;
        Ok(Some(Parts { heads: &self.heads, current: &self.current }))
    }

    fn advance(&mut self, source: usize) -> Result<(), BlockError> {
        let head = &mut self.heads[source];
        if !self.sources[source].next_series(head)? {
            self.is_at_end[source] = true;
            return Ok(());
        }
        let map = &self.maps[source];
        for (name, value) in &mut head.labels {
            // A position behind the symbols is refused when it is written.
            *name = map.get(*name as usize).copied().unwrap_or(u32::MAX);
            *value = map.get(*value as usize).copied().unwrap_or(u32::MAX);
        }
        Ok(())
    }
}

/// The parts of one series.
#[derive(Clone, Copy)]
struct Parts<'a> {
    heads: &'a [SourceSeries],
    current: &'a [usize],
}

impl<'a> Parts<'a> {
    fn iter(self) -> impl Iterator<Item = &'a SourceSeries> {
        self.current.iter().map(|i| &self.heads[*i])
    }
}
