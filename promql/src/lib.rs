//! PromQL: parser and columnar engine, exact to Prometheus
