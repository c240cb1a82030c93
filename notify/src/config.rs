//! One entry of `alerting.alertmanagers`: which Alertmanagers, and how they are told.

use std::collections::BTreeSet;
use std::time::Duration;

use promethium_model::relabel::{RelabelRule, relabel};
use promethium_model::{Labels, LabelsBuilder};

use crate::credentials::{Credentials, TlsConfig};
use crate::error::NotifyError;
use crate::url::{AlertmanagerUrl, alerts_path};

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const ALERTS_PATH: &str = "__alerts_path__";

/// Addresses that share labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetGroup {
    /// `host:port` each.
    pub addresses: Vec<String>,
    /// For relabelling.
    pub labels: Labels,
}

impl TargetGroup {
    /// Addresses without labels.
    #[must_use]
    pub fn new<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> Self {
        TargetGroup { addresses: addresses.into_iter().map(Into::into).collect(), labels: Labels::empty() }
    }

    /// With labels for relabelling.
    #[must_use]
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }
}

/// Alertmanagers that are found and told alike.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertmanagerConfig {
    /// Where they are.
    pub targets: Vec<TargetGroup>,
    /// `http` or `https`.
    pub scheme: String,
    /// Before `/api/v2/alerts`.
    pub path_prefix: String,
    /// For one request.
    pub timeout: Duration,
    /// Run over each target's labels, `__address__`, `__scheme__` and `__alerts_path__` among them.
    pub relabel: Vec<RelabelRule>,
    /// Run over the labels of alerts for these Alertmanagers, behind the rules for all.
    pub alert_relabel: Vec<RelabelRule>,
    /// Who the sender is.
    pub credentials: Credentials,
    /// For `https`.
    pub tls: TlsConfig,
}

impl AlertmanagerConfig {
    /// Plain HTTP to these targets, with ten seconds for a request.
    #[must_use]
    pub fn new(targets: Vec<TargetGroup>) -> Self {
        AlertmanagerConfig {
            targets,
            scheme: "http".to_owned(),
            path_prefix: String::new(),
            timeout: Duration::from_secs(10),
            relabel: Vec::new(),
            alert_relabel: Vec::new(),
            credentials: Credentials::None,
            tls: TlsConfig::default(),
        }
    }
}

/// What relabelling makes of a configuration's targets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolvedTargets {
    /// Where alerts go, each URL once.
    pub active: Vec<AlertmanagerUrl>,
    /// Labels before relabelling of targets that it dropped.
    pub dropped: Vec<Labels>,
}

impl AlertmanagerConfig {
    /// Builds the targets' URLs.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Address`] and [`NotifyError::Scheme`] for the first target that has no valid one after relabelling.
    pub fn resolve(&self) -> Result<ResolvedTargets, NotifyError> {
        let mut resolved = ResolvedTargets::default();
        let mut known = BTreeSet::new();
        for labels in self.targets.iter().flat_map(|group| self.discovered(group)) {
            let Some(relabelled) = relabel(&self.relabel, &labels) else {
                resolved.dropped.push(labels);
                continue;
            };
            let label = |name| relabelled.get(name).unwrap_or("");
            let url = AlertmanagerUrl::with_path(label(SCHEME), label(ADDRESS), label(ALERTS_PATH))?;
            if known.insert(url.clone()) {
                resolved.active.push(url);
            }
        }
        Ok(resolved)
    }

    fn discovered<'a>(&'a self, group: &'a TargetGroup) -> impl Iterator<Item = Labels> + 'a {
        group.addresses.iter().map(|address| {
            let mut labels = LabelsBuilder::from_labels(&group.labels);
            labels.set(ADDRESS, address).set(SCHEME, &self.scheme).set(ALERTS_PATH, &alerts_path(&self.path_prefix));
            labels.build()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::relabel::RelabelConfig;

    #[test]
    fn targets_are_relabelled_and_each_url_is_used_once() {
        let group = TargetGroup::new(["a:1", "b:2", "c:3", "a:1"]).with_labels(Labels::from_pairs([("zone", "x")]));
        let rule = |config: RelabelConfig| config.build().unwrap();
        let mut config = AlertmanagerConfig::new(vec![group]);
        config.path_prefix = "/am/".to_owned();
        config.relabel = vec![
            rule(RelabelConfig::new("drop").source(["__address__"]).regex("b:.*")),
            rule(
                RelabelConfig::new("").source(["__address__"]).regex("c:.*").target("__scheme__").replacement("https"),
            ),
            rule(RelabelConfig::new("").source(["zone"]).target("__alerts_path__").replacement("/$1/alerts")),
        ];
        let resolved = config.resolve().unwrap();
        let urls: Vec<&str> = resolved.active.iter().map(AlertmanagerUrl::as_str).collect();
        assert_eq!(urls, ["http://a:1/x/alerts", "https://c:3/x/alerts"]);
        assert_eq!(resolved.dropped[0].get("__alerts_path__"), Some("/am/api/v2/alerts"));
        assert_eq!(resolved.dropped[0].get("__address__"), Some("b:2"));

        let odd = AlertmanagerConfig::new(vec![TargetGroup::new(["a/b"])]);
        assert_eq!(odd.resolve().unwrap_err().to_string(), "\"a/b\" is not a valid address of an Alertmanager");
    }
}
