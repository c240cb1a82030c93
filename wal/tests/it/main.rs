//! The log's formats, against files of the real program, on a decaying medium and on a failing disk.

mod damage;
mod fixtures;
mod support;
mod sweep;
