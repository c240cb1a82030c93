//! Which samples of the log full chunks in files have already.

use super::by_reference::ByReference;

/// The newest time that files have of each series, by reference.
#[derive(Default)]
pub(super) struct NewestInFiles {
    newest: ByReference<Newest>,
    pages: ByReference<Page>,
    version: u64,
}

#[derive(Clone, Copy)]
struct Newest {
    /// Behind it.
    end_ms: i64,
}

impl Default for Newest {
    fn default() -> Self {
        Newest { end_ms: i64::MIN }
    }
}

/// The least and the greatest end of neighbouring references.
///
/// PERF: a log asks for all series in turn, a hundred times over. Of these lines sixty-four are one, and most answers are there: the
/// series of a scrape began their chunks together.
#[derive(Clone, Copy, Default)]
struct Page {
    least: Newest,
    greatest: Newest,
}

const PAGE_BITS: u32 = 6;

impl NewestInFiles {
    /// Files have the series up to `newest_ms`.
    pub(super) fn insert(&mut self, reference: u64, newest_ms: i64) {
        self.set(reference, Newest { end_ms: newest_ms.saturating_add(1) });
    }

    /// The series has nothing in files any more.
    pub(super) fn forget(&mut self, reference: u64) {
        self.set(reference, Newest::default());
    }

    fn set(&mut self, reference: u64, newest: Newest) {
        *self.newest.get_or_default(reference) = newest;
        let first = reference >> PAGE_BITS << PAGE_BITS;
        let ends = (first..=first | ((1 << PAGE_BITS) - 1)).map(|neighbour| self.end_ms(neighbour));
        let (least, greatest) = ends.fold((i64::MAX, i64::MIN), |(least, most), end| (least.min(end), most.max(end)));
        let page = Page { least: Newest { end_ms: least }, greatest: Newest { end_ms: greatest } };
        *self.pages.get_or_default(reference >> PAGE_BITS) = page;
        self.version += 1;
    }

    #[inline]
    fn end_ms(&self, reference: u64) -> i64 {
        self.newest.get(reference).copied().unwrap_or_default().end_ms
    }

    /// Another one after each change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Whether files have what the log says of a series at this time.
    ///
    /// PERF: most of a log is in files. No series is touched for it.
    #[inline(always)]
    pub(super) fn has(&self, reference: u64, t_ms: i64) -> bool {
        let page = self.pages.get(reference >> PAGE_BITS).copied().unwrap_or_default();
        t_ms < page.least.end_ms || (t_ms < page.greatest.end_ms && t_ms < self.end_ms(reference))
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

    #[test]
    fn neighbours_say_nothing_of_a_series() {
        let mut known = NewestInFiles::default();
        for reference in 128..192 {
            known.insert(reference, if reference == 150 { 40 } else { 30 });
        }
        let of = |known: &NewestInFiles, reference| [29, 30, 31, 40, 41].map(|t_ms| known.has(reference, t_ms));
        assert_eq!(of(&known, 130), [true, true, false, false, false]);
        assert_eq!(of(&known, 150), [true, true, true, true, false]);
        known.forget(130);
        assert_eq!(of(&known, 130), [false; 5]);
        assert_eq!(of(&known, 131), [true, true, false, false, false]);
        assert_eq!((of(&known, 127), of(&known, 192)), ([false; 5], [false; 5]));
    }
}
