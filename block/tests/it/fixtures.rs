//! Every block that Prometheus wrote reads as Prometheus reads it.

use std::path::Path;

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
