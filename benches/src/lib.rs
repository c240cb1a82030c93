//! Benches of the composed system and their shared data shapes.
