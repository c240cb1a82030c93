//! A Prometheus-compatible monitoring core inside any Rust program.
