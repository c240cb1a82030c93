//! Blocks against real ones, models, and damage.

mod crashes;
mod damage;
mod fixtures;
mod matchers;
mod merges;
mod promtool;
mod rewrite;
mod support;
mod sweep;
