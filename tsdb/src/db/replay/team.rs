//! Who restores samples: the thread that reads the log, and such as opening was lent.
//!
//! The reader puts samples on the board; whoever is there takes neighbourhood after neighbourhood of them, the reader too, as
//! soon as it has nothing to read or must have them done. A series' samples are in one neighbourhood, so that their order is
//! that of the log, and what comes out does not depend on how many there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Scope;

use parking_lot::{Condvar, Mutex, RwLock};

use super::by_reference::ByReference;
use super::prefetch::{prefetch, prefetch_start};
use super::waiting::{Grouped, Neighbourhood, Samples, Waiting};
use crate::head::Head;
use crate::head::series::{MemSeries, Stamp};
use crate::head::transaction::{NewSamples, push_float};
use crate::head::visibility::{CommitId, Turn};

// How far ahead of the series that is being restored another's memory is asked for, and then, once that is there, where its open
// chunk goes on.
const SERIES_AHEAD: usize = 16;
const CHUNK_AHEAD: usize = 6;

/// Series by the references of the log, several of which may lead to one.
pub(super) type References = ByReference<Option<Arc<MemSeries>>>;

/// The board, and what whoever works needs.
pub(super) struct Team<'a> {
    pub(super) head: &'a Head,
    pub(super) stamp: Stamp,
    pub(super) by_reference: RwLock<References>,
    board: Mutex<Board>,
    changed: Condvar,
}

#[derive(Default)]
struct Board {
    work: Option<Arc<Work>>,
    /// Counts what was put on the board.
    number: u64,
    helpers: usize,
    is_over: bool,
}

/// Samples that are being restored.
struct Work {
    /// Taken one by one, so that the memory of each is free once it is restored.
    shares: Vec<Mutex<Option<Neighbourhood>>>,
    next_share: AtomicUsize,
    done: Mutex<Done>,
    all_done: Condvar,
}

#[derive(Default)]
struct Done {
    shares: usize,
    outcome: Outcome,
}

/// What became of samples.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) new: NewSamples,
    /// Not behind the newest of their series.
    pub(super) late: u64,
    /// Of series that no record names.
    pub(super) unknown: u64,
}

/// Sends the helpers home when dropped.
pub(super) struct Helpers<'t, 'a>(&'t Team<'a>);

impl<'a> Team<'a> {
    pub(super) fn new(head: &'a Head) -> Self {
        // Everything restored belongs to the past of every reader.
        let before_all = Turn { commit: CommitId(0), settled: CommitId(0) };
        Team {
            head,
            stamp: head.stamp(&before_all),
            by_reference: RwLock::default(),
            board: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Starts so many threads that help. They end, at the latest, with the scope.
    pub(super) fn hire<'s, 't>(&'t self, scope: &'s Scope<'s, 't>, helpers: usize) -> Helpers<'t, 'a> {
        self.board.lock().helpers = helpers;
        for _ in 0..helpers {
            scope.spawn(|| self.help());
        }
        Helpers(self)
    }

    /// The series that a reference leads to.
    pub(super) fn series(&self, reference: u64) -> Option<Arc<MemSeries>> {
        self.by_reference.read().get(reference).cloned().flatten()
    }

    pub(super) fn has_helpers(&self) -> bool {
        self.board.lock().helpers > 0
    }

    fn help(&self) {
        let mut number = 0;
        while let Some(work) = self.next_work(&mut number) {
            work.share(self);
        }
    }

    fn next_work(&self, seen: &mut u64) -> Option<Arc<Work>> {
        let mut board = self.board.lock();
        while !board.is_over {
            if board.number > *seen {
                *seen = board.number;
                if let Some(work) = &board.work {
                    return Some(Arc::clone(work));
                }
            }
            self.changed.wait(&mut board);
        }
        None
    }

    /// Puts samples on the board, which is empty. Where nobody helps they stay there until [`Team::settle`].
    pub(super) fn put(&self, samples: Waiting) {
        let mut board = self.board.lock();
        debug_assert!(board.work.is_none());
        board.work = Some(Arc::new(Work::new(samples)));
        board.number += 1;
        if board.helpers > 0 {
            self.changed.notify_all();
        }
    }

    /// Ends what is on the board, and takes it off.
    pub(super) fn settle(&self) -> Option<Outcome> {
        let work = self.board.lock().work.clone()?;
        work.share(self);
        let outcome = work.wait();
        self.board.lock().work = None;
        Some(outcome)
    }

    fn restore(&self, by_reference: &References, samples: &Grouped, outcome: &mut Outcome) {
        let series: Vec<_> = samples.references().map(|reference| by_reference.get(reference)?.as_ref()).collect();
        for (i, samples) in samples.iter().enumerate() {
            if let Some(Some(ahead)) = series.get(i + SERIES_AHEAD) {
                prefetch::<MemSeries>(ahead);
            }
            if let Some(Some(ahead)) = series.get(i + CHUNK_AHEAD) {
                prefetch_start(ahead.lock().room());
            }
            match series[i] {
                Some(series) => {
                    let before = outcome.new.count;
                    restore_run(series, &samples, self.head.frontier_ms(), &self.stamp, &mut outcome.new);
                    outcome.late += samples.rows.len() as u64 - (outcome.new.count - before);
                }
                None => {
                    // Never to be given to another series.
                    self.head.skip_references(samples.reference);
                    outcome.unknown += samples.rows.len() as u64;
                }
            }
        }
    }
}

impl Drop for Helpers<'_, '_> {
    fn drop(&mut self) {
        self.0.board.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

impl Work {
    fn new(samples: Waiting) -> Self {
        let shares = samples.into_neighbourhoods().into_iter().map(|share| Mutex::new(Some(share))).collect();
        Work { shares, next_share: AtomicUsize::new(0), done: Mutex::default(), all_done: Condvar::new() }
    }

    /// Takes share after share, until there is none.
    fn share(&self, team: &Team<'_>) {
        let mut grouped = Grouped::default();
        while let Some(share) = self.shares.get(self.next_share.fetch_add(1, Ordering::Relaxed)) {
            let mut end = ShareEnd { work: self, outcome: Outcome::default() };
            let Some(neighbourhood) = share.lock().take() else { continue };
            grouped.group(&neighbourhood);
            drop(neighbourhood);
            team.restore(&team.by_reference.read(), &grouped, &mut end.outcome);
        }
    }

    fn wait(&self) -> Outcome {
        let mut done = self.done.lock();
        while done.shares < self.shares.len() {
            self.all_done.wait(&mut done);
        }
        std::mem::take(&mut done.outcome)
    }
}

/// Says that a share is done, also where it went wrong: nobody must wait for a thread that panicked.
struct ShareEnd<'w> {
    work: &'w Work,
    outcome: Outcome,
}

impl Drop for ShareEnd<'_> {
    fn drop(&mut self) {
        let mut done = self.work.done.lock();
        done.outcome.add(&self.outcome);
        done.shares += 1;
        if done.shares == self.work.shares.len() {
            self.work.all_done.notify_all();
        }
    }
}

impl Outcome {
    fn add(&mut self, more: &Outcome) {
        self.new.add(&more.new);
        self.late += more.late;
        self.unknown += more.unknown;
    }
}

/// Adds samples to a series, where they follow its newest.
fn restore_run(series: &MemSeries, samples: &Samples<'_>, frontier_ms: i64, stamp: &Stamp, new: &mut NewSamples) {
    let mut state = series.lock();
    let was_stale = state.is_stale();
    let (mut newest, mut first_ms, mut count) = (state.newest_ms(), i64::MAX, 0);
    for (i, (t_ms, value)) in samples.rows.iter().copied().enumerate() {
        if t_ms >= frontier_ms && newest.is_none_or(|newest| t_ms > newest) {
            let start_ms = samples.starts_ms.get(i).copied().unwrap_or(0);
            push_float(&mut state, t_ms, start_ms, value, stamp);
            (newest, first_ms, count) = (Some(t_ms), first_ms.min(t_ms), count + 1);
        }
    }
    if let Some(newest_ms) = newest.filter(|_| count > 0) {
        new.note_times(first_ms, newest_ms, count);
        series.set_newest(newest_ms);
        new.stale_series += i64::from(state.is_stale()) - i64::from(was_stale);
    }
}
