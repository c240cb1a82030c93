//! The series that a transaction writes to.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use promethium_model::{AppendError, Labels, SeriesKey, SeriesRef};

use crate::head::directory::{Page, Pages, place};
use crate::head::neighbours::{Neighbours, ROW_SERIES};
use crate::head::series::MemSeries;
use crate::head::{Head, HeadRules};

/// Series that are there, and series that the commit will create.
#[derive(Default)]
pub(super) struct Targets {
    /// Pages of series that are there. Neighbours share one.
    pages: Vec<Arc<Page>>,
    /// Series that are held one by one, and new ones.
    single: Vec<Single>,
    /// What was found last.
    last: Option<(u64, Target)>,
    /// Targets of new series, by the hash of their labels.
    new_by_labels: HashTable<Target>,
    new_by_reference: HashMap<u64, Target, FixedState>,
}

/// A series of a transaction: a place on a page that is held, or the number of a single one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target(u32);

impl Target {
    const SINGLE: u32 = 1 << 31;
    /// Page, and place in it.
    const PLACE_BITS: u32 = u8::BITS;
    const MAX_PAGES: usize = (Target::SINGLE >> Target::PLACE_BITS) as usize;

    #[inline(always)]
    fn on_page(page: usize, at: u8) -> Target {
        Target((page as u32) << Target::PLACE_BITS | u32::from(at))
    }

    /// As far from the next one as rows of a page are.
    fn single(i: usize) -> Target {
        assert!(
            i < Target::SINGLE as usize / ROW_SERIES,
            "a transaction has fewer than 2^27 series that are held one by one"
        );
        Target((i * ROW_SERIES) as u32 | Target::SINGLE)
    }

    /// The same for two that are in one row of their page; single ones are alone.
    #[inline(always)]
    pub(super) fn row(self) -> u32 {
        self.0 / ROW_SERIES as u32
    }

    /// How far another target of its row is from this one: to be added to its place, without carry.
    #[inline(always)]
    pub(super) fn distance(self, other: Target) -> u8 {
        (self.0 ^ other.0) as u8
    }

    #[inline(always)]
    fn place(self) -> Place {
        if self.0 & Target::SINGLE == 0 {
            Place::OnPage((self.0 >> Target::PLACE_BITS) as usize, self.0 as u8)
        } else {
            Place::Single((self.0 & !Target::SINGLE) as usize / ROW_SERIES)
        }
    }
}

/// Where a series is.
enum Place {
    /// Which page of those that are held, and where on it.
    OnPage(usize, u8),
    Single(usize),
}

/// A page of a transaction.
#[derive(Clone, Copy)]
pub(super) struct HeldPage<'a> {
    pub(super) page: &'a Page,
    held_as: usize,
}

impl HeldPage<'_> {
    #[inline(always)]
    pub(super) fn target(&self, at: u8) -> Target {
        Target::on_page(self.held_as, at)
    }
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
    pages: Vec<Arc<Page>>,
    /// `None` where the head was full.
    single: Vec<Option<Arc<MemSeries>>>,
}

impl HeldSeries {
    /// The series of a target; `None` where the head was full.
    #[inline]
    pub(crate) fn get(&self, target: Target) -> Option<&Arc<MemSeries>> {
        match target.place() {
            Place::OnPage(page, at) => self.pages[page].series(at),
            Place::Single(i) => self.single[i].as_ref(),
        }
    }

    /// Where the samples of a target are; `None` where the head was full.
    ///
    /// PERF: of a series on a page nothing else is looked at.
    #[inline(always)]
    pub(super) fn place(&self, target: Target) -> Option<(&Neighbours, u8)> {
        match target.place() {
            Place::OnPage(page, at) => Some((&self.pages[page].neighbours, at)),
            Place::Single(i) => self.single[i].as_ref().map(|series| series.place()),
        }
    }

    /// As [`HeldSeries::get`], its reference alone.
    #[inline]
    pub(crate) fn reference(&self, target: Target) -> Option<u64> {
        match target.place() {
            Place::OnPage(page, at) => Some(self.pages[page].reference(at)),
            Place::Single(i) => self.single[i].as_ref().map(|series| series.reference),
        }
    }
}

impl Targets {
    pub(super) fn has_new(&self) -> bool {
        !self.new_by_labels.is_empty()
    }

    pub(super) fn reference(&self, target: Target) -> u64 {
        match target.place() {
            Place::OnPage(page, at) => self.pages[page].reference(at),
            Place::Single(i) => match &self.single[i] {
                Single::Known(series) => series.reference,
                Single::New(new) => new.reference,
            },
        }
    }

    /// The series, where it is there already.
    #[inline]
    pub(super) fn series(&self, target: Target) -> Option<&MemSeries> {
        match target.place() {
            Place::OnPage(page, at) => self.pages[page].series(at).map(|series| &**series),
            Place::Single(i) => match &self.single[i] {
                Single::Known(series) => Some(series),
                Single::New(_) => None,
            },
        }
    }

    pub(super) fn labels(&self, head: &Head, target: Target) -> Labels {
        match self.new_series(target) {
            Some(new) => new.labels.clone(),
            None => self.series(target).and_then(|series| head.labels(series)).unwrap_or_else(Labels::empty),
        }
    }

    fn new_series(&self, target: Target) -> Option<&NewSeries> {
        let Place::Single(i) = target.place() else { return None };
        if let Single::New(new) = &self.single[i] { Some(new) } else { None }
    }

    /// The target that a key names, and whether it is a new series.
    pub(super) fn resolve(&mut self, head: &Head, key: SeriesKey<'_>) -> Result<(Target, bool), AppendError> {
        match key {
            SeriesKey::Ref(r) => self.known(head, r).map(|target| (target, false)),
            SeriesKey::RefOrLabels(r, labels) => match self.by_reference(head, r) {
                Some(target) => Ok((target, false)),
                None => self.by_labels(head, labels),
            },
            SeriesKey::Labels(labels) => self.by_labels(head, labels),
        }
    }

    /// Holds the page of a reference. `None` where there is none, or as many are held as a transaction can name.
    #[inline]
    pub(super) fn hold(&mut self, pages: &Pages, reference: u64) -> Option<HeldPage<'_>> {
        if self.pages.last().is_none_or(|page| !page.holds(reference)) {
            let page = pages.page(place(reference).0).filter(|_| self.pages.len() < Target::MAX_PAGES)?;
            self.pages.push(Arc::clone(page));
        }
        let held_as = self.pages.len() - 1;
        self.pages.last().map(|page| HeldPage { page, held_as })
    }

    #[inline]
    pub(super) fn known(&mut self, head: &Head, reference: SeriesRef) -> Result<Target, AppendError> {
        self.by_reference(head, reference).ok_or(AppendError::UnknownReference { reference: reference.0 })
    }

    fn by_reference(&mut self, head: &Head, reference: SeriesRef) -> Option<Target> {
        // Samples of a series tend to come together.
        if let Some((_, target)) = self.last.filter(|(last, _)| *last == reference.0) {
            return Some(target);
        }
        let target = match self.new_by_reference.get(&reference.0) {
            Some(target) => *target,
            None => self.find(&head.directory.read(), reference.0)?,
        };
        self.last = Some((reference.0, target));
        Some(target)
    }

    /// The target of a series that is in the head.
    fn find(&mut self, pages: &Pages, reference: u64) -> Option<Target> {
        let series = pages.get(reference)?;
        match self.hold(pages, reference) {
            Some(held) => Some(held.target(place(reference).1)),
            None => Some(self.push_single(Single::Known(Arc::clone(series)))),
        }
    }

    fn by_labels(&mut self, head: &Head, labels: &Labels) -> Result<(Target, bool), AppendError> {
        if labels.is_empty() {
            return Err(AppendError::EmptyLabels);
        }
        let hash = head.hash(labels);
        let is_same = |target: &Target| self.new_series(*target).is_some_and(|new| new.labels == *labels);
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

    fn push_new(&mut self, new: NewSeries) -> Target {
        let (reference, hash) = (new.reference, new.hash);
        let target = self.push_single(Single::New(new));
        self.new_by_reference.insert(reference, target);
        let mut by_labels = std::mem::take(&mut self.new_by_labels);
        by_labels.insert_unique(hash, target, |target| self.new_series(*target).map_or(0, |new| new.hash));
        self.new_by_labels = by_labels;
        target
    }

    fn push_single(&mut self, single: Single) -> Target {
        self.single.push(single);
        Target::single(self.single.len() - 1)
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
        HeldSeries { pages: self.pages, single }
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
