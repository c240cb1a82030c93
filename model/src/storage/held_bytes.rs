//! Bytes that a store holds for a query.

use super::{QueryCx, StorageError};

/// What a store has counted in a query's budget: given back when dropped, and in parts as what was counted is handed out.
///
/// ```
/// use promethium_model::{HeldBytes, QueryCx};
/// let cx = QueryCx::unlimited().with_max_bytes(100);
/// let mut held = HeldBytes::new(&cx);
/// held.add(80)?;
/// held.release(30);
/// assert_eq!(cx.held_bytes(), 50);
/// assert!(held.add(60).is_err());
/// drop(held);
/// assert_eq!(cx.held_bytes(), 0);
/// # Ok::<(), promethium_model::StorageError>(())
/// ```
#[derive(Debug)]
pub struct HeldBytes {
    cx: QueryCx,
    bytes: usize,
}

impl HeldBytes {
    /// Nothing so far.
    #[must_use]
    pub fn new(cx: &QueryCx) -> Self {
        HeldBytes { cx: cx.clone(), bytes: 0 }
    }

    /// The query.
    #[must_use]
    pub fn cx(&self) -> &QueryCx {
        &self.cx
    }

    /// Counts bytes.
    ///
    /// # Errors
    ///
    /// [`StorageError::TooManyBytes`] when the query holds too many; they are counted all the same.
    pub fn add(&mut self, bytes: usize) -> Result<(), StorageError> {
        self.bytes = self.bytes.saturating_add(bytes);
        self.cx.acquire_bytes(bytes)
    }

    /// Counts so many bytes in place of all that are counted: those of a buffer that has grown, or has become another.
    ///
    /// # Errors
    ///
    /// As [`HeldBytes::add`].
    pub fn set(&mut self, bytes: usize) -> Result<(), StorageError> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.add(more),
            None => {
                self.release(self.bytes - bytes);
                Ok(())
            }
        }
    }

    /// Counts a text that goes to a list of them.
    ///
    /// # Errors
    ///
    /// As [`HeldBytes::add`].
    pub fn add_text(&mut self, text: &str) -> Result<(), StorageError> {
        self.add(size_of::<String>() + text.len())
    }

    /// Gives back some of the bytes, at most all.
    pub fn release(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.cx.release_bytes(bytes);
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.cx.release_bytes(self.bytes);
    }
}
