//! Running rules of a group side by side, within a number of slots that all groups share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads that may still be used, beside those that call.
#[derive(Debug, Default)]
pub(crate) struct Slots(AtomicUsize);

impl Slots {
    pub(crate) fn new(slots: usize) -> Self {
        Slots(AtomicUsize::new(slots))
    }

    fn try_take(&self) -> Option<SlotGuard<'_>> {
        let taken = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1));
        taken.is_ok().then(|| SlotGuard(self))
    }
}

struct SlotGuard<'a>(&'a Slots);

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// Runs all jobs: each on a thread of its own where a slot is free, else in place. Returns when all are done.
pub(crate) fn run_all<J: Send>(slots: &Slots, jobs: Vec<J>, run: impl Fn(J) + Sync) {
    if jobs.len() < 2 {
        return jobs.into_iter().for_each(run);
    }
    let run = &run;
    std::thread::scope(|scope| {
        for job in jobs {
            match slots.try_take() {
                Some(slot) => {
                    scope.spawn(move || {
                        let _slot = slot;
                        run(job);
                    });
                }
                None => run(job),
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn all_jobs_run_and_no_more_threads_than_slots() {
        for slots in [0, 1, 3] {
            let slots_left = Slots::new(slots);
            let (running, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
            run_all(&slots_left, (0..20).collect(), |job: usize| {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                done.lock().unwrap().push(job);
            });
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            assert_eq!(done, (0..20).collect::<Vec<_>>());
            // The caller's own thread comes on top.
            assert!(most.into_inner() <= slots + 1);
            assert_eq!(slots_left.0.into_inner(), slots);
        }
    }
}
