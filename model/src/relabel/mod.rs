//! Relabelling: Prometheus' rules that keep, drop and rewrite label sets.
//!
//! A [`RelabelConfig`] says what a rule is to do, field by field, as a configuration file would; [`RelabelConfig::build`]
//! checks it and gives a [`RelabelRule`]. [`relabel`] runs a list of rules over a set of labels.
//!
//! ```
//! use promethium_model::Labels;
//! use promethium_model::relabel::{RelabelConfig, relabel};
//!
//! let rules = [
//!     RelabelConfig::new("keep").source(["job"]).regex("node|db").build()?,
//!     RelabelConfig::new("replace").source(["instance"]).regex("(.*):.*").target("host").build()?,
//!     RelabelConfig::new("labeldrop").regex("tmp_.*").build()?,
//! ];
//! let alert = Labels::from_pairs([("job", "node"), ("instance", "a:9100"), ("tmp_x", "1")]);
//! let kept = relabel(&rules, &alert).expect("the job is kept");
//! assert_eq!(format!("{kept:?}"), r#"{host="a", instance="a:9100", job="node"}"#);
//! assert!(relabel(&rules, &Labels::from_pairs([("job", "other")])).is_none());
//! # Ok::<(), promethium_model::relabel::RelabelError>(())
//! ```

mod apply;
mod config;
mod md5;

pub use apply::relabel;
pub use config::{RelabelAction, RelabelConfig, RelabelError, RelabelRule};
