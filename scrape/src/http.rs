//! The client for HTTP targets, on tokio.
