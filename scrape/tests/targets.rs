//! Collections of targets on a simulated clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use promethium_model::{Labels, Matcher, MemStore, MetricType, QueryableExt, TimeRange, is_stale};
use promethium_scrape::{FetchError, FetchRequest, FetchResponse, Health, ScrapeError, Source, TargetConfig, Targets};

fn page(text: &'static str) -> Source {
    Source::closure(move || text.to_owned())
}

fn samples(store: &MemStore, name: &str) -> Vec<(i64, f64)> {
    let found = store.read_all(TimeRange::ALL, &[Matcher::equal("__name__", name)]).expect("a store in memory");
    found.iter().flat_map(|(_, s)| s.timestamps.iter().copied().zip(s.floats.iter().copied())).collect()
}

#[test]
fn targets_keep_to_their_interval() {
    let store = MemStore::new();
    let mut targets = Targets::new();
    targets.add(TargetConfig::new("fast", page("fast 1\n")).every_ms(10_000).at_once(), 0).expect("good");
    targets.add(TargetConfig::new("slow", page("slow 1\n")).every_ms(30_000).at_once(), 0).expect("good");
    for time_ms in (0..=60_000).step_by(1_000) {
        targets.tick_in_process(&store, time_ms);
    }
    let times = |name| samples(&store, name).into_iter().map(|(t, _)| t / 1_000).collect::<Vec<_>>();
    assert_eq!(times("fast"), [0, 10, 20, 30, 40, 50, 60]);
    assert_eq!(times("slow"), [0, 30, 60]);
    assert_eq!(targets.next_due_ms(), Some(70_000));
}

#[test]
fn targets_spread_over_the_interval() {
    let mut targets = Targets::new();
    for i in 0..100 {
        let labels = Labels::from_pairs([("instance", format!("host-{i}"))]);
        targets.add(TargetConfig::new("j", page("")).with_labels(labels).every_ms(10_000), 0).expect("good");
    }
    let mut due: Vec<i64> = targets.iter().map(|(_, target)| target.next_due_ms()).collect();
    due.sort_unstable();
    assert!(due.iter().all(|t| (1..=10_000).contains(t)));
    for window in due.windows(20) {
        assert!(window[19] - window[0] > 500, "twenty of a hundred within half a second: {window:?}");
    }
}

#[test]
fn a_seed_moves_a_target() {
    let due = |offset_seed| {
        let mut config = TargetConfig::new("j", page("")).every_ms(10_000);
        config.offset_seed = offset_seed;
        let mut targets = Targets::new();
        targets.add(config, 0).expect("good");
        targets.next_due_ms()
    };
    assert_eq!(due(1), due(1));
    assert_ne!(due(1), due(12_345_678_901));
}

#[test]
fn a_target_is_not_there_twice() {
    let mut targets = Targets::new();
    let config = || TargetConfig::new("j", Source::http("http://h:1/metrics"));
    targets.add(config(), 0).expect("good");
    let error = targets.add(config(), 0).expect_err("the same target");
    assert_eq!(error.to_string(), "target {instance=\"h:1\", job=\"j\"} is already scraped");
    targets.add(TargetConfig::new("k", Source::http("http://h:1/metrics")), 0).expect("another job");
}

#[test]
fn wrong_configurations_say_so() {
    let with = |interval_ms, timeout_ms| {
        let mut config = TargetConfig::new("j", page(""));
        (config.interval_ms, config.timeout_ms) = (interval_ms, timeout_ms);
        Targets::new().add(config, 0).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with(0, 1), Err("scrape interval cannot be 0".to_owned()));
    assert_eq!(with(1, 0), Err("scrape timeout cannot be 0".to_owned()));
    let longer = "scrape timeout cannot be greater than scrape interval (\"20s\" > \"15s\")";
    assert_eq!(with(15_000, 20_000), Err(longer.to_owned()));
    assert_eq!(with(15_000, 15_000), Ok(()));
}

#[test]
fn a_removed_target_ends_late_and_at_the_scrape_that_it_missed() {
    let store = MemStore::new();
    let mut targets = Targets::new();
    let id = targets.add(TargetConfig::new("j", page("a 1\n")).every_ms(10_000).at_once(), 0).expect("good");
    targets.tick_in_process(&store, 0);
    assert!(targets.remove(id) && !targets.remove(id) && targets.is_empty());
    targets.tick_in_process(&store, 20_999);
    assert_eq!(samples(&store, "a"), [(0, 1.0)]);
    targets.tick_in_process(&store, 21_000);
    for name in ["a", "up", "scrape_series_added"] {
        let found = samples(&store, name);
        assert!(found.len() == 2 && found[1].0 == 10_000 && is_stale(found[1].1), "{name}: {found:?}");
    }
    assert_eq!(targets.next_due_ms(), None);
}

#[test]
fn a_target_that_moved_wins_over_the_end_of_its_old_self() {
    let store = MemStore::new();
    let mut targets = Targets::new();
    let config = || TargetConfig::new("j", page("a 1\n")).every_ms(10_000).at_once();
    let id = targets.add(config(), 0).expect("good");
    targets.tick_in_process(&store, 0);
    targets.remove(id);
    targets.add(config(), 10_000).expect("the old one is gone");
    for time_ms in [10_000, 20_000, 30_000] {
        targets.tick_in_process(&store, time_ms);
    }
    assert_eq!(samples(&store, "a"), [(0, 1.0), (10_000, 1.0), (20_000, 1.0), (30_000, 1.0)]);
}

#[test]
fn a_running_scrape_is_not_started_again_until_it_is_lost() {
    let store = MemStore::new();
    let mut targets = Targets::new();
    let mut config = TargetConfig::new("j", page("a 1\n")).every_ms(1_000).at_once();
    config.timeout_ms = 1_000;
    targets.add(config, 0).expect("good");
    let first = targets.start_due(0).pop().expect("due");
    assert!(targets.start_due(1_000).is_empty());
    assert_eq!(targets.next_due_ms(), Some(2_000));
    let second = targets.start_due(2_000).pop().expect("the first is lost");
    let response = || Ok(FetchResponse::text("a 1\n"));
    assert!(targets.finish(&store, &first, Duration::ZERO, response()).is_none());
    assert!(targets.finish(&store, &second, Duration::ZERO, response()).is_some_and(|report| report.up));
    assert!(targets.finish(&store, &second, Duration::ZERO, response()).is_none());
    assert_eq!(samples(&store, "a"), [(2_000, 1.0)]);
}

#[test]
fn a_client_fetches_what_has_a_url() {
    let store = MemStore::new();
    let mut targets = Targets::new();
    targets.add(TargetConfig::new("j", Source::http("http://h:1/metrics")).at_once(), 0).expect("good");
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let client = move |request: &FetchRequest| {
        counter.fetch_add(1, Ordering::Relaxed);
        assert_eq!((request.url.as_str(), request.timeout_ms), ("http://h:1/metrics", 10_000));
        Ok(FetchResponse::text("a 1\n"))
    };
    let reports = targets.tick(&store, &client, 0);
    assert!(reports[0].1.up && asked.load(Ordering::Relaxed) == 1);
    let reports = targets.tick_in_process(&store, 60_000);
    assert!(matches!(reports[0].1.error, Some(ScrapeError::Fetch(FetchError::NoClient { .. }))));
    assert_eq!(targets.statuses().next().map(|status| status.health), Some(Health::Down));
}

#[test]
fn metadata_is_kept_for_ten_scrapes() {
    let described = "# HELP a What a is.\n# TYPE a counter\na 1\n";
    let calls = AtomicUsize::new(0);
    let source = Source::closure(move || {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        if first { described.to_owned() } else { "b 1\n".to_owned() }
    });
    let store = MemStore::new();
    let mut targets = Targets::new();
    targets.add(TargetConfig::new("j", source).every_ms(1_000).at_once(), 0).expect("good");
    for scrape in 0..12 {
        targets.tick_in_process(&store, scrape * 1_000);
        let (_, target) = targets.iter().next().expect("a target");
        let kept = target.family_metadata("a").map(|m| (m.metric_type, m.help.clone()));
        let expected = (scrape <= 10).then(|| (MetricType::Counter, "What a is.".to_owned()));
        assert_eq!(kept, expected, "after scrape {scrape}");
    }
}
