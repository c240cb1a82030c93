//! Series from storage, each decoded once.

use std::cell::RefCell;
use std::rc::Rc;

use promethium_model::{Labels, Querier, QueryError, SampleBatch, SampleCursor, SelectHints, TimeRange};

use super::budget::{Budget, Charge};
use super::notes::Notes;
use crate::plan::{Fetch, Plan, QueryTimes};

/// Reads the fetches of a plan. What one selector alone reads is handed on series by series; what several read is kept.
pub(crate) struct Fetcher<'a> {
    querier: &'a dyn Querier,
    plan: &'a Plan,
    times: QueryTimes,
    shared: Vec<RefCell<Option<Rc<Kept<'a>>>>>,
}

struct Kept<'a> {
    series: Vec<(Labels, SampleBatch)>,
    _charge: Charge<'a>,
}

type OnSeries<'s> = &'s mut dyn FnMut(&Labels, &mut SampleBatch) -> Result<(), QueryError>;

impl<'a> Fetcher<'a> {
    pub(crate) fn new(querier: &'a dyn Querier, plan: &'a Plan, times: QueryTimes) -> Self {
        let shared = plan.fetches.iter().map(|_| RefCell::new(None)).collect();
        Fetcher { querier, plan, times, shared }
    }

    /// The range that must be open for all fetches of a plan; `None` when it reads nothing.
    pub(crate) fn range_of(plan: &Plan) -> Option<TimeRange> {
        let min_ms = plan.fetches.iter().map(|f| f.min_ms).min()?;
        let max_ms = plan.fetches.iter().map(|f| f.max_ms).max()?;
        Some(TimeRange::new(min_ms, max_ms))
    }

    /// Calls `on_series` for every selected series, which may use up the batch.
    pub(crate) fn each(
        &self,
        fetch: usize,
        budget: &'a Budget<'a>,
        notes: &Notes<'_>,
        on_series: OnSeries<'_>,
    ) -> Result<(), QueryError> {
        if self.plan.fetches[fetch].uses < 2 {
            return self.read(fetch, budget, notes, on_series);
        }
        let kept = self.kept(fetch, budget, notes)?;
        let mut copy = SampleBatch::new();
        for (labels, batch) in &kept.series {
            budget.check()?;
            copy.clone_from(batch);
            on_series(labels, &mut copy)?;
        }
        Ok(())
    }

    fn kept(&self, fetch: usize, budget: &'a Budget<'a>, notes: &Notes<'_>) -> Result<Rc<Kept<'a>>, QueryError> {
        if let Some(kept) = &*self.shared[fetch].borrow() {
            return Ok(Rc::clone(kept));
        }
        let mut charge = budget.open();
        let mut series = Vec::new();
        self.read(fetch, budget, notes, &mut |labels, batch| {
            charge.add(batch.len())?;
            series.push((labels.clone(), std::mem::take(batch)));
            Ok(())
        })?;
        let kept = Rc::new(Kept { series, _charge: charge });
        *self.shared[fetch].borrow_mut() = Some(Rc::clone(&kept));
        Ok(kept)
    }

    fn read(
        &self,
        fetch: usize,
        budget: &'a Budget<'a>,
        notes: &Notes<'_>,
        on_series: OnSeries<'_>,
    ) -> Result<(), QueryError> {
        let fetch = &self.plan.fetches[fetch];
        let mut set = self.querier.select(&fetch.matchers, &self.hints(fetch), budget.cx())?;
        let mut batch = SampleBatch::new();
        while let Some(mut entry) = set.next_series()? {
            budget.check()?;
            batch.clear();
            let mut charge = budget.open();
            decode(&mut *entry.samples, fetch, &mut batch)?;
            charge.add(batch.len())?;
            on_series(&entry.labels, &mut batch)?;
        }
        notes.merge(set.annotations());
        Ok(())
    }

    fn hints(&self, fetch: &Fetch) -> SelectHints {
        let mut hints = SelectHints::default();
        hints.start_ms = fetch.min_ms;
        hints.end_ms = fetch.max_ms;
        hints.step_ms = self.times.interval_ms;
        hints.range_ms = fetch.range_ms;
        hints
    }
}

fn decode(cursor: &mut dyn SampleCursor, fetch: &Fetch, batch: &mut SampleBatch) -> Result<(), QueryError> {
    cursor.seek(fetch.min_ms);
    while cursor.next_batch(batch)? {
        if batch.timestamps.last().is_some_and(|t| *t >= fetch.max_ms) {
            break;
        }
    }
    Ok(())
}
