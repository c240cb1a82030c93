//! A Prometheus-compatible monitoring core inside any Rust program: scrape, store, query, alert.
pub use promethium_api as api;
pub use promethium_exposition as exposition;
pub use promethium_model as model;
pub use promethium_notify as notify;
pub use promethium_promql as promql;
pub use promethium_rules as rules;
pub use promethium_scrape as scrape;
pub use promethium_tsdb as tsdb;
