//! Replays the fuzz corpora, each over all bodies of its format.

use std::path::Path;

use promethium_exposition::fuzzing;

fn replay(folder: &str, bodies: &[fn(&[u8])]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus").join(folder);
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let page = std::fs::read(entry.expect("an entry").path()).expect("a page");
        bodies.iter().for_each(|body| body(&page));
        pages += 1;
    }
    assert!(pages >= 10, "{pages} pages");
}

#[test]
fn text() {
    replay("text", &[fuzzing::text, fuzzing::text_strict, fuzzing::text_lenient]);
}

#[test]
fn openmetrics() {
    replay("openmetrics", &[fuzzing::openmetrics, fuzzing::openmetrics_strict, fuzzing::openmetrics_lenient]);
}

#[test]
fn protobuf() {
    replay("protobuf", &[fuzzing::protobuf, fuzzing::protobuf_strict, fuzzing::protobuf_lenient]);
}

/// What one format makes of the pages of another is at least no panic.
#[test]
fn foreign_pages() {
    for folder in ["text", "openmetrics", "protobuf"] {
        replay(
            folder,
            &[fuzzing::text, fuzzing::text_lenient, fuzzing::openmetrics_lenient, fuzzing::protobuf_lenient],
        );
    }
}
