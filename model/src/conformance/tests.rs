//! The suites pass on the model store, and each check fails on a store that breaks its rule.

use std::collections::BTreeSet;

use super::broken::{Broken, Fault};
use super::*;
use crate::matcher::MatchOp;
use crate::memstore::MemStore;

#[test]
fn the_model_store_conforms() {
    appendable(MemStore::new, Keeps::default()).assert_passed();
}

#[test]
fn the_reading_suite_runs_alone() {
    let load = |data: &Dataset| {
        let store = MemStore::new();
        data.append_to(&store).map(|()| store).expect("the dataset is appendable")
    };
    queryable(load).assert_passed();
}

/// Each fault, and checks that must notice it.
const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::LosesASeries, &["no_matchers_select_everything", "matchers_that_accept_absence"]),
    (Fault::IgnoresMatchers(MatchOp::Equal), &["equal_matchers", "several_matchers_all_bind"]),
    (Fault::IgnoresMatchers(MatchOp::NotEqual), &["not_equal_matchers", "several_matchers_all_bind"]),
    (Fault::IgnoresMatchers(MatchOp::Regex), &["regex_matchers"]),
    (Fault::IgnoresMatchers(MatchOp::NotRegex), &["not_regex_matchers"]),
    (Fault::NeverSelectsAbsence, &["matchers_that_accept_absence", "not_equal_matchers"]),
    (Fault::TakesTheFirstMatcherOnly, &["several_matchers_all_bind"]),
    (Fault::ReturnsSeriesBackwards, &["sorted_hint_orders_by_labels"]),
    (Fault::ReadsTheLatestEntryOnly, &["entries_outlive_their_set", "entries_are_read_on_several_threads"]),
    (Fault::ExcludesTheLastMillisecond, &["range_includes_both_bounds"]),
    (Fault::IgnoresTheRange, &["range_cuts_between_samples", "range_without_samples_is_empty"]),
    (Fault::RefusesAllOfTime, &["range_may_be_all_of_time"]),
    (Fault::ClearsTheBatch, &["batches_append_to_what_is_there"]),
    (Fault::GoesOnAfterTheEnd, &["cursor_stays_at_its_end"]),
    (Fault::SeeksTooFar, &["seek_delivers_everything_from_its_time"]),
    (Fault::SeeksBack, &["seek_never_goes_back"]),
    (Fault::SeeksOutOfTheRange, &["seek_stays_in_the_range"]),
    (Fault::InventsSamplesPastTheEnd, &["seek_past_the_end_ends"]),
    (Fault::IgnoresMatchersOfLabels, &["label_names_under_matchers", "label_values_under_matchers"]),
    (Fault::LosesALabel, &["label_names_of_everything", "label_values_of_everything"]),
    (Fault::IgnoresLimits, &["label_lookups_keep_their_limit"]),
    (
        Fault::IgnoresCancellation,
        &[
            "canceled_query_reads_nothing",
            "query_past_its_deadline_reads_nothing",
            "query_canceled_halfway_stops",
            "canceled_label_lookups_stop",
        ],
    ),
    (Fault::SeesLaterCommits, &["an_open_querier_does_not_see_a_later_commit"]),
    (Fault::LosesCommits, &["committed_samples_are_read_back"]),
    (Fault::KeepsOneSampleACommit, &["several_samples_of_a_series_in_one_transaction"]),
    (Fault::ReportsNothing, &["commit_reports_samples_and_series", "a_conflict_within_a_transaction_keeps_the_first"]),
    (Fault::ReportsEverythingAsNew, &["append_reports_the_series_it_made"]),
    (Fault::CommitsSomethingOfNothing, &["empty_commit_changes_nothing"]),
    (Fault::TakesEmptyLabels, &["empty_labels_are_refused"]),
    (Fault::PoisonsOnError, &["an_append_error_leaves_the_rest_standing"]),
    (Fault::RefusesExemplars, &["exemplars_never_fail_an_append"]),
    (Fault::RefusesNewNames, &["load_dataset", "labels_come_back_whole"]),
    (
        Fault::CommitsAtOnce,
        &["nothing_is_visible_before_commit", "rollback_leaves_nothing", "dropping_a_transaction_rolls_back"],
    ),
    (Fault::StopsAfterARollback, &["a_store_goes_on_after_a_rollback"]),
    (
        Fault::LosesOverlappingTransactions,
        &["transactions_do_not_spoil_each_other", "of_two_conflicting_transactions_the_first_to_commit_stands"],
    ),
    (
        Fault::TakesLateSamplesSilently,
        &["an_older_sample_is_refused_or_taken_in_order", "an_older_sample_is_refused_on_request"],
    ),
    (Fault::RefusesRepetition, &["an_identical_sample_is_accepted_once"]),
    (
        Fault::TakesConflictsSilently,
        &[
            "another_value_at_the_same_time_is_refused",
            "values_are_compared_by_bits",
            "histograms_at_the_same_time_compare",
        ],
    ),
    (Fault::RefusesNegativeTimes, &["times_may_be_negative"]),
    (Fault::ForgetsReferences, &["a_reference_serves_its_own_transaction", "a_reference_serves_later_transactions"]),
    (Fault::GivesOneReferenceToAll, &["references_tell_series_apart"]),
    (
        Fault::MapsUnknownReferencesToTheLastSeries,
        &["an_unknown_reference_is_refused", "a_rolled_back_reference_names_no_other_series"],
    ),
    (Fault::IgnoresTheLabelsOfAReference, &["an_unknown_reference_falls_back_to_labels"]),
    (Fault::SwallowsRefusedRows, &["a_batch_reports_its_refused_rows"]),
    (Fault::NormalisesNan, &["floats_keep_their_bits", "stale_markers_keep_their_bits"]),
    (Fault::CutsLabelValues, &["labels_come_back_whole"]),
    (Fault::DropsStartTimestamps, &["start_timestamps_come_back"]),
    (
        Fault::StoresHistogramsAsFloats,
        &[
            "histograms_come_back_or_are_refused",
            "float_histograms_come_back_or_are_refused",
            "floats_and_histograms_share_a_series",
        ],
    ),
    (Fault::ForgetsGauges, &["gauge_histograms_stay_gauges"]),
    (Fault::TakesInvalidHistograms, &["invalid_histograms_are_refused"]),
];

fn failures(report: &Report) -> BTreeSet<&'static str> {
    report.failures().map(|(name, _)| name).collect()
}

#[test]
fn a_store_that_breaks_a_rule_fails_its_checks() {
    appendable(|| Broken::new(Fault::None), Keeps::default()).assert_passed();
    for (fault, expected) in FAULTS {
        let report = appendable(|| Broken::new(*fault), Keeps::default());
        let failed = failures(&report);
        let missed: Vec<_> = expected.iter().filter(|name| !failed.contains(*name)).collect();
        assert!(missed.is_empty(), "{fault:?} goes unnoticed by {missed:?}:\n{report}");
    }
}

#[test]
fn every_check_is_seen_to_fail() {
    let all: BTreeSet<_> = appendable(MemStore::new, Keeps::default()).checks().collect();
    let seen: BTreeSet<_> =
        FAULTS.iter().flat_map(|(fault, _)| failures(&appendable(|| Broken::new(*fault), Keeps::default()))).collect();
    let never: Vec<_> = all.difference(&seen).collect();
    assert!(never.is_empty(), "no fault is noticed by {never:?}");
}

/// A store that claims less than it keeps fails too: the claims are checked.
#[test]
fn claims_are_checked() {
    let report = appendable(MemStore::new, Keeps::default().without_histograms().without_start_timestamps());
    assert!(failures(&report).contains("histograms_come_back_or_are_refused"), "{report}");
    assert!(failures(&report).contains("start_timestamps_come_back"), "{report}");
    let report = appendable(MemStore::new, Keeps::default().with_out_of_order());
    assert!(failures(&report).contains("an_older_sample_is_refused_or_taken_in_order"), "{report}");
}
