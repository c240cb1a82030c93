//! The `alerting` section of `prometheus.yml`: Alertmanagers, how they are told, and what becomes of alerts on the way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use promethium::model::Labels;
use promethium::model::relabel::{RelabelConfig, RelabelRule};
use promethium::notify::{AlertmanagerConfig, Credentials, Secret, TargetGroup, TlsConfig};
use serde::Deserialize;

use crate::config::{DurationMs, StaticConfig};

/// Where alerts go.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Alerting {
    alert_relabel_configs: Vec<RelabelYaml>,
    alertmanagers: Vec<AlertmanagerYaml>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertmanagerYaml {
    #[serde(default = "http")]
    scheme: String,
    #[serde(default)]
    path_prefix: String,
    #[serde(default)]
    timeout: Option<DurationMs>,
    #[serde(default)]
    api_version: Option<ApiVersion>,
    #[serde(default)]
    static_configs: Vec<StaticConfig>,
    #[serde(default)]
    relabel_configs: Vec<RelabelYaml>,
    #[serde(default)]
    alert_relabel_configs: Vec<RelabelYaml>,
    basic_auth: Option<BasicAuth>,
    authorization: Option<Authorization>,
    tls_config: Option<TlsYaml>,
}

/// The only one there is.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ApiVersion {
    V2,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BasicAuth {
    username: String,
    password: Option<String>,
    password_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Authorization {
    #[serde(rename = "type")]
    kind: Option<String>,
    credentials: Option<String>,
    credentials_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsYaml {
    ca: Option<String>,
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    insecure_skip_verify: bool,
}

/// A relabelling rule as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RelabelYaml {
    source_labels: Vec<String>,
    separator: Option<String>,
    regex: Option<String>,
    modulus: u64,
    target_label: String,
    replacement: Option<String>,
    action: String,
}

fn http() -> String {
    "http".to_owned()
}

impl RelabelYaml {
    fn rule(&self) -> Result<RelabelRule, String> {
        let mut config = RelabelConfig::new(&self.action);
        config.source_labels.clone_from(&self.source_labels);
        config.separator.clone_from(&self.separator);
        config.regex.clone_from(&self.regex);
        config.modulus = self.modulus;
        config.target_label.clone_from(&self.target_label);
        config.replacement.clone_from(&self.replacement);
        config.build().map_err(|error| error.to_string())
    }
}

fn rules(configs: &[RelabelYaml]) -> Result<Vec<RelabelRule>, String> {
    configs.iter().map(RelabelYaml::rule).collect()
}

impl Alerting {
    /// Rules for the labels of all alerts.
    pub(crate) fn alert_relabel(&self) -> Result<Vec<RelabelRule>, String> {
        rules(&self.alert_relabel_configs)
    }

    /// Whether a secret stands in the configuration itself.
    pub(crate) fn has_secrets(&self) -> bool {
        self.alertmanagers.iter().any(|yaml| {
            yaml.basic_auth.as_ref().is_some_and(|basic| basic.password.is_some())
                || yaml.authorization.as_ref().is_some_and(|own| own.credentials.is_some())
        })
    }

    /// The Alertmanagers; `dir` is where relative file names begin.
    pub(crate) fn alertmanagers(&self, dir: &Path) -> Result<Vec<AlertmanagerConfig>, String> {
        self.alertmanagers.iter().map(|yaml| yaml.config(dir)).collect()
    }
}

impl AlertmanagerYaml {
    fn config(&self, dir: &Path) -> Result<AlertmanagerConfig, String> {
        let group =
            |s: &StaticConfig| TargetGroup::new(&s.targets).with_labels(Labels::from_pairs(as_pairs(&s.labels)));
        let mut config = AlertmanagerConfig::new(self.static_configs.iter().map(group).collect());
        let ApiVersion::V2 = self.api_version.unwrap_or(ApiVersion::V2);
        config.scheme.clone_from(&self.scheme);
        config.path_prefix.clone_from(&self.path_prefix);
        if let Some(timeout) = self.timeout {
            config.timeout = Duration::from_millis(timeout.0.unsigned_abs());
        }
        config.relabel = rules(&self.relabel_configs)?;
        config.alert_relabel = rules(&self.alert_relabel_configs)?;
        config.credentials = self.credentials(dir)?;
        config.tls = self.tls_config.as_ref().map_or_else(|| Ok(TlsConfig::default()), |tls| tls.config(dir))?;
        Ok(config)
    }

    fn credentials(&self, dir: &Path) -> Result<Credentials, String> {
        match (&self.basic_auth, &self.authorization) {
            (Some(_), Some(_)) => {
                Err("at most one of basic_auth, oauth2 & authorization must be configured".to_owned())
            }
            (Some(basic), None) => {
                let password = secret(basic.password.as_ref(), basic.password_file.as_ref(), dir, "password")?;
                Ok(Credentials::basic(&basic.username, password))
            }
            (None, Some(own)) => {
                let token = secret(own.credentials.as_ref(), own.credentials_file.as_ref(), dir, "credentials")?;
                let kind = own.kind.clone().unwrap_or_else(|| "Bearer".to_owned());
                Ok(Credentials::Token { kind, token })
            }
            (None, None) => Ok(Credentials::None),
        }
    }
}

fn as_pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// A secret in the configuration, or in a file that is read anew for every request.
fn secret(text: Option<&String>, file: Option<&PathBuf>, dir: &Path, what: &str) -> Result<Secret, String> {
    match (text, file) {
        (Some(_), Some(_)) => Err(format!("at most one of {what} & {what}_file must be configured")),
        (text, None) => Ok(Secret::new(text.cloned().unwrap_or_default())),
        (None, Some(file)) => {
            let path = dir.join(file);
            Ok(Secret::read_by(path.to_string_lossy().into_owned(), move || std::fs::read_to_string(&path)))
        }
    }
}

impl TlsYaml {
    fn config(&self, dir: &Path) -> Result<TlsConfig, String> {
        let read = |file: &PathBuf| {
            let path = dir.join(file);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let mut config = TlsConfig::default();
        config.insecure_skip_verify = self.insecure_skip_verify;
        config.ca_pem = match (&self.ca, &self.ca_file) {
            (Some(_), Some(_)) => return Err("at most one of ca and ca_file must be configured".to_owned()),
            (Some(pem), None) => Some(pem.clone()),
            (None, file) => file.as_ref().map(read).transpose()?,
        };
        config.identity_pem = match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => Some(Secret::new(format!("{}\n{}", read(cert)?, read(key)?))),
            (None, None) => None,
            _ => return Err("cert_file and key_file must be configured together".to_owned()),
        };
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<AlertmanagerConfig>, String> {
        let alerting: Alerting = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        alerting.alert_relabel()?;
        alerting.alertmanagers(Path::new("/etc"))
    }

    #[test]
    fn a_usual_section_reads() {
        let configs = read(
            "alert_relabel_configs:\n- {action: labeldrop, regex: replica}\nalertmanagers:\n- scheme: https\n  path_prefix: /am\n  \
             timeout: 3s\n  api_version: v2\n  basic_auth: {username: u, password: p}\n  tls_config: {insecure_skip_verify: true}\n  \
             static_configs: [{targets: ['a:1', 'b:2'], labels: {x: y}}]\n  \
             relabel_configs: [{source_labels: [__address__], regex: 'b:.*', action: drop}]\n",
        )
        .expect("it is right");
        let urls: Vec<String> = configs[0].resolve().expect("valid").active.iter().map(ToString::to_string).collect();
        assert_eq!(urls, ["https://a:1/am/api/v2/alerts"]);
        assert_eq!(configs[0].timeout, Duration::from_secs(3));
        assert_eq!(configs[0].credentials, Credentials::basic("u", Secret::new("p")));
        assert!(configs[0].tls.insecure_skip_verify);
    }

    #[test]
    fn a_secret_is_noticed() {
        for (text, has_secrets) in [
            ("alertmanagers: [{basic_auth: {username: u, password: p}}]", true),
            ("alertmanagers: [{authorization: {credentials: c}}]", true),
            ("alertmanagers: [{basic_auth: {username: u, password_file: p}}]", false),
            ("{}", false),
        ] {
            let alerting: Alerting = serde_saphyr::from_str(text).expect("it is right");
            assert_eq!(alerting.has_secrets(), has_secrets, "{text}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for (text, word) in [
            ("alert_relabel_configs: [{action: hashmod, target_label: x}]", "non-zero modulus"),
            ("alertmanagers: [{api_version: v1}]", "v1"),
            ("alertmanagers: [{basic_auth: {username: u}, authorization: {credentials: c}}]", "at most one of"),
            ("alertmanagers: [{basic_auth: {username: u, password: p, password_file: f}}]", "at most one of password"),
            ("alertmanagers: [{tls_config: {cert_file: c}}]", "together"),
            ("alertmanagers: [{nosuch: 1}]", "nosuch"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
