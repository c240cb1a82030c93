//! Runs promqltest scripts against the engine over an in-memory store.
//!
//! `cargo run --release -p promethium-promql --example promqltest -- FILE...` prints the score of each file and the
//! reason of each failure; the exit status is 1 when anything failed.

use std::process::ExitCode;

use promethium_promql::{Engine, EngineOptions, Features, promqltest};

fn main() -> ExitCode {
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let (mut passed, mut failed) = (0, 0);
    for path in std::env::args().skip(1) {
        let report = std::fs::read_to_string(&path)
            .map_err(|e| e.to_string())
            .and_then(|script| promqltest::run(&script, &engine, &promqltest::mem_store).map_err(|e| e.to_string()));
        match report {
            Ok(report) => {
                for outcome in report.failures() {
                    println!("{path}:{}: {}", outcome.line, outcome.query);
                    println!("    {}", outcome.failure.as_deref().unwrap_or(""));
                }
                println!("{path}: {} passed, {} failed", report.passed(), report.failed());
                passed += report.passed();
                failed += report.failed();
            }
            Err(error) => {
                println!("{path}: {error}");
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
