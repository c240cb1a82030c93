//! Processes that are killed while they write: what they acknowledged is there, under every policy.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use promethium::model::ManualClock;
use promethium::tsdb::vfs::StdVfs;
use promethium::tsdb::{Db, Sync};

use crate::oracle::{Contents, Logged, after, contents, explained};
use crate::rng::Rng;
use crate::workload::{Op, Upkeep, apply, op, options, options_of, time_of};

/// Tells the child what to do: policy, seed, first operation, whether with upkeep, directory.
const CHILD: &str = "PROMETHIUM_STORAGE_CHILD";
const POLICIES: [Sync; 3] = [Sync::Always, Sync::Interval(Duration::from_secs(1)), Sync::Never];
const LIVES: u64 = 42;
const CYCLES: u64 = 12;
/// A child stops by itself after so many operations: nobody is to wait for one that was not killed.
const MOST_OPS: usize = 200;

fn open(dir: &Path, policy: usize, seed: u64, n: usize) -> (Db, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(time_of(n)));
    let db =
        Db::open_with(Arc::new(StdVfs), dir, options_of(POLICIES[policy], seed / POLICIES.len() as u64), clock.clone());
    (db.unwrap_or_else(|e| panic!("{}: {e}", dir.display())), clock)
}

/// Not a test but the child: writes until it is killed, and says on its standard output what was acknowledged.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let mut words = task.split(' ');
    let mut number = || words.next().and_then(|w| w.parse::<u64>().ok()).expect("a number");
    let (policy, seed, first) = (number() as usize, number(), number() as usize);
    let upkeep = if number() == 0 { Upkeep::Without } else { Upkeep::With };
    let dir = PathBuf::from(words.next().expect("a directory"));
    let (db, clock) = open(&dir, policy, seed, first);
    for n in first..first + MOST_OPS {
        apply(&db, &op(seed, n, upkeep), n, &clock).unwrap_or_else(|e| panic!("operation {n}: {e}"));
        let mut out = std::io::stdout();
        writeln!(out, "\nacknowledged {n}").and_then(|()| out.flush()).expect("the parent listens");
    }
}

fn start_child(dir: &Path, policy: usize, seed: u64, first: usize, upkeep: Upkeep) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["kill::child", "--exact", "--nocapture"])
        .env(CHILD, format!("{policy} {seed} {first} {} {}", upkeep as u8, dir.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

/// Reads acknowledgements until there are `wanted`, or all; returns the number of operations in effect, if there were any.
fn listen(lines: &mut BufReader<ChildStdout>, wanted: u64) -> Option<usize> {
    let (mut count, mut last) = (0, None);
    let mut line = String::new();
    while count < wanted && lines.read_line(&mut line).expect("text") > 0 {
        if let Some(n) = line.trim().strip_prefix("acknowledged ").and_then(|n| n.parse::<usize>().ok()) {
            last = Some(n + 1);
            count += 1;
        }
        line.clear();
    }
    last
}

/// Waits for a number of turns, not of seconds.
fn spin(turns: u64) {
    for turn in 0..turns {
        std::hint::black_box(turn);
        std::hint::spin_loop();
    }
}

/// Lets a child write and kills it; returns how many operations were acknowledged by then.
fn kill_one(dir: &Path, policy: usize, seed: u64, first: usize, upkeep: Upkeep, rng: &mut Rng) -> usize {
    let mut child = start_child(dir, policy, seed, first, upkeep);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    // Some die while they open the directory.
    let wanted = rng.below(24);
    let seen = listen(&mut lines, wanted);
    let magnitude = rng.below(18);
    spin(rng.below(1 << magnitude));
    child.kill().expect("a kill");
    let rest = listen(&mut lines, u64::MAX);
    let status = child.wait().expect("an end");
    assert!(status.code().is_none_or(|code| code == 0), "the child failed by itself: {status}");
    rest.or(seen).unwrap_or(first)
}

/// What a directory holds, and what its next process does.
struct Life {
    contents: Contents,
    next: usize,
    upkeep: Upkeep,
}

impl Life {
    /// Opens what a killed process left, at times read-only, and checks that it is what was there before and what that
    /// process acknowledged, and perhaps the operation that was under way.
    fn check(&mut self, dir: &Path, policy: usize, seed: u64, acknowledged: usize, read_only: bool) {
        let found = if read_only {
            contents(&Db::open_read_only(dir, options(POLICIES[policy])).expect("a directory to read"))
        } else {
            contents(&open(dir, policy, seed, acknowledged).0)
        };
        let ops: Vec<Op> = (self.next..=acknowledged).map(|n| op(seed, n, self.upkeep)).collect();
        let done = &ops[..acknowledged - self.next];
        assert!(
            Logged::new(&self.contents, &ops, done.len()).explains(&found),
            "{:?}, seed {seed}: {acknowledged} operations were acknowledged, read-only {read_only}, under way {:?}: {}",
            POLICIES[policy],
            ops.last(),
            explained(&found, &after(&self.contents, done), &ops)
        );
        self.contents = found;
        self.next = acknowledged + 1;
    }
}

/// One directory and its processes, each of which goes on where the one before was killed.
fn live(seed: u64, parent: &Path, upkeep: Upkeep) -> u64 {
    let dir = parent.join(seed.to_string());
    let policy = seed as usize % POLICIES.len();
    let mut rng = Rng::new(seed);
    let mut life = Life { contents: Contents::new(), next: 0, upkeep };
    for cycle in 0..CYCLES {
        let acknowledged = kill_one(&dir, policy, seed, life.next, upkeep, &mut rng);
        let read_only = cycle + 1 < CYCLES && rng.below(4) > 0 && dir.join("wal").is_dir();
        life.check(&dir, policy, seed, acknowledged, read_only);
    }
    CYCLES
}

fn kill_all(upkeep: Upkeep) {
    // What a killed process wrote is with the operating system, on whatever medium: memory is the fastest.
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let parent = parent.expect("a directory");
    let cycles: u64 = (0..LIVES).map(|life| live(life, parent.path(), upkeep)).sum();
    assert!(cycles >= 500, "only {cycles} cycles");
}

#[test]
fn killed_writers_lose_nothing_that_they_acknowledged() {
    kill_all(Upkeep::Without);
}

#[test]
fn killed_writers_with_upkeep_lose_nothing_that_they_acknowledged() {
    kill_all(Upkeep::With);
}
