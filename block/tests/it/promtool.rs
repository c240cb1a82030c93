//! Debian's promtool reads what is written here.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use promethium_block::{BlockMeta, MemorySource, Ulid, WriteOptions, write_block};
use promethium_chunk::{Encodings, SplitRule, encode};
use promethium_model::{Labels, STALE_NAN, SampleBatch};
use promethium_vfs::StdVfs;

use crate::support::{all, dump, open};

/// promtool, where it is installed; `PROMETHIUM_REQUIRE_PEERS=1` makes its absence a failure.
fn promtool(args: &[&str], dir: &Path) -> Option<String> {
    let output = match Command::new("promtool").args(args).arg(dir).output() {
        Ok(output) => output,
        Err(e) => {
            assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "promtool: {e}");
            println!("skipped: promtool: {e}");
            return None;
        }
    };
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{args:?}: {out} {err}");
    Some(out)
}

fn samples(seed: i64, rows: i64) -> SampleBatch {
    let mut batch = SampleBatch::new();
    for i in 0..rows {
        let value = match (i + seed) % 11 {
            7 => f64::INFINITY,
            9 => STALE_NAN,
            _ => (i * seed) as f64 / 8.0,
        };
        batch.push_float(1_717_200_000_000 + i * 15_000 + seed % 3, value);
    }
    batch
}

#[test]
fn promtool_lists_analyses_and_dumps_a_block_of_ours() {
    let tmp = tempfile::tempdir().unwrap();
    std::fs::create_dir(tmp.path().join("wal")).unwrap();
    let series = (0..200_i64).map(|i| {
        let labels = Labels::from_pairs([
            ("__name__", format!("metric_{}", i % 7).as_str()),
            ("pod", format!("pod-é\"\n{i}").as_str()),
            (if i % 2 == 0 { "even" } else { "odd" }, "yes"),
        ]);
        (labels, encode(&samples(i, 1 + i * 3), Encodings::CLASSIC, SplitRule::MERGE))
    });
    let ulid = Ulid::from_parts(1_717_210_000_000, 77);
    let meta = BlockMeta::of_level_one(ulid, 1_717_200_000_000, 1_717_210_000_000);
    let options = WriteOptions::default().chunk_file_bytes(20_000);
    let mut source = MemorySource::new(series);
    let mut quietly = |_| ControlFlow::Continue(());
    let written = write_block(&StdVfs, tmp.path(), meta, &mut [&mut source], &options, &mut quietly).unwrap();
    let stats = written.meta.unwrap().stats;

    let dir = tmp.path().join(ulid.to_string());
    let block = open(&dir);
    assert!(std::fs::read_dir(dir.join("chunks")).unwrap().count() > 2, "several chunk files");
    let Some(listed) = promtool(&["tsdb", "list"], tmp.path()) else { return };
    let counts = format!("{ulid}  1717200000000  1717210000000");
    let row = listed.lines().find(|l| l.starts_with(&counts)).unwrap_or_else(|| panic!("{listed}"));
    let numbers: Vec<u64> = row.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    assert!(
        numbers.ends_with(&[stats.num_samples, stats.num_chunks, stats.num_series])
            || row.contains(&stats.num_samples.to_string())
    );
    assert!(dump(&all(&block)) == promtool(&["tsdb", "dump"], tmp.path()).unwrap());
    let analysed = promtool(&["tsdb", "analyze"], tmp.path()).unwrap();
    assert!(analysed.contains(&format!("Series: {}", stats.num_series)), "{analysed}");
}
