//! Memory that is about to be needed.
#![expect(unsafe_code, reason = "the hint to the processor is an intrinsic over an address")]

/// Asks for a value's memory, so that whoever comes to it a little later need not wait. Does nothing where there is no such hint.
///
/// PERF: who adds a few samples to each of a hundred thousand series waits for memory most of the time: see `benches/README.md`.
#[inline(always)]
pub(super) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const LINE: usize = 64;
        let start = std::ptr::from_ref(value).cast::<i8>();
        for line in 0..size_of::<T>().div_ceil(LINE) {
            // SAFETY: a hint reads nothing and never faults, whatever the address; this one lies in a value that is borrowed.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(line * LINE)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
