//! PromQL: parse, print, parse again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_promql::fuzzing::promql_evaluate(data));
