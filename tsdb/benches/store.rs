//! The store: append and commit by sync policy, replay, look-ups by matchers, reading.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use promethium_model::{
    AppendOptions, Appendable, Labels, MatchOp, Matcher, Point, QueryCx, Queryable, SampleBatch, SelectHints,
    SeriesKey, SeriesRef, SystemClock, TimeRange,
};
use promethium_tsdb::vfs::MemVfs;
use promethium_tsdb::{Db, DbOptions, Sync};

const START_MS: i64 = 1_717_200_000_000;
const SERIES: usize = 1_000;

fn labels(i: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("http_requests_{}_total", i % 50)),
        ("instance", format!("host-{}.example.org:9100", i / 50)),
        ("job", "node".to_owned()),
        ("method", ["GET", "POST", "PUT"][i % 3].to_owned()),
        ("status", ["200", "404", "500", "503"][i % 4].to_owned()),
        ("path", format!("/api/v1/resource/{}", i % 200)),
    ])
}

/// Appends one sample a series at `t` and commits: a scrape.
fn scrape(db: &Db, refs: &mut Vec<SeriesRef>, all: &[Labels], t: i64) {
    let mut tx = db.appender();
    for (i, labels) in all.iter().enumerate() {
        let point = Point::float(t, (t / 1000 + i as i64) as f64);
        match refs.get(i) {
            Some(r) => drop(tx.append(SeriesKey::Ref(*r), point, &AppendOptions::default()).unwrap().series),
            None => refs.push(tx.append(SeriesKey::Labels(labels), point, &AppendOptions::default()).unwrap().series),
        }
    }
    tx.commit().unwrap();
}

fn filled(options: DbOptions, series: usize, scrapes: i64) -> Db {
    let db = Db::in_memory(options).unwrap();
    let all: Vec<_> = (0..series).map(labels).collect();
    let mut refs = Vec::new();
    (0..scrapes).for_each(|i| scrape(&db, &mut refs, &all, START_MS + i * 15_000));
    db
}

fn append(c: &mut Criterion) {
    let all: Vec<_> = (0..SERIES).map(labels).collect();
    let tmp = tempfile::tempdir().unwrap();
    let mut group = c.benchmark_group("append+commit");
    group.sample_size(20);
    for (name, policy) in [("always", Sync::Always), ("interval", Sync::default()), ("never", Sync::Never)] {
        let db = Db::open(tmp.path().join(name), DbOptions::default().sync(policy)).unwrap();
        let (mut refs, mut t) = (Vec::new(), START_MS);
        group.throughput(Throughput::Elements(SERIES as u64));
        group.bench_function(format!("scrape of 1000, {name}"), |b| {
            b.iter(|| {
                t += 1_000;
                scrape(&db, &mut refs, &all, t);
            });
        });
    }
    let db = Db::in_memory(DbOptions::default()).unwrap();
    let (mut refs, mut t) = (Vec::new(), START_MS);
    group.bench_function("scrape of 1000, in memory", |b| {
        b.iter(|| {
            t += 1_000;
            scrape(&db, &mut refs, &all, t);
        });
    });
    for (name, policy) in [("always", Sync::Always), ("never", Sync::Never)] {
        let db = Db::open(tmp.path().join(format!("batches-{name}")), DbOptions::default().sync(policy)).unwrap();
        let (mut refs, mut t) = (Vec::new(), START_MS);
        scrape(&db, &mut refs, &all, t);
        group.throughput(Throughput::Elements(SERIES as u64 * 100));
        group.bench_function(format!("1000 series x 100 samples, {name}"), |b| {
            b.iter(|| {
                let mut tx = db.appender();
                for (i, r) in refs.iter().enumerate() {
                    for k in 1..=100_i64 {
                        let point = Point::float(t + k * 1_000, (k + i as i64) as f64);
                        tx.append(SeriesKey::Ref(*r), point, &AppendOptions::default()).unwrap();
                    }
                }
                tx.commit().unwrap();
                t += 100_000;
            });
        });
    }
}

fn create(c: &mut Criterion) {
    let all: Vec<_> = (0..10_000).map(labels).collect();
    let mut group = c.benchmark_group("create");
    group.sample_size(10).throughput(Throughput::Elements(all.len() as u64));
    group.bench_function("10000 series", |b| {
        b.iter_batched(
            || Db::in_memory(DbOptions::default()).unwrap(),
            |db| {
                scrape(&db, &mut Vec::new(), &all, START_MS);
                db
            },
            BatchSize::PerIteration,
        );
    });
}

fn replay(c: &mut Criterion) {
    let vfs = MemVfs::new();
    let open = || {
        let clock = Arc::new(SystemClock::new());
        Db::open_with(Arc::new(vfs.clone()), Path::new("/data"), DbOptions::default(), clock).unwrap()
    };
    let all: Vec<_> = (0..SERIES).map(labels).collect();
    let db = open();
    let mut refs = Vec::new();
    (0..1_000).for_each(|i| scrape(&db, &mut refs, &all, START_MS + i * 15_000));
    db.close().unwrap();
    let mut group = c.benchmark_group("replay");
    group.sample_size(10).throughput(Throughput::Elements(SERIES as u64 * 1_000));
    group.bench_function("1000000 samples in scrapes", |b| {
        b.iter(|| {
            let db = open();
            assert_eq!(db.replay_report().samples, 1_000_000);
        });
    });
}

fn lookups(c: &mut Criterion) {
    let db = filled(DbOptions::default(), 100_000, 2);
    let regex = |name: &str, value: &str| Matcher::new(MatchOp::Regex, name, value).unwrap();
    let cases = [
        ("equal", vec![Matcher::equal("__name__", "http_requests_7_total"), Matcher::equal("status", "404")]),
        (
            "one series",
            vec![
                Matcher::equal("__name__", "http_requests_7_total"),
                Matcher::equal("instance", "host-99.example.org:9100"),
            ],
        ),
        ("set", vec![Matcher::equal("__name__", "http_requests_7_total"), regex("status", "200|404")]),
        ("prefix", vec![Matcher::equal("job", "node"), regex("instance", "host-19.*")]),
        ("suffix", vec![Matcher::equal("job", "node"), regex("path", ".*/19")]),
        ("negative", vec![Matcher::equal("__name__", "http_requests_7_total"), Matcher::not_equal("status", "404")]),
    ];
    let mut group = c.benchmark_group("lookup in 100000 series");
    for (name, matchers) in cases {
        let querier = db.querier(TimeRange::ALL).unwrap();
        let select = || querier.select(&matchers, &SelectHints::default(), &QueryCx::unlimited()).unwrap();
        let mut set = select();
        let mut found = 0;
        while set.next_series().unwrap().is_some() {
            found += 1;
        }
        assert!(found > 0, "{name}");
        group.bench_function(format!("{name} ({found} series)"), |b| b.iter(|| black_box(select())));
    }
}

fn select(c: &mut Criterion) {
    let db = filled(DbOptions::default(), SERIES, 720);
    let matchers = [Matcher::equal("job", "node")];
    let mut group = c.benchmark_group("select");
    group.sample_size(20).throughput(Throughput::Elements(SERIES as u64 * 720));
    let mut out = SampleBatch::new();
    group.bench_function("1000 series x 720 samples", |b| {
        b.iter(|| {
            let querier = db.querier(TimeRange::ALL).unwrap();
            let mut set = querier.select(&matchers, &SelectHints::default(), &QueryCx::unlimited()).unwrap();
            while let Some(mut series) = set.next_series().unwrap() {
                out.clear();
                while series.samples.next_batch(&mut out).unwrap() {}
                black_box(&out);
            }
        });
    });
}

criterion_group!(benches, append, create, replay, lookups, select);
criterion_main!(benches);
