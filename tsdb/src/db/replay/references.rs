//! Series by the references of a log.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::head::series::MemSeries;

/// Series by the references of the log, several of which may lead to one.
#[derive(Default)]
pub(super) struct References {
    /// By reference, where these are as dense as those of a log that began with them.
    dense: Vec<Option<Arc<MemSeries>>>,
    sparse: HashMap<u64, Arc<MemSeries>, FixedState>,
}

impl References {
    pub(super) fn insert(&mut self, reference: u64, series: Arc<MemSeries>) {
        const SLACK: usize = 1 << 16;
        let at = usize::try_from(reference).unwrap_or(usize::MAX);
        if at > 4 * (self.dense.len() + SLACK) {
            self.sparse.insert(reference, series);
            return;
        }
        if self.dense.len() <= at {
            self.dense.resize(at + 1, None);
        }
        self.dense[at] = Some(series);
    }

    pub(super) fn get(&self, reference: u64) -> Option<&Arc<MemSeries>> {
        let dense = usize::try_from(reference).ok().and_then(|at| self.dense.get(at)).and_then(Option::as_ref);
        dense.or_else(|| self.sparse.get(&reference))
    }
}
