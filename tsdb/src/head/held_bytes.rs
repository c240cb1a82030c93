//! Bytes that a query's context has counted for the store.

use promethium_model::{QueryCx, StorageError};

/// Given back on drop.
pub(super) struct HeldBytes {
    cx: QueryCx,
    bytes: usize,
}

impl HeldBytes {
    pub(super) fn new(cx: &QueryCx) -> Self {
        HeldBytes { cx: cx.clone(), bytes: 0 }
    }

    pub(super) fn cx(&self) -> &QueryCx {
        &self.cx
    }

    pub(super) fn add(&mut self, bytes: usize) -> Result<(), StorageError> {
        self.bytes += bytes;
        self.cx.acquire_bytes(bytes)
    }

    pub(super) fn release(&mut self, bytes: usize) {
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
