//! Prometheus' exposition formats: zero-copy decode and encode
