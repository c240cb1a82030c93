//! `stats`: what a query cost, as far as it can be measured from outside of the engine.

use std::sync::Arc;
use std::time::Duration;

use promethium_model::quote::go_quoted;
use promethium_model::{Annotations, Clock, QueryCx, Queryable};

use super::Context;
use crate::counting::CountingQueryable;
use crate::json::{Object, push_integer};
use crate::request::ApiRequest;

/// A query whose cost may be of interest.
pub(super) struct Measured<'h> {
    store: &'h dyn Queryable,
    counting: Option<CountingQueryable<'h>>,
    cx: QueryCx,
    clock: Arc<dyn Clock>,
    started: Duration,
}

impl<'h> Measured<'h> {
    /// Starts the clock, and counts samples when the request asks for `stats`.
    pub(super) fn start(context: &Context<'h>, request: &ApiRequest, timeout: Option<Duration>) -> Self {
        let store = context.host.queryable();
        let clock = context.host.clock();
        let counting = request.given("stats").map(|_| CountingQueryable::new(store));
        Measured { store, counting, cx: context.bounded(timeout), started: clock.monotonic(), clock }
    }

    /// What the engine should read from.
    pub(super) fn queryable(&self) -> &dyn Queryable {
        match &self.counting {
            Some(counting) => counting,
            None => self.store,
        }
    }

    /// What the engine should heed.
    pub(super) fn cx(&self) -> &QueryCx {
        &self.cx
    }

    /// The cost so far, when the request asks for it. Values of `stats` other than `true` and `all` work, and earn a
    /// warning.
    pub(super) fn cost(&self, request: &ApiRequest, annotations: &mut Annotations) -> Option<Cost> {
        let value = request.given("stats")?;
        if !matches!(value, "true" | "all") {
            annotations.warn(deprecated(value), None);
        }
        Some(Cost {
            total: self.clock.monotonic().saturating_sub(self.started),
            samples_read: self.counting.as_ref().map_or(0, CountingQueryable::samples_read),
            peak_samples: self.cx.peak_samples() as u64,
        })
    }
}

fn deprecated(value: &str) -> String {
    let value = go_quoted(value);
    format!(
        "value {value} for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\""
    )
}

/// What a query cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    total: Duration,
    samples_read: u64,
    peak_samples: u64,
}

impl Cost {
    /// Writes the keys of Prometheus' object that are known here: not the phases of the evaluation, nor counts per step.
    pub(super) fn push(self, out: &mut String) {
        let mut stats = Object::open(out);
        let mut timings = Object::open(stats.key("timings"));
        timings.seconds("evalTotalTime", self.total);
        timings.seconds("execTotalTime", self.total);
        timings.close();
        let mut samples = Object::open(stats.key("samples"));
        push_integer(samples.key("samplesRead"), self.samples_read);
        push_integer(samples.key("peakSamples"), self.peak_samples);
        samples.close();
        stats.close();
    }
}
