//! The series that a transaction writes to.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::{FixedState, RandomState};
use promethium_model::{AppendError, Labels, Point, SeriesKey, SeriesRef};

use crate::head::series::MemSeries;
use crate::head::{Head, HeadRules};

/// Rows whose series are looked up together.
pub(super) const ROWS_PER_LOOK_UP: usize = 64;

/// Series that are there, and series that the commit will create.
#[derive(Default)]
pub(super) struct Targets {
    targets: Vec<Target>,
    new_by_labels: HashMap<Labels, u32, RandomState>,
    new_by_reference: HashMap<u64, u32, FixedState>,
}

enum Target {
    Known(Arc<MemSeries>),
    New { reference: u64, labels: Labels },
}

impl Target {
    fn reference(&self) -> u64 {
        match self {
            Target::Known(series) => series.reference,
            Target::New { reference, .. } => *reference,
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
        self.targets[target as usize].reference()
    }

    /// The series, where it is there already.
    #[inline]
    pub(super) fn series(&self, target: u32) -> Option<&MemSeries> {
        match &self.targets[target as usize] {
            Target::Known(series) => Some(series),
            Target::New { .. } => None,
        }
    }

    pub(super) fn labels(&self, head: &Head, target: u32) -> Labels {
        match &self.targets[target as usize] {
            Target::Known(series) => head.labels(series).unwrap_or_else(Labels::empty),
            Target::New { labels, .. } => labels.clone(),
        }
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
        let mut last = self.targets.last().map(Target::reference);
        let pages = head.directory.read();
        for ((reference, _), target) in rows.iter().zip(targets) {
            // Samples of a series tend to come together.
            if last != Some(reference.0) {
                let Some(series) = pages.get(reference.0) else { continue };
                self.targets.push(Target::Known(Arc::clone(series)));
                last = Some(reference.0);
            }
            *target = Some(self.targets.len() as u32 - 1);
        }
    }

    #[inline]
    pub(super) fn known(&mut self, head: &Head, reference: SeriesRef) -> Result<u32, AppendError> {
        self.by_reference(head, reference).ok_or(AppendError::UnknownReference { reference: reference.0 })
    }

    #[inline]
    fn by_reference(&mut self, head: &Head, reference: SeriesRef) -> Option<u32> {
        // Samples of a series tend to come together.
        if let Some(last) = self.targets.last()
            && last.reference() == reference.0
        {
            return Some(self.targets.len() as u32 - 1);
        }
        if !self.new_by_reference.is_empty()
            && let Some(target) = self.new_by_reference.get(&reference.0)
        {
            return Some(*target);
        }
        let series = head.by_reference(reference)?;
        Some(self.push(Target::Known(series)))
    }

    fn by_labels(&mut self, head: &Head, labels: &Labels) -> Result<(u32, bool), AppendError> {
        if labels.is_empty() {
            return Err(AppendError::EmptyLabels);
        }
        if let Some(target) = self.new_by_labels.get(labels) {
            return Ok((*target, false));
        }
        if let Some(series) = head.by_labels(labels) {
            return Ok((self.push(Target::Known(series)), false));
        }
        check_labels(labels, &head.rules)?;
        head.check_room(self.new_by_labels.len(), labels)?;
        let reference = head.reserve_reference();
        let target = self.push(Target::New { reference, labels: labels.clone() });
        self.new_by_labels.insert(labels.clone(), target);
        self.new_by_reference.insert(reference, target);
        Ok((target, true))
    }

    fn push(&mut self, target: Target) -> u32 {
        self.targets.push(target);
        u32::try_from(self.targets.len() - 1).expect("a transaction has fewer than 2^32 series")
    }

    /// Creates the series that are new; `None` where the head is full.
    pub(super) fn create(self, head: &Head, created: &mut Vec<Arc<MemSeries>>) -> Vec<Option<Arc<MemSeries>>> {
        let find_or_create = |target| match target {
            Target::Known(series) => Some(series),
            Target::New { reference, labels } => {
                let (series, is_new) = head.get_or_create(reference, &labels)?;
                if is_new {
                    created.push(Arc::clone(&series));
                }
                Some(series)
            }
        };
        self.targets.into_iter().map(find_or_create).collect()
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
