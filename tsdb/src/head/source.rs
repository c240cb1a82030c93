//! A stretch of the head as a source of a block.

use promethium_block::{BlockError, Interval, Intervals, SeriesSource, SourceChunk, SourceSeries};
use promethium_chunk::{EncodedChunk, SplitRule, encode};
use promethium_model::TimeRange;

use super::Head;
use super::chunk::SealedChunk;
use super::index::SeriesWithPositions;
use super::series::{MemSeries, SeriesState};
use super::stale::StaleSeries;

/// Which samples of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those in order.
    InOrder,
    /// Those that came late and were frozen for a compaction.
    FrozenLate,
    /// All that came late.
    Late,
}

/// The series of a head, as they were when this was made, with the chunks that they have when they are asked for.
pub(crate) struct HeadSource<'h> {
    head: &'h Head,
    which: Which,
    range: TimeRange,
    /// Sorted.
    symbols: Vec<String>,
    series: std::vec::IntoIter<SeriesWithPositions>,
    total: usize,
    /// Only these, as long as they stay as they were.
    stale: Option<&'h StaleSeries>,
}

impl<'h> HeadSource<'h> {
    /// A source of what `which` names in the closed `range`.
    pub(crate) fn new(head: &'h Head, which: Which, range: TimeRange) -> Self {
        Self::of(head, which, range, None)
    }

    /// A source of the samples in order that stale series have in the closed `range`. One that gets samples meanwhile is left out
    /// from then on: it stays in the head.
    pub(crate) fn of_stale(head: &'h Head, stale: &'h StaleSeries, range: TimeRange) -> Self {
        Self::of(head, Which::InOrder, range, Some(stale))
    }

    fn of(head: &'h Head, which: Which, range: TimeRange, stale: Option<&'h StaleSeries>) -> Self {
        let is_wanted = |series: &MemSeries| stale.is_none_or(|stale| stale.has(series));
        let (symbols, mut series) = head.index.read().sorted_symbols(is_wanted);
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let total = series.len();
        HeadSource { head, which, range, symbols, series: series.into_iter(), total, stale }
    }

    fn chunks(&self, state: &SeriesState) -> Vec<SourceChunk> {
        let range = self.range;
        match self.which {
            Which::InOrder => {
                let chunks = state.chunks_in(range.min_ms, range.max_ms);
                chunks.into_iter().filter_map(|chunk| source_chunk(self.head, &chunk)).collect()
            }
            Which::FrozenLate | Which::Late => {
                let Some(late) = state.out_of_order() else { return Vec::new() };
                let files = self.head.chunk_files();
                let all =
                    if self.which == Which::Late { late.view(range, files) } else { late.frozen_view(range, files) };
                let chunks = encode(&all.rows(|_| ()), self.head.rules.encodings(), SplitRule::BY_SIZE);
                chunks.into_iter().map(SourceChunk::from).collect()
            }
        }
    }
}

fn source_chunk(head: &Head, chunk: &SealedChunk) -> Option<SourceChunk> {
    let bytes = chunk.data.open(head.chunk_files())?;
    let (encoding, min_ms, max_ms) = (chunk.encoding, chunk.min_ms, chunk.max_ms);
    Some(EncodedChunk { encoding, min_ms, max_ms, data: Box::from(bytes.as_slice()) }.into())
}

impl SeriesSource for HeadSource<'_> {
    fn symbols(&self) -> Result<Box<dyn Iterator<Item = &[u8]> + '_>, BlockError> {
        Ok(Box::new(self.symbols.iter().map(String::as_bytes)))
    }

    fn next_series(&mut self, series: &mut SourceSeries) -> Result<bool, BlockError> {
        while let Some((labels, entry)) = self.series.next() {
            let state = entry.lock();
            let is_other = self.stale.is_some_and(|stale| !stale.is_unchanged(&entry, &state));
            series.chunks = if is_other { Vec::new() } else { self.chunks(&state) };
            if series.chunks.is_empty() {
                continue;
            }
            series.labels.clear();
            series.labels.extend_from_slice(&labels);
            series.deleted = Intervals::new();
            for (min_ms, max_ms) in state.deleted() {
                series.deleted.add(Interval { min_ms: *min_ms, max_ms: *max_ms });
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn series_count(&self) -> u64 {
        self.total as u64
    }
}
