//! Tables of patterns and texts, with what Go does; then properties.

mod analysis;
mod expansion;
mod hostile;
mod matching;
mod properties;
mod refusal;
