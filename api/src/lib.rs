//! Prometheus' HTTP API as request to response functions, and a router to mount
