//! The API from outside: requests in, answers out.

#[cfg(feature = "axum")]
mod axum_router;
mod cases;
mod common;
mod handle;
