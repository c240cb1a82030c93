//! One view over several stores of one series each: the head and the blocks.

mod merge_samples;
mod merge_series;

pub(crate) use merge_series::{Source, merge_series};

use promethium_model::{LabelHints, LabelList};

/// Merges sorted lists of label names or values.
pub(crate) fn merge_lists(lists: Vec<LabelList>, hints: &LabelHints) -> LabelList {
    let mut merged = LabelList::default();
    for list in lists {
        merged.values.extend(list.values);
        merged.annotations.merge(list.annotations);
    }
    merged.values.sort_unstable();
    merged.values.dedup();
    if hints.limit > 0 {
        merged.values.truncate(hints.limit);
    }
    merged
}
