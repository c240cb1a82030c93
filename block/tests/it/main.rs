//! Blocks against real ones, models, and damage.

mod damage;
mod fixtures;
mod promtool;
mod rewrite;
mod support;
