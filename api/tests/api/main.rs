//! The API from outside: requests in, answers out.

mod cases;
mod common;
mod handle;
