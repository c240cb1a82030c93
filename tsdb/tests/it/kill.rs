//! A child process that is killed, five hundred times: nothing that it was told is stored may be gone, under any policy; late
//! samples, their chunks in files and the blocks that they go to included.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use promethium_model::{AppendOptions, Appendable, Labels, Point, QueryableExt, SampleBatch, SeriesKey, TimeRange};
use promethium_tsdb::{Db, DbOptions, PAGE_BYTES, Sync};

const DIR_VARIABLE: &str = "PROMETHIUM_KILL_TEST_DIR";
const POLICY_VARIABLE: &str = "PROMETHIUM_KILL_TEST_POLICY";
const CYCLES: u64 = 500;
const START_MS: i64 = 1_717_200_000_000;
const STEP_MS: i64 = 20_000;
/// Late samples of a commit that has any: one in four.
const LATE: i64 = 12;

fn policy(name: &str) -> Sync {
    match name {
        "always" => Sync::Always,
        "interval" => Sync::Interval(Duration::from_millis(5)),
        _ => Sync::Never,
    }
}

fn open(dir: &Path, name: &str) -> Db {
    let options = DbOptions::default().sync(policy(name)).segment_bytes(4 * PAGE_BYTES as u64);
    Db::open(dir, options.out_of_order_window_ms(3_600_000)).unwrap()
}

fn labels(i: usize) -> Labels {
    Labels::from_pairs([("__name__", "killed"), ("n", ["a", "b", "c"][i])])
}

/// The times of the late samples that commit `n` brings to the first series.
fn late_times(n: usize) -> impl Iterator<Item = i64> {
    let count = if n % 4 == 3 { LATE } else { 0 };
    (1..=count).map(move |i| START_MS + n as i64 * STEP_MS - i * 1_000 - 1)
}

/// The samples of each series, if all have the same: commits are whole. `optional` are the commits that were not acknowledged:
/// of these, late samples may be missing, which have a log of their own.
fn stored(db: &Db, optional: &BTreeSet<usize>) -> usize {
    let mut all = db.read_all(TimeRange::ALL, &[]).unwrap();
    let late = all.first_mut().map(|(_, first)| take_late(first)).unwrap_or_default();
    let commits = all.first().map_or(0, |(_, first)| first.timestamps.len());
    let wanted = |n: &usize| !optional.contains(n);
    assert!((0..commits).filter(wanted).flat_map(late_times).all(|t| late.contains(&t)), "late samples are gone");
    let possible: BTreeSet<i64> = (0..commits).flat_map(late_times).collect();
    assert!(late.is_subset(&possible), "late samples were invented");
    let lengths: Vec<usize> = all.iter().map(|(_, batch)| batch.timestamps.len()).collect();
    assert!(lengths.iter().all(|n| *n == lengths[0]), "a commit is there in part: {lengths:?}");
    for (_, batch) in &all {
        let expected = (0..batch.timestamps.len() as i64).map(|i| START_MS + i * STEP_MS);
        assert!(batch.timestamps.iter().copied().eq(expected), "a hole, or something invented");
    }
    lengths.first().copied().unwrap_or(0)
}

/// Takes the late samples out of others; their times.
fn take_late(batch: &mut SampleBatch) -> BTreeSet<i64> {
    let is_late = |t: &i64| (t - START_MS) % STEP_MS != 0;
    let late = batch.timestamps.iter().copied().filter(is_late).collect();
    batch.timestamps.retain(|t| !is_late(t));
    late
}

/// The child: commits on and on, says what is acknowledged, and lets the pump work.
#[test]
fn child_of_the_kill_test() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    let db = open(Path::new(&dir), &std::env::var(POLICY_VARIABLE).unwrap());
    let mut out = std::io::stdout().lock();
    // What its predecessors left is checked by the parent.
    let all = db.read_all(TimeRange::ALL, &[]).unwrap();
    let stored = all.get(1).map_or(0, |(_, batch)| batch.len());
    for n in stored..usize::MAX {
        let t = START_MS + n as i64 * STEP_MS;
        let mut tx = db.appender();
        for i in 0..3 {
            tx.append(SeriesKey::Labels(&labels(i)), Point::float(t, n as f64), &AppendOptions::default()).unwrap();
        }
        for t in late_times(n) {
            tx.append(SeriesKey::Labels(&labels(0)), Point::float(t, 0.5), &AppendOptions::default()).unwrap();
        }
        assert_eq!(tx.commit().unwrap().samples, 3 + late_times(n).count());
        writeln!(out, "acknowledged {}", n + 1).unwrap();
        out.flush().unwrap();
        if n % 16 == 0 {
            db.maintain(t, Duration::from_secs(1)).unwrap();
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let mut seed = 0x5eed_u64;
    for (i, name) in ["always", "interval", "never"].into_iter().enumerate() {
        let mut tmp = tempfile::tempdir().unwrap();
        let mut total = 0;
        let mut optional = BTreeSet::new();
        for cycle in 0..CYCLES.div_ceil(3) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if cycle % 60 == 59 {
                tmp = tempfile::tempdir().unwrap();
                total = 0;
                optional.clear();
            }
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "kill::child_of_the_kill_test", "--nocapture"])
                .env(DIR_VARIABLE, tmp.path())
                .env(POLICY_VARIABLE, name)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let wanted = (seed >> 33) % 60;
            let mut acknowledged = total;
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let number = |line: &str| line.rsplit_once("acknowledged ").and_then(|(_, n)| n.parse::<usize>().ok());
            let mut seen = 0;
            while seen < wanted {
                let Some(line) = lines.next() else { break };
                if let Some(n) = number(&line) {
                    acknowledged = n;
                    seen += 1;
                }
            }
            child.kill().unwrap();
            child.wait().unwrap();
            // What it said before it was killed, and nobody had read yet.
            acknowledged = lines.filter_map(|line| number(&line)).last().unwrap_or(acknowledged);
            let db = open(tmp.path(), name);
            let last = db.read_all(TimeRange::ALL, &[]).unwrap().get(1).map_or(0, |(_, batch)| batch.len());
            optional.extend(acknowledged..last);
            total = stored(&db, &optional);
            assert!(total >= acknowledged, "{name}, cycle {cycle}: {acknowledged} acknowledged, {total} there");
            assert_eq!(db.replay_report().damage_count, 0, "{name}, cycle {cycle}: {:?}", db.replay_report());
        }
        assert!(i > 2 || total > 0);
    }
}
