//! Series from storage, each decoded once.

use std::cell::RefCell;
use std::mem::size_of;
use std::rc::Rc;

use promethium_model::{
    FloatHistogram, HistogramValue, Labels, Querier, QueryError, SampleBatch, SampleCursor, SelectHints, SeriesEntry,
    SeriesSet, Span, TimeRange,
};

use super::budget::{Budget, Charge};
use super::column::{Series, histogram_bytes, label_bytes};
use super::eval::Sink;
use super::notes::Notes;
use super::query::EngineOptions;
use super::samples::Samples;
use crate::plan::{Fetch, Plan, QueryTimes};

/// Reads the fetches of a plan. What one selector alone reads is handed on series by series; what several read is kept.
pub(crate) struct Fetcher<'a> {
    querier: &'a dyn Querier,
    plan: &'a Plan,
    times: QueryTimes,
    threads: usize,
    series_per_turn: usize,
    shared: Vec<RefCell<Option<Rc<Kept<'a>>>>>,
}

struct Kept<'a> {
    series: Vec<(Labels, SampleBatch)>,
    _charge: Charge<'a>,
}

/// What is made of one series, on any thread; the samples are room to be used again.
pub(crate) type Work<'w> =
    &'w (dyn Fn(&Labels, &mut SampleBatch, &mut Samples, &Notes<'_>) -> Result<Option<Series>, QueryError> + Sync);

type OnSeries<'s> = &'s mut dyn FnMut(&Labels, &mut SampleBatch) -> Result<(), QueryError>;

impl<'a> Fetcher<'a> {
    pub(crate) fn new(querier: &'a dyn Querier, plan: &'a Plan, times: QueryTimes, options: &EngineOptions) -> Self {
        let shared = plan.fetches.iter().map(|_| RefCell::new(None)).collect();
        let (threads, series_per_turn) = (options.threads.max(1), options.series_per_turn.max(1));
        Fetcher { querier, plan, times, threads, series_per_turn, shared }
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
        let mut pace = budget.cx().pace(WORK_PER_CHECK);
        for (labels, batch) in &kept.series {
            pace.done(self.work_of(batch.len()))?;
            copy.clone_from(batch);
            on_series(labels, &mut copy)?;
        }
        Ok(())
    }

    /// Hands on what `work` makes of every selected series, in their order. With several threads, decoding and work are
    /// shared out among them; what each has to say is kept apart until its turn comes.
    pub(crate) fn map(
        &self,
        fetch: usize,
        budget: &'a Budget<'a>,
        notes: &Notes<'_>,
        work: Work<'_>,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        if self.threads > 1 && self.plan.fetches[fetch].uses < 2 {
            return self.map_on_threads(fetch, budget, notes, work, sink);
        }
        let mut samples = Samples::default();
        self.each(fetch, budget, notes, &mut |labels, batch| match work(labels, batch, &mut samples, notes)? {
            Some(series) => hand_on(series, budget, sink),
            None => Ok(()),
        })
    }

    fn map_on_threads(
        &self,
        fetch: usize,
        budget: &'a Budget<'a>,
        notes: &Notes<'_>,
        work: Work<'_>,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let fetch = &self.plan.fetches[fetch];
        let mut set = self.querier.select(&fetch.matchers, &hints(fetch, self.times), budget.cx())?;
        loop {
            let mut turns = Vec::with_capacity(self.threads);
            while turns.len() < self.threads {
                let entries = next_entries(&mut *set, self.series_per_turn, budget)?;
                if entries.is_empty() {
                    break;
                }
                turns.push(entries);
            }
            if turns.is_empty() {
                break;
            }
            let query = notes.query();
            for turn in
                on_threads(turns, &|entries| run_turn(entries, fetch, budget, Notes::counted(query, budget), work))
            {
                notes.absorb(turn.notes);
                let mut charge = turn.charge;
                for series in turn.series {
                    let bytes = series.bytes();
                    sink(series)?;
                    charge.release(bytes);
                }
                turn.outcome?;
            }
        }
        notes.merge(&set.annotations());
        Ok(())
    }

    /// What a series of so many samples costs the functions above, roughly.
    fn work_of(&self, samples: usize) -> usize {
        let QueryTimes { start_ms, end_ms, interval_ms } = self.times;
        let steps = end_ms.saturating_sub(start_ms) / interval_ms.max(1);
        SERIES_WORK.saturating_add(samples).saturating_add(usize::try_from(steps).unwrap_or(0))
    }

    fn kept(&self, fetch: usize, budget: &'a Budget<'a>, notes: &Notes<'_>) -> Result<Rc<Kept<'a>>, QueryError> {
        if let Some(kept) = &*self.shared[fetch].borrow() {
            return Ok(Rc::clone(kept));
        }
        let mut charge = budget.open();
        let mut series = Vec::new();
        self.read(fetch, budget, notes, &mut |labels, batch| {
            charge.add(batch.len())?;
            let kept = std::mem::take(batch);
            charge.hold(room_bytes(&kept) + histogram_batch_bytes(&kept, 0) + label_bytes(labels))?;
            charge.push(&mut series, (labels.clone(), kept))
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
        let mut set = self.querier.select(&fetch.matchers, &hints(fetch, self.times), budget.cx())?;
        let mut batch = SampleBatch::new();
        let mut room = budget.open();
        let mut pace = budget.cx().pace(WORK_PER_CHECK);
        budget.check()?;
        while let Some(mut entry) = set.next_series()? {
            pace.done(self.work_of(batch.len()))?;
            batch.clear();
            let mut charge = budget.open();
            decode(&mut *entry.samples, fetch, &mut batch, (&mut charge, &mut room))?;
            charge.add(batch.len())?;
            charge.hold(label_bytes(&entry.labels))?;
            on_series(&entry.labels, &mut batch)?;
        }
        notes.merge(&set.annotations());
        Ok(())
    }
}

/// Samples and steps between two looks at whether the query goes on.
const WORK_PER_CHECK: usize = 1 << 13;

/// What a series counts as beside its samples and steps.
const SERIES_WORK: usize = WORK_PER_CHECK / 64;

/// Advice for a store: the times, and what stands right above the selectors where that is the same for all of them.
pub(super) fn hints(fetch: &Fetch, times: QueryTimes) -> SelectHints {
    let mut hints = SelectHints::default();
    hints.start_ms = fetch.min_ms;
    hints.end_ms = fetch.max_ms;
    hints.step_ms = times.interval_ms;
    hints.range_ms = fetch.range_ms;
    hints.newest_only = fetch.newest_only;
    if let Some(above) = &fetch.above {
        hints.function = Some(above.function.to_owned());
        hints.grouping = above.grouping.iter().map(ToString::to_string).collect();
        hints.by = above.by;
    }
    hints
}

/// Up to a turn's series.
fn next_entries<'q>(
    set: &mut dyn SeriesSet<'q>,
    most: usize,
    budget: &Budget<'_>,
) -> Result<Vec<SeriesEntry<'q>>, QueryError> {
    let mut entries = Vec::new();
    while entries.len() < most {
        budget.check()?;
        match set.next_series()? {
            Some(entry) => entries.push(entry),
            None => break,
        }
    }
    Ok(entries)
}

/// What a thread made of its series: those up to the first error, what there is to say of them, and the error.
struct Turn<'n, 'b> {
    series: Vec<Series>,
    notes: Notes<'n>,
    outcome: Result<(), QueryError>,
    charge: Charge<'b>,
}

fn run_turn<'n, 'b>(
    entries: Vec<SeriesEntry<'_>>,
    fetch: &Fetch,
    budget: &'b Budget<'b>,
    notes: Notes<'n>,
    work: Work<'_>,
) -> Turn<'n, 'b> {
    let mut turn = Turn { series: Vec::new(), notes, outcome: Ok(()), charge: budget.open() };
    let (mut batch, mut samples, mut room) = (SampleBatch::new(), Samples::default(), budget.open());
    turn.outcome = entries.into_iter().try_for_each(|mut entry| {
        budget.check()?;
        batch.clear();
        let mut charge = budget.open();
        decode(&mut *entry.samples, fetch, &mut batch, (&mut charge, &mut room))?;
        charge.add(batch.len())?;
        if let Some(series) = work(&entry.labels, &mut batch, &mut samples, &turn.notes)? {
            turn.charge.add(series.column.cost())?;
            turn.charge.hold(series.bytes())?;
            turn.charge.push(&mut turn.series, series)?;
        }
        Ok(())
    });
    turn
}

/// Runs every turn on a thread of its own, the first on this one; the results come in the order of the turns.
fn on_threads<T: Send, R: Send>(turns: Vec<T>, run: &(dyn Fn(T) -> R + Sync)) -> Vec<R> {
    let mut turns = turns.into_iter();
    let Some(own) = turns.next() else { return Vec::new() };
    std::thread::scope(|scope| {
        let others: Vec<_> = turns.map(|turn| scope.spawn(move || run(turn))).collect();
        let mut results = vec![run(own)];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

/// Hands a series on; while it is on its way up, it is counted.
fn hand_on(series: Series, budget: &Budget<'_>, sink: Sink<'_>) -> Result<(), QueryError> {
    let _on_its_way = budget.hold(series.bytes())?;
    sink(series)
}

/// Reads what a fetch needs of a series. Histograms are counted in `charge`, which ends with the series; the room of the columns
/// in `room`, as it is used again for the next.
fn decode(
    cursor: &mut dyn SampleCursor,
    fetch: &Fetch,
    batch: &mut SampleBatch,
    (charge, room): (&mut Charge<'_>, &mut Charge<'_>),
) -> Result<(), QueryError> {
    cursor.seek(fetch.min_ms);
    loop {
        let histograms = batch.histograms.len();
        make_room(batch, room)?;
        if !cursor.next_batch(batch)? {
            return Ok(());
        }
        if batch.histograms.len() > histograms {
            charge.hold(histogram_batch_bytes(batch, histograms))?;
        }
        if batch.timestamps.last().is_some_and(|t| *t >= fetch.max_ms) {
            return Ok(());
        }
    }
}

/// Rows that a batch gets room for at once.
const ROWS: usize = 256;

/// Lets a batch grow by its own size, and counts that first: its columns, as many again for the samples that functions see,
/// and a number a sample of theirs.
fn make_room(batch: &mut SampleBatch, room: &mut Charge<'_>) -> Result<(), QueryError> {
    const ROW_BYTES: usize = 2 * 16 + 8;
    if batch.timestamps.capacity() - batch.len() >= ROWS {
        return Ok(());
    }
    let more = batch.len().max(ROWS);
    room.hold_at_least((batch.len() + more) * ROW_BYTES)?;
    batch.timestamps.reserve_exact(more);
    batch.floats.reserve_exact(more);
    Ok(())
}

/// Bytes of the columns of a batch.
fn room_bytes(batch: &SampleBatch) -> usize {
    8 * (batch.timestamps.capacity() + batch.floats.capacity() + batch.start_timestamps.capacity())
}

/// Bytes of the histograms from a position on, and of the floats that those of integers become.
fn histogram_batch_bytes(batch: &SampleBatch, from: usize) -> usize {
    const ENTRY: usize = size_of::<(u32, HistogramValue)>() + 2 * size_of::<usize>();
    let bytes = |h: &HistogramValue| match h {
        HistogramValue::Float(h) => histogram_bytes(h),
        HistogramValue::Int(h) => {
            let buckets = h.positive_deltas.len() + h.negative_deltas.len() + h.custom_bounds.len();
            let spans = h.positive_spans.len() + h.negative_spans.len();
            2 * (size_of::<FloatHistogram>() + 16 + spans * size_of::<Span>() + 8 * buckets)
        }
    };
    batch.histograms.iter().skip(from).map(|(_, h)| ENTRY + bytes(h)).sum()
}
