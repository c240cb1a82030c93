//! Where series come from when a block is written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promethium_chunk::{EncodedChunk, Encoding};
use promethium_model::Labels;
use promethium_vfs::FileMap;

use crate::block::Block;
use crate::error::{BlockError, Damage, Fault, Part};
use crate::index::{SeriesEntry, SeriesWalk};
use crate::tombstones::{Intervals, Tombstones};

/// Series with their chunks, in the order of their labels: a block, a range of a head, or what was read from a file.
///
/// A head flush, a compaction, a back-fill and a snapshot are all [`write_block`](crate::write_block) of some of these.
pub trait SeriesSource {
    /// The names and values of all labels, sorted by bytes, each once; more may be there than are used. What Prometheus'
    /// head writes begins with `""`. The labels of [`SourceSeries`] are positions in this.
    ///
    /// # Errors
    ///
    /// When the source cannot be read.
    fn symbols(&self) -> Result<Box<dyn Iterator<Item = &[u8]> + '_>, BlockError>;

    /// Fills `series` with the next one; `false` at the end. Labels are strictly greater than those of the one before.
    ///
    /// # Errors
    ///
    /// When the source cannot be read.
    fn next_series(&mut self, series: &mut SourceSeries) -> Result<bool, BlockError>;

    /// How many series there are about; for showing progress.
    fn series_count(&self) -> u64 {
        0
    }

    /// What of the source could not be read and was left out so far.
    fn damage(&self) -> Vec<Damage> {
        Vec::new()
    }
}

/// A series on its way into a block.
#[derive(Clone, Debug, Default)]
pub struct SourceSeries {
    /// Name and value of each label, as positions in the source's symbols; sorted by name.
    pub labels: Vec<(u32, u32)>,
    /// In the order of their first timestamps. They may overlap.
    pub chunks: Vec<SourceChunk>,
    /// What is deleted of it.
    pub deleted: Intervals,
}

/// A chunk on its way into a block.
#[derive(Clone, Debug)]
pub struct SourceChunk {
    /// How the data is encoded.
    pub encoding: Encoding,
    /// First timestamp, milliseconds since the epoch.
    pub min_ms: i64,
    /// Last timestamp.
    pub max_ms: i64,
    data: Data,
    /// The sum over encoding and data, where it is known.
    pub(crate) crc: Option<u32>,
    /// The file and the offset that it is from.
    origin: Option<(Arc<Path>, u64)>,
}

#[derive(Clone, Debug)]
enum Data {
    Owned(Box<[u8]>),
    Mapped(FileMap, Range<usize>),
}

impl SourceChunk {
    /// A chunk whose data is a part of a mapped file.
    ///
    /// # Panics
    ///
    /// When the file has no such part.
    #[must_use]
    pub fn mapped(encoding: Encoding, (min_ms, max_ms): (i64, i64), file: FileMap, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= file.len(), "{range:?} of {} bytes", file.len());
        SourceChunk { encoding, min_ms, max_ms, data: Data::Mapped(file, range), crc: None, origin: None }
    }

    /// Says of this chunk what is wrong with it.
    pub(crate) fn damage(&self, message: String) -> Damage {
        let (path, offset) = self.origin.clone().map_or((PathBuf::new(), 0), |(path, at)| (path.to_path_buf(), at));
        Damage { path, offset, part: Part::Chunk, message }
    }

    /// The payload.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        match &self.data {
            Data::Owned(data) => data,
            Data::Mapped(file, range) => &file[range.clone()],
        }
    }
}

impl From<EncodedChunk> for SourceChunk {
    fn from(chunk: EncodedChunk) -> Self {
        let EncodedChunk { encoding, min_ms, max_ms, data } = chunk;
        SourceChunk { encoding, min_ms, max_ms, data: Data::Owned(data), crc: None, origin: None }
    }
}

/// All of a block, less what is deleted. Damaged series and chunks are left out.
pub struct BlockSource<'b> {
    block: &'b Block,
    walk: SeriesWalk<'b>,
    entry: SeriesEntry,
    tombstones: Arc<Tombstones>,
    damage: Vec<Damage>,
}

impl<'b> BlockSource<'b> {
    /// A source that begins at the first series.
    #[must_use]
    pub fn new(block: &'b Block) -> Self {
        BlockSource {
            block,
            walk: block.index.walk(),
            entry: SeriesEntry::default(),
            tombstones: block.tombstones(),
            damage: block.lasting_damage().to_vec(),
        }
    }

    fn chunk(&mut self, at: usize) -> Result<SourceChunk, Damage> {
        let meta = self.entry.chunks[at];
        let raw = self.block.chunks.get(meta.reference)?;
        let encoding = Encoding::try_from(raw.encoding).map_err(|e| {
            let fault = Fault::new(u64::from(meta.reference as u32), e.to_string());
            fault.in_part(Part::Chunk, &self.block.chunks.path_of(meta.reference))
        })?;
        let data = Data::Mapped(raw.map.clone(), raw.range());
        let origin = Some((Arc::clone(raw.path), u64::from(meta.reference as u32)));
        Ok(SourceChunk { encoding, min_ms: meta.min_ms, max_ms: meta.max_ms, data, crc: Some(raw.crc), origin })
    }
}

impl SeriesSource for BlockSource<'_> {
    fn symbols(&self) -> Result<Box<dyn Iterator<Item = &[u8]> + '_>, BlockError> {
        self.block.index.symbols()
    }

    fn next_series(&mut self, series: &mut SourceSeries) -> Result<bool, BlockError> {
        series.chunks.clear();
        series.labels.clear();
        let Some(id) = self.walk.next(&mut self.entry)? else {
            self.damage.extend(self.block.damage().into_iter().filter(|d| d.part == Part::Series));
            return Ok(false);
        };
        series.labels.extend_from_slice(&self.entry.labels);
        series.deleted = self.tombstones.of(u64::from(id)).cloned().unwrap_or_default();
        for at in 0..self.entry.chunks.len() {
            match self.chunk(at) {
                Ok(chunk) => series.chunks.push(chunk),
                Err(damage) => {
                    self.block.damage.note(damage.clone());
                    self.damage.push(damage);
                }
            }
        }
        Ok(true)
    }

    fn series_count(&self) -> u64 {
        self.block.meta().stats.num_series
    }

    fn damage(&self) -> Vec<Damage> {
        self.damage.clone()
    }
}

/// Series that are in memory.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    /// Sorted.
    symbols: Vec<String>,
    series: Vec<(Labels, Vec<SourceChunk>)>,
    next: usize,
}

impl MemorySource {
    /// A source of these series, in any order; of two with the same labels the later stands.
    #[must_use]
    pub fn new(series: impl IntoIterator<Item = (Labels, Vec<EncodedChunk>)>) -> Self {
        let by_labels: BTreeMap<Labels, Vec<EncodedChunk>> = series.into_iter().collect();
        let texts = by_labels.keys().flat_map(|labels| labels.iter().flat_map(|(n, v)| [n, v]));
        let mut symbols: Vec<String> = std::iter::once("").chain(texts).map(str::to_owned).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let with_chunks = |chunks: Vec<EncodedChunk>| chunks.into_iter().map(SourceChunk::from).collect();
        let series = by_labels.into_iter().map(|(labels, chunks)| (labels, with_chunks(chunks))).collect();
        MemorySource { symbols, series, next: 0 }
    }

    fn ordinal(&self, text: &str) -> u32 {
        self.symbols.partition_point(|s| s.as_str() < text) as u32
    }
}

impl SeriesSource for MemorySource {
    fn symbols(&self) -> Result<Box<dyn Iterator<Item = &[u8]> + '_>, BlockError> {
        Ok(Box::new(self.symbols.iter().map(String::as_bytes)))
    }

    fn next_series(&mut self, series: &mut SourceSeries) -> Result<bool, BlockError> {
        let Some((labels, chunks)) = self.series.get_mut(self.next) else { return Ok(false) };
        let (labels, chunks) = (labels.clone(), std::mem::take(chunks));
        self.next += 1;
        series.labels.clear();
        series.labels.extend(labels.iter().map(|(n, v)| (self.ordinal(n), self.ordinal(v))));
        series.chunks = chunks;
        series.deleted = Intervals::new();
        Ok(true)
    }

    fn series_count(&self) -> u64 {
        self.series.len() as u64
    }
}
