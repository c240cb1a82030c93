use std::sync::Arc;

use promethium_model::{MatchOp, Matcher, QueryCx, matcher::all_match};
use proptest::prelude::*;

use super::*;

fn index(sets: &[Labels]) -> HeadIndex {
    let mut index = HeadIndex::default();
    for (i, labels) in sets.iter().enumerate() {
        let new = NewSeries { reference: i as u64 + 1, hash: 0, neighbours: Arc::default() };
        index.insert(new, labels.iter());
    }
    index
}

fn label_sets() -> Vec<Labels> {
    let mut sets = Vec::new();
    for i in 0..300 {
        let mut pairs = vec![("__name__", format!("m{}", i % 3)), ("i", i.to_string())];
        if i % 4 == 0 {
            pairs.push(("env", ["prod", "dev", "test"][i % 3].to_owned()));
        }
        sets.push(Labels::from_pairs(pairs));
    }
    sets
}

fn matchers() -> impl Strategy<Value = Matcher> {
    let op = prop::sample::select(vec![MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex]);
    let name = prop::sample::select(vec!["__name__", "i", "env", "none"]);
    let value = prop::sample::select(vec![
        "", "m0", "m1", "prod", "7", "120", ".*", ".+", "m.", "m0|m2", "|prod", "1.*", "12[0-9]", "prod|dev",
        "(?i)PROD", ".?",
    ]);
    (op, name, value).prop_map(|(op, name, value)| Matcher::new(op, name, value).unwrap())
}

proptest! {
    #[test]
    fn postings_answer_as_a_walk_over_all_series(matchers in prop::collection::vec(matchers(), 0..4)) {
        let sets = label_sets();
        let index = index(&sets);
        let found: Vec<u32> = index.matching(&matchers, &QueryCx::unlimited()).unwrap().iter().collect();
        let expected: Vec<u32> = (0..sets.len() as u32).filter(|i| all_match(&matchers, &sets[*i as usize])).collect();
        prop_assert_eq!(found, expected, "{:?}", matchers);
    }
}

/// Series one by one, some of which go, and the others in bulk: in the places of those first, and not in their order.
fn index_in_bulk(sets: &[Labels]) -> HeadIndex {
    let (single, bulk) = sets.split_at(50);
    let mut index = index(single);
    let gone: Vec<_> = index.all_series().skip(10).step_by(3).take(8).cloned().collect();
    index.remove(&gone);
    for (i, labels) in bulk.iter().enumerate() {
        let new = NewSeries { reference: i as u64 + 100, hash: 0, neighbours: Arc::default() };
        index.insert_in_bulk(new, labels.iter());
    }
    index.settle();
    index
}

proptest! {
    #[test]
    fn series_in_bulk_are_found_like_others(matchers in prop::collection::vec(matchers(), 0..4)) {
        let index = index_in_bulk(&label_sets());
        let found: Vec<u32> = index.matching(&matchers, &QueryCx::unlimited()).unwrap().iter().collect();
        let matching = index.all_series().filter(|series| all_match(&matchers, &index.labels(series)));
        let expected: Vec<u32> = matching.map(|series| series.id).collect();
        prop_assert_eq!(found, expected, "{:?}", matchers);
    }
}

#[test]
fn series_in_bulk_keep_their_labels_and_values_their_order() {
    let sets = label_sets();
    let index = index_in_bulk(&sets);
    let mut found: Vec<Labels> = index.all_series().map(|series| index.labels(series)).collect();
    let mut expected: Vec<Labels> =
        sets.iter().enumerate().filter(|(i, _)| !(10..34).contains(i) || i % 3 != 1).map(|(_, l)| l.clone()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let mut values: Vec<String> = expected.iter().map(|labels| labels.get("i").unwrap().to_owned()).collect();
    values.sort();
    assert!(index.label_values("i", None, |_| true).eq(&values));
}

#[test]
fn values_are_sorted_and_limited() {
    let sets = label_sets();
    let index = index(&sets);
    let all: Vec<&str> = index.label_values("i", None, |_| true).collect();
    let mut expected: Vec<String> = (0..300).map(|i| i.to_string()).collect();
    expected.sort();
    assert_eq!(all, expected);
    assert!(index.label_values("i", None, |id| id != 0).take(2).eq(["1", "10"]));
    assert_eq!(index.label_values("none", None, |_| true).next(), None);
    assert_eq!(index.label_names(), ["__name__", "env", "i"]);
}

#[test]
fn a_cancelled_look_up_stops() {
    let index = index(&label_sets());
    let cx = QueryCx::unlimited();
    cx.cancel();
    assert!(index.matching(&[Matcher::new(MatchOp::Regex, "i", "1.").unwrap()], &cx).is_err());
}
