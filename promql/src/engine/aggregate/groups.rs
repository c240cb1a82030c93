//! Which group a series belongs to.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use promethium_model::Labels;
use promethium_model::labels::METRIC_NAME;

use super::super::column::Series;
use crate::plan::AggregatePlan;

/// The labels of the group of `labels`.
pub(super) fn group_labels(plan: &AggregatePlan, labels: &Labels) -> Labels {
    if !plan.without && plan.grouping.is_empty() {
        return Labels::empty();
    }
    let listed = |name: &str| plan.grouping.iter().any(|l| l == name);
    if plan.without {
        labels.without(|name| name == METRIC_NAME || listed(name))
    } else {
        labels.without(|name| !listed(name))
    }
}

/// A group and what is gathered for it.
pub(super) struct Group<T> {
    pub(super) labels: Labels,
    /// Whether some member wants its name dropped.
    pub(super) drop_name: bool,
    pub(super) state: T,
}

/// What [`Groups::of`] finds.
pub(super) struct Found<'g, T> {
    pub(super) state: &'g mut T,
    pub(super) is_new: bool,
}

/// The groups of an aggregation, in the order of their first members.
pub(super) struct Groups<'p, T> {
    plan: &'p AggregatePlan,
    groups: Vec<Group<T>>,
    index: HashTable<usize>,
    hasher: FixedState,
}

impl<'p, T> Groups<'p, T> {
    pub(super) fn new(plan: &'p AggregatePlan) -> Self {
        Groups { plan, groups: Vec::new(), index: HashTable::new(), hasher: FixedState::default() }
    }

    /// The group of a series; a new one begins with `start`.
    pub(super) fn of(&mut self, series: &Series, start: impl FnOnce() -> T) -> Found<'_, T> {
        let (at, is_new) = self.position(group_labels(self.plan, &series.labels), start);
        let group = &mut self.groups[at];
        group.drop_name |= series.drop_name;
        Found { state: &mut group.state, is_new }
    }

    fn position(&mut self, labels: Labels, start: impl FnOnce() -> T) -> (usize, bool) {
        let hash = self.hasher.hash_one(&labels);
        let Groups { groups, index, hasher, .. } = self;
        if let Some(at) = index.find(hash, |i| groups[*i].labels == labels) {
            return (*at, false);
        }
        let at = groups.len();
        groups.push(Group { labels, drop_name: false, state: start() });
        index.insert_unique(hash, at, |i| hasher.hash_one(&groups[*i].labels));
        (at, true)
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Group<T>> {
        self.groups.into_iter()
    }
}

/// The positions of the members of every group.
pub(super) fn members(plan: &AggregatePlan, series: &[Series]) -> Vec<Group<Vec<usize>>> {
    let mut groups: Groups<'_, Vec<usize>> = Groups::new(plan);
    for (i, s) in series.iter().enumerate() {
        groups.of(s, Vec::new).state.push(i);
    }
    groups.groups
}
