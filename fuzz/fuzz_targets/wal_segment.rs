//! A WAL segment: pages, fragments, records.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_wal::fuzzing::wal_segment(data));
