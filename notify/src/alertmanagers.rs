//! All Alertmanagers: every alert goes to each.

use std::fmt;
use std::sync::{Arc, RwLock};

use promethium_model::relabel::{RelabelRule, relabel};
use promethium_model::{Clock, Labels, Limits, SystemClock};
use promethium_rules::{Alert, Notifier};

use crate::config::{AlertmanagerConfig, ResolvedTargets};
use crate::error::NotifyError;
use crate::queue::{AlertmanagerMetrics, AlertmanagerQueue, SendOptions};
use crate::url::AlertmanagerUrl;

/// A queue for each Alertmanager, the labels that tell this server's alerts from another's, and the rules that alerts
/// pass on their way.
pub struct Alertmanagers {
    limits: Limits,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
}

impl fmt::Debug for Alertmanagers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alertmanagers").field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    external_labels: Labels,
    relabel: Vec<RelabelRule>,
    sets: Vec<Set>,
}

/// The queues of one configuration.
#[derive(Debug)]
struct Set {
    config: AlertmanagerConfig,
    queues: Vec<Arc<AlertmanagerQueue>>,
    dropped: Vec<Labels>,
}

impl Alertmanagers {
    /// Queues for these Alertmanagers; equal URLs share one. External labels are added to alerts that lack them.
    #[must_use]
    pub fn new(urls: impl IntoIterator<Item = AlertmanagerUrl>, external_labels: Labels, limits: &Limits) -> Self {
        let mut active: Vec<AlertmanagerUrl> = Vec::new();
        for url in urls {
            if !active.contains(&url) {
                active.push(url);
            }
        }
        let resolved = ResolvedTargets { active, dropped: Vec::new() };
        let mut alertmanagers = Alertmanagers::none(limits);
        let set = Set::new(AlertmanagerConfig::new(Vec::new()), resolved, None, &alertmanagers);
        alertmanagers.state = RwLock::new(State { external_labels, relabel: Vec::new(), sets: vec![set] });
        alertmanagers
    }

    /// No Alertmanagers yet: [`Alertmanagers::apply`] brings them.
    #[must_use]
    pub fn none(limits: &Limits) -> Self {
        Alertmanagers { limits: limits.clone(), clock: Arc::new(SystemClock::new()), state: RwLock::default() }
    }

    /// Tells by this clock which latencies are recent enough for the quantiles of [`Alertmanagers::metrics`]. Default: the
    /// system's. Holds for Alertmanagers that [`Alertmanagers::apply`] brings.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes a new configuration over: the first one and every reload. `relabel` runs over the labels of all alerts, once
    /// external labels are added. A configuration that was there before at the same place keeps its queues with what waits in
    /// them, and so does a URL that its successor names too; queues of Alertmanagers that are gone take nothing more and are
    /// delivered to their end.
    ///
    /// # Errors
    ///
    /// When a target has no valid URL; nothing has changed then.
    pub fn apply(
        &self,
        external_labels: Labels,
        relabel: Vec<RelabelRule>,
        configs: Vec<AlertmanagerConfig>,
    ) -> Result<(), NotifyError> {
        let resolved = configs.iter().map(AlertmanagerConfig::resolve).collect::<Result<Vec<_>, _>>()?;
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let earlier = std::mem::take(&mut state.sets);
        let sets = configs.into_iter().zip(resolved).enumerate();
        let sets: Vec<Set> =
            sets.map(|(i, (config, resolved))| Set::new(config, resolved, earlier.get(i), self)).collect();
        let kept =
            |queue: &Arc<AlertmanagerQueue>| sets.iter().any(|set| set.queues.iter().any(|q| Arc::ptr_eq(q, queue)));
        earlier.iter().flat_map(|set| &set.queues).filter(|queue| !kept(queue)).for_each(|queue| queue.close());
        *state = State { external_labels, relabel, sets };
        Ok(())
    }

    fn state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The queues, in the order of their configurations and of their first URLs.
    #[must_use]
    pub fn queues(&self) -> Vec<Arc<AlertmanagerQueue>> {
        self.state().sets.iter().flat_map(|set| set.queues.iter().cloned()).collect()
    }

    /// Labels before relabelling of Alertmanagers that it dropped.
    #[must_use]
    pub fn dropped(&self) -> Vec<Labels> {
        self.state().sets.iter().flat_map(|set| set.dropped.iter().cloned()).collect()
    }

    /// What happened so far, one entry an Alertmanager; their number is `prometheus_notifications_alertmanagers_discovered`.
    #[must_use]
    pub fn metrics(&self) -> Vec<AlertmanagerMetrics> {
        self.queues().iter().map(|queue| queue.metrics()).collect()
    }
}

impl Set {
    fn new(config: AlertmanagerConfig, resolved: ResolvedTargets, earlier: Option<&Set>, all: &Alertmanagers) -> Set {
        let options = Arc::new(SendOptions {
            timeout: config.timeout,
            credentials: config.credentials.clone(),
            tls: config.tls.clone(),
        });
        let queue_of = |url: AlertmanagerUrl| {
            let same = |queue: &&Arc<AlertmanagerQueue>| *queue.url() == url && *queue.options() == *options;
            match earlier.and_then(|set| set.queues.iter().find(same)) {
                Some(queue) => Arc::clone(queue),
                None => Arc::new(AlertmanagerQueue::with_options(
                    url,
                    &all.limits,
                    Arc::clone(&options),
                    Arc::clone(&all.clock),
                )),
            }
        };
        let queues = resolved.active.into_iter().map(queue_of).collect();
        Set { config, queues, dropped: resolved.dropped }
    }

    fn push(&self, alerts: &[Arc<Alert>]) {
        if self.config.alert_relabel.is_empty() {
            return self.queues.iter().for_each(|queue| queue.push(alerts));
        }
        let own: Vec<Arc<Alert>> =
            alerts.iter().filter_map(|alert| relabelled(Alert::clone(alert), &self.config.alert_relabel)).collect();
        if !own.is_empty() {
            self.queues.iter().for_each(|queue| queue.push(&own));
        }
    }
}

impl State {
    fn labelled(&self, mut alert: Alert) -> Option<Arc<Alert>> {
        let mut builder = alert.labels.to_builder();
        for (name, value) in &self.external_labels {
            if builder.get(name).is_none() {
                builder.set(name, value);
            }
        }
        alert.labels = builder.build();
        relabelled(alert, &self.relabel)
    }
}

/// `None` when the rules drop the alert.
fn relabelled(mut alert: Alert, rules: &[RelabelRule]) -> Option<Arc<Alert>> {
    if !rules.is_empty() {
        alert.labels = relabel(rules, &alert.labels)?;
    }
    Some(Arc::new(alert))
}

impl Notifier for Alertmanagers {
    /// Puts the alerts into every queue; never waits.
    fn notify(&self, alerts: Vec<Alert>) {
        let state = self.state();
        if state.sets.iter().all(|set| set.queues.is_empty()) {
            return;
        }
        let alerts: Vec<Arc<Alert>> = alerts.into_iter().filter_map(|alert| state.labelled(alert)).collect();
        if !alerts.is_empty() {
            state.sets.iter().for_each(|set| set.push(&alerts));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TargetGroup;
    use promethium_model::relabel::RelabelConfig;

    fn alert(job: &str) -> Alert {
        Alert::new(Labels::from_pairs([("job", job)]), 0, 0)
    }

    fn bodies(alertmanagers: &Alertmanagers) -> Vec<Vec<String>> {
        let labels = |body: &str| {
            let read: serde_json::Value = serde_json::from_str(body).unwrap();
            read.as_array().unwrap().iter().map(|alert| alert["labels"].to_string()).collect()
        };
        let of = |queue: &Arc<AlertmanagerQueue>| {
            let Some(delivery) = queue.next_delivery() else { return Vec::new() };
            let found = labels(delivery.body());
            delivery.finish(Ok(()), std::time::Duration::ZERO);
            found
        };
        alertmanagers.queues().iter().map(of).collect()
    }

    fn config(address: &str) -> AlertmanagerConfig {
        AlertmanagerConfig::new(vec![TargetGroup::new([address])])
    }

    #[test]
    fn every_alertmanager_gets_every_alert_with_the_external_labels_it_lacks() {
        let urls = ["a", "b", "a"].map(|host| AlertmanagerUrl::new("http", host, "").unwrap());
        let external = Labels::from_pairs([("site", "x"), ("job", "external")]);
        let alertmanagers = Alertmanagers::new(urls, external, &Limits::default());
        assert_eq!(alertmanagers.queues().len(), 2);
        alertmanagers.notify(vec![alert("own")]);
        assert_eq!(bodies(&alertmanagers), vec![vec![r#"{"job":"own","site":"x"}"#.to_owned()]; 2]);
        assert!(alertmanagers.metrics().iter().all(|metrics| metrics.sent_total == 1));
    }

    #[test]
    fn alerts_pass_the_rules_for_all_and_then_those_of_their_alertmanager() {
        let rule = |config: RelabelConfig| config.build().unwrap();
        let (first, mut second) = (config("a"), config("b"));
        second.alert_relabel = vec![rule(RelabelConfig::new("keep").source(["job"]).regex("x"))];
        let all = vec![
            rule(RelabelConfig::new("labeldrop").regex("replica")),
            rule(RelabelConfig::new("drop").source(["job", "site"]).regex("secret;s")),
        ];
        let alertmanagers = Alertmanagers::none(&Limits::default());
        let external = Labels::from_pairs([("replica", "1"), ("site", "s")]);
        alertmanagers.apply(external, all, vec![first, second]).unwrap();
        alertmanagers.notify(vec![alert("x"), alert("y"), alert("secret")]);
        let [x, y] = ["x", "y"].map(|job| format!(r#"{{"job":"{job}","site":"s"}}"#));
        assert_eq!(bodies(&alertmanagers), [vec![x.clone(), y], vec![x]]);
        alertmanagers.notify(vec![alert("secret")]);
        assert_eq!(bodies(&alertmanagers), [Vec::<String>::new(), Vec::new()]);
    }

    #[test]
    fn queues_outlive_a_reload_and_end_when_their_alertmanager_is_gone() {
        let alertmanagers = Alertmanagers::none(&Limits::default());
        let apply = |configs| alertmanagers.apply(Labels::empty(), Vec::new(), configs);
        apply(vec![config("a"), config("b")]).unwrap();
        alertmanagers.notify(vec![alert("x")]);
        let before = alertmanagers.queues();

        // Another timeout makes another queue; what is wrong changes nothing.
        let mut slower = config("b");
        slower.timeout = std::time::Duration::from_secs(60);
        assert!(apply(vec![config("a/b")]).is_err());
        assert_eq!(alertmanagers.queues().len(), 2);
        apply(vec![config("a"), slower]).unwrap();
        let after = alertmanagers.queues();
        assert!(Arc::ptr_eq(&before[0], &after[0]) && !Arc::ptr_eq(&before[1], &after[1]));
        assert_eq!((after[0].metrics().queue_length, after[1].metrics().queue_length), (1, 0));
        assert!(before[1].is_closed() && !before[0].is_closed());
        assert_eq!(before[1].metrics().queue_length, 1);

        apply(Vec::new()).unwrap();
        assert!(before[0].is_closed() && alertmanagers.queues().is_empty());
    }
}
