//! What reading one segment came to: where it is damaged, and how far it is to be believed.

use std::cmp::Ordering;
use std::path::Path;

use promethium_wal::head_snapshot::LogPosition;
use promethium_wal::{RecordError, SegmentFile};

use super::{Damage, ReplayReport};

pub(super) fn damage(path: &Path, offset: u64, message: String) -> Damage {
    Damage { path: path.to_path_buf(), offset, message }
}

/// How a segment was left.
#[derive(Clone, Copy, Default)]
pub(super) struct Left {
    /// Whether its end may be torn.
    may_be_torn: bool,
    /// Damage before it is decay, and what lies behind that is good. Damage further on may be what a power loss left of bytes that
    /// were not synced: to read on behind it would leave a hole in the order of commits.
    durable_end: u64,
}

impl Left {
    /// Ended and synced.
    pub(super) const WHOLE: Left = Left { may_be_torn: false, durable_end: u64::MAX };

    /// The newest of a log that was not closed, synced so far as it is known; `None` where nobody promised an order.
    pub(super) fn open(newest: &SegmentFile, synced: Option<LogPosition>) -> Left {
        let durable_end = synced.map_or(u64::MAX, |synced| match synced.segment.cmp(&newest.index) {
            Ordering::Less => 0,
            Ordering::Equal => synced.offset,
            Ordering::Greater => u64::MAX,
        });
        Left { may_be_torn: true, durable_end }
    }

    /// Whether nothing behind damage at `offset` is to be believed.
    pub(super) fn ends_at(self, offset: u64) -> bool {
        offset >= self.durable_end
    }
}

/// The damage of one segment.
#[derive(Default)]
pub(super) struct Found {
    pub(super) left: Left,
    pub(super) damage: Vec<Damage>,
    /// Whether a record was restored from behind the first damage.
    pub(super) has_record_behind: bool,
    /// End of the last record before the first damage.
    pub(super) good_end: u64,
    /// End of the last record that was restored.
    pub(super) whole_end: u64,
    /// Whether damage came last.
    ends_in_damage: bool,
    /// Whether there are records behind that, which are not to be restored.
    pub(super) has_lost_record: bool,
}

impl Found {
    /// Nothing yet, of a segment that is read from `start` on.
    pub(super) fn at(start: u64, left: Left) -> Self {
        Found { left, good_end: start, whole_end: start, ..Found::default() }
    }

    /// Takes note of what came next in the segment; whether no more is to be restored of it.
    pub(super) fn note(&mut self, step: Step, report: &mut ReplayReport) -> bool {
        match step {
            Step::Record => {
                self.has_record_behind = !self.damage.is_empty();
                self.ends_in_damage = false;
            }
            Step::Unreadable(damage) => report.note_damage(damage),
            Step::Damage(damage) => {
                if self.damage.is_empty() {
                    self.good_end = self.whole_end;
                }
                self.ends_in_damage = true;
                let is_over = self.left.ends_at(damage.offset);
                self.damage.push(damage);
                return is_over;
            }
        }
        false
    }

    /// The damage at the end, where it is no more than a write that a kill or a power loss cut short.
    pub(super) fn take_torn_tail(&mut self) -> Option<Damage> {
        let is_torn = self.left.may_be_torn && self.ends_in_damage && !self.has_lost_record;
        if is_torn { self.damage.pop() } else { None }
    }
}

pub(super) enum Step {
    Record,
    /// The bytes are as they were written, but do not decode: no sign of a torn write.
    Unreadable(Damage),
    Damage(Damage),
}

impl Step {
    pub(super) fn of(restored: Result<(), RecordError>, path: &Path, start: u64) -> Step {
        restored.map_or_else(|error| Step::Unreadable(damage(path, start, error.to_string())), |()| Step::Record)
    }
}
