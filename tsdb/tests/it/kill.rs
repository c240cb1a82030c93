//! A child process that is killed, five hundred times: nothing that it was told is stored may be gone, under any policy.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use promethium_model::{AppendOptions, Appendable, Labels, Point, QueryableExt, SeriesKey, TimeRange};
use promethium_tsdb::{Db, DbOptions, PAGE_BYTES, Sync};

const DIR_VARIABLE: &str = "PROMETHIUM_KILL_TEST_DIR";
const POLICY_VARIABLE: &str = "PROMETHIUM_KILL_TEST_POLICY";
const CYCLES: u64 = 500;
const START_MS: i64 = 1_717_200_000_000;
const STEP_MS: i64 = 20_000;

fn policy(name: &str) -> Sync {
    match name {
        "always" => Sync::Always,
        "interval" => Sync::Interval(Duration::from_millis(5)),
        _ => Sync::Never,
    }
}

fn open(dir: &Path, name: &str) -> Db {
    Db::open(dir, DbOptions::default().sync(policy(name)).segment_bytes(4 * PAGE_BYTES as u64)).unwrap()
}

fn labels(i: usize) -> Labels {
    Labels::from_pairs([("__name__", "killed"), ("n", ["a", "b", "c"][i])])
}

/// The samples of each series, if all have the same: commits are whole.
fn stored(db: &Db) -> usize {
    let all = db.read_all(TimeRange::ALL, &[]).unwrap();
    let lengths: Vec<usize> = all.iter().map(|(_, batch)| batch.len()).collect();
    assert!(lengths.iter().all(|n| *n == lengths[0]), "a commit is there in part: {lengths:?}");
    for (_, batch) in &all {
        let expected = (0..batch.len() as i64).map(|i| START_MS + i * STEP_MS);
        assert!(batch.timestamps.iter().copied().eq(expected), "a hole, or something invented");
    }
    lengths.first().copied().unwrap_or(0)
}

/// The child: commits on and on, says what is acknowledged, and lets the pump work.
#[test]
fn child_of_the_kill_test() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else { return };
    let db = open(Path::new(&dir), &std::env::var(POLICY_VARIABLE).unwrap());
    let mut out = std::io::stdout().lock();
    for n in stored(&db)..usize::MAX {
        let t = START_MS + n as i64 * STEP_MS;
        let mut tx = db.appender();
        for i in 0..3 {
            tx.append(SeriesKey::Labels(&labels(i)), Point::float(t, n as f64), &AppendOptions::default()).unwrap();
        }
        tx.commit().unwrap();
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
        for cycle in 0..CYCLES.div_ceil(3) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if cycle % 60 == 59 {
                tmp = tempfile::tempdir().unwrap();
                total = 0;
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
            total = stored(&db);
            assert!(total >= acknowledged, "{name}, cycle {cycle}: {acknowledged} acknowledged, {total} there");
            assert_eq!(db.replay_report().damage_count, 0, "{name}, cycle {cycle}: {:?}", db.replay_report());
        }
        assert!(i > 2 || total > 0);
    }
}
