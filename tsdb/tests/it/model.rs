//! Random operations on the database and on a model, with reopening and crashes among them.

use promethium_model::{Appendable, MatchOp, Matcher, MemStore, QueryableExt, TimeRange};
use promethium_tsdb::vfs::SimVfs;
use promethium_tsdb::{Compression, Db, DbOptions, PAGE_BYTES};
use proptest::prelude::*;

use crate::support::{Batch, START_MS, always, contents, labels, open};

#[derive(Clone, Debug)]
enum Op {
    Commit(Batch),
    Rollback(Batch),
    Close,
    Kill,
    PowerLoss,
    Read(i64, i64, usize),
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(1.0), 3 => (0_i32..100).prop_map(f64::from), 1 => any::<u64>().prop_map(f64::from_bits)]
}

fn batch() -> impl Strategy<Value = Batch> {
    prop::collection::vec((0_usize..6, 0_i64..400, value()), 0..60)
        .prop_map(|rows| rows.into_iter().map(|(s, t, v)| (s, START_MS + t * 500, v)).collect())
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => batch().prop_map(Op::Commit),
        2 => batch().prop_map(Op::Rollback),
        1 => Just(Op::Close),
        1 => Just(Op::Kill),
        1 => Just(Op::PowerLoss),
        4 => (0_i64..400, 0_i64..100, 0_usize..4).prop_map(|(t, d, m)| Op::Read(t, d, m)),
    ]
}

/// Appends what is accepted; returns which rows were refused.
fn apply(store: &dyn Appendable, batch: &Batch, commit: bool) -> Vec<usize> {
    use promethium_model::{AppendOptions, Point, SeriesKey};
    let mut tx = store.appender();
    let mut refused = Vec::new();
    for (i, (series, t, v)) in batch.iter().enumerate() {
        let key = labels(*series);
        if tx.append(SeriesKey::Labels(&key), Point::float(*t, *v), &AppendOptions::default()).is_err() {
            refused.push(i);
        }
    }
    if commit {
        tx.commit().unwrap();
    } else {
        tx.rollback();
    }
    refused
}

/// The model checks conflicts within a transaction at the append, the database at the commit: give both the same.
fn without_conflicts(batch: &Batch) -> Batch {
    let mut newest = std::collections::BTreeMap::new();
    let mut kept = batch.clone();
    kept.retain(|(series, t, _)| {
        let follows = newest.get(series).is_none_or(|last| last < t);
        if follows {
            newest.insert(*series, *t);
        }
        follows
    });
    kept
}

fn matchers(choice: usize) -> Vec<Matcher> {
    let regex = |op, value: &str| Matcher::new(op, "instance", value).unwrap();
    match choice {
        0 => vec![],
        1 => vec![Matcher::equal("instance", "host-2:9100")],
        2 => vec![regex(MatchOp::Regex, "host-[135]:.*")],
        _ => vec![regex(MatchOp::NotRegex, ".*-(1|2):9100"), Matcher::equal("__name__", "requests_total")],
    }
}

fn run(ops: &[Op], options: &DbOptions, seed: u64) {
    let disk = SimVfs::new(seed);
    let model = MemStore::new();
    let mut db = Some(open(&disk, options.clone()).unwrap());
    let reopen = |db: &mut Option<Db>| {
        drop(db.take());
        *db = Some(open(&disk, options.clone()).unwrap());
    };
    for op in ops {
        match op {
            Op::Commit(rows) | Op::Rollback(rows) => {
                let rows = without_conflicts(rows);
                let commit = matches!(op, Op::Commit(_));
                let refused = apply(db.as_ref().unwrap(), &rows, commit);
                assert_eq!(refused, apply(&model, &rows, commit), "refused rows");
            }
            Op::Close => {
                db.as_ref().unwrap().close().unwrap();
                reopen(&mut db);
                assert!(db.as_ref().unwrap().replay_report().was_clean);
            }
            Op::Kill => {
                disk.kill();
                reopen(&mut db);
            }
            Op::PowerLoss => {
                disk.restart();
                reopen(&mut db);
            }
            Op::Read(t, width, choice) => {
                let range = TimeRange::new(START_MS + t * 500, START_MS + (t + width) * 500);
                let read = |q: &dyn promethium_model::Queryable| q.read_all(range, &matchers(*choice)).unwrap();
                // Compared as text: NaNs are not equal to themselves.
                assert_eq!(format!("{:?}", read(db.as_ref().unwrap())), format!("{:?}", read(&model)));
            }
        }
    }
    assert_eq!(contents(db.as_ref().unwrap()), contents(&model));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_database_is_the_model(ops in prop::collection::vec(op(), 1..40), seed: u64, small: bool) {
        let options = if small {
            always().segment_bytes(PAGE_BYTES as u64).compression(Compression::None)
        } else {
            always()
        };
        run(&ops, &options, seed);
    }
}
