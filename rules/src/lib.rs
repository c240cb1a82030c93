//! Prometheus' rule groups and alert state machine as a library
