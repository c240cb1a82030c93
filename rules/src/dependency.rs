//! Which rules of a group may run side by side: those that do not read what another one of the group writes.

use promethium_model::labels::METRIC_NAME;
use promethium_model::{Limits, Matcher};
use promethium_promql::Features;
use promethium_promql::parser::{ParserOptions, Selector, parse};

use crate::alerting::{ALERT_NAME, ALERTS, ALERTS_FOR_STATE};
use crate::file::{RuleKind, RuleSpec};

/// Rules, by position, in batches that run one after the other; the rules of one batch may run at once.
pub(crate) type Batches = Vec<Vec<usize>>;

/// The batches of a group: rules that read no other's result first, then those that both read and are read, one by one,
/// then those that nobody reads. A group with a selector that may mean anything runs rule by rule.
pub(crate) fn batches(rules: &[RuleSpec]) -> Batches {
    let one_by_one = || (0..rules.len()).map(|i| vec![i]).collect();
    if rules.len() < 2 {
        return one_by_one();
    }
    let selectors: Option<Vec<Vec<Vec<Matcher>>>> = rules.iter().map(|rule| selectors(&rule.expr)).collect();
    let Some(selectors) = selectors else { return one_by_one() };
    let mut reads = vec![false; rules.len()];
    let mut is_read = vec![false; rules.len()];
    for (later, selectors) in selectors.iter().enumerate() {
        for earlier in 0..later {
            if selectors.iter().any(|selector| may_read(selector, &rules[earlier])) {
                (reads[later], is_read[earlier]) = (true, true);
            }
        }
    }
    let of = |wanted: &dyn Fn(usize) -> bool| (0..rules.len()).filter(|i| wanted(*i)).collect::<Vec<_>>();
    let mut batches = vec![of(&|i| !reads[i])];
    batches.extend(of(&|i| reads[i] && is_read[i]).into_iter().map(|i| vec![i]));
    batches.push(of(&|i| reads[i] && !is_read[i]));
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// The selectors of an expression; `None` when one has no word on the metric's name, or when the expression is of
/// another language than ours.
fn selectors(expr: &str) -> Option<Vec<Vec<Matcher>>> {
    let ast = parse(expr, &ParserOptions::new(Features::all(), &Limits::standard())).ok()?;
    let selectors: Vec<Vec<Matcher>> = ast.selectors().map(Selector::all_matchers).collect();
    let named = |selector: &Vec<Matcher>| selector.iter().any(|matcher| matcher.name == METRIC_NAME);
    selectors.iter().all(named).then_some(selectors)
}

/// Whether a selector may find what the rule writes, going by names alone.
fn may_read(selector: &[Matcher], rule: &RuleSpec) -> bool {
    let all = |name: &str, value: &str| selector.iter().filter(|m| m.name == name).all(|m| m.matches(value));
    match &rule.kind {
        RuleKind::Record(record) => all(METRIC_NAME, &record.record),
        RuleKind::Alert(alert) => {
            (all(METRIC_NAME, ALERTS) || all(METRIC_NAME, ALERTS_FOR_STATE)) && all(ALERT_NAME, &alert.alert)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{FileChecks, RuleSource, parse as parse_file};
    use crate::template::GoTemplates;
    use promethium_promql::{Engine, EngineOptions};

    fn batches_of(rules: &[(&str, &str)]) -> Batches {
        let line = |(name, expr): &(&str, &str)| {
            let kind = if name.starts_with(char::is_uppercase) { "alert" } else { "record" };
            format!("  - {kind}: '{name}'\n    expr: '{expr}'\n")
        };
        let text = format!("groups:\n- name: g\n  rules:\n{}", rules.iter().map(line).collect::<String>());
        let engine = Engine::new(EngineOptions::default());
        let limits = Limits::default();
        let checks = FileChecks::new(&engine, &GoTemplates, &limits);
        batches(&parse_file(&[RuleSource::new("f", text)], &checks).unwrap()[0].rules)
    }

    #[test]
    fn readers_wait_for_what_they_read() {
        for (rules, expected) in [
            (vec![("a", "x"), ("b", "y")], vec![vec![0, 1]]),
            (vec![("a", "x"), ("b", "a"), ("c", "b"), ("d", "a"), ("e", "z")], vec![vec![0, 4], vec![1], vec![2, 3]]),
            // Only earlier rules count.
            (vec![("a", "b"), ("b", "y")], vec![vec![0, 1]]),
            // Regular expressions and negations name metrics too.
            (vec![("job_a", "x"), ("b", "{__name__=~\"job_.*\"}")], vec![vec![0], vec![1]]),
            (vec![("a", "x"), ("b", "{__name__=~\".+\",__name__!=\"a\"}")], vec![vec![0, 1]]),
            (vec![("a", "x"), ("b", "{__name__=~\".+\",__name__!=\"z\"}")], vec![vec![0], vec![1]]),
            // Alerts are read through their own series.
            (vec![("Up", "x"), ("b", "ALERTS")], vec![vec![0], vec![1]]),
            (vec![("Up", "x"), ("b", "ALERTS{alertname=\"Up\"}")], vec![vec![0], vec![1]]),
            (vec![("Up", "x"), ("b", "ALERTS_FOR_STATE{alertname=\"Down\"}")], vec![vec![0, 1]]),
            // A selector without a name may mean any series.
            (vec![("a", "x"), ("b", "{job=\"y\"}")], vec![vec![0], vec![1]]),
            (vec![("a", "x"), ("b", "y"), ("c", "{job=\"y\"}")], vec![vec![0], vec![1], vec![2]]),
            (vec![("a", "x")], vec![vec![0]]),
        ] {
            assert_eq!(batches_of(&rules), expected, "{rules:?}");
        }
    }
}
