//! Postings of series that come in bulk: a label pair is set down once for all the neighbours that have it.

use promethium_model::Symbol;

use super::postings::Postings;

/// The label pairs of the series that came last, each with the first of those before it that had it too, and all between.
#[derive(Default)]
pub(super) struct OpenRuns {
    open: Vec<Run>,
    /// Memory for those of the next series.
    next: Vec<Run>,
    /// The id behind that of the last series.
    end: u32,
    /// Since when ids follow on each other.
    since: u32,
}

#[derive(Clone, Copy)]
struct Run {
    name: Symbol,
    value: Symbol,
    /// The first series that has the name.
    name_since: u32,
    /// The first series that has the pair.
    value_since: u32,
}

impl OpenRuns {
    /// Adds a series. What it has not in common with the one before goes into the postings.
    pub(super) fn go_on(&mut self, id: u32, pairs: &[(Symbol, Symbol)], postings: &mut Postings) {
        if id != self.end || self.since == self.end {
            self.end(postings);
            self.since = id;
        }
        self.next.clear();
        for (at, (name, value)) in pairs.iter().enumerate() {
            let run = match take(&mut self.open, at, *name) {
                Some(run) if run.value == *value => run,
                Some(run) => {
                    postings.insert_pairs(run.name, run.value, run.value_since..id);
                    Run { value: *value, value_since: id, ..run }
                }
                None => Run { name: *name, value: *value, name_since: id, value_since: id },
            };
            self.next.push(run);
        }
        std::mem::swap(&mut self.open, &mut self.next);
        self.end = id + 1;
        // What nobody took has ended with the series before.
        for run in self.next.drain(..).filter(|run| run.value_since != TAKEN) {
            run.end(id, postings);
        }
    }

    /// Puts everything into the postings.
    pub(super) fn end(&mut self, postings: &mut Postings) {
        for run in self.open.drain(..) {
            run.end(self.end, postings);
        }
        postings.insert_series(self.since..self.end);
        self.since = self.end;
    }
}

impl Run {
    fn end(&self, end: u32, postings: &mut Postings) {
        postings.insert_pairs(self.name, self.value, self.value_since..end);
        postings.insert_names(self.name, self.name_since..end);
    }
}

/// Marks a run that goes on.
const TAKEN: u32 = u32::MAX;

/// The run of a name, which is mostly at the same place as the label.
fn take(open: &mut [Run], at: usize, name: Symbol) -> Option<Run> {
    let is_at = open.get(at).is_some_and(|run| run.name == name);
    let at = if is_at { at } else { open.iter().position(|run| run.name == name)? };
    let run = open[at];
    open[at].value_since = TAKEN;
    Some(run)
}
