//! What of the language is switched on.

/// The parts of PromQL that Prometheus keeps behind `--enable-feature`. Read by the parser and by the engine.
///
/// A query that uses what is off is refused as Prometheus refuses it: `function "info" is not enabled`. An engine takes them in its
/// options, `EngineOptions::default().with_features(Features::all())`, the parser in `ParserOptions::new`.
///
/// The default is that of a Prometheus server without flags; [`Features::all`] is what the promqltest scripts expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// `promql-experimental-functions`: `limitk`, `limit_ratio`, `info`, `mad_over_time` and others.
    pub experimental_functions: bool,
    /// `promql-extended-range-selectors`: the modifiers `anchored` and `smoothed`.
    pub extended_range_selectors: bool,
    /// `promql-binop-fill-modifiers`: `fill`, `fill_left` and `fill_right`.
    pub fill_modifiers: bool,
    /// `promql-delayed-name-removal`: the metric name goes once, at the end of the query, not at every operation.
    pub delayed_name_removal: bool,
    /// `use-start-timestamps`: counters know when they started.
    pub start_timestamps: bool,
    /// `type-and-unit-labels`: `rate` looks at `__type__` rather than at the metric's name.
    pub type_and_unit_labels: bool,
}

impl Features {
    /// What a Prometheus 3.14 server has without flags.
    #[must_use]
    pub const fn server() -> Features {
        Features {
            experimental_functions: false,
            extended_range_selectors: false,
            fill_modifiers: false,
            delayed_name_removal: false,
            start_timestamps: false,
            type_and_unit_labels: false,
        }
    }

    /// Everything that Prometheus' own language tests switch on: all but `type_and_unit_labels`, which only words one
    /// annotation differently.
    #[must_use]
    pub const fn all() -> Features {
        Features {
            experimental_functions: true,
            extended_range_selectors: true,
            fill_modifiers: true,
            delayed_name_removal: true,
            start_timestamps: true,
            type_and_unit_labels: false,
        }
    }
}

impl Default for Features {
    fn default() -> Self {
        Features::server()
    }
}
