//! Time-series storage in Prometheus' own data directory, with stated durability
