//! After a restart: how long alerts had been pending, read back from `ALERTS_FOR_STATE`.
//!
//! Only groups of a manager's first load look back, once, after their second evaluation: by then targets have been
//! scraped and the rules that alerts build on have run. Until then nothing of an alert is written, so that the series
//! of the process before stand as it left them.

use std::collections::HashMap;

use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, Matcher, Queryable, SampleBatch, SelectHints, StorageError, TimeRange, is_stale};

use crate::alerting::{ALERT_NAME, ALERTS_FOR_STATE, AlertingRule};
use crate::options::RuleOptions;

/// The newest word of storage on one alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// When the process before last wrote it.
    pub(crate) seen_ms: i64,
    /// Since when the alert was active.
    pub(crate) active_at_ms: i64,
}

/// Restores one rule at `now_ms`. A rule whose `for` is short simply waits anew.
pub(crate) fn restore_rule(
    rule: &AlertingRule,
    store: &dyn Queryable,
    options: &RuleOptions,
    now_ms: i64,
) -> Result<(), StorageError> {
    let for_ms = rule.spec.for_ms;
    if for_ms < options.for_grace_period_ms {
        return Ok(());
    }
    let remembered = remembered(rule, store, options, now_ms)?;
    rule.move_active_at(|labels| {
        let known = remembered.get(labels)?;
        Some(restored_active_at_ms(*known, for_ms, options.for_grace_period_ms, now_ms))
    });
    Ok(())
}

/// Since when the alert is to count as active. One that was firing keeps its time and fires again at the next
/// evaluation; one that was about to fire gets the grace period; any other waits for what was left, the time without a
/// process not counted.
fn restored_active_at_ms(known: Remembered, for_ms: i64, grace_ms: i64, now_ms: i64) -> i64 {
    let spent_ms = known.seen_ms.saturating_sub(known.active_at_ms);
    let remaining_ms = for_ms.saturating_sub(spent_ms);
    if remaining_ms <= 0 {
        known.active_at_ms
    } else if remaining_ms < grace_ms {
        now_ms.saturating_add(grace_ms).saturating_sub(for_ms)
    } else {
        known.active_at_ms.saturating_add(now_ms.saturating_sub(known.seen_ms))
    }
}

/// What storage says of the rule's alerts, by their labels, in the time that an outage may last.
fn remembered(
    rule: &AlertingRule,
    store: &dyn Queryable,
    options: &RuleOptions,
    now_ms: i64,
) -> Result<HashMap<Labels, Remembered>, StorageError> {
    let range = TimeRange::new(now_ms.saturating_sub(options.outage_tolerance_ms), now_ms);
    let cx = options.query_cx();
    let querier = store.querier(range)?;
    let mut set = querier.select(&matchers(rule), &SelectHints::sorted(range), &cx)?;
    let mut out = HashMap::new();
    while let Some(mut series) = set.next_series()? {
        let mut newest = None;
        let mut batch = SampleBatch::new();
        while series.samples.next_batch(&mut batch)? {
            newest = batch.timestamps.last().copied().zip(batch.floats.last().copied()).or(newest);
            batch.clear();
        }
        let Some((t, v)) = newest.filter(|(_, v)| !is_stale(*v)) else { continue };
        // Whole seconds; a float that is no time saturates.
        let seen_ms = t.div_euclid(1_000).saturating_mul(1_000);
        out.insert(
            series.labels.without_name(),
            Remembered { seen_ms, active_at_ms: (v as i64).saturating_mul(1_000) },
        );
    }
    Ok(out)
}

/// The rule's own series: its name, and those of its labels that are no templates.
fn matchers(rule: &AlertingRule) -> Vec<Matcher> {
    let fixed = rule.spec.labels.iter().map(|(name, template)| (name.as_str(), template.text()));
    let fixed = fixed.filter(|(_, text)| !text.contains("{{")).filter(|(name, _)| *name != ALERT_NAME);
    let own = [(METRIC_NAME, ALERTS_FOR_STATE), (ALERT_NAME, rule.spec.alert.as_str())];
    own.into_iter().chain(fixed).map(|(name, value)| Matcher::equal(name, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_for_decides() {
        let minute = 60_000;
        let known = |spent: i64| Remembered { seen_ms: 100 * minute, active_at_ms: (100 - spent) * minute };
        let restored = |spent| restored_active_at_ms(known(spent), 30 * minute, 10 * minute, 105 * minute) / minute;
        // Was firing: stays as it was.
        assert_eq!(restored(30), 70);
        assert_eq!(restored(45), 55);
        // 5 minutes were left: it gets 10.
        assert_eq!(restored(25), 105 + 10 - 30);
        // 20 minutes were left: the 5 minutes of the outage do not count.
        assert_eq!(restored(10), 90 + 5);
        assert_eq!(restored(20), 80 + 5);
    }
}
