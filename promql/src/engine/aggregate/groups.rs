//! Which group a series belongs to.

use std::hash::{BuildHasher, Hasher};
use std::mem::size_of;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, QueryError};

use super::super::bitmap::Bitmap;
use super::super::budget::{Charge, table_bytes};
use super::super::column::{Column, Series, label_bytes};
use crate::plan::AggregatePlan;

/// The labels of the group of `labels`.
pub(super) fn group_labels(plan: &AggregatePlan, labels: &Labels) -> Labels {
    labels.without(|name| !keeps(plan, name))
}

/// Whether the groups of an aggregation have a label.
fn keeps(plan: &AggregatePlan, name: &str) -> bool {
    let listed = plan.grouping.iter().any(|l| l == name);
    if plan.without { name != METRIC_NAME && !listed } else { listed }
}

/// A group and what is gathered for it.
pub(super) struct Group<T> {
    pub(super) labels: Labels,
    pub(super) flags: Flags,
    pub(super) state: T,
}

/// At which steps some member wants its name dropped: a result goes by the last of its steps.
pub(super) struct Flags {
    dropping: Bitmap,
    floats: Bitmap,
}

impl Flags {
    fn new(steps: usize) -> Self {
        Flags { dropping: Bitmap::new(steps), floats: Bitmap::new(steps) }
    }

    /// Whether a result of the group wants its name dropped.
    pub(super) fn of(&self, result: &Column) -> bool {
        result.last_step().is_some_and(|step| self.dropping.get(step))
    }

    /// Members come in order: of those that are ignored only the ones behind a float have a say.
    fn add(&mut self, series: &Series, ignores_histograms: bool) {
        let column = &series.column;
        if series.drop_name {
            self.dropping.union(&column.present);
            for (step, _) in &column.histograms {
                if !ignores_histograms || self.floats.get(*step as usize) {
                    self.dropping.set(*step as usize);
                }
            }
        }
        if ignores_histograms {
            self.floats.union(&column.present);
        }
    }
}

/// What [`Groups::of`] finds.
pub(super) struct Found<'g, T> {
    pub(super) state: &'g mut T,
    pub(super) is_new: bool,
    /// Bytes of its entry, its labels and its flags.
    pub(super) label_bytes: usize,
}

/// The groups of an aggregation, in the order of their first members.
pub(super) struct Groups<'p, T> {
    plan: &'p AggregatePlan,
    /// The last of the labels that groups have, if these are listed.
    last: Option<&'p str>,
    groups: Vec<Group<T>>,
    index: HashTable<usize>,
    hasher: FixedState,
}

impl<'p, T> Groups<'p, T> {
    pub(super) fn new(plan: &'p AggregatePlan) -> Self {
        let last = plan.grouping.iter().map(AsRef::as_ref).max();
        Groups { plan, last, groups: Vec::new(), index: HashTable::new(), hasher: FixedState::default() }
    }

    /// The group of a series; a new one begins with `start`.
    pub(super) fn of(&mut self, series: &Series, start: impl FnOnce() -> T) -> Found<'_, T> {
        let (at, is_new) = self.position(series, start);
        let group = &mut self.groups[at];
        group.flags.add(series, self.plan.op.ignores_histograms());
        let entry = table_bytes(1, size_of::<Group<T>>() + size_of::<usize>());
        let label_bytes = entry + label_bytes(&group.labels) + series.column.steps() / 4;
        Found { state: &mut group.state, is_new, label_bytes }
    }

    /// Finds the group of a series; a label set is built for a new one alone.
    fn position(&mut self, series: &Series, start: impl FnOnce() -> T) -> (usize, bool) {
        let Groups { groups, index, hasher, plan, last } = self;
        let labels = &series.labels;
        // Names are sorted, so that nothing is looked at behind the last one listed.
        let may_keep = |name: &str| plan.without || last.is_some_and(|last| name <= last);
        let kept = || labels.iter().take_while(|(name, _)| may_keep(name)).filter(|(name, _)| keeps(plan, name));
        let hash = hash_of(hasher, kept());
        if let Some(at) = index.find(hash, |i| groups[*i].labels.iter().eq(kept())) {
            return (*at, false);
        }
        let at = groups.len();
        let flags = Flags::new(series.column.steps());
        groups.push(Group { labels: group_labels(plan, labels), flags, state: start() });
        index.insert_unique(hash, at, |i| hash_of(hasher, groups[*i].labels.iter()));
        (at, true)
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Group<T>> {
        self.groups.into_iter()
    }
}

fn hash_of<'l>(hasher: &FixedState, pairs: impl Iterator<Item = (&'l str, &'l str)>) -> u64 {
    let mut state = hasher.build_hasher();
    for (name, value) in pairs {
        state.write(name.as_bytes());
        state.write(value.as_bytes());
    }
    state.finish()
}

/// The positions of the members of every group.
pub(super) fn members(
    plan: &AggregatePlan,
    series: &[Series],
    charge: &mut Charge<'_>,
) -> Result<Vec<Group<Vec<usize>>>, QueryError> {
    let mut groups: Groups<'_, Vec<usize>> = Groups::new(plan);
    for (i, s) in series.iter().enumerate() {
        let group = groups.of(s, Vec::new);
        if group.is_new {
            charge.hold(group.label_bytes)?;
        }
        charge.push(group.state, i)?;
    }
    Ok(groups.groups)
}
