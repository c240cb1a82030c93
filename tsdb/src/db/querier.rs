//! The read seam: head and blocks as one.

use std::sync::Arc;

use promethium_model::{
    Annotations, HeldBytes, LabelHints, LabelList, Matcher, Querier, QueryCx, Queryable, SelectHints, SeriesEntry,
    SeriesSet, StorageError, TimeRange,
};

use super::Db;
use super::blocks::BlockSet;
use crate::head::querier::HeadQuerier;
use crate::query::{Source, merge_lists, merge_series};

/// Reads head and blocks as they were when this was made.
struct DbQuerier<'d> {
    head: HeadQuerier<'d>,
    blocks: Arc<BlockSet>,
    range: TimeRange,
}

impl Queryable for Db {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        if self.is_closed() {
            return Err(StorageError::Closed);
        }
        // The blocks first: what leaves the head in between is then seen in the head, or in both.
        let blocks = self.blocks();
        Ok(Box::new(DbQuerier { blocks, head: self.head.querier(range), range }))
    }
}

impl Querier for DbQuerier<'_> {
    fn select<'q>(
        &'q self,
        matchers: &[Matcher],
        hints: &SelectHints,
        cx: &QueryCx,
    ) -> Result<Box<dyn SeriesSet<'q> + 'q>, StorageError> {
        let mut sources: Vec<Source<'q>> = Vec::new();
        sources.extend(self.blocks.missing_in(self.range).map(LeftOut::source));
        let mut blocks = self.blocks.overlapping(self.range).peekable();
        if sources.is_empty() && blocks.peek().is_none() {
            return self.head.select(matchers, hints, cx);
        }
        let mut sorted = hints.clone();
        sorted.sorted = true;
        for block in blocks {
            match block.select(self.range, matchers, &sorted, cx) {
                Err(damage @ StorageError::Corrupt { .. }) => sources.push(LeftOut::source(&damage.to_string())),
                set => sources.push(set?),
            }
        }
        sources.push(self.head.select(matchers, &sorted, cx)?);
        Ok(merge_series(sources, hints.limit))
    }

    fn label_names(&self, matchers: &[Matcher], hints: &LabelHints, cx: &QueryCx) -> Result<LabelList, StorageError> {
        self.labels(hints, cx, |querier| querier.label_names(matchers, hints, cx))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        hints: &LabelHints,
        cx: &QueryCx,
    ) -> Result<LabelList, StorageError> {
        self.labels(hints, cx, |querier| querier.label_values(name, matchers, hints, cx))
    }
}

impl DbQuerier<'_> {
    fn labels(
        &self,
        hints: &LabelHints,
        cx: &QueryCx,
        ask: impl Fn(&dyn Querier) -> Result<LabelList, StorageError>,
    ) -> Result<LabelList, StorageError> {
        let mut merged = ask(&self.head)?;
        self.blocks.missing_in(self.range).for_each(|message| merged.annotations.merge(LeftOut::warning(message)));
        let mut held = HeldBytes::new(cx);
        for block in self.blocks.overlapping(self.range) {
            held.set(merged.byte_len())?;
            let list = match block.querier(self.range).and_then(|querier| ask(&*querier)) {
                Err(damage @ StorageError::Corrupt { .. }) => {
                    merged.annotations.merge(LeftOut::warning(&damage.to_string()));
                    continue;
                }
                list => list?,
            };
            held.add(list.byte_len())?;
            merged = merge_lists(merged, list, hints);
        }
        Ok(merged)
    }
}

/// In place of a block that cannot be read: nothing, and a warning.
struct LeftOut(Annotations);

impl LeftOut {
    fn warning(message: &str) -> Annotations {
        let mut annotations = Annotations::new();
        annotations.warn(format!("data left out: {message}"), None);
        annotations
    }

    fn source<'q>(message: &str) -> Source<'q> {
        Box::new(LeftOut(Self::warning(message)))
    }
}

impl<'q> SeriesSet<'q> for LeftOut {
    fn next_series(&mut self) -> Result<Option<SeriesEntry<'q>>, StorageError> {
        Ok(None)
    }

    fn annotations(&self) -> Annotations {
        self.0.clone()
    }
}
