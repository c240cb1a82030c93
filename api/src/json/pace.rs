//! Long answers, written under the query's deadline.

use promethium_model::{QueryCx, StorageError};

/// Bytes that are written between two looks at deadline and cancellation: well below a millisecond's work.
const CHECK_EVERY: usize = 64 << 10;

/// Ends the writing of an answer that nobody waits for any more.
pub(crate) struct Pace<'c> {
    cx: &'c QueryCx,
    next_check: usize,
}

impl<'c> Pace<'c> {
    pub(crate) fn new(cx: &'c QueryCx) -> Self {
        Pace { cx, next_check: 0 }
    }

    /// Writes an array, each item by `push`.
    pub(crate) fn push_array<T>(
        &mut self,
        out: &mut String,
        items: impl IntoIterator<Item = T>,
        mut push: impl FnMut(&mut String, T),
    ) -> Result<(), StorageError> {
        self.try_push_array(out, items, |_, out, item| {
            push(out, item);
            Ok(())
        })
    }

    /// Writes an array whose items are long answers themselves.
    pub(crate) fn try_push_array<T>(
        &mut self,
        out: &mut String,
        items: impl IntoIterator<Item = T>,
        mut push: impl FnMut(&mut Self, &mut String, T) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        out.push('[');
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            self.check(out)?;
            push(self, out, item)?;
        }
        out.push(']');
        Ok(())
    }

    fn check(&mut self, out: &str) -> Result<(), StorageError> {
        if out.len() < self.next_check {
            return Ok(());
        }
        self.next_check = out.len() + CHECK_EVERY;
        self.cx.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::push_string;

    #[test]
    fn writing_ends_soon_after_it_was_told_to() {
        let cx = QueryCx::unlimited();
        let mut out = String::new();
        let items = (0..).inspect(|i| {
            if *i == 100_000 {
                cx.cancel();
            }
        });
        let written = Pace::new(&cx).push_array(&mut out, items, |out, _| push_string(out, "0123456"));
        assert!(matches!(written, Err(StorageError::Canceled)));
        assert!(out.len() < 100_000 * 10 + CHECK_EVERY + 20, "{}", out.len());
    }
}
