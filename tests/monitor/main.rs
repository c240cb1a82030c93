//! The composition as a host sees it, on a simulated clock and a simulated disk.

mod alert_generator;
mod bad_pages;
mod endpoints;
mod failing_disk;
mod log_damage;
mod own_parts;
mod queries;
mod rules;
#[cfg(feature = "http")]
mod runner;
mod support;
mod ticks;
