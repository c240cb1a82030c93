//! Values by the references of a log.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Values by reference: in a list, where references are as dense as those of a log that began with them, else in a map. What was
/// never set is the default.
#[derive(Default)]
pub(in crate::db) struct ByReference<T> {
    /// Of all references below its length.
    dense: Vec<T>,
    sparse: HashMap<u64, T, FixedState>,
}

/// A list may have this many more places, and four times as many, as it would be long.
const SLACK: usize = 1 << 16;

impl<T: Default> ByReference<T> {
    /// The value, if one was set here or near.
    #[inline]
    pub(in crate::db) fn get(&self, reference: u64) -> Option<&T> {
        match usize::try_from(reference).ok().and_then(|at| self.dense.get(at)) {
            Some(value) => Some(value),
            None if self.sparse.is_empty() => None,
            None => self.sparse.get(&reference),
        }
    }

    /// The value, to be changed.
    pub(in crate::db) fn get_or_default(&mut self, reference: u64) -> &mut T {
        let at = usize::try_from(reference).unwrap_or(usize::MAX);
        if at >= self.dense.len() {
            if at > 4 * (self.dense.len() + SLACK) {
                return self.sparse.entry(reference).or_default();
            }
            self.lengthen(at + 1);
        }
        &mut self.dense[at]
    }

    /// The value, in place of which the default is left.
    pub(in crate::db) fn take(&mut self, reference: u64) -> T {
        match usize::try_from(reference).ok().and_then(|at| self.dense.get_mut(at)) {
            Some(value) => std::mem::take(value),
            None => self.sparse.remove(&reference).unwrap_or_default(),
        }
    }

    fn lengthen(&mut self, len: usize) {
        // What moves from the map to the list is looked for in all of the map: not for every place that is added.
        let len = if self.sparse.is_empty() { len } else { len.max(2 * self.dense.len()) };
        self.dense.resize_with(len, T::default);
        let moved: Vec<u64> = self.sparse.keys().copied().filter(|reference| *reference < len as u64).collect();
        for reference in moved {
            self.dense[reference as usize] = self.sparse.remove(&reference).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_would(
            changes in prop::collection::vec(
                (prop_oneof![0_u64..50, 260_000_u64..270_000, 500_000_u64..2_000_000, Just(u64::MAX)], 0_u32..4),
                0..60,
            ),
        ) {
            let (mut found, mut expected) = (ByReference::<u32>::default(), HashMap::new());
            for (reference, value) in changes {
                if value == 0 {
                    prop_assert_eq!(found.take(reference), expected.remove(&reference).unwrap_or_default());
                } else {
                    *found.get_or_default(reference) += value;
                    *expected.entry(reference).or_default() += value;
                }
                prop_assert_eq!(found.get(reference).copied().unwrap_or_default(), expected.get(&reference).copied().unwrap_or_default());
            }
            for (reference, value) in expected {
                prop_assert_eq!(found.get(reference), Some(&value));
            }
        }
    }
}
