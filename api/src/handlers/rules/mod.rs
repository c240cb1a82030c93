//! `/rules`: groups with their rules, filtered and in pages.

mod filter;
mod page;

use promethium_model::Annotations;

use super::alerts::push_alerts;
use super::{Context, require_readable};
use crate::error::ApiError;
use crate::json::{Object, push_array, push_integer};
use crate::request::ApiRequest;
use crate::view::{AlertingView, RuleGroupView, RuleKind, RuleView};
use filter::RuleFilter;
use page::{Page, PageRequest};

/// The rule groups that pass the filters, sorted by file and name.
pub(crate) fn rules(context: &Context<'_>, request: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    require_readable(request)?;
    let filter = RuleFilter::of(request, context.host.engine())?;
    let page_request = PageRequest::of(request)?;
    let mut groups = context.host.rule_groups();
    groups.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
    let Page { groups, next_token } = page_request.cut(groups, |group| filter.apply(group))?;
    let mut object = Object::open(data);
    push_array(object.key("groups"), &groups, |out, group| push_group(out, group, filter.exclude_alerts()));
    if let Some(token) = next_token {
        object.string("groupNextToken", &token);
    }
    object.close();
    Ok(Annotations::new())
}

fn push_group(out: &mut String, group: &RuleGroupView, exclude_alerts: bool) {
    let mut object = Object::open(out);
    object.string("name", &group.name);
    object.string("file", &group.file);
    push_array(object.key("rules"), &group.rules, |out, rule| push_rule(out, rule, exclude_alerts));
    object.seconds("interval", group.interval);
    push_integer(object.key("limit"), group.limit);
    object.seconds("evaluationTime", group.evaluation_time);
    object.time("lastEvaluation", group.last_evaluation_ms);
    object.close();
}

fn push_rule(out: &mut String, rule: &RuleView, exclude_alerts: bool) {
    let mut object = Object::open(out);
    match &rule.kind {
        RuleKind::Recording => push_recording(&mut object, rule),
        RuleKind::Alerting(alerting) => push_alerting(&mut object, rule, alerting, exclude_alerts),
    }
    object.close();
}

fn push_recording(object: &mut Object<'_>, rule: &RuleView) {
    object.string("name", &rule.name);
    object.string("query", &rule.query);
    object.labels("labels", &rule.labels);
    push_evaluation(object, rule);
    object.string("type", "recording");
}

fn push_alerting(object: &mut Object<'_>, rule: &RuleView, alerting: &AlertingView, exclude_alerts: bool) {
    object.string("state", alerting.state.as_str());
    object.string("name", &rule.name);
    object.string("query", &rule.query);
    object.seconds("duration", alerting.hold);
    object.seconds("keepFiringFor", alerting.keep_firing_for);
    object.labels("labels", &rule.labels);
    object.labels("annotations", &alerting.annotations);
    if exclude_alerts {
        object.key("alerts").push_str("null");
    } else {
        push_alerts(object.key("alerts"), &alerting.alerts);
    }
    push_evaluation(object, rule);
    object.string("type", "alerting");
}

fn push_evaluation(object: &mut Object<'_>, rule: &RuleView) {
    object.string("health", rule.health.as_str());
    if !rule.last_error.is_empty() {
        object.string("lastError", &rule.last_error);
    }
    object.seconds("evaluationTime", rule.evaluation_time);
    object.time("lastEvaluation", rule.last_evaluation_ms);
}
