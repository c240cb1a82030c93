//! OpenMetrics 1.0 (and 0.0.1) in its text form.
//!
//! Prometheus reads it line by line: one blank between tokens, no comments, no blank lines, `# EOF` at the end, and
//! otherwise nothing that reaches over lines. The strict reading is that of the specification.

mod created;
mod decoder;
mod diagnose;
mod metadata;
mod sample;

pub use decoder::Decoder;
