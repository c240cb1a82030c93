//! What `promtool check rules` remarks beyond errors.

use super::{GroupSpec, RuleKind, SortedPairs, texts_of};

/// Rules that occur more than once: metric or alert name, and labels, sorted; each once.
#[must_use]
pub fn duplicate_rules(groups: &[GroupSpec]) -> Vec<(String, SortedPairs)> {
    let mut all: Vec<(String, SortedPairs)> = groups
        .iter()
        .flat_map(|group| &group.rules)
        .map(|rule| match &rule.kind {
            RuleKind::Record(record) => (record.record.clone(), record.labels.clone()),
            RuleKind::Alert(alert) => (alert.alert.clone(), texts_of(&alert.labels)),
        })
        .collect();
    all.sort();
    let mut duplicates: Vec<(String, SortedPairs)> =
        all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    duplicates.dedup();
    duplicates
}

/// The remark on duplicate rules, in promtool's words; `None` when there are none.
#[must_use]
pub fn lint_duplicates(groups: &[GroupSpec]) -> Option<String> {
    let duplicates = duplicate_rules(groups);
    if duplicates.is_empty() {
        return None;
    }
    let mut text = format!("lint error {} duplicate rule(s) found.\n", duplicates.len());
    for (name, labels) in duplicates {
        text.push_str(&format!("Metric: {name}\nLabel(s):\n"));
        labels.iter().for_each(|(name, value)| text.push_str(&format!("\t{name}: {value}\n")));
    }
    text.push_str("Might cause inconsistency while recording expressions");
    Some(text)
}
