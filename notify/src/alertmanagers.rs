//! All Alertmanagers: every alert goes to each.

use std::collections::BTreeSet;
use std::sync::Arc;

use promethium_model::{Labels, Limits};
use promethium_rules::{Alert, Notifier};

use crate::queue::{AlertmanagerMetrics, AlertmanagerQueue};
use crate::url::AlertmanagerUrl;

/// A queue for each Alertmanager, and the labels that tell this server's alerts from another's.
#[derive(Debug)]
pub struct Alertmanagers {
    queues: Vec<Arc<AlertmanagerQueue>>,
    external_labels: Labels,
}

impl Alertmanagers {
    /// Queues for these Alertmanagers; equal URLs share one. External labels are added to alerts that lack them.
    #[must_use]
    pub fn new(urls: impl IntoIterator<Item = AlertmanagerUrl>, external_labels: Labels, limits: &Limits) -> Self {
        let mut known = BTreeSet::new();
        let distinct = urls.into_iter().filter(|url| known.insert(url.clone()));
        let queues = distinct.map(|url| Arc::new(AlertmanagerQueue::new(url, limits))).collect();
        Alertmanagers { queues, external_labels }
    }

    /// The queues, in the order of their first URLs.
    #[must_use]
    pub fn queues(&self) -> &[Arc<AlertmanagerQueue>] {
        &self.queues
    }

    /// What happened so far, one entry an Alertmanager; their number is `prometheus_notifications_alertmanagers_discovered`.
    #[must_use]
    pub fn metrics(&self) -> Vec<AlertmanagerMetrics> {
        self.queues.iter().map(|queue| queue.metrics()).collect()
    }

    fn labelled(&self, mut alert: Alert) -> Arc<Alert> {
        let mut builder = alert.labels.to_builder();
        for (name, value) in &self.external_labels {
            if builder.get(name).is_none() {
                builder.set(name, value);
            }
        }
        alert.labels = builder.build();
        Arc::new(alert)
    }
}

impl Notifier for Alertmanagers {
    /// Puts the alerts into every queue; never waits.
    fn notify(&self, alerts: Vec<Alert>) {
        if self.queues.is_empty() {
            return;
        }
        let alerts: Vec<Arc<Alert>> = alerts.into_iter().map(|alert| self.labelled(alert)).collect();
        self.queues.iter().for_each(|queue| queue.push(&alerts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alertmanager_gets_every_alert_with_the_external_labels_it_lacks() {
        let urls = ["a", "b", "a"].map(|host| AlertmanagerUrl::new("http", host, "").unwrap());
        let external = Labels::from_pairs([("site", "x"), ("job", "external")]);
        let alertmanagers = Alertmanagers::new(urls, external, &Limits::default());
        assert_eq!(alertmanagers.queues().len(), 2);
        alertmanagers.notify(vec![Alert::new(Labels::from_pairs([("job", "own")]), 0, 0)]);
        for queue in alertmanagers.queues() {
            let delivery = queue.next_delivery().unwrap();
            assert!(delivery.body().contains(r#""labels":{"job":"own","site":"x"}"#));
            delivery.finish(Ok(()), std::time::Duration::ZERO);
        }
        assert!(alertmanagers.metrics().iter().all(|metrics| metrics.sent_total == 1));
    }
}
