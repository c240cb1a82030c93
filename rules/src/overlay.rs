//! Laying labels over labels.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use promethium_model::Labels;

/// A set of series, and a map by series. The seed is fixed: labels come from rules that are trusted not to collide, and
/// a run repeats exactly.
pub(crate) type SeriesSet = HashSet<Labels, FixedState>;
pub(crate) type SeriesMap<V> = HashMap<Labels, V, FixedState>;

/// The labels of all pairs: of one name the last value stands, an empty one removes the label.
///
/// PERF: one sort of borrowed pairs and one buffer; a builder would copy every name and value first (bench
/// `evaluate/alerting`).
pub(crate) fn overlay<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
    let mut pairs: Vec<(&str, &str)> = pairs.collect();
    // Stable: pairs of one name stay in order.
    pairs.sort_by_key(|(name, _)| *name);
    let is_last = |i: usize| pairs.get(i + 1).is_none_or(|next| next.0 != pairs[i].0);
    let standing = (0..pairs.len()).filter(|i| is_last(*i)).map(|i| pairs[i]);
    Labels::from_sorted_pairs(standing.filter(|(_, value)| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_what_a_builder_gives(pairs in prop::collection::vec(("[abc]{1,2}", "[xy]{0,1}"), 0..8)) {
            let mut builder = Labels::empty().to_builder();
            for (name, value) in &pairs {
                builder.set(name, value);
            }
            prop_assert_eq!(overlay(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))), builder.build());
        }
    }
}
