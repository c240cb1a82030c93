//! Who replays: the thread that reads the log, and such as opening was lent.
//!
//! The reader puts work on the board; whoever is there takes share after share of it, the reader too, as soon as it has nothing to
//! read or must have it done. Records are decompressed and decoded, and samples restored, in whatever order; what is made of
//! them is put together in that of the log, so that what comes out does not depend on how many there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Scope;

use parking_lot::{Condvar, Mutex, RwLock};

use super::by_reference::ByReference;
use super::in_files::NewestInFiles;
use crate::head::Head;
use crate::head::series::{MemSeries, Stamp};
use crate::head::visibility::{CommitId, Turn};

/// Series by the references of the log, several of which may lead to one.
pub(super) type References = ByReference<Option<Arc<MemSeries>>>;

/// The board, and what whoever works needs.
pub(super) struct Team<'a> {
    pub(super) head: &'a Head,
    pub(super) stamp: Stamp,
    pub(super) by_reference: RwLock<References>,
    pub(super) in_files: RwLock<NewestInFiles>,
    board: Mutex<Board>,
    changed: Condvar,
}

#[derive(Default)]
struct Board {
    /// What others wait for first.
    work: Vec<Arc<dyn OnBoard>>,
    helpers: usize,
    is_over: bool,
}

/// Something that is done in shares, in whatever order.
pub(super) trait Task: Send + Sync + 'static {
    /// What one thread uses for all its shares.
    type Tools: Default;
    /// Whether others wait for it more than for what is on the board already.
    const IS_FIRST: bool = false;

    fn shares(&self) -> usize;
    fn do_share(&self, share: usize, team: &Team<'_>, tools: &mut Self::Tools);
}

/// A task, and how far it is.
pub(super) struct Work<T> {
    task: T,
    progress: Progress,
}

struct Progress {
    shares: usize,
    next_share: AtomicUsize,
    shares_done: Mutex<usize>,
    all_done: Condvar,
}

/// Work of any kind.
trait OnBoard: Send + Sync {
    fn progress(&self) -> &Progress;
    /// Takes share after share, until there is none.
    fn take_part(&self, team: &Team<'_>);
}

impl<T: Task> OnBoard for Work<T> {
    fn progress(&self) -> &Progress {
        &self.progress
    }

    fn take_part(&self, team: &Team<'_>) {
        let mut tools = T::Tools::default();
        while let Some(share) = self.progress.next_share() {
            let _end = ShareEnd(&self.progress);
            self.task.do_share(share, team, &mut tools);
        }
    }
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
            in_files: RwLock::default(),
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
        while let Some(work) = self.next_work() {
            work.take_part(self);
        }
    }

    /// Something of which a share is left; `None` at the end.
    fn next_work(&self) -> Option<Arc<dyn OnBoard>> {
        let mut board = self.board.lock();
        while !board.is_over {
            if let Some(work) = board.work.iter().find(|work| work.progress().has_share()) {
                return Some(Arc::clone(work));
            }
            self.changed.wait(&mut board);
        }
        None
    }

    /// Puts work on the board. Where nobody helps it stays there until it is ended.
    pub(super) fn put<T: Task>(&self, task: T) -> Arc<Work<T>> {
        let progress = Progress::of(task.shares());
        let work = Arc::new(Work { task, progress });
        let mut board = self.board.lock();
        let at = if T::IS_FIRST { 0 } else { board.work.len() };
        board.work.insert(at, Arc::<Work<T>>::clone(&work));
        if board.helpers > 0 {
            self.changed.notify_all();
        }
        work
    }

    /// Ends work, and takes it off the board.
    pub(super) fn end<'w, T: Task>(&self, work: &'w Arc<Work<T>>) -> &'w T {
        work.take_part(self);
        work.progress.wait();
        self.board.lock().work.retain(|other| !std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(work)));
        &work.task
    }
}

impl Drop for Helpers<'_, '_> {
    fn drop(&mut self) {
        self.0.board.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

impl Progress {
    fn of(shares: usize) -> Self {
        Progress { shares, next_share: AtomicUsize::new(0), shares_done: Mutex::new(0), all_done: Condvar::new() }
    }

    fn has_share(&self) -> bool {
        self.next_share.load(Ordering::Relaxed) < self.shares
    }

    fn next_share(&self) -> Option<usize> {
        Some(self.next_share.fetch_add(1, Ordering::Relaxed)).filter(|share| *share < self.shares)
    }

    fn wait(&self) {
        let mut done = self.shares_done.lock();
        while *done < self.shares {
            self.all_done.wait(&mut done);
        }
    }
}

/// Says that a share is done, also where it went wrong: nobody must wait for a thread that panicked.
struct ShareEnd<'w>(&'w Progress);

impl Drop for ShareEnd<'_> {
    fn drop(&mut self) {
        let mut done = self.0.shares_done.lock();
        *done += 1;
        if *done == self.0.shares {
            self.0.all_done.notify_all();
        }
    }
}
