//! The manager: loads rule files, knows what is due, and runs it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use promethium_model::{Appendable, Labels, QueryEngine, Queryable};

use crate::concurrency::Slots;
use crate::file::{self, FileChecks, GroupSpec, RuleFileErrors, RuleSource};
use crate::group::Group;
use crate::metrics::{EvaluationDurations, RuleMetrics};
use crate::notifier::Notifier;
use crate::options::{RuleGlobals, RuleOptions};
use crate::rule::Host;
use crate::state::AlertInstance;
use crate::sync::lock;
use crate::view::GroupView;
use crate::write::write_stale;

/// Rule groups and their state. Evaluation, loading and views may come from different threads; views never wait for a
/// query.
pub struct RuleManager {
    engine: Arc<dyn QueryEngine>,
    options: RuleOptions,
    slots: Option<Slots>,
    durations: EvaluationDurations,
    // One load at a time. Held while groups finish what they run; `state` never is.
    loading: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    globals: RuleGlobals,
    // Sorted by file, then name.
    groups: Vec<Arc<Group>>,
    removed: Vec<Removed>,
    // Only the first load may find what a process before left.
    loaded: bool,
}

/// Series of a group that was removed, to be marked once another group had the chance to take them over.
struct Removed {
    due_ms: i64,
    stale_ms: i64,
    series: Vec<Labels>,
}

/// What a load did to the groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// Groups that run now.
    pub groups: usize,
    /// Their rules.
    pub rules: usize,
    /// Groups that run on as they were.
    pub unchanged: usize,
    /// Groups that are gone.
    pub removed: usize,
    /// What is odd about the files: see [`warnings`](crate::file::warnings).
    pub warnings: Vec<String>,
}

impl RuleManager {
    /// A manager without rules.
    #[must_use]
    pub fn new(engine: Arc<dyn QueryEngine>, options: RuleOptions) -> Self {
        let slots = Some(options.max_concurrent_evals).filter(|threads| *threads > 0).map(Slots::new);
        RuleManager {
            engine,
            options,
            slots,
            durations: EvaluationDurations::default(),
            loading: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// Replaces the rules by those of `sources`: the first load and every reload.
    ///
    /// Groups that are the same run on. A changed group keeps the alerts and the series of rules with the same name
    /// and labels; series of rules that are gone are marked stale at the end of its first evaluation, those of removed
    /// groups two intervals later. New and changed groups first run at their next grid point after `now_ms`.
    ///
    /// # Errors
    ///
    /// Every problem of every file. Nothing has changed then.
    pub fn load(
        &self,
        sources: &[RuleSource],
        globals: &RuleGlobals,
        now_ms: i64,
    ) -> Result<LoadReport, RuleFileErrors> {
        let checks = FileChecks::new(&*self.engine, &*self.options.templates, &self.options.limits)
            .with_legacy_names(self.options.legacy_names)
            .with_unknown_fields_ignored(self.options.ignore_unknown_fields);
        let specs = file::parse(sources, &checks)?;
        let _loading = lock(&self.loading);
        let (earlier, is_first) = {
            let state = lock(&self.state);
            (state.groups.clone(), !state.loaded && self.options.restore)
        };
        let change = Change::new(earlier, specs, &Load { globals, now_ms, is_first });
        let mut report = change.report.clone();
        report.warnings = file::warnings(sources);
        lock(&self.state).apply(change, globals);
        Ok(report)
    }

    /// The time of the next thing to do, milliseconds since the epoch: not after `now_ms` when something is due, `None`
    /// when there is nothing to wait for.
    #[must_use]
    pub fn next_due_ms(&self, now_ms: i64) -> Option<i64> {
        let (groups, removals) = {
            let state = lock(&self.state);
            (state.groups.clone(), state.removed.iter().map(|removed| removed.due_ms).min())
        };
        groups.iter().map(|group| group.next_due_ms(now_ms)).chain(removals).min()
    }

    /// Runs every group that is due at `now_ms`, each at its newest grid point, and gives their number. Queries go to
    /// `store`, results to `sink`, due alerts to `notifier`. What goes wrong is in the rules' health.
    ///
    /// Several threads may call this at once: each due group is run by one of them, so that a slow group holds up one
    /// thread and not the others' groups.
    pub fn evaluate(
        &self,
        now_ms: i64,
        store: &dyn Queryable,
        sink: &dyn Appendable,
        notifier: &dyn Notifier,
    ) -> usize {
        let host = self.host(store, sink, notifier);
        let (groups, globals) = self.groups_and_globals();
        let ran = groups.iter().filter(|group| group.tick(now_ms, &host, &globals)).count();
        self.mark_removed(now_ms, sink);
        ran
    }

    /// Runs every group once at `ts_ms`, whatever its interval: for tests of rules.
    pub fn evaluate_all_at(&self, ts_ms: i64, store: &dyn Queryable, sink: &dyn Appendable, notifier: &dyn Notifier) {
        let host = self.host(store, sink, notifier);
        let (groups, globals) = self.groups_and_globals();
        groups.iter().for_each(|group| group.evaluate(ts_ms, &host, &globals));
    }

    /// As [`RuleManager::evaluate_all_at`], groups by the rank of their names; gives name and error of each rule that failed.
    pub(crate) fn evaluate_ordered_at(
        &self,
        ts_ms: i64,
        store: &dyn Queryable,
        sink: &dyn Appendable,
        notifier: &dyn Notifier,
        rank: impl Fn(&str) -> usize,
    ) -> Vec<(String, String)> {
        let host = self.host(store, sink, notifier);
        let (mut groups, globals) = self.groups_and_globals();
        groups.sort_by_key(|group| rank(group.key().1));
        groups.iter().for_each(|group| group.evaluate(ts_ms, &host, &globals));
        groups.iter().flat_map(|group| group.errors()).collect()
    }

    fn host<'a>(&'a self, store: &'a dyn Queryable, sink: &'a dyn Appendable, notifier: &'a dyn Notifier) -> Host<'a> {
        let RuleManager { options, durations, .. } = self;
        Host { engine: &*self.engine, options, store, sink, notifier, durations, slots: self.slots.as_ref() }
    }

    fn groups_and_globals(&self) -> (Vec<Arc<Group>>, RuleGlobals) {
        let state = lock(&self.state);
        (state.groups.clone(), state.globals.clone())
    }

    /// Marks the series of removed groups whose time has come. A failed commit leaves them for the next call.
    fn mark_removed(&self, now_ms: i64, sink: &dyn Appendable) {
        let (due, later) = std::mem::take(&mut lock(&self.state).removed)
            .into_iter()
            .partition::<Vec<_>, _>(|removed| removed.due_ms <= now_ms);
        let failed = due.into_iter().filter(|removed| write_stale(sink, &removed.series, removed.stale_ms).is_err());
        let left: Vec<Removed> = later.into_iter().chain(failed).collect();
        lock(&self.state).removed.extend(left);
    }

    /// The groups, sorted by file, then name.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        self.groups_and_globals().0.iter().map(|group| group.view()).collect()
    }

    /// Pending and firing alerts of all groups.
    #[must_use]
    pub fn alerts(&self) -> Vec<AlertInstance> {
        self.groups_and_globals().0.iter().flat_map(|group| group.active_alerts()).collect()
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> RuleMetrics {
        let groups = self.groups_and_globals().0.iter().map(|group| group.metrics()).collect();
        self.durations.metrics(self.options.clock.monotonic(), groups)
    }
}

/// What a load brings beside the rules.
struct Load<'a> {
    globals: &'a RuleGlobals,
    now_ms: i64,
    is_first: bool,
}

/// The way from the rules of one load to those of the next.
#[derive(Default)]
struct Change {
    groups: Vec<Arc<Group>>,
    removed: Vec<Removed>,
    report: LoadReport,
}

impl Change {
    /// Waits for groups that are running and that change or go.
    fn new(earlier: Vec<Arc<Group>>, specs: Vec<GroupSpec>, load: &Load<'_>) -> Self {
        let key = |group: &Group| (group.key().0.to_owned(), group.key().1.to_owned());
        let mut earlier: BTreeMap<(String, String), Arc<Group>> =
            earlier.into_iter().map(|group| (key(&group), group)).collect();
        let mut change = Change::default();
        for spec in specs {
            change.report.groups += 1;
            change.report.rules += spec.rules.len();
            let known = earlier.remove(&(spec.file.clone(), spec.name.clone()));
            change.add(spec, known, load);
        }
        change.report.removed = earlier.len();
        earlier.values().for_each(|group| change.retire(group, load.globals, load.now_ms));
        change.groups.sort_by(|a, b| a.key().cmp(&b.key()));
        change
    }

    fn add(&mut self, spec: GroupSpec, known: Option<Arc<Group>>, load: &Load<'_>) {
        let Load { globals, now_ms, is_first } = *load;
        self.groups.push(match known {
            Some(group) if group.is_unchanged_by(&spec, globals) => {
                self.report.unchanged += 1;
                group
            }
            Some(group) => Arc::new(group.successor(spec, globals, now_ms)),
            None => Arc::new(Group::new(spec, globals, now_ms, is_first)),
        });
    }

    fn retire(&mut self, group: &Group, globals: &RuleGlobals, now_ms: i64) {
        let series = group.retire();
        if !series.is_empty() {
            self.removed.push(Removed {
                due_ms: now_ms.saturating_add(group.interval_ms().saturating_mul(2)),
                stale_ms: now_ms.saturating_sub(group.offset_ms(globals)),
                series,
            });
        }
    }
}

impl State {
    fn apply(&mut self, change: Change, globals: &RuleGlobals) {
        self.groups = change.groups;
        self.removed.extend(change.removed);
        self.globals = globals.clone();
        self.loaded = true;
    }
}
