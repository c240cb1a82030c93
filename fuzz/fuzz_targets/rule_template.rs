//! A template of labels and annotations.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_rules::fuzzing::template(data));
