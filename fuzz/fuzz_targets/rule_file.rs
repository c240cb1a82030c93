//! A rule file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_rules::fuzzing::rule_file(data));
