//! Prometheus' own scripts, where the folder beside the workspace holds them: the score of a file may only rise.
#![cfg(feature = "engine")]

use std::collections::BTreeMap;
use std::path::Path;

use promethium_promql::{Engine, EngineOptions, Features, promqltest};

fn baseline(manifest: &Path) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(manifest.join("testdata/upstream-baseline.txt")).unwrap();
    let entry = |line: &str| {
        let (file, passed) = line.split_once(' ').unwrap();
        (file.to_owned(), passed.parse().unwrap())
    };
    text.lines().filter(|line| !line.is_empty()).map(entry).collect()
}

#[test]
fn no_file_falls_below_its_baseline() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = manifest.join("../../shared/promqltest");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let mut fallen = Vec::new();
    for (file, least) in baseline(manifest) {
        let script = std::fs::read_to_string(folder.join(&file)).unwrap();
        let report = promqltest::run(&script, &engine, &promqltest::mem_store).unwrap();
        println!("{file} {} of {}", report.passed(), report.outcomes.len());
        if report.passed() < least {
            fallen.push(format!("{file}: {} passed, baseline {least}", report.passed()));
        }
    }
    assert!(fallen.is_empty(), "{fallen:#?}");
}
