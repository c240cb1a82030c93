//! Every kind of matcher against a filter over all series.

use std::collections::BTreeSet;

use promethium_block::Block;
use promethium_model::matcher::all_match;
use promethium_model::{
    LabelHints, Labels, MatchOp, Matcher, QueryCx, Queryable, QueryableExt, SelectHints, StorageError, TimeRange,
};

use crate::support::{Rng, block_of, samples_at};

const NAMES: [&str; 5] = ["__name__", "i", "n", "rare", "absent"];

/// Patterns and values of every kind: literals, sets, prefixes, suffixes, anything, nothing, and those that match `""`.
const VALUES: [&str; 20] = [
    "", "a", "b", "v7", "v1", ".*", ".+", "v.*", "v1.*", ".*1", "a|b", "a|", "v[0-3]", "v[0-3]+|", "x", "(?i)A",
    ".*[05].*", "v1|v2|v3", "[^v].*", "b?",
];

fn random_series(rng: &mut Rng) -> Vec<Labels> {
    let (count, distinct) = (rng.below(120) + 1, rng.below(150) + 1);
    let series: BTreeSet<Labels> = (0..count)
        .map(|_| {
            let mut pairs = vec![("__name__", ["a", "b", "v7"][rng.below(3)].to_owned())];
            pairs.push(("i", format!("v{}", rng.below(distinct))));
            if rng.below(3) > 0 {
                pairs.push(("n", format!("v{}", rng.below(4))));
            }
            if rng.below(12) == 0 {
                pairs.push(("rare", "a".to_owned()));
            }
            Labels::from_pairs(pairs)
        })
        .collect();
    series.into_iter().collect()
}

fn random_matchers(rng: &mut Rng) -> Vec<Matcher> {
    let ops = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
    let one = |rng: &mut Rng| {
        Matcher::new(ops[rng.below(4)], NAMES[rng.below(NAMES.len())], VALUES[rng.below(VALUES.len())]).unwrap()
    };
    (0..rng.below(4)).map(|_| one(rng)).collect()
}

fn values_of(selected: &[&Labels], name: &str) -> Vec<String> {
    let values: BTreeSet<&str> = selected.iter().filter_map(|l| l.get(name)).collect();
    values.into_iter().map(str::to_owned).collect()
}

fn compare(block: &Block, series: &[Labels], matchers: &[Matcher], limit: usize) {
    let expected: Vec<&Labels> = series.iter().filter(|l| all_match(matchers, l)).collect();
    let found = block.read_all(TimeRange::ALL, matchers).unwrap();
    assert!(found.iter().map(|(l, _)| l).eq(expected.iter().copied()), "{matchers:?}: {found:?}");
    let querier = block.querier(TimeRange::ALL).unwrap();
    let (cx, hints) = (QueryCx::unlimited(), LabelHints::with_limit(limit));
    let cut = |mut all: Vec<String>| {
        all.truncate(if limit == 0 { usize::MAX } else { limit });
        all
    };
    for name in NAMES {
        let values = querier.label_values(name, matchers, &hints, &cx).unwrap().values;
        assert_eq!(values, cut(values_of(&expected, name)), "values of {name} of {matchers:?}");
    }
    let names: BTreeSet<String> = expected.iter().flat_map(|l| l.iter().map(|(n, _)| n.to_owned())).collect();
    let found = querier.label_names(matchers, &hints, &cx).unwrap().values;
    assert_eq!(found, cut(names.into_iter().collect()), "names of {matchers:?}");
}

#[test]
fn matchers_select_what_a_filter_selects() {
    let mut compared = 0;
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let series = random_series(&mut rng);
        let block = block_of(series.iter().map(|l| (l.clone(), samples_at(&[1, 2]))));
        for _ in 0..120 {
            compare(&block, &series, &random_matchers(&mut rng), [0, 0, 0, 1, 5][rng.below(5)]);
            compared += 1;
        }
        // Each operator and each value on each name, alone.
        for (name, value) in NAMES.iter().flat_map(|n| VALUES.iter().map(move |v| (n, v))) {
            for op in [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex] {
                if seed < 3 {
                    compare(&block, &series, &[Matcher::new(op, *name, *value).unwrap()], 0);
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 60 * 120 + 3 * 400);
}

#[test]
fn a_canceled_query_stops() {
    let block = block_of((0..5_000).map(|i| (Labels::from_pairs([("i", format!("v{i}"))]), samples_at(&[1]))));
    let querier = block.querier(TimeRange::ALL).unwrap();
    let cx = QueryCx::unlimited();
    cx.cancel();
    let all = [Matcher::new(MatchOp::Regex, "i", ".*7.*").unwrap()];
    assert!(querier.select(&all, &Default::default(), &cx).is_err());
    assert!(querier.label_values("i", &all, &LabelHints::default(), &cx).is_err());
    assert!(querier.label_names(&all, &LabelHints::default(), &cx).is_err());
}

#[test]
fn the_ids_that_a_query_selects_are_in_its_budget() {
    const SERIES: usize = 1_000;
    let block = block_of((0..SERIES).map(|i| (Labels::from_pairs([("i", format!("v{i}"))]), samples_at(&[1]))));
    let (matchers, hints) = ([Matcher::new(MatchOp::Regex, "i", "v.+").unwrap()], SelectHints::sorted(TimeRange::ALL));
    let querier = block.querier(TimeRange::ALL).unwrap();
    let cx = QueryCx::unlimited().with_max_bytes(1 << 20);
    let set = querier.select(&matchers, &hints, &cx).unwrap();
    assert!((4 * SERIES..=8 * SERIES).contains(&cx.held_bytes()), "{}", cx.held_bytes());
    drop(set);
    assert_eq!(cx.held_bytes(), 0);
    let refused = querier.select(&matchers, &hints, &QueryCx::unlimited().with_max_bytes(SERIES)).map(drop);
    assert!(matches!(refused, Err(StorageError::TooManyBytes { limit: SERIES })), "{refused:?}");
}
