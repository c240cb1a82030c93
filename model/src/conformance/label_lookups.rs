//! Label names and values.

use std::collections::BTreeSet;

use super::dataset::Dataset;
use super::reading::{ensure, open, same};
use super::{Outcome, ReadCheck};
use crate::matcher::{MatchOp, Matcher, all_match};
use crate::storage::{LabelHints, LabelList, QueryCx, Queryable, TimeRange};

pub(super) const CHECKS: &[ReadCheck] = &[
    ReadCheck { name: "label_names_of_everything", run: |store, data| names_agree(store, data, &[]) },
    ReadCheck { name: "label_names_under_matchers", run: names_under_matchers },
    ReadCheck { name: "label_values_of_everything", run: values_of_everything },
    ReadCheck { name: "label_values_under_matchers", run: values_under_matchers },
    ReadCheck { name: "label_lookups_keep_their_limit", run: limits },
];

fn selections() -> Result<Vec<Vec<Matcher>>, String> {
    let regex = |op, name, value| Matcher::new(op, name, value).map_err(|e| e.to_string());
    Ok(vec![
        vec![Matcher::equal("job", "db")],
        vec![Matcher::equal("code", ""), Matcher::not_equal("job", "")],
        vec![regex(MatchOp::Regex, "job", "api.*")?, Matcher::equal("__name__", "requests_total")],
        vec![regex(MatchOp::NotRegex, "instance", "a.*|b.*")?],
        vec![Matcher::equal("job", "none such")],
    ])
}

fn expected_names(data: &Dataset, matchers: &[Matcher]) -> Vec<String> {
    let selected = data.series.iter().filter(|(labels, _)| all_match(matchers, labels));
    let names: BTreeSet<&str> = selected.flat_map(|(labels, _)| labels.iter().map(|(name, _)| name)).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn expected_values(data: &Dataset, name: &str, matchers: &[Matcher]) -> Vec<String> {
    let selected = data.series.iter().filter(|(labels, _)| all_match(matchers, labels));
    let values: BTreeSet<&str> = selected.filter_map(|(labels, _)| labels.get(name)).collect();
    values.into_iter().map(str::to_owned).collect()
}

fn names(store: &dyn Queryable, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, String> {
    let querier = open(store, TimeRange::ALL)?;
    let found = querier.label_names(matchers, &LabelHints::with_limit(limit), &QueryCx::unlimited());
    found.map(|list: LabelList| list.values).map_err(|e| format!("label_names failed: {e}"))
}

fn values(store: &dyn Queryable, name: &str, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, String> {
    let querier = open(store, TimeRange::ALL)?;
    let found = querier.label_values(name, matchers, &LabelHints::with_limit(limit), &QueryCx::unlimited());
    found.map(|list: LabelList| list.values).map_err(|e| format!("label_values failed: {e}"))
}

fn names_agree(store: &dyn Queryable, data: &Dataset, matchers: &[Matcher]) -> Outcome {
    same(&format!("label names under {matchers:?}"), &names(store, matchers, 0)?, &expected_names(data, matchers))
}

fn names_under_matchers(store: &dyn Queryable, data: &Dataset) -> Outcome {
    selections()?.iter().try_for_each(|matchers| names_agree(store, data, matchers))
}

fn values_agree(store: &dyn Queryable, data: &Dataset, name: &str, matchers: &[Matcher]) -> Outcome {
    let what = format!("values of {name} under {matchers:?}");
    same(&what, &values(store, name, matchers, 0)?, &expected_values(data, name, matchers))
}

fn values_of_everything(store: &dyn Queryable, data: &Dataset) -> Outcome {
    ["__name__", "job", "code", "instance", "ville", "no_such_label"]
        .into_iter()
        .try_for_each(|name| values_agree(store, data, name, &[]))
}

fn values_under_matchers(store: &dyn Queryable, data: &Dataset) -> Outcome {
    for matchers in selections()? {
        for name in ["__name__", "job", "code", "no_such_label"] {
            values_agree(store, data, name, &matchers)?;
        }
    }
    Ok(())
}

/// A limited list is sorted and true, and as long as the limit allows; which entries it keeps is the store's choice.
fn limited(what: &str, found: &[String], all: &[String], limit: usize) -> Outcome {
    same(&format!("{what}: length under limit {limit}"), &found.len(), &all.len().min(limit))?;
    ensure(found.is_sorted_by(|a, b| a < b), || format!("{what}: not sorted: {found:?}"))?;
    let stray = found.iter().find(|entry| !all.contains(entry));
    ensure(stray.is_none(), || format!("{what}: {stray:?} does not exist"))
}

fn limits(store: &dyn Queryable, data: &Dataset) -> Outcome {
    let db = [Matcher::equal("job", "db")];
    for limit in [1, 2, 1_000] {
        limited("label names", &names(store, &[], limit)?, &expected_names(data, &[]), limit)?;
        limited("label names of db", &names(store, &db, limit)?, &expected_names(data, &db), limit)?;
        limited("jobs", &values(store, "job", &[], limit)?, &expected_values(data, "job", &[]), limit)?;
        let codes = expected_values(data, "code", &db);
        limited("codes of db", &values(store, "code", &db, limit)?, &codes, limit)?;
    }
    Ok(())
}
