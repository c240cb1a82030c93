//! Blocks: the immutable directories of a Prometheus data directory.
