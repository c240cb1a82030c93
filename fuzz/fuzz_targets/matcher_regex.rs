//! Matcher patterns: compile, match, compare analysis and engine.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_model::fuzzing::regex(data));
