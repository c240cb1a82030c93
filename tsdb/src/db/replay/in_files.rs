//! Which samples of the log full chunks in files have already.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use promethium_wal::SampleColumns;

/// The newest time that files have of each series, by reference.
#[derive(Default)]
pub(super) struct NewestInFiles {
    /// By reference, where these are as dense as those of a log that began with them.
    dense: Vec<i64>,
    sparse: HashMap<u64, i64, FixedState>,
}

const NOTHING: i64 = i64::MIN;

impl NewestInFiles {
    /// Files have the series up to `newest_ms`.
    pub(super) fn insert(&mut self, reference: u64, newest_ms: i64) {
        const SLACK: usize = 1 << 16;
        let at = usize::try_from(reference).unwrap_or(usize::MAX);
        if at > 4 * (self.dense.len() + SLACK) {
            self.sparse.insert(reference, newest_ms);
            return;
        }
        if self.dense.len() <= at {
            self.dense.resize(at + 1, NOTHING);
        }
        self.dense[at] = newest_ms;
    }

    /// The series has nothing in files any more.
    pub(super) fn forget(&mut self, reference: u64) {
        self.sparse.remove(&reference);
        if let Some(newest_ms) = self.dense.get_mut(reference as usize) {
            *newest_ms = NOTHING;
        }
    }

    /// Drops those of the samples behind the first `len` that files have.
    ///
    /// PERF: most of a log is in files. What is not grouped by series need not be, and no series is touched for it.
    pub(super) fn drop_known(&self, samples: &mut SampleColumns, len: usize) {
        if !self.dense.is_empty() || !self.sparse.is_empty() {
            samples.retain_from(len, |reference, t_ms| t_ms > self.newest_ms(reference));
        }
    }

    #[inline]
    fn newest_ms(&self, reference: u64) -> i64 {
        match self.dense.get(reference as usize) {
            Some(newest_ms) if *newest_ms != NOTHING || self.sparse.is_empty() => *newest_ms,
            _ => self.sparse.get(&reference).copied().unwrap_or(NOTHING),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_up_to_the_newest_in_files_are_dropped() {
        let mut known = NewestInFiles::default();
        known.insert(3, 30);
        known.insert(5, 10);
        known.insert(1 << 40, 10);
        let mut samples = SampleColumns::new();
        let all = [(3, 29), (3, 30), (3, 31), (4, 1), (5, 10), (5, 11), (1 << 40, 5)];
        for (reference, t_ms) in all {
            samples.push(reference, 0, t_ms, 0.0);
        }
        let left = |samples: &SampleColumns| samples.iter().map(|(r, _, t_ms, _)| (r, t_ms)).collect::<Vec<_>>();
        known.drop_known(&mut samples, 2);
        assert_eq!(left(&samples), [(3, 29), (3, 30), (3, 31), (4, 1), (5, 11)]);
        known.forget(3);
        known.drop_known(&mut samples, 0);
        assert_eq!(left(&samples), [(3, 29), (3, 30), (3, 31), (4, 1), (5, 11)]);
    }
}
