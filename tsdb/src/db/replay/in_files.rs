//! Which samples of the log full chunks in files have already.

use super::by_reference::ByReference;

/// The newest time that files have of each series, by reference.
#[derive(Default)]
pub(super) struct NewestInFiles {
    newest: ByReference<Newest>,
    version: u64,
}

struct Newest {
    /// Behind it.
    end_ms: i64,
}

impl Default for Newest {
    fn default() -> Self {
        Newest { end_ms: i64::MIN }
    }
}

impl NewestInFiles {
    /// Files have the series up to `newest_ms`.
    pub(super) fn insert(&mut self, reference: u64, newest_ms: i64) {
        self.newest.get_or_default(reference).end_ms = newest_ms.saturating_add(1);
        self.version += 1;
    }

    /// The series has nothing in files any more.
    pub(super) fn forget(&mut self, reference: u64) {
        self.newest.take(reference);
        self.version += 1;
    }

    /// Another one after each change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Whether files have what the log says of a series at this time.
    ///
    /// PERF: most of a log is in files. No series is touched for it.
    #[inline]
    pub(super) fn has(&self, reference: u64, t_ms: i64) -> bool {
        self.newest.get(reference).is_some_and(|newest| t_ms < newest.end_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_a_series_up_to_their_newest_sample() {
        let mut known = NewestInFiles::default();
        known.insert(3, 30);
        known.insert(5, 10);
        known.insert(1 << 40, 10);
        let all = [(3, 29), (3, 30), (3, 31), (4, 1), (5, 10), (5, 11), (1 << 40, 5), (4, i64::MIN)];
        let of = |known: &NewestInFiles| all.map(|(reference, t_ms)| known.has(reference, t_ms));
        assert_eq!(of(&known), [true, true, false, false, true, false, true, false]);
        known.forget(3);
        known.forget(1 << 40);
        assert_eq!(of(&known), [false, false, false, false, true, false, false, false]);
    }
}
