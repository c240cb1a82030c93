//! A scrape from page to commit: decode, series cache, append, log.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use promethium::model::{Clock, ManualClock};
use promethium::scrape::{FetchResponse, ScrapeTarget, Source, TargetConfig};
use promethium::tsdb::vfs::StdVfs;
use promethium::tsdb::{Db, DbOptions, Sync};
use promethium_benches::exporter_page;

const SERIES: usize = 1_000;
const INTERVAL_MS: i64 = 15_000;

/// One target scraped again and again into a store with one durability policy.
struct Loop {
    db: Db,
    clock: Arc<ManualClock>,
    target: ScrapeTarget,
    pages: Vec<FetchResponse>,
    scrapes: usize,
}

impl Loop {
    fn new(open: impl FnOnce(DbOptions, Arc<dyn Clock>) -> Db, sync: Sync) -> Self {
        let clock = Arc::new(ManualClock::new(1_760_000_000_000));
        let source = Source::closure(String::new);
        let config = TargetConfig::new("bench", source).every_ms(INTERVAL_MS).at_once();
        Loop {
            db: open(DbOptions::default().sync(sync), clock.clone()),
            target: ScrapeTarget::new(config, clock.now_ms()).expect("the configuration is right"),
            clock,
            pages: (0..16).map(|i| FetchResponse::text(exporter_page(SERIES, i))).collect(),
            scrapes: 0,
        }
    }

    fn scrape(&mut self) {
        self.clock.advance(Duration::from_millis(INTERVAL_MS.unsigned_abs()));
        self.scrapes += 1;
        let page = self.pages[self.scrapes % self.pages.len()].clone();
        let report = self.target.ingest(&self.db, self.clock.now_ms(), Duration::ZERO, Ok(page));
        assert!(report.up && report.samples_scraped == SERIES, "{report:?}");
    }
}

fn scrape_to_commit(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut group = c.benchmark_group("scrape_to_commit");
    group.throughput(Throughput::Elements(SERIES as u64)).sample_size(20);
    let policies = [("always", Sync::Always), ("interval 1s", Sync::default()), ("never", Sync::Never)];
    for (name, sync) in policies {
        let path = dir.path().join(name);
        let open = |options, clock| Db::open_with(Arc::new(StdVfs), &path, options, clock).expect("it opens");
        let mut scrapes = Loop::new(open, sync);
        group.bench_function(BenchmarkId::new("directory", name), |b| b.iter(|| scrapes.scrape()));
    }
    let mut scrapes = Loop::new(|options, clock| Db::in_memory_with(options, clock).expect("it opens"), Sync::Never);
    group.bench_function("memory", |b| b.iter(|| scrapes.scrape()));
    group.finish();
}

criterion_group!(benches, scrape_to_commit);
criterion_main!(benches);
