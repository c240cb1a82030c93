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

const LINES: &[&str] = &[
    "groups:",
    "- name: g",
    "- name: h",
    "  interval: 1m",
    "  limit: 3",
    "  limit: x",
    "  labels: {a: b}",
    "  rules:",
    "  - alert: A",
    "    alert: B",
    "  - record: r",
    "    record: s",
    "    expr: up",
    "    expr: |",
    "      up",
    "    for: 5m",
    "    for: 1.5",
    "    keep_firing_for: 1h",
    "    labels: &l {a: '{{ $value }}'}",
    "    labels: *l",
    "    annotations:",
    "      x: '{{ y }}'",
    "      \"\": z",
    "      __name__: n",
    "    <<: *l",
    "---",
    "...",
    "null",
    "{",
    "]",
    "\t",
    "# note",
    "?",
];

proptest! {
    #[test]
    fn any_lines_are_a_rule_file_or_not(lines in prop::collection::vec(prop::sample::select(LINES), 0..14)) {
        fuzzing::rule_file(lines.join("\n").as_bytes());
        // Most random orders break at once; behind a sound start more of the file is read.
        fuzzing::rule_file(format!("groups:\n- name: g\n  rules:\n{}", lines.join("\n")).as_bytes());
    }

    #[test]
    fn any_text_is_a_template_or_not(text in "[{}|.$\"%a-z0-9 \n-]{0,60}") {
        fuzzing::template(text.as_bytes());
        fuzzing::template(format!("{{{{ {text} }}}}").as_bytes());
    }
}
