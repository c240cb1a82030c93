//! The architecture's invariants, as far as a test can hold them. Each failure says which rule, where, and why.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may depend on within the workspace, and whether it may know the asynchronous runtime.
struct Rule {
    dir: &'static str,
    may_use: &'static [&'static str],
    runtime: bool,
}

const RULES: [Rule; 12] = [
    Rule { dir: "model", may_use: &[], runtime: false },
    Rule { dir: "exposition", may_use: &["promethium-model"], runtime: false },
    Rule { dir: "vfs", may_use: &[], runtime: false },
    Rule { dir: "chunk", may_use: &["promethium-model"], runtime: false },
    Rule { dir: "wal", may_use: &["promethium-model", "promethium-vfs"], runtime: false },
    Rule { dir: "block", may_use: &["promethium-model", "promethium-vfs", "promethium-chunk"], runtime: false },
    Rule {
        dir: "tsdb",
        may_use: &["promethium-model", "promethium-vfs", "promethium-chunk", "promethium-wal", "promethium-block"],
        runtime: false,
    },
    Rule { dir: "promql", may_use: &["promethium-model"], runtime: false },
    Rule { dir: "rules", may_use: &["promethium-model", "promethium-promql"], runtime: false },
    Rule { dir: "scrape", may_use: &["promethium-model", "promethium-exposition"], runtime: true },
    Rule { dir: "notify", may_use: &["promethium-model", "promethium-rules"], runtime: true },
    Rule { dir: "api", may_use: &["promethium-model", "promethium-exposition", "promethium-rules"], runtime: true },
];

const RUNTIME_CRATES: [&str; 6] = ["tokio", "axum", "reqwest", "hyper", "futures", "async-trait"];

/// Files in which `unsafe` code is allowed, each a leaf module with its SAFETY and PERF notes.
const UNSAFE_FILES: [&str; 7] = [
    "model/src/labels/packed.rs",
    "vfs/src/map/os.rs",
    "tsdb/src/prefetch.rs",
    "block/tests/memory.rs",
    "exposition/tests/allocations.rs",
    "promql/tests/memory.rs",
    "benches/examples/head.rs",
];

const MAX_FILE_LINES: usize = 1_000;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The tables of a manifest: section name to its `key = value` lines.
fn manifest(dir: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut sections: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut section = String::new();
    for line in read(&root().join(dir).join("Cargo.toml")).lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let key = key.trim().trim_end_matches(".workspace").trim_matches('"');
            sections.entry(section.clone()).or_default().push((key.to_owned(), value.trim().to_owned()));
        }
    }
    sections
}

fn dependencies(dir: &str) -> Vec<(String, String)> {
    manifest(dir).remove("dependencies").unwrap_or_default()
}

/// Every Rust source file of the project, relative to its root.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(found.len() > 50, "the walk found only {} files", found.len());
    found
}

/// Source files of library code below the edges: what must stay free of clocks, threads and files.
fn core_sources() -> impl Iterator<Item = (PathBuf, String)> {
    let is_core = |p: &Path| RULES.iter().any(|r| p.starts_with(Path::new(r.dir).join("src")));
    sources().into_iter().filter(move |p| is_core(p) && !is_test_module(p)).map(|p| {
        let text = library_code(&read(&root().join(&p)));
        (p, text)
    })
}

fn is_test_module(path: &Path) -> bool {
    path.components().any(|c| matches!(c.as_os_str().to_str(), Some("tests" | "tests.rs")))
        || path.file_name().is_some_and(|n| n.to_string_lossy().ends_with("_tests.rs"))
}

/// The text before the unit tests, without comments.
fn library_code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text);
    code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn crate_edges_point_down() {
    for rule in RULES {
        for (name, _) in dependencies(rule.dir).iter().filter(|(n, _)| n.starts_with("promethium")) {
            assert!(
                rule.may_use.contains(&name.as_str()),
                "{} depends on {name}: it may use only {:?} (ARCHITECTURE.md, crate edges)",
                rule.dir,
                rule.may_use
            );
        }
    }
}

#[test]
fn only_edges_know_the_runtime_and_only_as_an_option() {
    for rule in RULES {
        for (name, value) in dependencies(rule.dir) {
            if RUNTIME_CRATES.contains(&name.as_str()) {
                assert!(rule.runtime, "{} depends on {name}: nothing below the edges knows a runtime", rule.dir);
                assert!(value.contains("optional = true"), "{}: {name} must be optional", rule.dir);
            }
        }
    }
    for (name, value) in dependencies(".") {
        let runtime = RUNTIME_CRATES.contains(&name.as_str());
        assert!(
            !runtime || value.contains("optional = true"),
            "the facade's default features must pull no runtime: {name}"
        );
    }
}

#[test]
fn default_features_stay_small() {
    for dir in RULES.iter().map(|r| r.dir).chain(["."]) {
        for (name, value) in manifest(dir).remove("features").unwrap_or_default() {
            let expected = if dir == "promql" { "[\"engine\"]" } else { "[]" };
            assert!(name != "default" || value == expected, "{dir}: default features are {value}");
        }
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for dir in RULES.iter().map(|r| r.dir).chain([".", "examples/server", "benches", "benches/exposition-peers"]) {
        let lints = manifest(dir).remove("lints").unwrap_or_default();
        assert!(
            lints.contains(&("workspace".to_owned(), "true".to_owned())),
            "{dir}: [lints] workspace = true is missing"
        );
    }
}

#[test]
fn every_dependency_says_what_it_is_for() {
    for line in read(&root().join("Cargo.toml")).lines().filter(|l| l.contains("version = \"") || l.contains("= \"")) {
        let external = !line.contains("path = ") && line.split_once('=').is_some_and(|(k, _)| !k.contains('.'));
        if external && in_workspace_dependencies(line) {
            assert!(line.contains("# "), "a dependency without its sentence: {line}");
        }
    }
}

fn in_workspace_dependencies(line: &str) -> bool {
    let text = read(&root().join("Cargo.toml"));
    let section = text.split("[workspace.dependencies]").nth(1).and_then(|s| s.split("\n[").next()).unwrap_or("");
    section.lines().any(|l| l == line)
}

#[test]
fn time_comes_in_through_the_clock() {
    // The adapters on tokio measure with the runtime's clock, which tests can pause.
    let own_clock = ["model/src/clock.rs", "notify/src/http.rs", "scrape/src/http.rs"];
    for (path, code) in core_sources().filter(|(p, _)| !own_clock.iter().any(|o| p == Path::new(o))) {
        for call in ["SystemTime::now", "Instant::now"] {
            assert!(!code.contains(call), "{}: {call}; take a Clock or an argument", path.display());
        }
    }
}

#[test]
fn no_crate_starts_a_thread_of_its_own() {
    for (path, code) in core_sources() {
        assert!(!code.contains("thread::spawn"), "{}: starts a thread that its caller did not ask for", path.display());
    }
}

#[test]
fn files_are_reached_through_the_vfs() {
    let may_touch_files = |p: &Path| p.starts_with("vfs/src") || p.starts_with("rules/src/file");
    for (path, code) in core_sources().filter(|(p, _)| !may_touch_files(p)) {
        for call in ["std::fs", "File::open", "OpenOptions"] {
            assert!(!code.contains(call), "{}: {call}; go through Vfs", path.display());
        }
    }
}

#[test]
fn unsafe_code_stays_in_its_leaf_modules() {
    for path in sources() {
        let text = read(&root().join(&path));
        let has_unsafe = text.lines().any(|l| !l.trim_start().starts_with("//") && l.contains("expect(unsafe_code"));
        let allowed = UNSAFE_FILES.iter().any(|f| path == Path::new(f)) || path == Path::new("tests/tidy.rs");
        assert!(!has_unsafe || allowed, "{}: unsafe code outside the list of leaf modules", path.display());
        if has_unsafe && path != Path::new("tests/tidy.rs") {
            assert!(text.contains("SAFETY:") && text.contains("PERF:"), "{}: SAFETY and PERF notes", path.display());
        }
    }
}

#[test]
fn files_are_of_one_concept_and_readable_length() {
    for path in sources() {
        let lines = read(&root().join(&path)).lines().count();
        assert!(lines <= MAX_FILE_LINES, "{}: {lines} lines; split it", path.display());
    }
}

#[test]
fn nothing_is_left_half_done() {
    // Spelled in pieces, so that this file does not find itself.
    let marks = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("#[ig", "nore]")];
    for path in sources() {
        let text = read(&root().join(&path));
        for mark in marks {
            assert!(!text.contains(mark), "{}: {mark}", path.display());
        }
    }
}

#[test]
fn the_limits_table_in_the_docs_is_that_of_the_code() {
    let docs = read(&root().join("ARCHITECTURE.md"));
    for (name, default, meaning) in promethium_model::Limits::TABLE {
        let row = format!("| `{name}` | {default} | {meaning} |");
        assert!(docs.contains(&row), "ARCHITECTURE.md lacks the row: {row}");
    }
}
