//! Bodies of the fuzz targets. Each takes any bytes and asserts what must hold of them.

use crate::Features;
use crate::parser::{ParserOptions, parse};

/// Parses any text; what was accepted prints to a text that parses and prints the same.
///
/// # Panics
///
/// When that does not hold.
pub fn promql_parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let options = ParserOptions { features: Features::all(), ..ParserOptions::default() };
    let ast = match parse(text, &options) {
        Ok(ast) => ast,
        Err(error) => return assert!(error.span.start as usize <= text.len()),
    };
    let printed = ast.to_string();
    // Printing may lengthen a text past the limits of the parser, never change its meaning.
    let generous = ParserOptions { max_bytes: usize::MAX, ..options };
    let again = parse(&printed, &generous).unwrap_or_else(|e| panic!("{printed:?} does not parse back: {e}"));
    assert_eq!(again.to_string(), printed);
}

/// Evaluates any text over a little data: nothing panics, and the naive evaluator agrees.
///
/// # Panics
///
/// When that does not hold.
#[cfg(feature = "engine")]
pub fn promql_evaluate(data: &[u8]) {
    use promethium_model::{InstantOptions, QueryCx, QueryEngine, RangeOptions};

    use crate::{Engine, EngineOptions, NaiveEngine, promqltest};

    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut limits = promethium_model::Limits::default();
    // Small enough for the naive evaluator, which holds everything.
    (limits.max_query_bytes, limits.max_query_depth, limits.max_query_samples) = (512, 24, 20_000);
    let options = EngineOptions::default().with_features(Features::all()).with_limits(limits);
    let (engine, naive) = (Engine::new(options.clone()), NaiveEngine::new(options));
    let script = "load 30s\n  x_total{i=\"0\"} 0 1 2 0 4 _ 6\n  x_total{i=\"1\"} 5+1x6\n  g 1 NaN stale -Inf 3\n  \
                  h {{schema:0 sum:5 count:4 buckets:[1 2 1]}}+{{sum:1 count:1 buckets:[1]}}x5\n";
    let store = promqltest::loaded(script).expect("the script is fixed");
    let cx = QueryCx::unlimited();
    let at = InstantOptions::at(120_000);
    let range = RangeOptions::new(30_000, 150_000, 30_000);
    let (instant, steps) = (engine.instant(&*store, text, &at, &cx), engine.range(&*store, text, &range, &cx));
    // What the engine refuses for its size the naive evaluator would try.
    if instant.is_ok() && steps.is_ok() && !text.contains('[') {
        let naively = (naive.instant(&*store, text, &at, &cx), naive.range(&*store, text, &range, &cx));
        promqltest::agree(&instant, &naively.0).unwrap_or_else(|e| panic!("{text}: {e}"));
        promqltest::agree(&steps, &naively.1).unwrap_or_else(|e| panic!("{text}: {e}"));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_corpus_replays() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus/promql_parse");
        let mut replayed = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let seed = std::fs::read(entry.unwrap().path()).unwrap();
            super::promql_parse(&seed);
            #[cfg(feature = "engine")]
            super::promql_evaluate(&seed);
            replayed += 1;
        }
        assert!(replayed >= 10, "{} holds too few seeds", folder.display());
    }
}
