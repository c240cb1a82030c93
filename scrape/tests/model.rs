//! Random scrapes, compared with a simple account of what each must leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use promethium_model::{MemStore, QueryableExt, TimeRange, is_stale};
use promethium_scrape::{FetchError, FetchResponse, ScrapeTarget, Source, TargetConfig};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// What a target does at a scrape. Series are numbers; a spelling is one of three ways to write the same one.
#[derive(Clone, Debug)]
enum Turn {
    Page(Vec<(u8, usize, u8)>),
    Malformed(Vec<(u8, usize, u8)>),
    Fails,
}

fn turn() -> impl Strategy<Value = Turn> {
    let lines = || vec((0u8..8, 0usize..3, any::<u8>()), 0..10);
    prop_oneof![6 => lines().prop_map(Turn::Page), 1 => lines().prop_map(Turn::Malformed), 1 => Just(Turn::Fails)]
}

fn write(lines: &[(u8, usize, u8)]) -> String {
    let line = |(series, spelling, value): &(u8, usize, u8)| match spelling {
        0 => format!("m{{s=\"{series}\"}} {value}\n"),
        1 => format!("m{{s=\"{series}\",}} {value}\n"),
        _ => format!("{{s=\"{series}\",\"m\"}} {value}\n"),
    };
    lines.iter().map(line).collect()
}

/// Values by time of each series; `None` is a stale marker.
type Account = BTreeMap<u8, BTreeMap<i64, Option<u8>>>;

fn take(account: &mut Account, live: &mut BTreeSet<u8>, turn: &Turn, now_ms: i64) {
    let mut exposed = BTreeSet::new();
    if let Turn::Page(lines) = turn {
        for (series, _, value) in lines {
            account.entry(*series).or_default().entry(now_ms).or_insert(Some(*value));
            exposed.insert(*series);
        }
    }
    for gone in live.difference(&exposed) {
        account.entry(*gone).or_default().insert(now_ms, None);
    }
    *live = exposed;
}

fn held(store: &MemStore) -> Account {
    let mut account = Account::new();
    for (labels, samples) in store.read_all(TimeRange::ALL, &[]).expect("a store in memory") {
        let Some(series) = labels.get("s").and_then(|s| s.parse().ok()) else { continue };
        let value = |v: &f64| if is_stale(*v) { None } else { Some(*v as u8) };
        account.insert(series, samples.timestamps.iter().copied().zip(samples.floats.iter().map(value)).collect());
    }
    account
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    })]

    #[test]
    fn every_scrape_leaves_what_it_must(turns in vec(turn(), 1..20)) {
        let store = MemStore::new();
        let config = TargetConfig::new("j", Source::closure(String::new));
        let mut target = ScrapeTarget::new(config, 0).expect("a good configuration");
        let (mut account, mut live) = (Account::new(), BTreeSet::new());
        for (turn, now_ms) in turns.iter().zip((1_000i64..).step_by(1_000)) {
            let response = match turn {
                Turn::Page(lines) => Ok(FetchResponse::text(write(lines))),
                Turn::Malformed(lines) => Ok(FetchResponse::text(write(lines) + "x\n")),
                Turn::Fails => Err(FetchError::InProcess { message: "no".to_owned() }),
            };
            let report = target.ingest(&store, now_ms, Duration::ZERO, response);
            prop_assert_eq!(report.up, matches!(turn, Turn::Page(_)));
            take(&mut account, &mut live, turn, now_ms);
        }
        prop_assert_eq!(held(&store), account);
    }
}
