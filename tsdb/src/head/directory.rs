//! Series by reference.
//!
//! References count up and are never given out again, so those of one head lie close together: a page holds the series of
//! 256 neighbours, and a look-up is two loads. What went leaves holes; a page of nothing but holes goes too.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use parking_lot::{RwLock, RwLockReadGuard};

use super::series::MemSeries;

const PAGE_BITS: u32 = 8;
const PAGE_SERIES: usize = 1 << PAGE_BITS;
// Pages below this number are in a list, others in a map: a log may begin with any reference.
const MAX_LISTED: u64 = 1 << 20;

/// The series of a head by their references.
#[derive(Default)]
pub(crate) struct Directory(RwLock<Pages>);

/// The directory, held still for as many look-ups as somebody has.
#[derive(Default)]
pub(crate) struct Pages {
    listed: Vec<Option<Box<Page>>>,
    others: HashMap<u64, Box<Page>, FixedState>,
}

struct Page {
    used: usize,
    series: [Option<Arc<MemSeries>>; PAGE_SERIES],
}

impl Page {
    fn new() -> Box<Page> {
        Box::new(Page { used: 0, series: [const { None }; PAGE_SERIES] })
    }
}

/// Number of the page, and place in it.
#[inline]
fn place(reference: u64) -> (u64, usize) {
    (reference >> PAGE_BITS, reference as usize & (PAGE_SERIES - 1))
}

impl Directory {
    /// For several look-ups. Whoever holds it keeps series from being created, and must not ask for it again.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Pages> {
        self.0.read()
    }

    pub(crate) fn get(&self, reference: u64) -> Option<Arc<MemSeries>> {
        self.read().get(reference).cloned()
    }

    pub(crate) fn insert(&self, series: &Arc<MemSeries>) {
        let (number, at) = place(series.reference);
        let mut pages = self.0.write();
        let page = pages.page_mut(number);
        page.used += usize::from(page.series[at].is_none());
        page.series[at] = Some(Arc::clone(series));
    }

    /// Removes a series if `is_unused` says so, under the lock: nobody can get hold of it meanwhile.
    pub(crate) fn remove_if(&self, reference: u64, is_unused: impl FnOnce() -> bool) -> bool {
        let (number, at) = place(reference);
        let mut pages = self.0.write();
        if !is_unused() {
            return false;
        }
        let page = pages.page_mut(number);
        page.used -= usize::from(page.series[at].take().is_some());
        if page.used == 0 {
            pages.drop_page(number);
        }
        true
    }
}

impl Pages {
    #[inline]
    pub(crate) fn get(&self, reference: u64) -> Option<&Arc<MemSeries>> {
        let (number, at) = place(reference);
        let page = match self.listed.get(number as usize) {
            Some(page) => page.as_ref()?,
            None => self.others.get(&number)?,
        };
        page.series[at].as_ref()
    }

    fn page_mut(&mut self, number: u64) -> &mut Page {
        if number >= MAX_LISTED {
            return self.others.entry(number).or_insert_with(Page::new);
        }
        let at = number as usize;
        if self.listed.len() <= at {
            self.listed.resize_with(at + 1, || None);
        }
        self.listed[at].get_or_insert_with(Page::new)
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
            directory.insert(&Arc::new(MemSeries::new(reference, 0, 0)));
        }
        for reference in references {
            assert_eq!(directory.get(reference).map(|s| s.reference), Some(reference));
        }
        assert!(
            directory.get(2).is_none() && directory.get(u64::MAX - 1).is_none() && directory.get(1 << 40).is_none()
        );
        assert!(!directory.remove_if(255, || false));
        for reference in references {
            assert!(directory.remove_if(reference, || true));
            assert!(directory.get(reference).is_none());
        }
        let pages = directory.read();
        assert!(pages.others.is_empty() && pages.listed.iter().all(Option::is_none));
    }
}
