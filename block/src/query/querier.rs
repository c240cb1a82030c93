//! The block behind the storage seam.

use std::sync::Arc;

use promethium_model::{
    Annotations, HeldBytes, LabelHints, LabelList, Labels, Matcher, Querier, QueryCx, Queryable, SelectHints,
    SeriesEntry as Entry, SeriesSet, StorageError, TimeRange,
};

use super::notes::Notes;
use super::samples::BlockCursor;
use super::{Selected, labels, select};
use crate::block::Block;
use crate::error::BlockError;
use crate::index::{Index, SeriesEntry};
use crate::tombstones::Tombstones;

impl Queryable for Block {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(BlockQuerier { block: self, range }))
    }
}

impl Block {
    /// Selects as [`Querier::select`] does, for whoever holds the block himself: the set borrows the block, not a querier.
    ///
    /// # Errors
    ///
    /// When the block cannot be read at all, or `cx` says stop.
    pub fn select<'b>(
        &'b self,
        range: TimeRange,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'b> + 'b>, StorageError> {
        let selected = select(&self.index, matchers, cx)?;
        let mut held = HeldBytes::new(cx);
        held.add(selected.heap_bytes())?;
        let notes = Notes::default();
        self.lasting_damage().iter().for_each(|damage| notes.warn(damage));
        Ok(Box::new(BlockSeriesSet {
            block: self,
            selected,
            next: 0,
            range,
            tombstones: self.tombstones(),
            left: limit(hints.limit),
            shard: hints.shard,
            entry: SeriesEntry::default(),
            notes,
            held,
        }))
    }
}

/// A block over one range of time.
struct BlockQuerier<'b> {
    block: &'b Block,
    range: TimeRange,
}

impl Querier for BlockQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        self.block.select(self.range, matchers, hints, cx)
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        let values = labels::names(&self.block.index, matchers, limit(hints.limit), cx)?;
        Ok(LabelList { values, annotations: Annotations::new() })
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        let values = labels::values(&self.block.index, name, matchers, limit(hints.limit), cx)?;
        Ok(LabelList { values, annotations: Annotations::new() })
    }
}

fn limit(hint: usize) -> usize {
    if hint == 0 { usize::MAX } else { hint }
}

struct BlockSeriesSet<'q> {
    block: &'q Block,
    selected: Selected<'q>,
    next: usize,
    range: TimeRange,
    tombstones: Arc<Tombstones>,
    left: usize,
    shard: Option<(u64, u64)>,
    entry: SeriesEntry,
    notes: Notes,
    held: HeldBytes,
}

impl<'q> BlockSeriesSet<'q> {
    fn read(&mut self, id: u32) -> Result<Option<Entry<'q>>, BlockError> {
        let block = self.block;
        if let Some(damage) = block.index.series_or_damage(id, &mut self.entry)? {
            self.notes.warn(&damage);
            return Ok(None);
        }
        let deleted = self.tombstones.of(u64::from(id));
        let range = self.range;
        self.entry.chunks.retain(|c| {
            c.min_ms <= range.max_ms
                && c.max_ms >= range.min_ms
                && !deleted.is_some_and(|d| d.cover(c.min_ms.max(range.min_ms), c.max_ms.min(range.max_ms)))
        });
        if self.entry.chunks.is_empty() {
            return Ok(None);
        }
        let Some(labels) = labels_of(&block.index, &self.entry)? else {
            self.notes.warn(&block.index.note_bad_labels(id));
            return Ok(None);
        };
        if self.shard.is_some_and(|(shard, shards)| labels.hash() % shards.max(1) != shard) {
            return Ok(None);
        }
        let deleted = deleted.cloned().unwrap_or_default();
        let samples = BlockCursor::new(block, self.entry.chunks.clone(), range, deleted, self.notes.clone());
        Ok(Some(Entry { labels, samples: Box::new(samples) }))
    }
}

impl<'q> SeriesSet<'q> for BlockSeriesSet<'q> {
    fn next_series(&mut self) -> Result<Option<Entry<'q>>, StorageError> {
        while self.left > 0 {
            self.held.cx().check()?;
            let Some(id) = self.selected.get(self.next) else { break };
            self.next += 1;
            if let Some(entry) = self.read(id)? {
                self.left -= 1;
                return Ok(Some(entry));
            }
        }
        self.left = 0;
        Ok(None)
    }

    fn annotations(&self) -> Annotations {
        self.notes.all()
    }
}

/// A series' labels, made of symbols; `None` where they do not make a label set.
pub(crate) fn labels_of(index: &Index, entry: &SeriesEntry) -> Result<Option<Labels>, BlockError> {
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(entry.labels.len());
    for (name, value) in &entry.labels {
        let Some((name, value)) = index.symbol(*name)?.zip(index.symbol(*value)?) else { return Ok(None) };
        if value.is_empty() {
            continue;
        }
        if pairs.last().is_some_and(|(last, _)| *last >= name) {
            return Ok(None);
        }
        pairs.push((name, value));
    }
    Ok(Some(Labels::from_sorted_pairs(pairs)))
}
