//! Locks that outlive a panic of the host.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic of the host's engine or store poisons nothing: what a guard here protects changes in single steps
/// between calls to the host, never around one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
