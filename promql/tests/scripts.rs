//! The project's own scripts: all of them pass.
#![cfg(feature = "engine")]

use std::path::Path;

use promethium_promql::{Engine, EngineOptions, Features, promqltest};

#[test]
fn own_scripts_pass() {
    let evaluations = run_folder("testdata", Features::all());
    assert!(evaluations >= 150, "only {evaluations} evaluations");
}

/// What differs where no flag is set, above all when names go.
#[test]
fn scripts_of_a_server_without_flags_pass() {
    let evaluations = run_folder("testdata/server", Features::server());
    assert!(evaluations >= 25, "only {evaluations} evaluations");
}

/// Runs the scripts of a folder, which must all pass; their number of evaluations.
fn run_folder(folder: &str, features: Features) -> usize {
    let engine = Engine::new(EngineOptions::default().with_features(features));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let (mut evaluations, mut failures) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "test") {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        let report = promqltest::run(&script, &engine, &promqltest::mem_store)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        evaluations += report.outcomes.len();
        failures.extend(report.failures().map(|f| format!("{}:{}: {f:?}", path.display(), f.line)));
    }
    assert!(failures.is_empty(), "{failures:#?}");
    evaluations
}

#[test]
fn a_wrong_expectation_fails() {
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let wrong = [
        "load 1m\n  x 1\n\neval instant at 0s x\n  x 2\n",
        "load 1m\n  x 1\n\neval instant at 0s x\n",
        "load 1m\n  x 1\n\neval instant at 0s x\n  x 1\n  y 1\n",
        "load 1m\n  x 1 2\n\neval range from 0 to 1m step 1m x\n  x 1\n",
        "eval instant at 0s 1\n  expect warn\n  1\n",
        "eval instant at 0s 1\n  expect fail\n",
        "eval instant at 0s sum(\"x\")\n",
    ];
    for script in wrong {
        let report = promqltest::run(script, &engine, &promqltest::mem_store).unwrap();
        assert_eq!((report.passed(), report.failed()), (0, 1), "{script}");
    }
}

#[test]
fn malformed_scripts_are_refused_with_their_line() {
    let engine = Engine::default();
    for (script, line) in [
        ("load 1m\n  x 1+2\n", 2),
        ("nonsense\n", 1),
        ("\nload 1q\n", 2),
        ("eval instant 5m x\n", 1),
        ("eval instant at 0s x\n  expect nothing\n", 2),
        ("load 1m\n  x@st 1s\n  y 1\n", 3),
        ("load 1m\n  x@st 1s\n  x@st 1s\n", 3),
        ("load 1m\n  x@st 1s\n", 1),
        ("load 1m\n  x {{nope:1}}\n", 2),
    ] {
        let error = promqltest::run(script, &engine, &promqltest::mem_store).unwrap_err();
        assert_eq!(error.line, line, "{script}: {error}");
    }
}
