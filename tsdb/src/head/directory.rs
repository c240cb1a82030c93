//! Series by reference.
//!
//! References count up and are never given out again, so those of one head lie close together: a page holds the series of
//! 256 neighbours, and a look-up is two loads. What went leaves holes; a page of nothing but holes goes too.
//!
//! Transactions hold pages, not series: one count for 256 neighbours, which are appended to together. As long as somebody
//! holds a page, nothing leaves it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use foldhash::fast::FixedState;
use parking_lot::{RwLock, RwLockReadGuard};

use super::neighbours::Neighbours;
use super::series::MemSeries;

const PAGE_BITS: u32 = 8;
pub(super) const PAGE_SERIES: usize = 1 << PAGE_BITS;
// Pages below this number are in a list, others in a map: a log may begin with any reference.
const MAX_LISTED: u64 = 1 << 20;

/// The series of a head by their references.
#[derive(Default)]
pub(crate) struct Directory(RwLock<Pages>);

/// The directory, held still for as many look-ups as somebody has.
#[derive(Default)]
pub(crate) struct Pages {
    listed: Vec<Option<Arc<Page>>>,
    others: HashMap<u64, Arc<Page>, FixedState>,
}

/// The series of neighbouring references.
pub(crate) struct Page {
    number: u64,
    /// Places that are taken, or reserved. Changed under the directory's lock.
    used: AtomicUsize,
    pub(crate) neighbours: Arc<Neighbours>,
    /// A place is taken once: its reference is never given to another series.
    series: [OnceLock<Arc<MemSeries>>; PAGE_SERIES],
}

impl Page {
    fn new(number: u64) -> Arc<Page> {
        let series = [const { OnceLock::new() }; PAGE_SERIES];
        Arc::new(Page { number, used: AtomicUsize::new(0), neighbours: Arc::default(), series })
    }

    pub(crate) fn holds(&self, reference: u64) -> bool {
        reference >> PAGE_BITS == self.number
    }

    /// The reference of a place.
    pub(crate) fn reference(&self, at: u8) -> u64 {
        self.number << PAGE_BITS | u64::from(at)
    }

    /// The series of a place.
    #[inline]
    pub(crate) fn series(&self, at: u8) -> Option<&Arc<MemSeries>> {
        self.series[usize::from(at)].get()
    }
}

/// Number of the page, and place in it.
#[inline]
pub(crate) fn place(reference: u64) -> (u64, u8) {
    (reference >> PAGE_BITS, reference as u8)
}

impl Directory {
    /// For several look-ups. Whoever holds it keeps series from being created, and must not ask for it again.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Pages> {
        self.0.read()
    }

    /// Keeps a place for a series that will be inserted, which has its samples there.
    pub(crate) fn reserve(&self, reference: u64) -> Arc<Neighbours> {
        let mut pages = self.0.write();
        let page = pages.page_mut(place(reference).0);
        page.used.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&page.neighbours)
    }

    /// Inserts a series in the place that was reserved for it.
    pub(crate) fn insert(&self, series: &Arc<MemSeries>) {
        let (number, at) = place(series.reference);
        let mut pages = self.0.write();
        let is_new = pages.page_mut(number).series[usize::from(at)].set(Arc::clone(series)).is_ok();
        debug_assert!(is_new, "reference {} is taken", series.reference);
    }

    /// Removes a series if nobody holds its page and `is_unused` says so, under the lock: nobody can get hold of it meanwhile.
    pub(crate) fn remove_if(&self, reference: u64, is_unused: impl FnOnce() -> bool) -> bool {
        let (number, at) = place(reference);
        let mut pages = self.0.write();
        let Some(page) = Arc::get_mut(pages.page_mut(number)) else { return false };
        if !is_unused() {
            return false;
        }
        let used = page.used.get_mut();
        *used -= usize::from(page.series[usize::from(at)].take().is_some());
        if *used == 0 {
            pages.drop_page(number);
        }
        true
    }
}

impl Pages {
    #[inline]
    pub(crate) fn get(&self, reference: u64) -> Option<&Arc<MemSeries>> {
        let (number, at) = place(reference);
        self.page(number)?.series(at)
    }

    #[inline]
    pub(crate) fn page(&self, number: u64) -> Option<&Arc<Page>> {
        match self.listed.get(number as usize) {
            Some(page) => page.as_ref(),
            None => self.others.get(&number),
        }
    }

    fn page_mut(&mut self, number: u64) -> &mut Arc<Page> {
        if number >= MAX_LISTED {
            return self.others.entry(number).or_insert_with(|| Page::new(number));
        }
        let at = number as usize;
        if self.listed.len() <= at {
            self.listed.resize_with(at + 1, || None);
        }
        self.listed[at].get_or_insert_with(|| Page::new(number))
    }

    fn drop_page(&mut self, number: u64) {
        match self.listed.get_mut(number as usize) {
            Some(page) => *page = None,
            None => drop(self.others.remove(&number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_any_reference_until_they_go() {
        let directory = Directory::default();
        let references = [0, 1, 255, 256, 70_000, (MAX_LISTED << PAGE_BITS) - 1, MAX_LISTED << PAGE_BITS, u64::MAX];
        for reference in references {
            let neighbours = directory.reserve(reference);
            directory.insert(&Arc::new(MemSeries::new(reference, 0, 0, neighbours)));
        }
        for reference in references {
            assert_eq!(directory.read().get(reference).map(|s| s.reference), Some(reference));
        }
        assert!(
            directory.read().get(2).is_none()
                && directory.read().get(u64::MAX - 1).is_none()
                && directory.read().get(1 << 40).is_none()
        );
        assert!(!directory.remove_if(255, || false));
        let held = directory.read().page(0).cloned();
        assert!(!directory.remove_if(255, || true), "somebody holds the page");
        drop(held);
        for reference in references {
            assert!(directory.remove_if(reference, || true));
            assert!(directory.read().get(reference).is_none());
        }
        let pages = directory.read();
        assert!(pages.others.is_empty() && pages.listed.iter().all(Option::is_none));
    }
}
