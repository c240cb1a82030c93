//! The series that a transaction writes to.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use promethium_model::{AppendError, Labels, Point, SeriesKey, SeriesRef};

use crate::head::directory::{Page, Pages, place};
use crate::head::series::MemSeries;
use crate::head::{Head, HeadRules};

/// Rows whose series are looked up together.
pub(super) const ROWS_PER_LOOK_UP: usize = 64;

/// Series that are there, and series that the commit will create.
#[derive(Default)]
pub(super) struct Targets {
    targets: Vec<Target>,
    /// Pages of series that are there. Neighbours share one.
    pages: Vec<Arc<Page>>,
    /// Series that are held one by one, and new ones.
    single: Vec<Single>,
    /// Targets of new series, by the hash of their labels.
    new_by_labels: HashTable<u32>,
    new_by_reference: HashMap<u64, u32, FixedState>,
}

/// Where a series is.
#[derive(Clone, Copy)]
enum Target {
    /// On a page that is held.
    OnPage {
        page: u32,
        at: u8,
    },
    Single(u32),
}

enum Single {
    Known(Arc<MemSeries>),
    New(NewSeries),
}

struct NewSeries {
    reference: u64,
    hash: u64,
    labels: Labels,
}

/// The series of a transaction, all of which exist.
pub(crate) struct HeldSeries {
    targets: Vec<Target>,
    pages: Vec<Arc<Page>>,
    /// `None` where the head was full.
    single: Vec<Option<Arc<MemSeries>>>,
}

impl HeldSeries {
    /// The series of a target; `None` where the head was full.
    #[inline]
    pub(crate) fn get(&self, target: u32) -> Option<&Arc<MemSeries>> {
        match self.targets[target as usize] {
            Target::OnPage { page, at } => self.pages[page as usize].series(at),
            Target::Single(i) => self.single[i as usize].as_ref(),
        }
    }

    /// As [`HeldSeries::get`], its reference alone.
    #[inline]
    pub(crate) fn reference(&self, target: u32) -> Option<u64> {
        match self.targets[target as usize] {
            Target::OnPage { page, at } => Some(self.pages[page as usize].reference(at)),
            Target::Single(i) => self.single[i as usize].as_ref().map(|series| series.reference),
        }
    }
}

impl Targets {
    pub(super) fn has_new(&self) -> bool {
        !self.new_by_labels.is_empty()
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.targets.reserve(more);
    }

    pub(super) fn reference(&self, target: u32) -> u64 {
        match self.targets[target as usize] {
            Target::OnPage { page, at } => self.pages[page as usize].reference(at),
            Target::Single(i) => match &self.single[i as usize] {
                Single::Known(series) => series.reference,
                Single::New(new) => new.reference,
            },
        }
    }

    /// The series, where it is there already.
    #[inline]
    pub(super) fn series(&self, target: u32) -> Option<&MemSeries> {
        match self.targets[target as usize] {
            Target::OnPage { page, at } => self.pages[page as usize].series(at).map(|series| &**series),
            Target::Single(i) => match &self.single[i as usize] {
                Single::Known(series) => Some(series),
                Single::New(_) => None,
            },
        }
    }

    pub(super) fn labels(&self, head: &Head, target: u32) -> Labels {
        match self.new_series(target) {
            Some(new) => new.labels.clone(),
            None => self.series(target).and_then(|series| head.labels(series)).unwrap_or_else(Labels::empty),
        }
    }

    fn new_series(&self, target: u32) -> Option<&NewSeries> {
        let Target::Single(i) = self.targets[target as usize] else { return None };
        if let Single::New(new) = &self.single[i as usize] { Some(new) } else { None }
    }

    /// The target that a key names, and whether it is a new series.
    pub(super) fn resolve(&mut self, head: &Head, key: SeriesKey<'_>) -> Result<(u32, bool), AppendError> {
        match key {
            SeriesKey::Ref(r) => self.known(head, r).map(|target| (target, false)),
            SeriesKey::RefOrLabels(r, labels) => match self.by_reference(head, r) {
                Some(target) => Ok((target, false)),
                None => self.by_labels(head, labels),
            },
            SeriesKey::Labels(labels) => self.by_labels(head, labels),
        }
    }

    /// The targets of rows whose series are in the head, `None` for the others.
    pub(super) fn look_up(
        &mut self,
        head: &Head,
        rows: &[(SeriesRef, Point<'_>)],
        targets: &mut [Option<u32>; ROWS_PER_LOOK_UP],
    ) {
        let pages = head.directory.read();
        let mut last = None;
        for ((reference, _), target) in rows.iter().zip(targets) {
            // Samples of a series tend to come together.
            if last.is_none_or(|(last, _)| last != reference.0) {
                last = self.find(&pages, reference.0).map(|found| (reference.0, found));
            }
            *target = last.map(|(_, found)| found);
        }
    }

    /// The target of a series that is in the head.
    #[inline(always)]
    fn find(&mut self, pages: &Pages, reference: u64) -> Option<u32> {
        let (number, at) = place(reference);
        if self.pages.last().is_none_or(|page| !page.holds(reference)) {
            self.pages.push(Arc::clone(pages.page(number)?));
        }
        self.pages.last()?.series(at)?;
        let page = self.pages.len() as u32 - 1;
        Some(self.push(Target::OnPage { page, at }))
    }

    #[inline]
    pub(super) fn known(&mut self, head: &Head, reference: SeriesRef) -> Result<u32, AppendError> {
        self.by_reference(head, reference).ok_or(AppendError::UnknownReference { reference: reference.0 })
    }

    #[inline]
    fn by_reference(&mut self, head: &Head, reference: SeriesRef) -> Option<u32> {
        // Samples of a series tend to come together.
        if let Some(last) = self.targets.len().checked_sub(1)
            && self.reference(last as u32) == reference.0
        {
            return Some(last as u32);
        }
        if !self.new_by_reference.is_empty()
            && let Some(target) = self.new_by_reference.get(&reference.0)
        {
            return Some(*target);
        }
        self.find(&head.directory.read(), reference.0)
    }

    fn by_labels(&mut self, head: &Head, labels: &Labels) -> Result<(u32, bool), AppendError> {
        if labels.is_empty() {
            return Err(AppendError::EmptyLabels);
        }
        let hash = head.hash(labels);
        let is_same = |target: &u32| self.new_series(*target).is_some_and(|new| new.labels == *labels);
        if let Some(target) = self.new_by_labels.find(hash, is_same) {
            return Ok((*target, false));
        }
        if let Some(series) = head.by_hash(hash, labels) {
            return Ok((self.push_single(Single::Known(series)), false));
        }
        check_labels(labels, &head.rules)?;
        head.check_room(self.new_by_labels.len(), labels)?;
        let new = NewSeries { reference: head.reserve_reference(), hash, labels: labels.clone() };
        Ok((self.push_new(new), true))
    }

    fn push_new(&mut self, new: NewSeries) -> u32 {
        let (reference, hash) = (new.reference, new.hash);
        let target = self.push_single(Single::New(new));
        self.new_by_reference.insert(reference, target);
        let mut by_labels = std::mem::take(&mut self.new_by_labels);
        by_labels.insert_unique(hash, target, |target| self.new_series(*target).map_or(0, |new| new.hash));
        self.new_by_labels = by_labels;
        target
    }

    fn push_single(&mut self, single: Single) -> u32 {
        self.single.push(single);
        self.push(Target::Single(self.single.len() as u32 - 1))
    }

    #[inline]
    fn push(&mut self, target: Target) -> u32 {
        self.targets.push(target);
        u32::try_from(self.targets.len() - 1).expect("a transaction has fewer than 2^32 series")
    }

    /// Creates the series that are new.
    pub(super) fn create(self, head: &Head, created: &mut Vec<Arc<MemSeries>>) -> HeldSeries {
        let find_or_create = |single| match single {
            Single::Known(series) => Some(series),
            Single::New(NewSeries { reference, hash, labels }) => {
                let (series, is_new) = head.get_or_create_by_hash(hash, reference, &labels)?;
                if is_new {
                    created.push(Arc::clone(&series));
                }
                Some(series)
            }
        };
        let single = self.single.into_iter().map(find_or_create).collect();
        HeldSeries { targets: self.targets, pages: self.pages, single }
    }
}

fn check_labels(labels: &Labels, rules: &HeadRules) -> Result<(), AppendError> {
    let refuse = |what, limit, found| Err(AppendError::LabelLimit { what, limit, found });
    let count = labels.len();
    if count > rules.max_labels {
        return refuse("labels of a series", rules.max_labels, count);
    }
    for (name, value) in labels.iter() {
        if name.len() > rules.max_label_name_bytes {
            return refuse("bytes of a label name", rules.max_label_name_bytes, name.len());
        }
        if value.len() > rules.max_label_value_bytes {
            return refuse("bytes of a label value", rules.max_label_value_bytes, value.len());
        }
    }
    Ok(())
}
