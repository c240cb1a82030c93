//! Case folding: Unicode's simple one, as Go's `unicode.SimpleFold` walks it.

use regex_syntax::hir::ClassUnicode;

use super::class::ClassBudget;
use super::{Result, unicode};

/// Wider ranges are first cut to the characters that have another case: folding goes character by character.
const NARROW: usize = 512;

#[derive(Default)]
pub(super) struct Folder {
    cased: Option<ClassUnicode>,
}

impl Folder {
    /// Adds to a class what differs from its characters by case alone.
    pub(super) fn fold(&mut self, class: &mut ClassUnicode, budget: &mut ClassBudget) -> Result<()> {
        if width(class) <= NARROW {
            class.case_fold_simple();
            return Ok(());
        }
        let cased = self.cased.get_or_insert_with(unicode::cased);
        let mut hits = class.clone();
        hits.intersect(cased);
        budget.take(width(&hits))?;
        hits.case_fold_simple();
        class.union(&hits);
        Ok(())
    }
}

fn width(class: &ClassUnicode) -> usize {
    class.ranges().iter().fold(0, |sum, range| sum.saturating_add(range.len()))
}
