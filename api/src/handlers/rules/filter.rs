//! Which rules are shown.

use std::collections::HashSet;

use promethium_model::matcher::all_match;
use promethium_model::{Matcher, QueryEngine};

use crate::error::{ApiError, ParameterError};
use crate::parameter::{matcher_sets, parse_bool};
use crate::request::ApiRequest;
use crate::view::{RuleGroupView, RuleKind, RuleView};

/// The filters of a request; all must pass. An empty one lets everything through.
pub(super) struct RuleFilter<'r> {
    kind: Option<Kind>,
    rule_names: HashSet<&'r str>,
    group_names: HashSet<&'r str>,
    files: HashSet<&'r str>,
    matchers: Vec<Vec<Matcher>>,
    exclude_alerts: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Alert,
    Record,
}

impl<'r> RuleFilter<'r> {
    pub(super) fn of(request: &'r ApiRequest, engine: &dyn QueryEngine) -> Result<Self, ApiError> {
        Ok(RuleFilter {
            matchers: matcher_sets(request, engine)?,
            kind: kind(request)?,
            rule_names: request.all("rule_name[]").collect(),
            group_names: request.all("rule_group[]").collect(),
            files: request.all("file[]").collect(),
            exclude_alerts: exclude_alerts(request)?,
        })
    }

    /// Whether alerting rules are shown without their alerts.
    pub(super) fn exclude_alerts(&self) -> bool {
        self.exclude_alerts
    }

    /// Leaves only the rules that pass, and tells whether there are any.
    pub(super) fn apply(&self, group: &mut RuleGroupView) -> bool {
        if !passes(&self.group_names, &group.name) || !passes(&self.files, &group.file) {
            return false;
        }
        group.rules.retain(|rule| self.shows(rule));
        !group.rules.is_empty()
    }

    fn shows(&self, rule: &RuleView) -> bool {
        let kind = match rule.kind {
            RuleKind::Recording => Kind::Record,
            RuleKind::Alerting(_) => Kind::Alert,
        };
        self.kind.is_none_or(|wanted| wanted == kind)
            && passes(&self.rule_names, &rule.name)
            && (self.matchers.is_empty() || self.matchers.iter().any(|set| all_match(set, &rule.labels)))
    }
}

fn passes(names: &HashSet<&str>, name: &str) -> bool {
    names.is_empty() || names.contains(name)
}

fn kind(request: &ApiRequest) -> Result<Option<Kind>, ApiError> {
    let text = request.first("type").unwrap_or_default().to_lowercase();
    match text.as_str() {
        "" => Ok(None),
        "alert" => Ok(Some(Kind::Alert)),
        "record" => Ok(Some(Kind::Record)),
        _ => Err(ParameterError::NotSupported { text }.named("type")),
    }
}

fn exclude_alerts(request: &ApiRequest) -> Result<bool, ApiError> {
    let Some(text) = request.given("exclude_alerts") else { return Ok(false) };
    parse_bool(&text.to_lowercase()).map_err(|e| ParameterError::ExcludeAlerts(Box::new(e)).named("exclude_alerts"))
}
