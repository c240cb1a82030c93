//! Back-filled blocks beside those that promtool makes of the same page.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use promethium_exposition::{DecodeOptions, Decoder, Event, Format};
use promethium_model::Labels;
use promethium_tsdb::vfs::StdVfs;
use promethium_tsdb::{BackfillSample, BackfillValue, DbOptions, TsdbError, backfill};

const STEP_MS: i64 = 15_000;
const SERIES: i64 = 12;
const START_MS: i64 = 1_717_200_000_000;
const FILE_HEADER_BYTES: usize = 8;
const ENCODING_BYTES: usize = 1;
const CHECKSUM_BYTES: usize = 4;

/// The samples of an OpenMetrics page.
fn read(page: &[u8]) -> Vec<BackfillSample> {
    let options = DecodeOptions::new();
    let mut decoder = Decoder::new(Format::OpenMetrics, page, &options);
    let mut samples = Vec::new();
    while let Some(event) = decoder.next_event().unwrap() {
        if let Event::Sample(sample) = event {
            let (labels, value) = (sample.series().to_labels().unwrap(), BackfillValue::Float(sample.value));
            samples.push(BackfillSample { labels, timestamp_ms: sample.timestamp_ms.unwrap(), value });
        }
    }
    samples
}

/// Five hours of series that differ in how they change and in how punctual they are.
fn page() -> String {
    let mut page = "# TYPE m gauge\n".to_owned();
    for series in 0..SERIES {
        let labels = Labels::from_pairs([("__name__", "m".to_owned()), ("i", series.to_string())]);
        for k in 0..1_200 {
            let late_ms = if k % (series + 3) == 1 { series % 5 } else { 0 };
            let value = [k as f64, (k * k % 97) as f64 / 8.0, series as f64][(series % 3) as usize];
            let t_ms = START_MS + k * STEP_MS + late_ms;
            page.push_str(&format!("m{{i=\"{}\"}} {value} {}\n", labels.get("i").unwrap(), t_ms as f64 / 1_000.0));
        }
    }
    page + "# EOF\n"
}

/// The chunks of the blocks below `dir`, by the blocks' first times.
fn chunks_by_block(dir: &Path) -> BTreeMap<i64, Vec<Vec<u8>>> {
    let blocks = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let blocks = blocks.filter(|path| path.join("meta.json").is_file());
    blocks.map(|block| (min_time_ms(&block), read_chunks(&block))).collect()
}

fn min_time_ms(block: &Path) -> i64 {
    let meta: serde_json::Value = serde_json::from_slice(&std::fs::read(block.join("meta.json")).unwrap()).unwrap();
    meta["minTime"].as_i64().unwrap()
}

/// Encoding and data of each chunk.
fn read_chunks(block: &Path) -> Vec<Vec<u8>> {
    let file = std::fs::read(block.join("chunks/000001")).unwrap();
    let (mut at, mut found) = (FILE_HEADER_BYTES, Vec::new());
    while at < file.len() {
        let digits = file[at..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
        let len = file[at..at + digits].iter().rev().fold(0, |len, byte| len << 7 | usize::from(byte & 0x7f));
        let end = at + digits + ENCODING_BYTES + len;
        found.push(file[at + digits..end].to_vec());
        at = end + CHECKSUM_BYTES;
    }
    found
}

/// Up to 3.0, Prometheus left a zero behind a chunk that ends with a whole byte.
fn is_same_chunk(ours: &[u8], theirs: &[u8]) -> bool {
    ours == theirs || theirs.strip_suffix(&[0]) == Some(ours)
}

#[test]
fn chunks_are_those_of_promtool_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (file, theirs) = (dir.path().join("page.om"), dir.path().join("data"));
    std::fs::write(&file, page()).unwrap();
    let run =
        Command::new("promtool").args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&file).arg(&theirs).output();
    match run {
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr)),
        Err(error) => {
            assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "promtool does not run: {error}");
            return println!("skipped: promtool does not run: {error}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let samples = read(page().as_bytes()).into_iter().map(Ok::<_, TsdbError>);
    backfill(&StdVfs, dir.path(), samples, &DbOptions::default(), 1, START_MS).unwrap();
    let (ours, theirs) = (chunks_by_block(dir.path()), chunks_by_block(&theirs));
    assert_eq!((ours.len(), ours.keys().collect::<Vec<_>>()), (3, theirs.keys().collect()));
    for (t_ms, theirs) in &theirs {
        assert!(theirs.iter().all(|chunk| chunk.len() < 1_005), "Prometheus 3 would cut these chunks earlier");
        assert_eq!(ours[t_ms].len(), theirs.len(), "the block from {t_ms}");
        let unlike = ours[t_ms].iter().zip(theirs).position(|(ours, theirs)| !is_same_chunk(ours, theirs));
        assert_eq!(unlike, None, "the block from {t_ms}");
    }
}
