//! Who is told of alerts.

use std::fmt::Write;

use promethium_model::Labels;

use crate::file::SortedPairs;

/// Takes alerts that are due. Called from evaluation, so it must not wait: queue and return.
pub trait Notifier: Send + Sync {
    /// Takes the alerts of one rule that are due now; never an empty list.
    fn notify(&self, alerts: Vec<Alert>);
}

/// An alert on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alert {
    /// Its identity, `alertname` included.
    pub labels: Labels,
    /// Sorted by name; values may be empty.
    pub annotations: SortedPairs,
    /// When it began to fire, milliseconds since the epoch.
    pub starts_at_ms: i64,
    /// When it was resolved; for a firing alert, when it is to be taken for resolved unless it is sent again.
    pub ends_at_ms: i64,
    /// Link to the expression: the external URL with [`generator_path`]; left out of the payload when empty.
    pub generator_url: String,
}

impl Alert {
    /// An alert without annotations and link.
    #[must_use]
    pub fn new(labels: Labels, starts_at_ms: i64, ends_at_ms: i64) -> Self {
        Alert { labels, annotations: SortedPairs::new(), starts_at_ms, ends_at_ms, generator_url: String::new() }
    }

    /// With these annotations, in any order.
    #[must_use]
    pub fn with_annotations(mut self, mut annotations: SortedPairs) -> Self {
        annotations.sort();
        self.annotations = annotations;
        self
    }

    /// With a link to its expression.
    #[must_use]
    pub fn with_generator_url(mut self, generator_url: impl Into<String>) -> Self {
        self.generator_url = generator_url.into();
        self
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Notifier for Discard {
    fn notify(&self, _alerts: Vec<Alert>) {}
}

/// The path under the external URL that shows `expr` as a table: `/graph?g0.expr=…&g0.tab=1`, the expression escaped
/// like a form value.
#[must_use]
pub fn generator_path(expr: &str) -> String {
    format!("/graph?g0.expr={}&g0.tab=1", form_escaped(expr))
}

pub(crate) fn form_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_escaped_like_form_values() {
        assert_eq!(generator_path("up{job=\"ä\"} == 0"), "/graph?g0.expr=up%7Bjob%3D%22%C3%A4%22%7D+%3D%3D+0&g0.tab=1");
    }
}
