//! The tool, as it is run: what it prints beside what promtool prints, and how it fails.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use promethium_model::ManualClock;
use promethium_tsdb::vfs::StdVfs;
use promethium_tsdb::{Db, DbOptions};

use crate::life::scrape;
use crate::support::START_MS;

/// The tool that `cargo test` built along with these tests; `None`, with the reason printed, where only they were built.
fn tool() -> Option<PathBuf> {
    let exe = std::env::current_exe().unwrap();
    let tool = exe.parent().and_then(Path::parent).unwrap().join("examples/tsdb");
    if !tool.is_file() {
        assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "{} is not there", tool.display());
        println!("skipped: {} is not there", tool.display());
        return None;
    }
    Some(tool)
}

fn run(program: &Path, arguments: &[&str], dir: &Path) -> Output {
    Command::new(program).args(arguments).arg(dir).output().expect("it runs")
}

/// Lines, sorted: promtool puts what is equally large in the order of a hash table.
fn sorted(output: &Output) -> Vec<String> {
    let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory of blocks: series of every length, over six hours.
fn backfilled(tool: &Path, scratch: &Path) -> PathBuf {
    let mut page = String::from("# TYPE m gauge\n");
    for series in 0..30_i64 {
        for i in 0..=series * 40 {
            let t = 1_717_200_000 + i * 18 + series;
            writeln!(page, "m{{i=\"{series}\",half=\"{}\"}} {} {t}", series / 2, i as f64 / 3.0).unwrap();
        }
    }
    page.push_str("# EOF\n");
    let (file, data) = (scratch.join("page.om"), scratch.join("data"));
    std::fs::write(&file, page).unwrap();
    let output = Command::new(tool).arg("backfill").arg(&data).arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout).lines().count(), 3, "{output:?}");
    // Promtool wants one.
    std::fs::create_dir_all(data.join("wal")).unwrap();
    data
}

#[test]
fn it_prints_what_promtool_prints() {
    let Some(tool) = tool() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let data = backfilled(&tool, tmp.path());
    if let Err(error) = Command::new("promtool").arg("--version").output() {
        assert!(std::env::var_os("PROMETHIUM_REQUIRE_PEERS").is_none(), "promtool does not run: {error}");
        println!("skipped: promtool does not run: {error}");
        return;
    }
    for (arguments, least) in [
        (&["list"][..], 4),
        (&["list", "-r"], 4),
        (&["list", "--human-readable"], 4),
        (&["analyze", "--limit=1000"], 50),
        (&["analyze", "--limit=1000", "--extended"], 60),
        (&["dump"], 10_000),
        (&["dump", "--min-time=1717203000000", "--max-time", "1717204000000"], 1_000),
        (&["dump", r#"--match={i=~"1.*",half!="5"}"#], 1_000),
        (&["dump", "--match", r#"{i="none"}"#], 0),
    ] {
        let ours = run(&tool, arguments, &data);
        let theirs = Command::new("promtool").arg("tsdb").args(arguments).arg(&data).output().unwrap();
        assert!(ours.status.success() && theirs.status.success(), "{arguments:?}: {ours:?}");
        assert_eq!(sorted(&ours), sorted(&theirs), "{arguments:?}");
        assert!(sorted(&ours).len() >= least, "{arguments:?}: {} lines", sorted(&ours).len());
    }
    let refused = run(&tool, &["dump", "--match={i="], &data);
    let theirs = Command::new("promtool").args(["tsdb", "dump", "--match={i="]).arg(&data).output().unwrap();
    assert!(!refused.status.success());
    assert_eq!(
        text(&refused.stderr),
        text(&theirs.stderr) + if text(&theirs.stderr).ends_with('\n') { "" } else { "\n" }
    );
}

#[test]
fn several_selectors_are_one_or_another() {
    let Some(tool) = tool() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let data = backfilled(&tool, tmp.path());
    let lines = |arguments: &[&str]| sorted(&run(&tool, arguments, &data));
    let mut both = [lines(&["dump", r#"--match={i="3"}"#]), lines(&["dump", r#"--match={half="6"}"#])].concat();
    both.sort();
    assert_eq!(lines(&["dump", r#"--match={i="3"}"#, r#"--match={half="6"}"#, r#"--match={i="12"}"#]), both);
    assert!(both.len() > 1_000);
}

#[test]
fn a_single_block_is_a_directory_too() {
    let Some(tool) = tool() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let data = backfilled(&tool, tmp.path());
    let list = sorted(&run(&tool, &["list"], &data));
    let newest = list[2].split_whitespace().next().unwrap().to_owned();
    let block = data.join(&newest);
    assert_eq!(sorted(&run(&tool, &["list"], &block)), [&list[2], &list[3]].map(String::clone));
    let analyzed = run(&tool, &["analyze"], &block);
    assert!(text(&analyzed.stdout).starts_with(&format!("Block ID: {newest}\n")), "{analyzed:?}");
    for command in ["dump", "verify"] {
        let output = run(&tool, &[command], &block);
        assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn what_it_does_not_know_or_find_is_an_error() {
    let Some(tool) = tool() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let missing = tmp.path().join("missing");
    for arguments in [
        &["dump"][..],
        &["list"],
        &["analyze"],
        &["verify"],
        &["dump", "--bogus=1"],
        &["dump", "--min-time=soon"],
        &["list", "-x"],
        &["list", "--human-readable=yes"],
        &["dump", "another"],
        &["backfill"],
        &["no-such-command"],
    ] {
        let output = run(&tool, arguments, &missing);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}: {output:?}");
        assert!(!missing.exists(), "{arguments:?} made a directory");
    }
}

#[test]
fn it_ends_quietly_when_nobody_reads_on() {
    let Some(tool) = tool() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let data = backfilled(&tool, tmp.path());
    for command in ["dump", "list", "analyze", "verify"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = Command::new(&tool).arg(command).arg(&data).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(141), ""), "{command}");
    }
}

#[test]
fn a_dump_that_lacks_something_says_so() {
    let Some(tool) = tool() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let data = backfilled(&tool, tmp.path());
    let whole = sorted(&run(&tool, &["dump"], &data));
    let newest = sorted(&run(&tool, &["list"], &data))[2].split_whitespace().next().unwrap().to_owned();
    let chunks = data.join(newest).join("chunks/000001");
    let mut bytes = std::fs::read(&chunks).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&chunks, bytes).unwrap();
    let output = run(&tool, &["dump"], &data);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("checksum mismatch"), "{}", text(&output.stderr));
    let left = sorted(&output);
    assert!(left.len() < whole.len() && left.len() + 200 > whole.len(), "{} of {}", left.len(), whole.len());
    assert!(left.iter().all(|line| whole.binary_search(line).is_ok()));
    for command in ["verify", "analyze"] {
        assert_eq!(run(&tool, &[command], &data).status.code(), Some(1), "{command}");
    }
}

#[test]
fn verify_names_what_is_damaged_once_and_counts_what_it_read() {
    let Some(tool) = tool() else { return };
    let tmp = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START_MS + 7_800_000));
    let options = DbOptions::default().head_snapshot(true);
    let db = Db::open_with(Arc::new(StdVfs), tmp.path(), options, clock).unwrap();
    for i in 0..260 {
        scrape(&db, START_MS + i * 30_000, 5);
    }
    db.maintain(START_MS + 7_800_000, Duration::MAX).unwrap();
    db.close().unwrap();
    let sound = run(&tool, &["verify"], tmp.path());
    assert!(sound.status.success(), "{sound:?}");
    let said = text(&sound.stdout);
    assert!(said.contains(" chunks in files, 1 snapshots") && !said.contains(" 0 chunks in files"), "{said}");
    let segment = tmp.path().join("wal/00000000");
    for path in [tmp.path().join("chunks_head/000001"), tmp.path().join("head_snapshot"), segment] {
        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[60] ^= 4;
        std::fs::write(&path, bytes).unwrap();
        let damaged = run(&tool, &["verify"], tmp.path());
        let named = text(&damaged.stdout).lines().filter(|line| line.starts_with(path.to_str().unwrap())).count();
        assert!(damaged.status.code() == Some(1) && named == 1, "{damaged:?}");
        assert_eq!(text(&damaged.stderr), "1 places are damaged\n");
        std::fs::write(&path, whole).unwrap();
    }
}
