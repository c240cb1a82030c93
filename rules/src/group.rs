//! A group: its rules one after the other, at one timestamp, each committed before the next.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use promethium_model::Labels;

use crate::alerting::{AlertingRule, written_labels};
use crate::concurrency::{Slots, run_all};
use crate::dependency::{Batches, batches};
use crate::error::RuleError;
use crate::file::{GroupSpec, SortedPairs, texts_of};
use crate::grid::{Grid, Slot};
use crate::metrics::{Counter, GroupCounters, GroupMetrics};
use crate::options::RuleGlobals;
use crate::overlay::SeriesSet;
use crate::restore::restore_rule;
use crate::rule::{EvalTimes, Host, Rule, is_canceled};
use crate::state::AlertInstance;
use crate::sync::{lock, try_lock};
use crate::view::{AlertRuleView, GroupView, RecordRuleView, RuleView};
use crate::write::{write_rule, write_stale};

pub(crate) struct Group {
    spec: GroupSpec,
    interval_ms: i64,
    grid: Grid,
    rules: Vec<Rule>,
    batches: Batches,
    counters: Arc<GroupCounters>,
    // Held through an evaluation: a group never runs twice at once.
    memory: Mutex<Memory>,
    // Held for a moment only: what others ask for while the group runs.
    slot: Mutex<Slot>,
    last: Mutex<LastRun>,
}

/// What one evaluation leaves for the next.
#[derive(Default)]
struct Memory {
    /// Series that each rule stored.
    series: Vec<SeriesSet>,
    /// Series of rules that are gone, to be marked at the end of the next evaluation.
    vanished: Vec<Labels>,
    /// Another version took over, or the group is gone: it never runs again.
    retired: bool,
    /// Evaluations until storage is asked for the alerts of the process before.
    until_restore: u32,
}

impl Memory {
    /// All series that are still to be marked some day, sorted.
    fn take_series(&mut self) -> Vec<Labels> {
        let mut series = std::mem::take(&mut self.vanished);
        series.extend(self.series.iter_mut().flat_map(std::mem::take));
        series.sort_unstable();
        series
    }
}

/// A rule that fired before a restart needs data to be seen again: scrapes come first, and rules that it builds on.
const EVALUATIONS_BEFORE_RESTORE: u32 = 2;

/// What the rules of one evaluation add up to.
#[derive(Default)]
struct Totals {
    samples: Counter,
    took_ns: Counter,
}

#[derive(Clone, Copy, Default)]
struct LastRun {
    evaluation_ms: Option<i64>,
    took: Duration,
    rules_took: Duration,
    restore_took: Duration,
}

impl Group {
    /// A group that runs at its next grid point after `now_ms`; `restores` says that it may have run in a process before.
    pub(crate) fn new(spec: GroupSpec, globals: &RuleGlobals, now_ms: i64, restores: bool) -> Self {
        let interval_ms = spec.interval_ms.unwrap_or(globals.evaluation_interval_ms).max(1);
        let grid = Grid::new(&spec.file, &spec.name, interval_ms);
        let rules: Vec<Rule> =
            spec.rules.iter().map(|rule| Rule::new(rule.clone(), &globals.external_labels)).collect();
        let series = rules.iter().map(|_| SeriesSet::default()).collect();
        let until_restore = if restores { EVALUATIONS_BEFORE_RESTORE } else { 0 };
        let memory = Memory { series, until_restore, ..Memory::default() };
        let batches = batches(&spec.rules);
        let group = Group {
            spec,
            interval_ms,
            grid,
            rules,
            batches,
            counters: Arc::default(),
            memory: Mutex::new(memory),
            slot: Mutex::new(grid.newest(now_ms)),
            last: Mutex::default(),
        };
        if !restores {
            group.set_restored();
        }
        group
    }

    fn alerting_rules(&self) -> impl Iterator<Item = &AlertingRule> {
        self.rules.iter().filter_map(|rule| match rule {
            Rule::Alerting(rule) => Some(rule),
            Rule::Recording(_) => None,
        })
    }

    fn set_restored(&self) {
        self.alerting_rules().for_each(AlertingRule::set_restored);
    }

    /// The group's new version, with the state of the rules that are still there.
    pub(crate) fn successor(&self, spec: GroupSpec, globals: &RuleGlobals, now_ms: i64) -> Self {
        let mut next = Group::new(spec, globals, now_ms, false);
        next.counters = Arc::clone(&self.counters);
        // Waits for an evaluation that runs.
        let mut memory = lock(&self.memory);
        memory.retired = true;
        next.last = Mutex::new(*lock(&self.last));
        let mut earlier = self.rules_by_identity();
        let inherited = next.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (rule, series) in next.rules.iter().zip(&mut inherited.series) {
            let Some(i) = earlier.get_mut(&rule.identity()).and_then(VecDeque::pop_front) else { continue };
            *series = std::mem::take(&mut memory.series[i]);
            if let (Rule::Alerting(new), Rule::Alerting(old)) = (rule, &self.rules[i]) {
                new.adopt(old);
            }
        }
        inherited.vanished = memory.take_series();
        next
    }

    /// Rules by name and labels, those of one identity in order.
    fn rules_by_identity(&self) -> HashMap<(&str, SortedPairs), VecDeque<usize>> {
        let mut rules: HashMap<_, VecDeque<usize>> = HashMap::new();
        for (i, rule) in self.rules.iter().enumerate() {
            rules.entry(rule.identity()).or_default().push_back(i);
        }
        rules
    }

    /// Whether `spec` describes this very group, so that it may run on.
    pub(crate) fn is_unchanged_by(&self, spec: &GroupSpec, globals: &RuleGlobals) -> bool {
        let interval_ms = spec.interval_ms.unwrap_or(globals.evaluation_interval_ms).max(1);
        let same_interval = GroupSpec { interval_ms: self.spec.interval_ms, ..spec.clone() };
        self.interval_ms == interval_ms && self.spec == same_interval
    }

    /// Identity across loads, and the order of views.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.spec.file, &self.spec.name)
    }

    pub(crate) fn interval_ms(&self) -> i64 {
        self.interval_ms
    }

    pub(crate) fn offset_ms(&self, globals: &RuleGlobals) -> i64 {
        self.spec.query_offset_ms.unwrap_or(globals.query_offset_ms)
    }

    /// Ends the group and gives all series that its rules stored last.
    pub(crate) fn retire(&self) -> Vec<Labels> {
        let mut memory = lock(&self.memory);
        memory.retired = true;
        memory.take_series()
    }

    /// When the group is due, at the latest `now_ms` if it is overdue.
    pub(crate) fn next_due_ms(&self, now_ms: i64) -> i64 {
        let slot = *lock(&self.slot);
        match self.grid.due(slot, now_ms) {
            Some(_) => now_ms,
            None => self.grid.due_after_ms(slot),
        }
    }

    /// Runs the group if it is due and not running yet.
    pub(crate) fn tick(&self, now_ms: i64, host: &Host<'_>, globals: &RuleGlobals) -> bool {
        let Some(mut memory) = try_lock(&self.memory).filter(|memory| !memory.retired) else { return false };
        let Some((slot, missed)) = self.grid.due(*lock(&self.slot), now_ms) else { return false };
        *lock(&self.slot) = slot;
        self.counters.missed.add(missed);
        self.counters.iterations.add(missed);
        self.run(slot.timestamp_ms(), &mut memory, host, globals);
        self.restore_in_time(&mut memory, host, now_ms);
        true
    }

    /// Asks storage for the alerts of the process before, once, when it is time to. A store that fails is not asked again.
    fn restore_in_time(&self, memory: &mut Memory, host: &Host<'_>, now_ms: i64) {
        if memory.until_restore == 0 {
            return;
        }
        memory.until_restore -= 1;
        if memory.until_restore > 0 {
            return;
        }
        let started = host.options.clock.monotonic();
        for rule in self.alerting_rules() {
            if let Err(error) = restore_rule(rule, host.store, host.options, now_ms) {
                rule.status.failed(&RuleError::Restore(error));
            }
            rule.set_restored();
        }
        lock(&self.last).restore_took = host.options.clock.monotonic().saturating_sub(started);
    }

    /// Runs the group at `ts_ms`, on the grid or not, as if there had been no process before.
    pub(crate) fn evaluate(&self, ts_ms: i64, host: &Host<'_>, globals: &RuleGlobals) {
        let mut memory = lock(&self.memory);
        if !memory.retired {
            memory.until_restore = 0;
            self.set_restored();
            self.run(ts_ms, &mut memory, host, globals);
        }
    }

    fn run(&self, ts_ms: i64, memory: &mut Memory, host: &Host<'_>, globals: &RuleGlobals) {
        let started = host.options.clock.monotonic();
        let times = EvalTimes { ts_ms, offset_ms: self.offset_ms(globals), interval_ms: self.interval_ms };
        self.counters.iterations.add(1);
        let rules_took = self.run_rules(&mut memory.series, host, &times);
        self.mark_vanished(memory, host, &times);
        let ended = host.options.clock.monotonic();
        let took = ended.saturating_sub(started);
        host.durations.groups.observe(ended, took);
        let mut last = lock(&self.last);
        *last = LastRun { evaluation_ms: Some(ts_ms), took, rules_took, ..*last };
    }

    /// Runs the rules, in file order or, where the host lends threads, in batches; gives the time that they took.
    fn run_rules(&self, series: &mut [SeriesSet], host: &Host<'_>, times: &EvalTimes) -> Duration {
        let totals = Totals::default();
        let run = |(rule, series): (&Rule, &mut SeriesSet)| {
            let started = host.options.clock.monotonic();
            let samples = self.run_rule(rule, series, host, times);
            let ended = host.options.clock.monotonic();
            let took = ended.saturating_sub(started);
            host.durations.rules.observe(ended, took);
            rule.status().evaluated(times.ts_ms, took);
            totals.samples.add(samples);
            totals.took_ns.add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        };
        match host.slots {
            None => self.rules.iter().zip(series).for_each(run),
            Some(slots) => self.run_batches(slots, series, run),
        }
        self.counters.last_samples.set(totals.samples.get());
        Duration::from_nanos(totals.took_ns.get())
    }

    fn run_batches(&self, slots: &Slots, series: &mut [SeriesSet], run: impl Fn((&Rule, &mut SeriesSet)) + Sync) {
        let mut jobs: Vec<Option<(&Rule, &mut SeriesSet)>> = self.rules.iter().zip(series).map(Some).collect();
        for batch in &self.batches {
            let batch = batch.iter().filter_map(|i| jobs.get_mut(*i).and_then(Option::take)).collect();
            run_all(slots, batch, &run);
        }
    }

    /// Evaluates one rule and stores its result; gives the number of samples of the result.
    fn run_rule(&self, rule: &Rule, series: &mut SeriesSet, host: &Host<'_>, times: &EvalTimes) -> u64 {
        self.counters.evaluations.add(1);
        let samples = match rule.evaluate(host, times, self.limit()) {
            Ok(samples) => samples,
            Err(error) => {
                self.fail(rule, &error);
                return 0;
            }
        };
        rule.status().succeeded();
        if let Rule::Alerting(alerting) = rule {
            alerting.send_due(host, times);
        }
        match write_rule(host.sink, &samples, series, times.sample_ms()) {
            Ok(written) => {
                self.counters.rejected.add(written.rejected);
                *series = written.series;
                if let Some(refusal) = written.refusal {
                    rule.status().failed(&refusal.into());
                }
            }
            Err(error) => self.fail(rule, &error),
        }
        samples.len() as u64
    }

    fn fail(&self, rule: &Rule, error: &RuleError) {
        rule.status().failed(error);
        if !is_canceled(error) {
            self.counters.failures.add(1);
        }
    }

    /// A failed commit keeps the series for the next evaluation.
    fn mark_vanished(&self, memory: &mut Memory, host: &Host<'_>, times: &EvalTimes) {
        if memory.vanished.is_empty() {
            return;
        }
        if write_stale(host.sink, &memory.vanished, times.sample_ms()).is_ok() {
            memory.vanished.clear();
        }
    }

    fn limit(&self) -> usize {
        usize::try_from(self.spec.limit).unwrap_or(0)
    }

    pub(crate) fn view(&self) -> GroupView {
        let last = *lock(&self.last);
        GroupView {
            file: self.spec.file.clone(),
            name: self.spec.name.clone(),
            interval_ms: self.interval_ms,
            limit: self.limit(),
            rules: self.rules.iter().map(rule_view).collect(),
            evaluation_seconds: last.took.as_secs_f64(),
            last_evaluation_ms: last.evaluation_ms,
        }
    }

    /// Name and error of the rules whose last evaluation failed.
    pub(crate) fn errors(&self) -> Vec<(String, String)> {
        let error = |rule: &Rule| Some((rule.identity().0.to_owned(), rule.status().get().last_error?));
        self.rules.iter().filter_map(error).collect()
    }

    /// Pending and firing alerts of all rules, in file order.
    pub(crate) fn active_alerts(&self) -> Vec<AlertInstance> {
        let alerting = |rule: &Rule| match rule {
            Rule::Alerting(rule) => rule.active(),
            Rule::Recording(_) => Vec::new(),
        };
        self.rules.iter().flat_map(alerting).collect()
    }

    pub(crate) fn metrics(&self) -> GroupMetrics {
        let last = *lock(&self.last);
        GroupMetrics {
            rule_group: format!("{};{}", self.spec.file, self.spec.name),
            evaluations_total: self.counters.evaluations.get(),
            evaluation_failures_total: self.counters.failures.get(),
            iterations_total: self.counters.iterations.get(),
            iterations_missed_total: self.counters.missed.get(),
            interval_seconds: self.interval_ms as f64 / 1e3,
            last_evaluation_timestamp_seconds: last.evaluation_ms.map_or(0.0, |ms| ms as f64 / 1e3),
            last_duration_seconds: last.took.as_secs_f64(),
            last_rule_duration_sum_seconds: last.rules_took.as_secs_f64(),
            last_restore_duration_seconds: last.restore_took.as_secs_f64(),
            rules: self.rules.len() as u64,
            last_evaluation_samples: self.counters.last_samples.get(),
            samples_rejected_total: self.counters.rejected.get(),
        }
    }
}

fn rule_view(rule: &Rule) -> RuleView {
    let outcome = rule.status().get();
    match rule {
        Rule::Alerting(rule) => RuleView::Alerting(AlertRuleView {
            state: rule.state(),
            name: rule.spec.alert.clone(),
            query: rule.expr.clone(),
            duration_ms: rule.spec.for_ms,
            keep_firing_for_ms: rule.spec.keep_firing_for_ms,
            labels: written_labels(rule),
            annotations: texts_of(&rule.spec.annotations),
            alerts: rule.active(),
            health: outcome.health,
            last_error: outcome.last_error,
            evaluation_seconds: outcome.evaluation_seconds,
            last_evaluation_ms: outcome.last_evaluation_ms,
        }),
        Rule::Recording(rule) => RuleView::Recording(RecordRuleView {
            name: rule.spec.record.clone(),
            query: rule.expr.clone(),
            labels: rule.spec.labels.clone(),
            health: outcome.health,
            last_error: outcome.last_error,
            evaluation_seconds: outcome.evaluation_seconds,
            last_evaluation_ms: outcome.last_evaluation_ms,
        }),
    }
}
