//! Locks that outlive a panic of the host.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Locks. A panic of the host's engine or store poisons nothing: what a guard here protects changes in single steps
/// between calls to the host, never around one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks unless another thread, or this one further up, holds the lock.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
