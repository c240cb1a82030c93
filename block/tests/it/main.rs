//! Blocks against real ones, models, and damage.

mod damage;
mod fixtures;
mod support;
