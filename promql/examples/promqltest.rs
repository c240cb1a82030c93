//! Runs promqltest scripts against the engine over an in-memory store.
//!
//! `cargo run --release -p promethium-promql --example promqltest -- [--engine-check] FILE...` prints the score of each
//! file and the reason of each failure; the exit status is 1 when anything failed. With `--engine-check`, every execution of
//! every query is also answered by the naive evaluator and by an engine of three threads, and all must agree to the bit.

use std::process::ExitCode;

use promethium_model::QueryEngine;
use promethium_promql::{Engine, EngineOptions, Features, NaiveEngine, promqltest};

fn engine(check: bool) -> Box<dyn QueryEngine> {
    let options = EngineOptions::default().with_features(Features::all());
    let engine = Engine::new(options.clone());
    if !check {
        return Box::new(engine);
    }
    let checked = promqltest::Checked::new(engine)
        .against("the naive evaluator", NaiveEngine::new(options.clone()))
        .against("an engine of three threads", Engine::new(options.with_threads(3)));
    Box::new(checked)
}

fn main() -> ExitCode {
    let (flags, paths): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|f| *f != "--engine-check") {
        eprintln!("unknown flag {unknown}; usage: promqltest [--engine-check] FILE...");
        return ExitCode::FAILURE;
    }
    let engine = engine(!flags.is_empty());
    let (mut passed, mut failed) = (0, 0);
    for path in paths {
        let report = std::fs::read_to_string(&path)
            .map_err(|e| e.to_string())
            .and_then(|script| promqltest::run(&script, &*engine, &promqltest::mem_store).map_err(|e| e.to_string()));
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
