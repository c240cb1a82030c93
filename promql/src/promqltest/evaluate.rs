//! One `eval`, in all of its executions.

use promethium_model::{InstantOptions, QueryCx, QueryEngine, QueryError, QueryOutput, Queryable, RangeOptions};

use super::script::{Eval, EvalTime};
use super::{compare, rewrite};

/// What Prometheus' own runner allows.
const MAX_SAMPLES: usize = 10_000;

pub(super) fn evaluate(eval: &Eval, engine: &dyn QueryEngine, store: &dyn Queryable) -> Result<(), String> {
    let run = Run { eval, engine, store };
    match eval.at {
        EvalTime::Range { start_ms, end_ms, step_ms } => run.range(start_ms, end_ms, step_ms),
        EvalTime::Instant(time_ms) => run.instant(time_ms),
    }
}

struct Run<'r> {
    eval: &'r Eval,
    engine: &'r dyn QueryEngine,
    store: &'r dyn Queryable,
}

impl Run<'_> {
    fn range(&self, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<(), String> {
        let output = self.ask_range(&self.eval.query, start_ms, end_ms, step_ms);
        let Some(output) = self.expected_outcome(output)? else { return Ok(()) };
        compare::annotations(&self.eval.expected, &output)?;
        compare::range(&self.eval.expected, &output.value, start_ms, end_ms, step_ms)
    }

    fn instant(&self, time_ms: i64) -> Result<(), String> {
        let range_end = self.eval.expected.range.map(|(_, end_ms, _)| end_ms);
        self.one(&self.eval.query, range_end.unwrap_or(time_ms))?;
        let Some(pinned) = rewrite::pinned(&self.eval.query, time_ms) else { return Ok(()) };
        for at in other_times(time_ms) {
            self.one(&pinned, at).map_err(|e| format!("as {pinned} at {at}ms: {e}"))?;
        }
        Ok(())
    }

    /// As an instant query, then in the middle of a range query.
    fn one(&self, query: &str, time_ms: i64) -> Result<(), String> {
        let expected = &self.eval.expected;
        let cx = QueryCx::unlimited().with_max_samples(MAX_SAMPLES);
        let output = self.engine.instant(self.store, query, &InstantOptions::at(time_ms), &cx);
        let Some(output) = self.expected_outcome(output)? else { return Ok(()) };
        compare::annotations(expected, &output)?;
        compare::instant(expected, &output.value)?;
        let depends_on_range = ["start()", "end()", "range()", "step()"].iter().any(|f| query.contains(f));
        if depends_on_range || expected.range.is_some() || expected.string.is_some() {
            return Ok(());
        }
        let around = self.ask_range(query, time_ms - 60_000, time_ms + 60_000, 60_000);
        let around = around.map_err(|e| format!("as a range query: {e}"))?;
        compare::middle(expected, &around.value, time_ms).map_err(|e| format!("as a range query: {e}"))
    }

    fn ask_range(&self, query: &str, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<QueryOutput, QueryError> {
        let cx = QueryCx::unlimited().with_max_samples(MAX_SAMPLES);
        self.engine.range(self.store, query, &RangeOptions::new(start_ms, end_ms, step_ms), &cx)
    }

    /// The output to be compared; `None` when the query failed as expected.
    fn expected_outcome(&self, output: Result<QueryOutput, QueryError>) -> Result<Option<QueryOutput>, String> {
        match (output, &self.eval.expected.fail) {
            (Ok(output), None) => Ok(Some(output)),
            (Ok(_), Some(pattern)) => Err(format!("expected a failure like {pattern}, but it passed")),
            (Err(error), Some(pattern)) if pattern.matches(&error.to_string()) => Ok(None),
            (Err(error), Some(pattern)) => Err(format!("expected a failure like {pattern}, got: {error}")),
            (Err(error), None) => Err(error.to_string()),
        }
    }
}

/// Evaluation times that must not matter to a pinned query.
fn other_times(time_ms: i64) -> Vec<i64> {
    match time_ms {
        0 => vec![-1_000, 0, 1_000],
        t => vec![-10 * t, 0, t / 5, t, 10 * t],
    }
}
