//! Isolation: commits take effect one after the other, and a reader sees those that were done when it began.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::{Condvar, Mutex};

/// The position of a commit in the order of commits; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CommitId(pub(crate) u64);

/// Orders commits, and knows who still reads which past.
///
/// A commit draws a [`Ticket`] when its place in the log is certain, makes itself durable, waits for its turn, changes
/// the series, and publishes. So the order of effects is the order of the log, and a crash leaves a prefix of both.
pub(crate) struct Visibility {
    state: Mutex<State>,
    turn: Condvar,
}

#[derive(Default)]
struct State {
    issued: u64,
    published: u64,
    /// Places whose commit went wrong.
    abandoned: BTreeSet<u64>,
    readers: BTreeMap<u64, usize>,
}

/// A commit's place in the order. Dropped before [`publish`](Ticket::publish), it is passed over.
pub(crate) struct Ticket<'v> {
    visibility: &'v Visibility,
    id: CommitId,
    is_done: bool,
}

/// A commit that may now change series.
pub(crate) struct Turn {
    pub(crate) commit: CommitId,
    /// Commits up to this one are visible to every reader, present and future.
    pub(crate) settled: CommitId,
}

/// A reader's view: commits up to `at`.
pub(crate) struct Snapshot<'v> {
    visibility: &'v Visibility,
    pub(crate) at: CommitId,
}

impl Visibility {
    pub(crate) fn new() -> Self {
        Visibility { state: Mutex::new(State::default()), turn: Condvar::new() }
    }

    /// The next place. The caller sees to it that places are drawn in the order of the log.
    pub(crate) fn issue(&self) -> Ticket<'_> {
        let mut state = self.state.lock();
        state.issued += 1;
        Ticket { visibility: self, id: CommitId(state.issued), is_done: false }
    }

    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        let mut state = self.state.lock();
        let at = state.published;
        *state.readers.entry(at).or_default() += 1;
        Snapshot { visibility: self, at: CommitId(at) }
    }
}

impl Ticket<'_> {
    /// Blocks until all earlier commits are published, or given up.
    pub(crate) fn wait(&self) -> Turn {
        let mut state = self.visibility.state.lock();
        while state.published + 1 != self.id.0 {
            self.visibility.turn.wait(&mut state);
        }
        let oldest_reader = state.readers.keys().next().copied().unwrap_or(state.published);
        Turn { commit: self.id, settled: CommitId(oldest_reader) }
    }

    /// Makes the commit visible to readers that come now.
    pub(crate) fn publish(mut self) {
        self.is_done = true;
        let mut state = self.visibility.state.lock();
        state.published = self.id.0;
        state.pass_over_abandoned();
        self.visibility.turn.notify_all();
    }
}

impl State {
    fn pass_over_abandoned(&mut self) {
        while self.abandoned.remove(&(self.published + 1)) {
            self.published += 1;
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let mut state = self.visibility.state.lock();
            state.abandoned.insert(self.id.0);
            state.pass_over_abandoned();
            self.visibility.turn.notify_all();
        }
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let mut state = self.visibility.state.lock();
        if let Some(readers) = state.readers.get_mut(&self.at.0) {
            *readers -= 1;
            if *readers == 0 {
                state.readers.remove(&self.at.0);
            }
        }
    }
}

/// Which of a series' newest samples belong to which commit, as far as a reader may still care.
#[derive(Default)]
pub(crate) struct Versions {
    newest: CommitId,
    newest_samples: u32,
    /// Whether the newest sample is a stale marker. Here is room for it.
    pub(crate) is_stale: bool,
    /// There only while an old reader is, and boxed: every series has this field.
    older: Option<Box<OldVersions>>,
}

/// Commits with their samples, oldest first.
#[derive(Default)]
struct OldVersions(Vec<(CommitId, u32)>);

impl Versions {
    /// One more sample, of `commit`.
    #[inline]
    pub(crate) fn note(&mut self, commit: CommitId, settled: CommitId) {
        if self.newest != commit {
            if self.newest > settled || self.older.is_some() {
                self.keep_older(settled);
            }
            self.newest = commit;
            self.newest_samples = 0;
        }
        self.newest_samples += 1;
    }

    /// Puts the newest commit with the older ones, where a reader may care.
    #[cold]
    fn keep_older(&mut self, settled: CommitId) {
        if self.newest <= settled {
            self.older = None;
        } else {
            let older = self.older.get_or_insert_default();
            older.0.retain(|(id, _)| *id > settled);
            older.0.push((self.newest, self.newest_samples));
        }
    }

    /// How many of the newest samples a reader at `snapshot` must not see.
    pub(crate) fn hidden_from(&self, snapshot: CommitId) -> usize {
        if self.newest <= snapshot {
            return 0;
        }
        let older = self.older.iter().flat_map(|o| &o.0);
        let hidden: u32 = older.filter(|(id, _)| *id > snapshot).map(|(_, n)| n).sum();
        (hidden + self.newest_samples) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_stands_at_what_was_published() {
        let visibility = Visibility::new();
        let first = visibility.issue();
        let before = visibility.snapshot();
        let turn = first.wait();
        assert_eq!((turn.commit, turn.settled), (CommitId(1), CommitId(0)));
        first.publish();
        assert_eq!((before.at, visibility.snapshot().at), (CommitId(0), CommitId(1)));
        let second = visibility.issue();
        assert_eq!(second.wait().settled, CommitId(0), "a reader of the past is there");
        drop(before);
        assert_eq!(second.wait().settled, CommitId(1));
    }

    #[test]
    fn turns_come_in_the_order_of_tickets() {
        let visibility = Visibility::new();
        let (first, second) = (visibility.issue(), visibility.issue());
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                second.wait();
                order.lock().push(2);
                second.publish();
            });
            first.wait();
            order.lock().push(1);
            first.publish();
        });
        assert_eq!(*order.lock(), [1, 2]);
    }

    #[test]
    fn a_lost_commit_is_passed_over() {
        let visibility = Visibility::new();
        let (first, second, third) = (visibility.issue(), visibility.issue(), visibility.issue());
        drop(second);
        assert_eq!(visibility.snapshot().at, CommitId(0));
        first.wait();
        first.publish();
        assert_eq!(visibility.snapshot().at, CommitId(2));
        assert_eq!(third.wait().commit, CommitId(3));
        drop(third);
        assert_eq!(visibility.snapshot().at, CommitId(3));
    }

    #[test]
    fn versions_are_kept_while_a_reader_needs_them() {
        let mut versions = Versions::default();
        for (commit, settled) in [(1, 0), (1, 0), (2, 1), (3, 1), (3, 1), (4, 1)] {
            versions.note(CommitId(commit), CommitId(settled));
        }
        let hidden: Vec<_> = (1..=4).map(|s| versions.hidden_from(CommitId(s))).collect();
        assert_eq!(hidden, [4, 3, 1, 0]);
        versions.note(CommitId(5), CommitId(4));
        assert!(versions.older.is_none());
        assert_eq!(versions.hidden_from(CommitId(4)), 1);
    }
}
