//! The alert state machine: pending, firing, inactive. Pure: time and query results come in, decisions come out.

use std::collections::HashMap;
use std::hash::BuildHasher;

use promethium_model::Labels;
use thiserror::Error;

use crate::file::SortedPairs;

/// How long a resolved alert is kept and sent again, milliseconds.
const RESOLVED_RETENTION_MS: i64 = 15 * 60_000;

/// The state of an alert, or of a rule (that of its gravest alert).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// Never evaluated; rules only.
    Unknown,
    /// Not active: never was, or resolved.
    Inactive,
    /// Active, but not yet for long enough.
    Pending,
    /// Active.
    Firing,
}

impl AlertState {
    /// The name in the API and in `alertstate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Unknown => "unknown",
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// One alert: its identity is its labels. Times are milliseconds since the epoch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlertInstance {
    /// Sample labels, rule labels and `alertname`.
    pub labels: Labels,
    /// As rendered at the last evaluation that saw the alert.
    pub annotations: SortedPairs,
    /// The sample's value at that evaluation; 0 for a native histogram.
    pub value: f64,
    /// Pending, firing, or inactive once it is resolved.
    pub state: AlertState,
    /// When its series first appeared.
    pub active_at_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: Option<i64>,
    /// When it ceased to be active.
    pub resolved_at_ms: Option<i64>,
    /// Since when it fires without its series, under `keep_firing_for`.
    pub keep_firing_since_ms: Option<i64>,
    /// When it was last handed to the notifier.
    pub last_sent_at_ms: Option<i64>,
    /// Until when that message holds.
    pub valid_until_ms: Option<i64>,
}

impl AlertInstance {
    fn pending(labels: Labels, observation: Observation, ts_ms: i64) -> Self {
        AlertInstance {
            labels,
            annotations: observation.annotations,
            value: observation.value,
            state: AlertState::Pending,
            active_at_ms: ts_ms,
            fired_at_ms: None,
            resolved_at_ms: None,
            keep_firing_since_ms: None,
            last_sent_at_ms: None,
            valid_until_ms: None,
        }
    }

    /// Pending or firing.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state >= AlertState::Pending
    }

    /// The series is there. A resolved alert begins anew.
    fn see(&mut self, observation: Observation, ts_ms: i64) {
        if !self.is_active() {
            *self = AlertInstance::pending(self.labels.clone(), observation, ts_ms);
            return;
        }
        self.value = observation.value;
        self.annotations = observation.annotations;
        self.keep_firing_since_ms = None;
    }

    /// The series is gone. False when the alert is to be forgotten.
    fn miss(&mut self, ts_ms: i64, keep_firing_for_ms: i64) -> bool {
        match self.state {
            AlertState::Firing => self.miss_firing(ts_ms, keep_firing_for_ms),
            AlertState::Inactive => self.resolved_at_ms.is_some_and(|t| elapsed(t, ts_ms) <= RESOLVED_RETENTION_MS),
            AlertState::Pending | AlertState::Unknown => false,
        }
    }

    fn miss_firing(&mut self, ts_ms: i64, keep_firing_for_ms: i64) -> bool {
        if !self.keeps_firing(ts_ms, keep_firing_for_ms) {
            self.state = AlertState::Inactive;
            self.resolved_at_ms = Some(ts_ms);
        }
        true
    }

    fn keeps_firing(&mut self, ts_ms: i64, keep_firing_for_ms: i64) -> bool {
        if keep_firing_for_ms <= 0 {
            return false;
        }
        let since_ms = *self.keep_firing_since_ms.get_or_insert(ts_ms);
        elapsed(since_ms, ts_ms) < keep_firing_for_ms
    }

    /// Pending to firing when its time has come; firing back to pending when it has not (the rule's `for` was raised).
    fn settle(&mut self, ts_ms: i64, for_ms: i64) {
        let ripe = elapsed(self.active_at_ms, ts_ms) >= for_ms;
        match self.state {
            AlertState::Pending if ripe => {
                self.state = AlertState::Firing;
                self.fired_at_ms = Some(ts_ms);
            }
            AlertState::Firing if !ripe => {
                self.state = AlertState::Pending;
                self.fired_at_ms = None;
                self.last_sent_at_ms = None;
                self.keep_firing_since_ms = None;
            }
            _ => {}
        }
    }

    fn needs_sending(&self, ts_ms: i64, resend_delay_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        match self.last_sent_at_ms {
            None => true,
            Some(sent) => self.resolved_at_ms.is_some_and(|t| t > sent) || sent.saturating_add(resend_delay_ms) < ts_ms,
        }
    }
}

fn elapsed(from_ms: i64, to_ms: i64) -> i64 {
    to_ms.saturating_sub(from_ms)
}

/// What an evaluation saw of one alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The sample's value.
    pub value: f64,
    /// Rendered annotations.
    pub annotations: SortedPairs,
}

/// A rule's times and limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertTiming {
    /// Milliseconds from pending to firing.
    pub for_ms: i64,
    /// Milliseconds that an alert goes on firing without its series.
    pub keep_firing_for_ms: i64,
    /// At most this many active alerts; 0 = no limit.
    pub limit: usize,
}

impl AlertTiming {
    /// These times, without a limit.
    #[must_use]
    pub fn new(for_ms: i64, keep_firing_for_ms: i64) -> Self {
        AlertTiming { for_ms, keep_firing_for_ms, limit: 0 }
    }

    /// With a limit on active alerts.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A rule has more active alerts than its group allows; all of them are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("exceeded limit of {limit} with {alerts} alerts")]
pub struct TooManyAlerts {
    /// The limit.
    pub limit: usize,
    /// How many there were.
    pub alerts: usize,
}

/// All alerts of one rule, in the order in which they were first seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertBook {
    alerts: Vec<AlertInstance>,
}

impl AlertBook {
    /// No alerts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The alerts, resolved ones that are still kept included.
    pub fn iter(&self) -> impl Iterator<Item = &AlertInstance> {
        self.alerts.iter()
    }

    /// The gravest state.
    #[must_use]
    pub fn state(&self) -> AlertState {
        self.iter().map(|alert| alert.state).max().unwrap_or(AlertState::Inactive)
    }

    /// One evaluation at `ts_ms` that saw these alerts, by their labels.
    ///
    /// # Errors
    ///
    /// When more alerts are active than allowed; the book is then empty.
    pub fn step<S: BuildHasher>(
        &mut self,
        ts_ms: i64,
        timing: &AlertTiming,
        mut seen: HashMap<Labels, Observation, S>,
    ) -> Result<(), TooManyAlerts> {
        self.alerts.retain_mut(|alert| match seen.remove(&alert.labels) {
            Some(observation) => {
                alert.see(observation, ts_ms);
                true
            }
            None => alert.miss(ts_ms, timing.keep_firing_for_ms),
        });
        self.add_new(seen, ts_ms);
        for alert in &mut self.alerts {
            alert.settle(ts_ms, timing.for_ms);
        }
        self.enforce(timing.limit)
    }

    /// New alerts come in the order of their labels, so that a run repeats exactly.
    fn add_new(&mut self, seen: impl IntoIterator<Item = (Labels, Observation)>, ts_ms: i64) {
        let mut new: Vec<(Labels, Observation)> = seen.into_iter().collect();
        new.sort_by(|a, b| a.0.cmp(&b.0));
        self.alerts.extend(new.into_iter().map(|(labels, seen)| AlertInstance::pending(labels, seen, ts_ms)));
    }

    fn enforce(&mut self, limit: usize) -> Result<(), TooManyAlerts> {
        let alerts = self.iter().filter(|alert| alert.is_active()).count();
        if limit == 0 || alerts <= limit {
            return Ok(());
        }
        self.alerts.clear();
        Err(TooManyAlerts { limit, alerts })
    }

    /// Moves the time since when active alerts count as active, where `active_at_ms` knows another: after a restart.
    pub fn move_active_at(&mut self, active_at_ms: impl Fn(&Labels) -> Option<i64>) {
        for alert in self.alerts.iter_mut().filter(|alert| alert.is_active()) {
            alert.active_at_ms = active_at_ms(&alert.labels).unwrap_or(alert.active_at_ms);
        }
    }

    /// The alerts that are due for sending at `ts_ms`, marked as sent: new ones, just resolved ones, and those whose
    /// last message is older than the resend delay. A message holds for four times the longer of interval and delay.
    pub fn take_due(&mut self, ts_ms: i64, resend_delay_ms: i64, interval_ms: i64) -> Vec<AlertInstance> {
        let valid_until_ms = ts_ms.saturating_add(interval_ms.max(resend_delay_ms).saturating_mul(4));
        let mut due = Vec::new();
        for alert in self.alerts.iter_mut().filter(|alert| alert.needs_sending(ts_ms, resend_delay_ms)) {
            alert.last_sent_at_ms = Some(ts_ms);
            alert.valid_until_ms = Some(valid_until_ms);
            due.push(alert.clone());
        }
        due
    }
}
