//! `--enable-feature`: Prometheus' feature flags, as far as this server composes what they switch.

use clap::ValueEnum;
use promethium::promql::Features;
use promethium::scrape::TargetConfig;
use promethium::tsdb::{DbOptions, FloatEncoding};

/// Rules that run side by side where the feature asks for it and no flag says how many.
const CONCURRENT_RULES: usize = 4;

/// What is on here without being asked for.
const ALWAYS_ON: [&str; 4] = ["exemplar-storage", "native-histograms", "ooo-native-histograms", "promql-duration-expr"];

/// What is switched by its name, in Prometheus' spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Feature {
    ConcurrentRuleEval,
    CreatedTimestampZeroIngestion,
    MemorySnapshotOnShutdown,
    MetadataWalRecords,
    PromqlBinopFillModifiers,
    PromqlDelayedNameRemoval,
    PromqlExperimentalFunctions,
    PromqlExtendedRangeSelectors,
    StStorage,
    TypeAndUnitLabels,
    UseStartTimestamps,
    Xor2Encoding,
}

/// What flags say of features.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct FeatureFlags {
    /// Features to switch on, by Prometheus' names, separated by commas
    #[arg(long = "enable-feature", value_name = "NAMES", value_delimiter = ',')]
    names: Vec<String>,
}

impl FeatureFlags {
    fn has(&self, feature: Feature) -> bool {
        self.names.iter().any(|name| named(name) == Some(feature))
    }

    /// Names that switch nothing, which Prometheus lets pass with a warning.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.names.iter().filter_map(|name| match name.as_str() {
            "" => None,
            name if ALWAYS_ON.contains(&name) => Some(format!("--enable-feature: {name} is always on")),
            name if named(name).is_some() => None,
            name => Some(format!("--enable-feature: {name} is unknown here and switches nothing")),
        })
    }

    /// What the query language may use.
    pub(crate) fn language(&self) -> Features {
        let mut features = Features::server();
        features.experimental_functions = self.has(Feature::PromqlExperimentalFunctions);
        features.extended_range_selectors = self.has(Feature::PromqlExtendedRangeSelectors);
        features.fill_modifiers = self.has(Feature::PromqlBinopFillModifiers);
        features.delayed_name_removal = self.has(Feature::PromqlDelayedNameRemoval);
        features.start_timestamps = self.has(Feature::UseStartTimestamps);
        features.type_and_unit_labels = self.has(Feature::TypeAndUnitLabels);
        features
    }

    /// What the store keeps besides.
    pub(crate) fn apply_to_store(&self, mut options: DbOptions) -> DbOptions {
        if self.has(Feature::Xor2Encoding) {
            options = options.float_encoding(FloatEncoding::Xor2);
        }
        options
            .start_timestamps(self.has(Feature::StStorage))
            .start_timestamp_zero_samples(self.has(Feature::CreatedTimestampZeroIngestion))
            .metadata(self.has(Feature::MetadataWalRecords))
            .head_snapshot(self.has(Feature::MemorySnapshotOnShutdown))
    }

    /// What is taken from the pages of targets.
    pub(crate) fn apply_to_target(&self, target: &mut TargetConfig) {
        target.ingest_start_timestamps =
            self.has(Feature::StStorage) || self.has(Feature::CreatedTimestampZeroIngestion);
        target.type_and_unit_labels = self.has(Feature::TypeAndUnitLabels);
    }

    /// How many rules of a group run side by side.
    pub(crate) fn concurrent_rules(&self, by_flag: Option<usize>) -> usize {
        by_flag.unwrap_or(if self.has(Feature::ConcurrentRuleEval) { CONCURRENT_RULES } else { 0 })
    }
}

fn named(name: &str) -> Option<Feature> {
    Feature::from_str(name, false).ok()
}

#[cfg(test)]
mod tests {
    use clap::builder::PossibleValue;

    use super::*;

    fn flags(names: &[&str]) -> FeatureFlags {
        FeatureFlags { names: names.iter().map(|&name| name.to_owned()).collect() }
    }

    #[test]
    fn each_name_of_the_language_switches_its_own_feature() {
        assert_eq!(flags(&[]).language(), Features::server());
        let mut fill = Features::server();
        fill.fill_modifiers = true;
        assert_eq!(flags(&["promql-binop-fill-modifiers"]).language(), fill);
        let mut all = Features::all();
        all.type_and_unit_labels = true;
        let names: Vec<_> = Feature::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
        let names: Vec<&str> = names.iter().map(PossibleValue::get_name).collect();
        assert_eq!(flags(&names).language(), all);
    }

    #[test]
    fn names_that_switch_nothing_are_told() {
        let warnings: Vec<String> = flags(&["xor2-encoding", "exemplar-storage", "old-ui"]).warnings().collect();
        let expected = [
            "--enable-feature: exemplar-storage is always on",
            "--enable-feature: old-ui is unknown here and switches nothing",
        ];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn rules_run_side_by_side_as_the_flag_or_the_feature_says() {
        let by = |names: &[&str], flag| flags(names).concurrent_rules(flag);
        let feature = &["concurrent-rule-eval"][..];
        assert_eq!([by(&[], None), by(feature, None), by(feature, Some(0)), by(&[], Some(2))], [0, 4, 0, 2]);
    }
}
