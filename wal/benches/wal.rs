//! The log: writing batches with each compression, decoding samples, reading a segment as replay does.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use promethium_vfs::{MemVfs, OpenMode, Vfs, VfsFile};
use promethium_wal::{
    Compression, Compressor, Item, RecordType, SampleColumns, SegmentReader, SeriesReader, WalWriter,
    decode_sample_columns, encode_sample_columns, encode_series_entry, scatter_samples,
};

const COMPRESSIONS: [(&str, Compression); 3] =
    [("none", Compression::None), ("snappy", Compression::Snappy), ("zstd", Compression::Zstd)];
const SERIES: u64 = 1_000;
const START_MS: i64 = 1_717_200_000_000;

/// A scrape of `SERIES` series: a fifth constant, the others counters and gauges.
fn scrape(first: u64, round: u64) -> SampleColumns {
    let mut columns = SampleColumns::new();
    for i in first..first + SERIES {
        let value = match i % 5 {
            0 => 1.0,
            1 | 2 => (i * 1_000 + round * (i % 97)) as f64,
            _ => (i as f64) * 0.37 + (round as f64 * 0.71 + i as f64).sin(),
        };
        columns.push(i, 0, START_MS + round as i64 * 15_000, value);
    }
    columns
}

fn series(first: u64) -> Vec<u8> {
    let mut record = Vec::new();
    for i in first..first + SERIES {
        let (instance, path) = (format!("host-{}.example.org:9100", i / 50), format!("/api/v1/resource/{}", i % 200));
        let name = format!("http_requests_{}_total", i % 50);
        let labels = [("__name__", name.as_str()), ("instance", &instance), ("job", "node"), ("path", &path)];
        encode_series_entry(&mut record, i, labels.into_iter());
    }
    record
}

/// A segment with `blocks` × 1,000 series and `rounds` scrapes of each.
fn segment(compression: Compression, blocks: u64, rounds: u64) -> Arc<dyn VfsFile> {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/")).unwrap();
    let mut wal = WalWriter::create(Arc::new(vfs.clone()), Path::new("/"), 0, u64::MAX).unwrap();
    let mut compressor = Compressor::default();
    let mut log = |record| {
        wal.append(&[compressor.prepare(record, compression)]).unwrap();
    };
    (0..blocks).for_each(|block| log(series(1 + block * SERIES)));
    for round in 0..rounds {
        (0..blocks).for_each(|block| log(encode_sample_columns(&scrape(1 + block * SERIES, round))));
    }
    vfs.open(Path::new("/00000000"), OpenMode::Read).unwrap()
}

fn log_records(c: &mut Criterion) {
    let mut group = c.benchmark_group("log");
    group.throughput(Throughput::Elements(SERIES * 10));
    for (name, compression) in COMPRESSIONS {
        for (kind, batch) in [("single", 1), ("batched", 10)] {
            let records: Vec<_> = (0..10).map(|round| encode_sample_columns(&scrape(1, round))).collect();
            let mut compressor = Compressor::default();
            let wal = || {
                let vfs = MemVfs::new();
                vfs.create_dir(Path::new("/")).unwrap();
                WalWriter::create(Arc::new(vfs), Path::new("/"), 0, 128 << 20).unwrap()
            };
            group.bench_function(format!("{kind}/{name}"), |b| {
                b.iter_batched_ref(
                    wal,
                    |wal| {
                        for records in records.chunks(batch) {
                            let prepared: Vec<_> =
                                records.iter().map(|r| compressor.prepare(r.clone(), compression)).collect();
                            wal.append(&prepared).unwrap();
                        }
                    },
                    BatchSize::LargeInput,
                );
            });
        }
    }
}

fn decode(c: &mut Criterion) {
    let record = encode_sample_columns(&scrape(1, 7));
    let mut columns = SampleColumns::new();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(SERIES));
    group.bench_function("samples to columns", |b| {
        b.iter(|| {
            columns.clear();
            decode_sample_columns(black_box(&record), &mut columns).unwrap();
            columns.len()
        });
    });
    let mut shards = vec![SampleColumns::new(); 2];
    group.bench_function("columns to two shards", |b| {
        b.iter(|| {
            shards.iter_mut().for_each(SampleColumns::clear);
            scatter_samples(black_box(&columns), &mut shards);
        });
    });
    let record = series(1);
    group.bench_function("series, borrowed", |b| {
        b.iter(|| {
            let mut series = SeriesReader::new(black_box(&record)).unwrap();
            let mut labels = 0;
            while let Some(entry) = series.next_entry().unwrap() {
                labels += entry.pairs.len();
            }
            labels
        });
    });
}

/// What replay does before the head: read, check, decompress, decode to columns.
fn load(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    let (blocks, rounds) = (20, 50);
    group.throughput(Throughput::Elements(blocks * rounds * SERIES));
    for (name, compression) in COMPRESSIONS {
        let file = segment(compression, blocks, rounds);
        let mut columns = SampleColumns::new();
        group.bench_function(format!("20 k series x 50 scrapes/{name}"), |b| {
            b.iter(|| {
                let mut reader = SegmentReader::new(Arc::clone(&file));
                let mut samples = 0;
                while let Some(item) = reader.next_item().unwrap() {
                    let Item::Record { bytes, .. } = item else { panic!("damage") };
                    if RecordType::of(bytes).is_some_and(RecordType::is_samples) {
                        columns.clear();
                        decode_sample_columns(bytes, &mut columns).unwrap();
                        samples += columns.len();
                    }
                }
                assert_eq!(samples as u64, blocks * rounds * SERIES);
            });
        });
    }
}

criterion_group!(benches, log_records, decode, load);
criterion_main!(benches);
