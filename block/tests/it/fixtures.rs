//! Every block that Prometheus wrote reads as Prometheus reads it.

use std::path::Path;

use promethium_model::{FloatHistogram, HistogramValue, Labels, SampleBatch, Span};
use serde_json::Value;

use crate::support::{all, blocks_in, dump, fixtures, gunzip, open};

#[test]
fn every_block_dumps_as_promtool_dumps_it() {
    let Some(fixtures) = fixtures() else { return };
    let folders = [
        "openmetrics/blocks",
        "openmetrics/compacted",
        "openmetrics/tombstones",
        "openmetrics/tombstones-cleaned",
        "live/snapshot/20261122T214658Z-67435cc95fb5bd96",
    ];
    let mut seen = 0;
    for folder in folders {
        for dir in blocks_in(&fixtures.join(folder)) {
            let block = open(&dir);
            let dumps = if folder.starts_with("live") { fixtures.join("live/snapshot") } else { fixtures.join(folder) };
            let name = dir.file_name().unwrap().to_string_lossy().into_owned();
            let expected = gunzip(&dumps.join(format!("dump-{name}.txt.gz")));
            assert_same_lines(&dir, &dump(&all(&block)), &expected);
            assert_eq!(block.damage(), []);
            assert_eq!(block.meta().ulid.to_string(), name);
            seen += 1;
        }
    }
    assert_eq!(seen, 17);
}

fn assert_same_lines(dir: &Path, found: &str, expected: &str) {
    let (mut found, mut expected): (Vec<&str>, Vec<&str>) = (found.lines().collect(), expected.lines().collect());
    found.sort_unstable();
    expected.sort_unstable();
    let first = found.iter().zip(&expected).position(|(f, e)| f != e);
    assert!(
        found == expected,
        "{}: {} lines of {}, first unlike {first:?}",
        dir.display(),
        found.len(),
        expected.len()
    );
}

/// Buckets with their indexes, however the spans cut them.
fn buckets(spans: &[Span], counts: &[f64]) -> Vec<(i32, f64)> {
    let mut next = 0;
    let indexes = spans.iter().flat_map(|span| {
        let first = next + span.offset;
        next = first + span.length as i32;
        first..next
    });
    indexes.zip(counts.iter().copied()).collect()
}

fn sent_spans(sent: &Value) -> Vec<Span> {
    let number = |n: &Value| n.as_i64().unwrap();
    let spans = sent.as_array().unwrap().iter();
    spans.map(|s| Span { offset: number(&s[0]) as i32, length: number(&s[1]) as u32 }).collect()
}

fn sent_counts(sent: &Value) -> Vec<f64> {
    sent.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
}

fn assert_as_sent(found: &FloatHistogram, sent: &Value, t_ms: i64) {
    let number = |key: &str| sent[key].as_f64().unwrap();
    assert_eq!(i64::from(found.schema), sent["schema"].as_i64().unwrap(), "at {t_ms}");
    let of_all = [found.zero_threshold, found.zero_count, found.sum, found.count];
    assert_eq!(of_all, ["zt", "zc", "sum", "count"].map(number), "at {t_ms}");
    let sides = [
        (&found.positive_spans, &found.positive_buckets, "ps", "pos"),
        (&found.negative_spans, &found.negative_buckets, "ns", "neg"),
    ];
    for (spans, counts, sent_spans_key, sent_counts_key) in sides {
        let sent_buckets = buckets(&sent_spans(&sent[sent_spans_key]), &sent_counts(&sent[sent_counts_key]));
        let filled = |all: Vec<(i32, f64)>| all.into_iter().filter(|(_, count)| *count != 0.0).collect::<Vec<_>>();
        assert_eq!(filled(buckets(spans, counts)), filled(sent_buckets), "at {t_ms}");
    }
}

#[test]
fn the_float_histograms_of_a_snapshot_are_those_that_were_sent() {
    let Some(fixtures) = fixtures() else { return };
    let folder = fixtures.join("live-ooo");
    let sent: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("sent.json")).unwrap()).unwrap();
    let block = open(&blocks_in(&folder.join("snapshot"))[0]);
    let is_histogram = |(labels, _): &(Labels, SampleBatch)| labels.get("__name__") == Some("rw_fhist");
    let (_, samples) = all(&block).into_iter().find(is_histogram).unwrap();
    let sent = sent["fhist"].as_array().unwrap();
    assert_eq!((samples.histograms.len(), sent.len()), (400, 400));
    for ((row, found), sent) in samples.histograms.iter().zip(sent) {
        let t_ms = samples.timestamps[*row as usize];
        assert_eq!(Some(t_ms), sent[0].as_i64());
        let HistogramValue::Float(found) = found else { panic!("a histogram of integers at {t_ms}") };
        assert_as_sent(found, &sent[1], t_ms);
    }
}
