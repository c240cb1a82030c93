//! The read seam: head and blocks as one.

use std::sync::Arc;

use promethium_model::{
    HeldBytes, LabelHints, LabelList, Matcher, Querier, QueryCx, Queryable, SelectHints, SeriesSet, StorageError,
    TimeRange,
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
        let mut blocks = self.blocks.overlapping(self.range).peekable();
        if blocks.peek().is_none() {
            return self.head.select(matchers, hints, cx);
        }
        let mut sorted = hints.clone();
        sorted.sorted = true;
        let mut sources: Vec<Source<'q>> = Vec::new();
        for block in blocks {
            sources.push(block.select(self.range, matchers, &sorted, cx)?);
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
        let mut held = HeldBytes::new(cx);
        for block in self.blocks.overlapping(self.range) {
            held.set(merged.byte_len())?;
            let list = ask(&*block.querier(self.range)?)?;
            held.add(list.byte_len())?;
            merged = merge_lists(merged, list, hints);
        }
        Ok(merged)
    }
}
