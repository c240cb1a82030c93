//! Samples on their way into their series.

use parking_lot::Mutex;

use super::team::{References, Task, Team};
use super::waiting::{Grouped, Neighbourhood, Samples, Waiting};
use crate::head::series::{MemSeries, Stamp};
use crate::head::transaction::{NewSamples, push_float};
use crate::prefetch::{prefetch, prefetch_start};

// How far ahead of the series that is being restored another's memory is asked for, and then, once that is there, that of its samples,
// and where its open chunk goes on.
const SERIES_AHEAD: usize = 24;
const SAMPLES_AHEAD: usize = 16;
const CHUNK_AHEAD: usize = 6;

/// Samples that are being restored. A series' samples are in one share, so that their order is that of the log.
pub(super) struct Applying {
    /// Taken one by one, so that the memory of each is free once it is restored.
    neighbourhoods: Vec<Mutex<Option<Neighbourhood>>>,
    outcome: Mutex<Outcome>,
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

impl Applying {
    pub(super) fn new(samples: Waiting) -> Self {
        let neighbourhoods = samples.into_neighbourhoods().into_iter().map(|share| Mutex::new(Some(share))).collect();
        Applying { neighbourhoods, outcome: Mutex::default() }
    }

    pub(super) fn take_outcome(&self) -> Outcome {
        std::mem::take(&mut self.outcome.lock())
    }
}

impl Task for Applying {
    type Tools = Grouped;

    fn shares(&self) -> usize {
        self.neighbourhoods.len()
    }

    fn do_share(&self, share: usize, team: &Team<'_>, grouped: &mut Grouped) {
        let Some(neighbourhood) = self.neighbourhoods[share].lock().take() else { return };
        grouped.group(&neighbourhood);
        drop(neighbourhood);
        let mut outcome = Outcome::default();
        restore(team, &team.by_reference.read(), grouped, &mut outcome);
        self.outcome.lock().add(&outcome);
    }
}

impl Outcome {
    fn add(&mut self, more: &Outcome) {
        self.new.add(&more.new);
        self.late += more.late;
        self.unknown += more.unknown;
    }
}

fn restore(team: &Team<'_>, by_reference: &References, samples: &Grouped, outcome: &mut Outcome) {
    let series: Vec<_> = samples.references().map(|reference| by_reference.get(reference)?.as_ref()).collect();
    let ahead = |at: usize| series.get(at).copied().flatten();
    for (i, samples) in samples.iter().enumerate() {
        if let Some(series) = ahead(i + SERIES_AHEAD) {
            prefetch::<MemSeries>(&raw const **series);
        }
        if let Some(series) = ahead(i + SAMPLES_AHEAD) {
            series.prefetch_samples();
        }
        if let Some(series) = ahead(i + CHUNK_AHEAD) {
            prefetch_start(series.lock().room());
        }
        match series[i] {
            Some(series) => {
                let before = outcome.new.count;
                restore_run(series, &samples, team.head.frontier_ms(), &team.stamp, &mut outcome.new);
                outcome.late += samples.rows.len() as u64 - (outcome.new.count - before);
            }
            None => {
                // Never to be given to another series.
                team.head.skip_references(samples.reference);
                outcome.unknown += samples.rows.len() as u64;
            }
        }
    }
}

/// Adds samples to a series, where they follow its newest.
fn restore_run(series: &MemSeries, samples: &Samples<'_>, frontier_ms: i64, stamp: &Stamp, new: &mut NewSamples) {
    let mut state = series.lock();
    let was_stale = state.is_stale();
    let (mut first_ms, mut last_ms, mut count) = (i64::MAX, i64::MIN, 0);
    for (i, (t_ms, value)) in samples.rows.iter().copied().enumerate() {
        let is_behind_blocks = t_ms >= frontier_ms;
        if !(is_behind_blocks && state.push_following(t_ms, value, stamp)) {
            if !is_behind_blocks || state.newest_ms().is_some_and(|newest_ms| t_ms <= newest_ms) {
                continue;
            }
            let start_ms = samples.starts_ms.get(i).copied().unwrap_or(0);
            push_float(&mut state, t_ms, start_ms, value, stamp);
        }
        (first_ms, last_ms, count) = (first_ms.min(t_ms), t_ms, count + 1);
    }
    if count > 0 {
        new.note_times(first_ms, last_ms, count);
        series.set_newest(last_ms);
        new.stale_series += i64::from(state.is_stale()) - i64::from(was_stale);
    }
}
