//! Samples on their way in.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::{FixedState, RandomState};
use promethium_model::{AppendError, Appended, Labels, Point, PointValue, SeriesKey, SeriesRef};

use super::series::{Admission, MemSeries};
use super::visibility::Turn;
use super::{Head, HeadLimits};
use promethium_wal::RefSample;

/// The samples of one transaction, checked against the head as it was at each append.
///
/// The bounds in time are those of the transaction's beginning. A series that the head lacks gets a reference here and
/// is created by the commit, so that what is rolled back leaves nothing behind.
pub(crate) struct Transaction {
    min_valid_ms: i64,
    max_valid_ms: i64,
    targets: Vec<Target>,
    samples: Vec<PendingSample>,
    new_by_labels: HashMap<Labels, u32, RandomState>,
    new_by_reference: HashMap<u64, u32, FixedState>,
    /// Duplicates that were recognised at append: stored already.
    already_stored: usize,
}

enum Target {
    Known(Arc<MemSeries>),
    New { reference: u64, labels: Labels },
}

#[derive(Clone, Copy)]
struct PendingSample {
    target: u32,
    timestamp_ms: i64,
    value: f64,
}

/// A transaction whose series all exist.
pub(crate) struct Resolved {
    /// `None` where the head was full.
    series: Vec<Option<Arc<MemSeries>>>,
    samples: Vec<PendingSample>,
    pub(crate) created: Vec<Arc<MemSeries>>,
    pub(crate) already_stored: usize,
}

/// What an applied transaction stored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) samples: usize,
    pub(crate) dropped: usize,
}

impl Transaction {
    pub(crate) fn new(min_valid_ms: i64, max_valid_ms: i64) -> Self {
        Transaction {
            min_valid_ms,
            max_valid_ms,
            targets: Vec::new(),
            samples: Vec::new(),
            new_by_labels: HashMap::default(),
            new_by_reference: HashMap::default(),
            already_stored: 0,
        }
    }

    /// Whether the commit has nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    pub(crate) fn already_stored(&self) -> usize {
        self.already_stored
    }

    /// Whether all series are there, so that the log's record can be made before the commit takes any lock.
    pub(crate) fn has_new_series(&self) -> bool {
        !self.new_by_labels.is_empty()
    }

    pub(crate) fn append(
        &mut self,
        head: &Head,
        key: SeriesKey<'_>,
        point: Point<'_>,
    ) -> Result<Appended, AppendError> {
        let PointValue::Float(value) = point.value else {
            return Err(AppendError::Unsupported { what: "native histograms" });
        };
        let timestamp_ms = point.timestamp_ms;
        self.check_bounds(timestamp_ms)?;
        let (target, created) = self.resolve(head, key)?;
        let (reference, admission) = match &self.targets[target as usize] {
            Target::Known(series) => (series.reference, series.lock().admit(timestamp_ms, value)?),
            Target::New { reference, .. } => (*reference, Admission::New),
        };
        match admission {
            Admission::New => self.samples.push(PendingSample { target, timestamp_ms, value }),
            Admission::Same => self.already_stored += 1,
        }
        Ok(Appended::new(SeriesRef(reference), created))
    }

    fn check_bounds(&self, timestamp_ms: i64) -> Result<(), AppendError> {
        if timestamp_ms < self.min_valid_ms {
            return Err(AppendError::OutOfBounds { timestamp_ms, min_valid_ms: self.min_valid_ms });
        }
        if timestamp_ms > self.max_valid_ms {
            return Err(AppendError::TooFarInFuture { timestamp_ms, max_ms: self.max_valid_ms });
        }
        Ok(())
    }

    /// The target that a key names, and whether it is a new series.
    fn resolve(&mut self, head: &Head, key: SeriesKey<'_>) -> Result<(u32, bool), AppendError> {
        match key {
            SeriesKey::Ref(r) => match self.by_reference(head, r) {
                Some(target) => Ok((target, false)),
                None => Err(AppendError::UnknownReference { reference: r.0 }),
            },
            SeriesKey::RefOrLabels(r, labels) => match self.by_reference(head, r) {
                Some(target) => Ok((target, false)),
                None => self.by_labels(head, labels),
            },
            SeriesKey::Labels(labels) => self.by_labels(head, labels),
        }
    }

    fn by_reference(&mut self, head: &Head, reference: SeriesRef) -> Option<u32> {
        // Samples of a series tend to come together.
        if let Some(last) = self.targets.last()
            && last.reference() == reference.0
        {
            return Some(self.targets.len() as u32 - 1);
        }
        if let Some(target) = self.new_by_reference.get(&reference.0) {
            return Some(*target);
        }
        let series = head.by_reference(reference)?;
        Some(self.push_target(Target::Known(series)))
    }

    fn by_labels(&mut self, head: &Head, labels: &Labels) -> Result<(u32, bool), AppendError> {
        if labels.is_empty() {
            return Err(AppendError::EmptyLabels);
        }
        if let Some(target) = self.new_by_labels.get(labels) {
            return Ok((*target, false));
        }
        if let Some(series) = head.by_labels(labels) {
            return Ok((self.push_target(Target::Known(series)), false));
        }
        check_labels(labels, &head.limits)?;
        head.check_room(self.new_by_labels.len(), labels)?;
        let reference = head.reserve_reference();
        let target = self.push_target(Target::New { reference, labels: labels.clone() });
        self.new_by_labels.insert(labels.clone(), target);
        self.new_by_reference.insert(reference, target);
        Ok((target, true))
    }

    fn push_target(&mut self, target: Target) -> u32 {
        self.targets.push(target);
        u32::try_from(self.targets.len() - 1).expect("a transaction has fewer than 2^32 series")
    }

    /// Creates the series that are new. Series that another transaction created meanwhile are taken as they are.
    pub(crate) fn create_series(self, head: &Head) -> Resolved {
        let mut created = Vec::new();
        let mut find_or_create = |target| match target {
            Target::Known(series) => Some(series),
            Target::New { reference, labels } => {
                let (series, is_new) = head.get_or_create(reference, &labels)?;
                if is_new {
                    created.push(Arc::clone(&series));
                }
                Some(series)
            }
        };
        let series = self.targets.into_iter().map(&mut find_or_create).collect();
        Resolved { series, samples: self.samples, created, already_stored: self.already_stored }
    }
}

fn check_labels(labels: &Labels, limits: &HeadLimits) -> Result<(), AppendError> {
    let refuse = |what, limit, found| Err(AppendError::LabelLimit { what, limit, found });
    let count = labels.len();
    if count > limits.max_labels {
        return refuse("labels of a series", limits.max_labels, count);
    }
    for (name, value) in labels.iter() {
        if name.len() > limits.max_label_name_bytes {
            return refuse("bytes of a label name", limits.max_label_name_bytes, name.len());
        }
        if value.len() > limits.max_label_value_bytes {
            return refuse("bytes of a label value", limits.max_label_value_bytes, value.len());
        }
    }
    Ok(())
}

impl Target {
    fn reference(&self) -> u64 {
        match self {
            Target::Known(series) => series.reference,
            Target::New { reference, .. } => *reference,
        }
    }
}

impl Resolved {
    /// The samples as the log names them.
    pub(crate) fn log_samples(&self) -> impl Iterator<Item = RefSample> {
        self.samples.iter().filter_map(|s| {
            let series = self.series[s.target as usize].as_ref()?.reference;
            Some(RefSample { series, timestamp_ms: s.timestamp_ms, value: s.value })
        })
    }

    /// Adds the samples to their series. What turns out to be late is dropped, as a replay of the log would drop it.
    pub(crate) fn apply(&self, head: &Head, turn: &Turn) -> Stored {
        let mut stored = Stored { samples: self.already_stored, dropped: 0 };
        let mut new = NewSamples::default();
        for run in self.samples.chunk_by(|a, b| a.target == b.target) {
            match &self.series[run[0].target as usize] {
                Some(series) => stored.add(apply_run(series, run, head, turn, &mut new)),
                None => stored.dropped += run.len(),
            }
        }
        if new.count > 0 {
            head.note_stored(new.count, new.min_ms, new.max_ms);
        }
        stored
    }
}

impl Stored {
    fn add(&mut self, other: Stored) {
        self.samples += other.samples;
        self.dropped += other.dropped;
    }
}

/// Count and time range of samples that were added.
pub(crate) struct NewSamples {
    pub(crate) count: u64,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
}

impl Default for NewSamples {
    fn default() -> Self {
        NewSamples { count: 0, min_ms: i64::MAX, max_ms: i64::MIN }
    }
}

impl NewSamples {
    #[inline]
    pub(crate) fn note(&mut self, timestamp_ms: i64) {
        self.count += 1;
        self.min_ms = self.min_ms.min(timestamp_ms);
        self.max_ms = self.max_ms.max(timestamp_ms);
    }
}

fn apply_run(series: &MemSeries, run: &[PendingSample], head: &Head, turn: &Turn, new: &mut NewSamples) -> Stored {
    let mut state = series.lock();
    let mut stored = Stored::default();
    for sample in run {
        match state.admit(sample.timestamp_ms, sample.value) {
            Ok(Admission::New) => {
                let pair = (sample.timestamp_ms, sample.value);
                state.push(pair, turn.commit, turn.settled, head.limits.chunk_range_ms);
                new.note(sample.timestamp_ms);
                stored.samples += 1;
            }
            Ok(Admission::Same) => stored.samples += 1,
            Err(_) => stored.dropped += 1,
        }
    }
    stored
}
