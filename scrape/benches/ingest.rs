//! What a scrape costs apart from the fetch and the store.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use promethium_model::storage::RejectedRow;
use promethium_model::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, Point, SeriesKey, SeriesRef,
};
use promethium_scrape::{FetchResponse, ScrapeTarget, Source, TargetConfig};

/// Takes everything and keeps nothing.
struct Sink;

impl Appendable for Sink {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(SinkAppender { rows: 0 })
    }
}

struct SinkAppender {
    rows: usize,
}

impl Appender for SinkAppender {
    fn append(&mut self, _: SeriesKey<'_>, _: Point<'_>, _: &AppendOptions<'_>) -> Result<Appended, AppendError> {
        self.rows += 1;
        Ok(Appended::new(SeriesRef(self.rows as u64), false))
    }

    fn append_batch(&mut self, rows: &[(SeriesRef, Point<'_>)], _: &mut Vec<RejectedRow>) {
        self.rows += black_box(rows).len();
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        Ok(CommitStats::new(self.rows, 0, 0))
    }

    fn rollback(self: Box<Self>) {}
}

const LINES: u64 = 10_000;

fn page(value: u64) -> FetchResponse {
    let line = |i| {
        format!(
            "http_requests_total{{code=\"{}\",handler=\"/api/v1/{i}\",method=\"GET\"}} {}\n",
            200 + i % 5,
            value + i
        )
    };
    FetchResponse::text((0..LINES).map(line).collect::<String>())
}

fn target() -> ScrapeTarget {
    ScrapeTarget::new(TargetConfig::new("bench", Source::closure(String::new)), 0).expect("a good configuration")
}

fn ingest(c: &mut Criterion) {
    let mut group = c.benchmark_group("ingest/samples");
    group.throughput(Throughput::Elements(LINES));
    let response = page(1_000);
    group.bench_function("first scrape", |b| {
        b.iter_batched(
            target,
            |mut target| target.ingest(&Sink, 1_000, Duration::ZERO, Ok(response.clone())).samples_scraped,
            BatchSize::LargeInput,
        );
    });
    let mut warm = target();
    warm.ingest(&Sink, 1_000, Duration::ZERO, Ok(response.clone()));
    let mut scrape_ms = 1_000;
    group.bench_function("later scrape", |b| {
        b.iter(|| {
            scrape_ms += 1_000;
            warm.ingest(&Sink, scrape_ms, Duration::ZERO, Ok(response.clone())).samples_scraped
        });
    });
    group.finish();
}

criterion_group!(benches, ingest);
criterion_main!(benches);
