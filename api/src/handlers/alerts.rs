//! `/alerts`.

use promethium_model::{Annotations, float};

use super::Context;
use crate::error::ApiError;
use crate::json::{Object, push_array};
use crate::request::ApiRequest;
use crate::view::{AlertState, AlertView, RuleKind};

/// The pending and firing alerts of all rules.
pub(crate) fn alerts(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let groups = context.host.rule_groups();
    let active = groups.iter().flat_map(|group| &group.rules).flat_map(|rule| match &rule.kind {
        RuleKind::Alerting(alerting) => alerting.alerts.as_slice(),
        RuleKind::Recording => &[],
    });
    let mut object = Object::open(data);
    push_alerts(object.key("alerts"), active);
    object.close();
    Ok(Annotations::new())
}

/// Writes those of `alerts` that are active.
pub(super) fn push_alerts<'a>(out: &mut String, alerts: impl IntoIterator<Item = &'a AlertView>) {
    let active = alerts.into_iter().filter(|a| matches!(a.state, AlertState::Pending | AlertState::Firing));
    push_array(out, active, push_alert);
}

fn push_alert(out: &mut String, alert: &AlertView) {
    let mut object = Object::open(out);
    object.labels("labels", &alert.labels);
    object.labels("annotations", &alert.annotations);
    object.string("state", alert.state.as_str());
    object.time("activeAt", Some(alert.active_at_ms));
    if alert.keep_firing_since_ms.is_some() {
        object.time("keepFiringSince", alert.keep_firing_since_ms);
    }
    object.string("value", &float::format_e(alert.value));
    object.close();
}
