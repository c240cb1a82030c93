//! The database as its users see it: conformance, crashes, failures, damage, limits, and the real Prometheus.

mod backfill;
mod batches;
mod chunk_snapshot;
mod conformance;
mod corrupt;
mod damage;
mod decayed;
mod failures;
mod fixtures;
mod group_commit;
mod head_snapshot;
mod kill;
mod kinds;
mod late_chunks;
mod life;
mod limits;
mod migration;
mod model;
mod newest;
mod open_threads;
mod power_loss;
mod prometheus;
mod references;
mod stale;
mod support;
mod sync_policies;
