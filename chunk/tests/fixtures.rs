//! Chunks of files that the real Prometheus 2.42 wrote: equal to what was fed to it, and written again byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use promethium_chunk::{
    Encoding, FloatHistogramAppender, HistogramAppender, HistogramStats, Placement, XorAppender, counter_reset_header,
    decode, decode_histogram_stats, decode_timestamps, sample_count, time_range,
};
use promethium_model::{CounterResetHint, FloatHistogram, HistogramValue, SampleBatch, Span};

struct Chunk {
    encoding: Encoding,
    data: Vec<u8>,
    // Head chunk files say these beside the chunk.
    time_range: Option<(i64, i64)>,
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn uvarint(bytes: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn number(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}

const FILE_HEADER: usize = 8;
const CRC: usize = 4;

fn segment(path: &Path) -> Vec<Chunk> {
    let bytes = std::fs::read(path).unwrap();
    let mut at = FILE_HEADER;
    let mut chunks = Vec::new();
    while at < bytes.len() {
        let len = uvarint(&bytes, &mut at);
        let encoding = Encoding::try_from(bytes[at]).unwrap();
        chunks.push(Chunk { encoding, data: bytes[at + 1..][..len].to_vec(), time_range: None });
        at += 1 + len + CRC;
    }
    chunks
}

fn head_file(path: &Path) -> Vec<Chunk> {
    let bytes = std::fs::read(path).unwrap();
    let mut at = FILE_HEADER;
    let mut chunks = Vec::new();
    // The file was made longer than needed: zeros follow the last chunk.
    while at + 34 <= bytes.len() && number(&bytes, at) != 0 {
        let time_range = Some((number(&bytes, at + 8), number(&bytes, at + 16)));
        let encoding = Encoding::try_from(bytes[at + 24] & 0x7f).unwrap();
        at += 25;
        let len = uvarint(&bytes, &mut at);
        chunks.push(Chunk { encoding, data: bytes[at..][..len].to_vec(), time_range });
        at += len + CRC;
    }
    chunks
}

fn samples(chunk: &Chunk) -> SampleBatch {
    let mut out = SampleBatch::new();
    decode(chunk.encoding, &chunk.data, &mut out).unwrap();
    assert_eq!(out.len(), sample_count(chunk.encoding, &chunk.data));
    out
}

fn reencoded(chunk: &Chunk) -> Vec<u8> {
    let samples = samples(chunk);
    if chunk.encoding == Encoding::Xor {
        let mut xor = XorAppender::new();
        samples.timestamps.iter().zip(&samples.floats).for_each(|(t, v)| xor.push(*t, *v));
        return xor.to_bytes();
    }
    let header = counter_reset_header(chunk.encoding, &chunk.data).unwrap();
    let mut rows = samples.timestamps.iter().zip(&samples.histograms);
    let (t, (_, first)) = rows.next().unwrap();
    match first {
        HistogramValue::Int(h) => {
            let mut chunk = HistogramAppender::start(chunk.encoding, header, 0, *t, h);
            for (t, (_, h)) in rows {
                let HistogramValue::Int(h) = h else { panic!("a chunk has one kind of histograms") };
                assert_eq!(chunk.push(0, *t, h), Placement::Appended);
            }
            chunk.bytes().to_vec()
        }
        HistogramValue::Float(h) => {
            let mut chunk = FloatHistogramAppender::start(chunk.encoding, header, 0, *t, h);
            for (t, (_, h)) in rows {
                let HistogramValue::Float(h) = h else { panic!("a chunk has one kind of histograms") };
                assert_eq!(chunk.push(0, *t, h), Placement::Appended);
            }
            chunk.bytes().to_vec()
        }
    }
}

/// Writes every chunk again; gives the number of chunks by encoding, and how many had a spare zero at their end.
fn write_again(chunks: &[Chunk]) -> (BTreeMap<u8, usize>, usize) {
    let (mut seen, mut spare) = (BTreeMap::new(), 0);
    for chunk in chunks {
        let again = reencoded(chunk);
        // Prometheus before 3.0 could leave a zero byte behind a chunk that ends on a whole byte.
        let has_spare = chunk.data.len() == again.len() + 1 && chunk.data.last() == Some(&0);
        spare += usize::from(has_spare);
        assert_eq!(chunk.data[..chunk.data.len() - usize::from(has_spare)], again);
        *seen.entry(chunk.encoding as u8).or_default() += 1;
        check_times(chunk);
    }
    (seen, spare)
}

fn check_times(chunk: &Chunk) {
    let range = time_range(chunk.encoding, &chunk.data).unwrap();
    assert!(chunk.time_range.is_none() || chunk.time_range == range);
    let mut timestamps = Vec::new();
    decode_timestamps(chunk.encoding, &chunk.data, &mut timestamps).unwrap();
    assert_eq!(timestamps, samples(chunk).timestamps);
}

#[test]
fn chunks_are_written_again_byte_for_byte() {
    let floats = write_again(&segment(&testdata("floats.segment")));
    assert_eq!(floats, (BTreeMap::from([(1, 71)]), 0));
    assert_eq!(write_again(&segment(&testdata("one-sample.segment"))), (BTreeMap::from([(1, 1)]), 1));
    let blocks = write_again(&segment(&testdata("float-histograms.segment")));
    assert_eq!(blocks, (BTreeMap::from([(1, 8), (3, 4)]), 0));
    let histograms = write_again(&head_file(&testdata("histograms.head")));
    assert_eq!(histograms, (BTreeMap::from([(1, 16), (2, 5)]), 0));
    let out_of_order = write_again(&head_file(&testdata("out-of-order.head")));
    assert_eq!(out_of_order, (BTreeMap::from([(1, 10), (3, 3)]), 0));
}

#[test]
fn chunks_of_all_fixtures_are_written_again_byte_for_byte() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/prometheus-2.42");
    if !root.exists() {
        eprintln!("skipped: no fixtures at {}", root.display());
        return;
    }
    let (mut folders, mut chunks) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match name.as_str() {
                // Damaged, or of an encoding that the bytes are not of.
                "corrupt" | "chunk-encoding-4" => {}
                "chunks" => chunks.extend(segment(&path.join("000001"))),
                "chunks_head" => {
                    for file in std::fs::read_dir(path).unwrap() {
                        chunks.extend(head_file(&file.unwrap().path()));
                    }
                }
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    let (seen, spare) = write_again(&chunks);
    println!("{seen:?} chunks, {spare} with a spare zero");
    assert!(seen[&1] >= 835 && seen[&2] >= 5 && seen[&3] >= 7, "{seen:?}");
}

/// A histogram as the tables have it: schema, zero threshold, zero count, count, sum, buckets that are not empty.
type Told = (i32, f64, f64, f64, f64, [BTreeMap<i64, f64>; 2]);

fn table(name: &str) -> Vec<(String, i64, Told)> {
    let text = std::fs::read_to_string(testdata(name)).unwrap();
    let number = |s: &str| s.parse::<f64>().unwrap();
    let buckets = |s: &str| {
        let pairs = s.split(',').filter_map(|p| p.split_once(':'));
        pairs.map(|(i, n)| (i.parse().unwrap(), number(n))).filter(|(_, n)| *n != 0.0).collect()
    };
    let row = |line: &str| {
        let f: Vec<&str> = line.split('\t').collect();
        let told = (f[2].parse().unwrap(), number(f[3]), number(f[4]), number(f[5]), number(f[6]));
        let (schema, threshold, zeros, count, sum) = told;
        let sides = [buckets(f[7]), buckets(f[8])];
        (f[0].to_owned(), f[1].parse().unwrap(), (schema, threshold, zeros, count, sum, sides))
    };
    text.lines().map(row).collect()
}

fn side(spans: &[Span], buckets: &[f64]) -> BTreeMap<i64, f64> {
    let mut index = 0;
    let mut indexes = Vec::new();
    for span in spans {
        index += i64::from(span.offset);
        indexes.extend(index..index + i64::from(span.length));
        index += i64::from(span.length);
    }
    assert_eq!(indexes.len(), buckets.len());
    indexes.into_iter().zip(buckets.iter().copied()).filter(|(_, n)| *n != 0.0).collect()
}

fn told(h: &FloatHistogram) -> Told {
    let sides = [side(&h.positive_spans, &h.positive_buckets), side(&h.negative_spans, &h.negative_buckets)];
    (h.schema, h.zero_threshold, h.zero_count, h.count, h.sum, sides)
}

/// Rows of the chunks one after the other: time, hint, value.
fn histograms<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Vec<(i64, CounterResetHint, Told)> {
    let mut rows = Vec::new();
    for chunk in chunks {
        let samples = samples(chunk);
        let mut stats = HistogramStats::default();
        decode_histogram_stats(chunk.encoding, &chunk.data, &mut stats).unwrap();
        for (i, (t, (_, h))) in samples.timestamps.iter().zip(&samples.histograms).enumerate() {
            let h = h.to_float();
            assert_eq!((stats.timestamps[i], stats.counts[i], stats.sums[i]), (*t, h.count, h.sum));
            rows.push((*t, h.counter_reset_hint, told(&h)));
        }
    }
    rows
}

#[test]
fn integer_histograms_are_those_that_were_exposed() {
    let table = table("histograms.tsv");
    let chunks = head_file(&testdata("histograms.head"));
    let of_kind = |gauge: bool| {
        let is_gauge = |c: &Chunk| c.data[2] >> 6 == 3;
        histograms(chunks.iter().filter(|c| c.encoding == Encoding::Histogram && is_gauge(c) == gauge))
    };
    for (name, gauge) in [("fx_hist", false), ("fx_hist_gauge", true)] {
        let expected: Vec<&Told> = table.iter().filter(|row| row.0 == name).map(|row| &row.2).collect();
        let rows = of_kind(gauge);
        assert_eq!(rows.iter().map(|row| &row.2).collect::<Vec<_>>(), expected);
        assert_eq!(rows.len(), 218);
        for (i, row) in rows.iter().enumerate() {
            let hint = match (gauge, [0, 40, 101].contains(&i)) {
                (true, _) => CounterResetHint::Gauge,
                (false, true) => CounterResetHint::Unknown,
                (false, false) => CounterResetHint::NotReset,
            };
            assert_eq!(row.1, hint, "{name}, row {i}");
        }
    }
}

#[test]
fn float_histograms_are_those_that_were_sent() {
    let expected: Vec<_> = table("float-histograms.tsv").into_iter().map(|(_, t, told)| (t, told)).collect();
    let chunks = segment(&testdata("float-histograms.segment"));
    let rows = histograms(chunks.iter().filter(|c| c.encoding == Encoding::FloatHistogram));
    assert_eq!(rows.into_iter().map(|(t, _, told)| (t, told)).collect::<Vec<_>>(), expected);
    assert_eq!(expected.len(), 400);
}
