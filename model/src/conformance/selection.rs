//! Matchers, and how selected series come.

use super::dataset::Dataset;
use super::reading::{drain, ensure, entries, open, read, same};
use super::{Outcome, ReadCheck};
use crate::matcher::{MatchOp, Matcher};
use crate::storage::{Queryable, SelectHints, TimeRange};

pub(super) const CHECKS: &[ReadCheck] = &[
    ReadCheck { name: "no_matchers_select_everything", run: |store, data| agree(store, data, &[]) },
    ReadCheck { name: "equal_matchers", run: |store, data| each_agrees(store, data, MatchOp::Equal, VALUES) },
    ReadCheck { name: "not_equal_matchers", run: |store, data| each_agrees(store, data, MatchOp::NotEqual, VALUES) },
    ReadCheck { name: "regex_matchers", run: |store, data| each_agrees(store, data, MatchOp::Regex, PATTERNS) },
    ReadCheck { name: "not_regex_matchers", run: |store, data| each_agrees(store, data, MatchOp::NotRegex, PATTERNS) },
    ReadCheck { name: "matchers_that_accept_absence", run: absence },
    ReadCheck { name: "several_matchers_all_bind", run: conjunctions },
    ReadCheck { name: "sorted_hint_orders_by_labels", run: sorted },
    ReadCheck { name: "entries_outlive_their_set", run: entries_outlive_their_set },
    ReadCheck { name: "entries_are_read_on_several_threads", run: threads },
];

const VALUES: &[(&str, &str)] = &[
    ("job", "api"),
    ("job", "none such"),
    ("__name__", "requests_total"),
    ("__name__", "température.°C"),
    ("ville", "Orléans\n\"x\""),
    ("no_such_label", "x"),
];

const PATTERNS: &[(&str, &str)] = &[
    ("job", "api"),
    ("job", "api|db"),
    ("job", "api.*"),
    ("job", ".+-canary"),
    ("job", "pi"),
    ("job", "(?i)API"),
    ("code", "[45]0[34]"),
    ("code", "5..|nothing"),
    ("__name__", ".+"),
    ("instance", "[^a]:.*"),
    ("no_such_label", ".+"),
];

fn matcher(op: MatchOp, name: &str, value: &str) -> Result<Matcher, String> {
    Matcher::new(op, name, value).map_err(|e| e.to_string())
}

fn agree(store: &dyn Queryable, data: &Dataset, matchers: &[Matcher]) -> Outcome {
    let shown: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
    let found = read(store, TimeRange::ALL, matchers)?;
    same(&format!("{{{}}}", shown.join(",")), &found, &data.expected(TimeRange::ALL, matchers))
}

fn each_agrees(store: &dyn Queryable, data: &Dataset, op: MatchOp, values: &[(&str, &str)]) -> Outcome {
    values.iter().try_for_each(|(name, value)| agree(store, data, &[matcher(op, name, value)?]))
}

/// An absent label counts as the empty text: `x=""` selects series without `x`, and so do patterns that match it.
fn absence(store: &dyn Queryable, data: &Dataset) -> Outcome {
    for op in [MatchOp::Equal, MatchOp::NotEqual] {
        each_agrees(store, data, op, &[("job", ""), ("code", ""), ("no_such_label", "")])?;
    }
    let patterns = [("job", ""), ("job", ".*"), ("job", "|api"), ("code", "(200)?"), ("no_such_label", ".*")];
    for op in [MatchOp::Regex, MatchOp::NotRegex] {
        each_agrees(store, data, op, &patterns)?;
    }
    Ok(())
}

fn conjunctions(store: &dyn Queryable, data: &Dataset) -> Outcome {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let cases: &[&[(MatchOp, &str, &str)]] = &[
        &[(Equal, "__name__", "requests_total"), (Equal, "job", "db")],
        &[(Equal, "job", "api"), (Equal, "job", "db")],
        &[(Regex, "job", "api.*"), (NotEqual, "job", "api")],
        &[(Regex, "job", ".*a.*"), (NotRegex, "code", "5.."), (NotEqual, "instance", "b:9100")],
        &[(NotEqual, "job", "api"), (NotEqual, "job", "db"), (Equal, "code", "")],
        &[(Equal, "job", ""), (NotRegex, "__name__", "s.*")],
        &[(Regex, "__name__", "requests_total|long"), (Equal, "code", "")],
    ];
    for case in cases {
        let matchers: Vec<Matcher> = case.iter().map(|(op, n, v)| matcher(*op, n, v)).collect::<Result<_, _>>()?;
        agree(store, data, &matchers)?;
    }
    Ok(())
}

fn sorted(store: &dyn Queryable, _: &Dataset) -> Outcome {
    let querier = open(store, TimeRange::ALL)?;
    let found = entries(&*querier, &[], &SelectHints::sorted(TimeRange::ALL))?;
    ensure(found.is_sorted_by(|a, b| a.labels < b.labels), || {
        let order: Vec<String> = found.iter().map(|e| e.labels.to_string()).collect();
        format!("series are not in the order of their labels: {}", order.join(", "))
    })
}

fn entries_outlive_their_set(store: &dyn Queryable, data: &Dataset) -> Outcome {
    let querier = open(store, TimeRange::ALL)?;
    let all = entries(&*querier, &[], &SelectHints::default())?;
    // Last first: no entry depends on another having been read.
    let mut found = Vec::new();
    for mut entry in all.into_iter().rev() {
        found.push((entry.labels, super::reading::rows_of(&drain(&mut *entry.samples)?)));
    }
    found.retain(|(_, rows)| !rows.is_empty());
    found.sort_by(|a, b| a.0.cmp(&b.0));
    same("series read in reverse", &found, &data.expected(TimeRange::ALL, &[]))
}

fn threads(store: &dyn Queryable, data: &Dataset) -> Outcome {
    let querier = open(store, TimeRange::ALL)?;
    let mut all = entries(&*querier, &[], &SelectHints::default())?;
    let second = all.split_off(all.len() / 2);
    let read_half = |half: Vec<crate::storage::SeriesEntry<'_>>| -> Result<usize, String> {
        half.into_iter().map(|mut entry| drain(&mut *entry.samples).map(|b| b.len())).sum()
    };
    let samples = std::thread::scope(|scope| {
        let other = scope.spawn(|| read_half(second));
        let mine = read_half(all)?;
        other.join().map_err(|_| "reading on a second thread panicked".to_owned())?.map(|theirs| mine + theirs)
    })?;
    let expected: usize = data.series.iter().map(|(_, batch)| batch.len()).sum();
    same("samples read on two threads", &samples, &expected)
}
