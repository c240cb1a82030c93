//! The storage's whole life, through its public door alone: scripts, killed processes, lost power, failing calls, and a
//! model beside it.

mod failures;
mod kill;
mod lives;
mod model;
mod oracle;
mod power_loss;
mod rng;
mod scripts;
mod workload;
