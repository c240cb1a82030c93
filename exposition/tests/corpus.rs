//! Replays the fuzz corpus.

use std::path::Path;

#[test]
fn text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus/text");
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let page = std::fs::read(entry.expect("an entry").path()).expect("a page");
        promethium_exposition::fuzzing::text(&page);
        pages += 1;
    }
    assert!(pages >= 10, "{pages} pages");
}
