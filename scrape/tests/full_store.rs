//! A store that takes no more series.

use std::time::Duration;

use promethium_model::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, Matcher, MemStore, Point,
    QueryableExt, SeriesKey, TimeRange,
};
use promethium_scrape::{FetchResponse, ScrapeReport, ScrapeTarget, Source, TargetConfig};

/// Refuses new series beyond `limit`.
struct Full {
    store: MemStore,
    limit: usize,
}

struct FullAppender<'s> {
    inner: Box<dyn Appender + 's>,
    store: &'s Full,
    series: usize,
}

impl Appendable for Full {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(FullAppender { inner: self.store.appender(), store: self, series: self.store.series_count() })
    }
}

impl FullAppender<'_> {
    fn holds(&self, key: SeriesKey<'_>) -> bool {
        let SeriesKey::Labels(labels) = key else { return true };
        let matchers: Vec<Matcher> = labels.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        !self.store.store.read_all(TimeRange::ALL, &matchers).expect("a store in memory").is_empty()
    }
}

impl Appender for FullAppender<'_> {
    fn append(&mut self, key: SeriesKey<'_>, p: Point<'_>, o: &AppendOptions<'_>) -> Result<Appended, AppendError> {
        if !self.holds(key) {
            if self.series >= self.store.limit {
                return Err(AppendError::SeriesLimit { limit: self.store.limit });
            }
            self.series += 1;
        }
        self.inner.append(key, p, o)
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        self.inner.commit()
    }

    fn rollback(self: Box<Self>) {
        self.inner.rollback();
    }
}

fn scrape(target: &mut ScrapeTarget, store: &Full, scrape_ms: i64, page: &'static str) -> ScrapeReport {
    target.ingest(store, scrape_ms, Duration::ZERO, Ok(FetchResponse::text(page)))
}

#[test]
fn the_series_that_it_has_go_on() {
    let mut store = Full { store: MemStore::new(), limit: 6 };
    let mut target = ScrapeTarget::new(TargetConfig::new("j", Source::closure(String::new)), 0).expect("good");
    assert!(scrape(&mut target, &store, 1_000, "a 1\n").up);
    for scrape_ms in [2_000, 3_000] {
        let report = scrape(&mut target, &store, scrape_ms, "a 2\nb 1\n");
        assert!(report.up && report.rejected.series_limit == 1, "{report:?}");
    }
    store.limit = 7;
    let report = scrape(&mut target, &store, 4_000, "a 3\nb 1\n");
    assert_eq!((report.rejected.total(), report.series_added), (0, 1));
    let a = store.store.read_all(TimeRange::ALL, &[Matcher::equal("__name__", "a")]).expect("a store in memory");
    assert_eq!(a[0].1.timestamps, [1_000, 2_000, 3_000, 4_000]);
}

#[test]
fn a_store_without_room_for_the_report_still_takes_nothing_amiss() {
    let store = Full { store: MemStore::new(), limit: 0 };
    let mut target = ScrapeTarget::new(TargetConfig::new("j", Source::closure(String::new)), 0).expect("good");
    let report = scrape(&mut target, &store, 1_000, "a 1\n");
    assert!(report.up && report.rejected.series_limit == 1 && store.store.series_count() == 0);
}
