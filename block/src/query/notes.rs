//! What a query has to say about data that it does without.

use std::sync::Arc;

use parking_lot::Mutex;
use promethium_model::Annotations;

use crate::error::Damage;

/// What a query has to say about missing data; shared by its cursors, which may be on several threads.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Annotations>>);

impl Notes {
    pub(super) fn all(&self) -> Annotations {
        self.0.lock().clone()
    }

    pub(super) fn warn(&self, damage: &Damage) {
        self.0.lock().warn(format!("data left out: {damage}"), None);
    }
}
