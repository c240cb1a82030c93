//! One view over several stores of one series each: the head and the blocks.

mod merge_samples;
mod merge_series;

pub(crate) use merge_series::{Source, merge_series};

use std::cmp::Ordering;

use promethium_model::{LabelHints, LabelList};

/// Merges two sorted lists of label names or values: each text once.
pub(crate) fn merge_lists(a: LabelList, b: LabelList, hints: &LabelHints) -> LabelList {
    let limit = if hints.limit == 0 { usize::MAX } else { hints.limit };
    let mut annotations = a.annotations;
    annotations.merge(b.annotations);
    if a.values.is_empty() || b.values.is_empty() {
        let mut values = if a.values.is_empty() { b.values } else { a.values };
        values.truncate(limit);
        return LabelList { values, annotations };
    }
    let mut values = Vec::with_capacity(a.values.len().max(b.values.len()).min(limit));
    let (mut a, mut b) = (a.values.into_iter().peekable(), b.values.into_iter().peekable());
    while values.len() < limit {
        let order = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        if order.is_eq() {
            b.next();
        }
        values.extend(if order.is_gt() { b.next() } else { a.next() });
    }
    LabelList { values, annotations }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> LabelList {
        LabelList { values: values.iter().map(|v| (*v).to_owned()).collect(), ..LabelList::default() }
    }

    #[test]
    fn lists_are_merged_in_order_and_each_text_comes_once() {
        let cases: [(&[&str], &[&str], &[&str]); 5] = [
            (&[], &[], &[]),
            (&["a"], &[], &["a"]),
            (&[], &["a", "b"], &["a", "b"]),
            (&["a", "c", "d"], &["a", "b", "d", "e"], &["a", "b", "c", "d", "e"]),
            (&["x", "y"], &["a", "b"], &["a", "b", "x", "y"]),
        ];
        for (a, b, merged) in cases {
            for limit in [0, 1, 2, 9] {
                let found = merge_lists(list(a), list(b), &LabelHints::with_limit(limit)).values;
                let expected = &merged[..merged.len().min(if limit == 0 { usize::MAX } else { limit })];
                assert_eq!(found, expected, "{a:?} and {b:?}, {limit}");
            }
        }
    }
}
