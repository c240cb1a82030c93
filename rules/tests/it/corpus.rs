//! The seed corpus of the fuzz targets runs with the tests.

use std::fs;
use std::path::Path;

use promethium_rules::fuzzing;
use proptest::prelude::*;

fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus").join(target);
    let seeds: Vec<Vec<u8>> =
        fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        body(&seed);
        // Cut anywhere, a seed is a broken file.
        (0..seed.len()).for_each(|end| body(&seed[..end]));
    }
}

#[test]
fn rule_files() {
    replay("rule_file", fuzzing::rule_file);
}

#[test]
fn templates() {
    replay("template", fuzzing::template);
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_not(text in "[{}|.$\"%a-z0-9 \n-]{0,60}") {
        fuzzing::template(text.as_bytes());
        fuzzing::template(format!("{{{{ {text} }}}}").as_bytes());
    }
}
