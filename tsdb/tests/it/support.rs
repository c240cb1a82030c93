//! What the tests share: small workloads, and databases as plain maps.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use promethium_model::{
    AppendOptions, Appendable, CommitError, CommitStats, Labels, ManualClock, Point, Queryable, QueryableExt,
    SeriesKey, TimeRange,
};
use promethium_tsdb::vfs::{Fault, FaultKind, SimVfs, Vfs};
use promethium_tsdb::{Db, DbOptions, Sync, TsdbError};

/// Where the tests' databases live on simulated disks.
pub(crate) const DIR: &str = "/data";
/// First sample of every workload.
pub(crate) const START_MS: i64 = 1_717_200_000_000;

/// Samples by series, values by bits.
pub(crate) type Contents = BTreeMap<String, Vec<(i64, u64)>>;

/// One transaction: series number, time, value.
pub(crate) type Batch = Vec<(usize, i64, f64)>;

pub(crate) fn labels(series: usize) -> Labels {
    Labels::from_pairs([("__name__", "requests_total".to_owned()), ("instance", format!("host-{series}:9100"))])
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START_MS))
}

pub(crate) fn open(vfs: &SimVfs, options: DbOptions) -> Result<Db, TsdbError> {
    open_at(vfs, options, clock())
}

pub(crate) fn open_at(vfs: &SimVfs, options: DbOptions, clock: Arc<ManualClock>) -> Result<Db, TsdbError> {
    let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
    Db::open_with(vfs, Path::new(DIR), options, clock)
}

pub(crate) fn always() -> DbOptions {
    DbOptions::default().sync(Sync::Always)
}

pub(crate) fn commit(db: &dyn Appendable, batch: &Batch) -> Result<CommitStats, CommitError> {
    let mut tx = db.appender();
    for (series, t, v) in batch {
        let appended = tx.append(SeriesKey::Labels(&labels(*series)), Point::float(*t, *v), &AppendOptions::default());
        if let Err(error) = appended {
            return Err(CommitError::Backend(Box::new(error)));
        }
    }
    tx.commit()
}

pub(crate) fn contents(db: &dyn Queryable) -> Contents {
    let all = db.read_all(TimeRange::ALL, &[]).expect("a query");
    let rows = |b: promethium_model::SampleBatch| b.timestamps.into_iter().zip(b.floats.into_iter().map(f64::to_bits));
    all.into_iter().map(|(labels, batch)| (labels.to_string(), rows(batch).collect())).collect()
}

/// What a store that took these batches holds.
pub(crate) fn expected(batches: &[Batch]) -> Contents {
    let mut contents = Contents::new();
    for (series, t, v) in batches.iter().flatten() {
        contents.entry(labels(*series).to_string()).or_default().push((*t, v.to_bits()));
    }
    contents
}

/// Scrapes of a few series, with one new series now and then.
pub(crate) fn scrapes(count: usize) -> Vec<Batch> {
    (0..count)
        .map(|i| {
            let t = START_MS + i as i64 * 1_000;
            (0..3 + i / 10).map(|series| (series, t, (i * 31 + series) as f64 / 4.0)).collect()
        })
        .collect()
}

/// Commits batches that must all be taken.
pub(crate) fn commit_all(db: &dyn Appendable, batches: &[Batch]) {
    for batch in batches {
        commit(db, batch).expect("a commit");
    }
}

/// How many of the batches a store holds, if it holds a prefix of them and nothing else.
pub(crate) fn prefix_len(found: &Contents, batches: &[Batch]) -> Option<usize> {
    let total: usize = found.values().map(Vec::len).sum();
    let mut held = 0;
    let n = batches.iter().take_while(|b| (held + b.len() <= total).then(|| held += b.len()).is_some()).count();
    (*found == expected(&batches[..n])).then_some(n)
}

/// How the calls of a workload fail, one after the other.
pub(crate) struct Sweep {
    pub(crate) kind: FaultKind,
    /// Whether all later calls fail too.
    pub(crate) persistent: bool,
    pub(crate) seed: u64,
    /// From one call that fails to the next: 1 takes each in its turn.
    pub(crate) step: usize,
    /// What becomes of the disk before it is opened again.
    pub(crate) then: fn(&SimVfs),
}

impl Sweep {
    /// Runs a workload until none of its calls is left to fail, and hands over the disk, what `run` says that it acknowledged, and the
    /// failure in words. How many failures there were.
    pub(crate) fn over<A>(&self, run: impl Fn(&SimVfs) -> A, check: impl Fn(&SimVfs, A, &str)) -> u64 {
        let Sweep { kind, persistent, seed, step, then } = *self;
        let mut points = 0;
        for call in (1..).step_by(step) {
            let disk = SimVfs::new(seed);
            disk.plan(Some(Fault { call, persistent, kind }));
            let acknowledged = run(&disk);
            let was_hit = disk.calls() >= call;
            disk.plan(None);
            then(&disk);
            check(&disk, acknowledged, &format!("{kind:?}, persistent {persistent}, seed {seed}, call {call}"));
            if !was_hit {
                break;
            }
            points += 1;
        }
        points
    }
}
