//! The composition as a host sees it, on a simulated clock and a simulated disk.

#[cfg(all(feature = "http", feature = "axum"))]
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
