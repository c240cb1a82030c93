//! The rules of the specifications that reach over lines: which line belongs to which family, what a family may hold,
//! and what must agree with what.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | from event to event: metadata, families |
//! | `names.rs` | types, the samples that they may have, and the names that they take |
//! | `metric.rs` | the metrics of a family: grouping and the order of their points |
//! | `point.rs` | one point: values, buckets, quantiles, states |
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod metric;
mod names;
mod point;

use promethium_model::MetricType;
use promethium_model::quote::go_quoted;

use crate::event::{Event, Sample};
use metric::Metrics;
use names::{Kind, NameTable, kind_of};

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The text format 0.0.4, and what the protobuf format has in common with it.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// A broken rule.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) message: String,
    /// Where: the start of a line.
    pub(crate) at: usize,
}

impl Violation {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Violation { message: message.into(), at }
    }
}

type Checked = Result<(), Violation>;

/// Reads the events of a page in order and finds the first broken rule.
#[derive(Debug)]
pub(crate) struct StrictReader {
    dialect: Dialect,
    names: NameTable,
    family: Option<Family>,
}

/// The family that is being read.
#[derive(Debug)]
struct Family {
    name: String,
    metric_type: Option<MetricType>,
    has_help: bool,
    unit: Option<String>,
    metrics: Metrics,
}

impl Family {
    fn new(name: &str) -> Self {
        Family { name: name.to_owned(), metric_type: None, has_help: false, unit: None, metrics: Metrics::default() }
    }

    fn metric_type(&self) -> MetricType {
        self.metric_type.unwrap_or_default()
    }
}

impl StrictReader {
    pub(crate) fn new(dialect: Dialect) -> Self {
        StrictReader { dialect, names: NameTable::default(), family: None }
    }

    /// The next event, of the line at `at`.
    pub(crate) fn event(&mut self, event: &Event<'_, '_>, at: usize) -> Checked {
        match event {
            Event::Help(help) => self.help(&help.name(), at),
            Event::Type(family) => self.family_type(&family.name(), family.metric_type(), at),
            Event::Unit(unit) => self.unit(&unit.name(), unit.unit(), at),
            Event::Sample(sample) => self.sample(sample, at),
            _ => Ok(()),
        }
    }

    /// The page ends.
    pub(crate) fn finish(&mut self) -> Checked {
        self.close()
    }

    fn help(&mut self, name: &str, at: usize) -> Checked {
        let family = self.described(name, at)?;
        if std::mem::replace(&mut family.has_help, true) {
            return Err(Violation::new(at, format!("second HELP line of {}", go_quoted(name))));
        }
        Ok(())
    }

    fn family_type(&mut self, name: &str, metric_type: MetricType, at: usize) -> Checked {
        let dialect = self.dialect;
        let family = self.described(name, at)?;
        if family.metric_type.replace(metric_type).is_some() {
            return Err(Violation::new(at, format!("second TYPE line of {}", go_quoted(name))));
        }
        check_unit(family, at)?;
        self.names.take_suffixed(dialect, name, metric_type, at)
    }

    fn unit(&mut self, name: &str, unit: &str, at: usize) -> Checked {
        let family = self.described(name, at)?;
        if family.unit.replace(unit.to_owned()).is_some() {
            return Err(Violation::new(at, format!("second UNIT line of {}", go_quoted(name))));
        }
        check_unit(family, at)
    }

    /// The family that a metadata line describes.
    fn described(&mut self, name: &str, at: usize) -> Result<&mut Family, Violation> {
        if self.family.as_ref().is_none_or(|family| family.name != name) {
            self.open(name, at)?;
        }
        match &mut self.family {
            Some(family) if family.metrics.is_empty() => Ok(family),
            _ => Err(Violation::new(at, format!("metadata of {} after its samples", go_quoted(name)))),
        }
    }

    /// Ends the family before and begins another.
    fn open(&mut self, name: &str, at: usize) -> Checked {
        self.close()?;
        self.names.take(name, at)?;
        self.family = Some(Family::new(name));
        Ok(())
    }

    fn close(&mut self) -> Checked {
        match self.family.take() {
            Some(mut family) => family.metrics.finish(),
            None => Ok(()),
        }
    }

    fn sample(&mut self, sample: &Sample<'_>, at: usize) -> Checked {
        let name = sample.name();
        let dialect = self.dialect;
        let (family, kind) = self.family_of(&name, at)?;
        let family_type = family.metric_type();
        family.metrics.sample((dialect, family_type, kind), &family.name, sample, at)
    }

    /// The family that a sample belongs to, and what it is in it. One that does not fit the present family begins
    /// another, of unknown type.
    fn family_of(&mut self, name: &str, at: usize) -> Result<(&mut Family, Kind), Violation> {
        let dialect = self.dialect;
        let kind = |f: &Family| name.strip_prefix(f.name.as_str()).and_then(|s| kind_of(dialect, f.metric_type(), s));
        let found = self.family.as_ref().and_then(kind);
        if found.is_none() {
            self.refuse_misfit(name, at)?;
            self.open(name, at)?;
        }
        match &mut self.family {
            Some(family) => Ok((family, found.unwrap_or(Kind::Value))),
            None => Err(Violation::new(at, "no family")),
        }
    }

    /// A sample with a name that the present family takes, but may not have samples of.
    fn refuse_misfit(&self, name: &str, at: usize) -> Checked {
        match &self.family {
            Some(family) if family.name == name => Err(Violation::new(
                at,
                format!(
                    "{} may not have samples of its own name: its type is {}",
                    go_quoted(name),
                    family.metric_type()
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// A unit ends the family's name, and not every type may have one.
fn check_unit(family: &Family, at: usize) -> Checked {
    let Some(unit) = family.unit.as_deref().filter(|unit| !unit.is_empty()) else { return Ok(()) };
    if !family.name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) {
        let (unit, name) = (go_quoted(unit), go_quoted(&family.name));
        return Err(Violation::new(at, format!("unit {unit} not a suffix of metric {name}")));
    }
    match family.metric_type {
        Some(t @ (MetricType::Info | MetricType::StateSet)) => {
            Err(Violation::new(at, format!("type {t} may not have a unit: {}", go_quoted(&family.name))))
        }
        _ => Ok(()),
    }
}
