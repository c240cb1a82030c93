//! The background runner against a listener on this machine.
