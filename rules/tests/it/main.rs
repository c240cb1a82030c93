//! Rules over a small store and a scripted engine, on a simulated clock.

mod alerting;
mod carryover;
mod check;
mod concurrency;
mod corpus;
mod files;
mod harness;
mod limits;
mod machine;
mod oracle;
mod promtool;
mod recording;
mod reload;
mod restore;
mod schedule;
mod templates;
mod unittest;
