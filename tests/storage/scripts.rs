//! PromQL scripts over the database: each evaluation passes there exactly if it passes over the in-memory store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use promethium::model::{Appendable, Appender, ManualClock, Querier, Queryable, StorageError, TimeRange};
use promethium::promql::promqltest::{self, Report, TestStore};
use promethium::promql::{Engine, EngineOptions, Features};
use promethium::tsdb::vfs::MemVfs;
use promethium::tsdb::{Db, DbOptions};

const DIR: &str = "/data";
/// Each series of a load is a transaction of its own, and all start at time zero: so that they come in order, half a
/// chunk range is longer than any load.
const CHUNK_RANGE_MS: i64 = 48 * 24 * 60 * 60 * 1_000;
/// The scripts' times lie behind this.
const NOW_MS: i64 = 1_717_200_000_000;

fn options() -> DbOptions {
    DbOptions::default().chunk_range_ms(CHUNK_RANGE_MS).start_timestamps(true).metadata(true)
}

fn in_memory() -> Box<dyn TestStore> {
    Box::new(Db::in_memory_with(options(), Arc::new(ManualClock::new(NOW_MS))).expect("a database in memory"))
}

/// A database that is closed and opened again between what a script loads and what it asks.
struct Reopened {
    vfs: MemVfs,
    state: Mutex<State>,
}

/// What a querier borrows has to outlive it; so the databases of a test live until its end.
struct State {
    db: &'static Db,
    is_dirty: bool,
}

impl Reopened {
    fn new() -> Self {
        let vfs = MemVfs::new();
        let state = State { db: Self::open(&vfs), is_dirty: false };
        Reopened { vfs, state: Mutex::new(state) }
    }

    fn open(vfs: &MemVfs) -> &'static Db {
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let db = Db::open_with(Arc::new(vfs.clone()), Path::new(DIR), options(), clock).expect("a database");
        Box::leak(Box::new(db))
    }
}

impl Appendable for Reopened {
    fn appender(&self) -> Box<dyn Appender + '_> {
        let mut state = self.state.lock().expect("no test panics while it holds this");
        state.is_dirty = true;
        state.db.appender()
    }
}

impl Queryable for Reopened {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        let mut state = self.state.lock().expect("no test panics while it holds this");
        if std::mem::take(&mut state.is_dirty) {
            state.db.close().expect("a clean end");
            state.db = Self::open(&self.vfs);
        }
        state.db.querier(range)
    }
}

fn reopened() -> Box<dyn TestStore> {
    Box::new(Reopened::new())
}

/// The scripts in a folder, by name; none where there is no such folder.
fn scripts(folder: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: {} is not there", folder.display());
        return BTreeMap::new();
    };
    let paths = entries.map(|e| e.expect("an entry").path()).filter(|p| p.extension().is_some_and(|e| e == "test"));
    paths.map(|p| (p.file_name().unwrap_or_default().to_string_lossy().into_owned(), p)).collect()
}

/// The evaluations of which the two reports disagree.
fn differences(file: &str, model: &Report, found: &Report) -> Vec<String> {
    assert_eq!(model.outcomes.len(), found.outcomes.len());
    let pairs = model.outcomes.iter().zip(&found.outcomes);
    let differing = pairs.filter(|(m, f)| m.failure.is_none() != f.failure.is_none());
    differing
        .map(|(m, f)| {
            format!("{file}:{}: {}\n    in memory: {:?}\n    here: {:?}", m.line, m.query, m.failure, f.failure)
        })
        .collect()
}

/// Runs the scripts of a folder over the model and over another store, and returns how many evaluations there were.
fn compare(folder: &str, store_name: &str, new_store: &dyn Fn() -> Box<dyn TestStore>) -> usize {
    let engine = Engine::new(EngineOptions::default().with_features(Features::all()));
    let (mut evaluations, mut all) = (0, Vec::new());
    for (file, path) in scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
        let script = std::fs::read_to_string(&path).expect("a script");
        let run =
            |store| promqltest::run(&script, &engine, store).unwrap_or_else(|e| panic!("{file}: {store_name}: {e}"));
        let (model, found) = (run(&promqltest::mem_store), run(new_store));
        println!("{file}: {store_name}: {} passed, {} failed", found.passed(), found.failed());
        evaluations += found.outcomes.len();
        all.extend(differences(&file, &model, &found));
    }
    assert!(all.is_empty(), "{} differ:\n{}", all.len(), all.join("\n"));
    evaluations
}

#[test]
fn own_scripts_in_memory() {
    assert!(compare("promql/testdata", "in memory", &in_memory) >= 150);
}

#[test]
fn own_scripts_after_a_reopening() {
    assert!(compare("promql/testdata", "reopened", &reopened) >= 150);
}

#[test]
fn upstream_scripts_in_memory() {
    compare("../shared/promqltest", "in memory", &in_memory);
}

#[test]
fn upstream_scripts_after_a_reopening() {
    compare("../shared/promqltest", "reopened", &reopened);
}
