//! Every stored sample, as text, in three accounts: as it was written, as Prometheus reads it from our log, and as the
//! reopened store gives it.

use std::collections::BTreeMap;

use promethium::model::float::format_json;
use promethium::model::{InstantOptions, QueryCx, QueryEngine, QueryOutput, QueryValue};
use promethium::promql::Engine;
use promethium::tsdb::Db;
use serde_json::Value;

use crate::answer::{Answer, Metric, Samples, metric};
use crate::data::{START_MS, Series};
use crate::peer::Peer;

/// Samples by series: times, and values as the API prints them.
type Raw = BTreeMap<Metric, Vec<(i64, String)>>;

/// Asks for all raw samples, and compares both answers with what was written.
pub(crate) fn samples_are_the_same(peer: &Peer, db: &Db, engine: &Engine, series: &[Series]) {
    let query = "{__name__!=\"\"}[3h]";
    let time_ms = START_MS + 7_300_000;
    let theirs = raw_of_api(&peer.instant(query, time_ms));
    let ours = engine.instant(db, query, &InstantOptions::at(time_ms), &QueryCx::unlimited());
    let ours = raw_of_engine(ours.expect("all samples"));
    let written: Raw = series.iter().map(|s| (metric(&s.labels), printed(s.visible()))).collect();
    assert!(theirs.keys().eq(written.keys()), "Prometheus reads other series: {:?}", theirs.keys());
    assert!(ours.keys().eq(written.keys()), "the reopened store holds other series: {:?}", ours.keys());
    for (metric, samples) in &written {
        assert_eq!(&theirs[metric], samples, "Prometheus reads other samples of {metric:?}");
        assert_eq!(&ours[metric], samples, "the reopened store holds other samples of {metric:?}");
    }
    println!("{} series, {} samples, read alike", written.len(), written.values().map(Vec::len).sum::<usize>());
}

fn printed(samples: impl IntoIterator<Item = (i64, f64)>) -> Vec<(i64, String)> {
    samples.into_iter().map(|(t, v)| (t, format_json(v))).collect()
}

/// The values stay the text that Prometheus printed.
fn raw_of_api(body: &Value) -> Raw {
    let Answer::Data("matrix", parsed) = Answer::of_api(body) else { panic!("no matrix: {body}") };
    let texts = |row: &Value| -> Vec<String> {
        let values = row["values"].as_array().expect("values").iter();
        values.map(|pair| pair[1].as_str().expect("a text").to_owned()).collect()
    };
    let rows = body["data"]["result"].as_array().expect("rows").iter().map(texts);
    let with_texts = |((metric, samples), texts): ((Metric, Samples), Vec<String>)| {
        (metric, samples.into_iter().map(|s| s.0).zip(texts).collect())
    };
    parsed.into_iter().zip(rows).map(with_texts).collect()
}

fn raw_of_engine(output: QueryOutput) -> Raw {
    let QueryValue::Matrix(matrix) = output.value else { panic!("no matrix: {:?}", output.value) };
    matrix.into_iter().map(|s| (metric(&s.labels), printed(s.floats))).collect()
}
