//! The tables of Prometheus' own benchmarks of its engine, row by row. `X` stands for the size, `one` or `hundred`.

/// `BenchmarkRangeQuery`: expressions, and the step counts they run at.
pub(crate) const RANGE: &[(&str, &[i64])] = &[
    ("a_X", BOTH),
    ("rate(a_X[1m])", ALL),
    ("rate(a_X[1m] smoothed)", ALL),
    ("double_exponential_smoothing(a_X[1d], 0.3, 0.3)", BOTH),
    ("changes(a_X[1d])", BOTH),
    ("rate(a_X[1d])", BOTH),
    ("absent_over_time(a_X[1d])", BOTH),
    ("-a_X", BOTH),
    ("a_X - b_X", ALL),
    ("a_X and b_X{l=~'.*[0-4]$'}", BOTH),
    ("a_X or b_X{l=~'.*[0-4]$'}", BOTH),
    ("a_X unless b_X{l=~'.*[0-4]$'}", BOTH),
    ("a_X and b_X{l='notfound'}", BOTH),
    ("abs(a_X)", BOTH),
    ("label_replace(a_X, 'l2', '$1', 'l', '(.*)')", BOTH),
    ("label_join(a_X, 'l2', '-', 'l', 'l')", BOTH),
    ("sum(a_X)", BOTH),
    ("avg(a_X)", BOTH),
    ("sum without (l)(h_X)", BOTH),
    ("sum without (le)(h_X)", BOTH),
    ("sum by (l)(h_X)", BOTH),
    ("sum by (le)(h_X)", BOTH),
    ("count_values('value', h_X)", &[100]),
    ("topk(1, a_X)", BOTH),
    ("topk(5, a_X)", BOTH),
    ("limitk(1, a_X)", BOTH),
    ("limitk(5, a_X)", BOTH),
    ("limit_ratio(0.1, a_X)", BOTH),
    ("limit_ratio(0.5, a_X)", BOTH),
    ("limit_ratio(-0.5, a_X)", BOTH),
    ("rate(a_X[1m]) + rate(b_X[1m])", BOTH),
    ("sum without (l)(rate(a_X[1m]))", BOTH),
    ("sum without (l)(rate(a_X[1m])) / sum without (l)(rate(b_X[1m]))", BOTH),
    ("histogram_quantile(0.9, rate(h_X[5m]))", BOTH),
    ("a_X + on(l) group_right a_one", BOTH),
    ("count({__name__!=''})", &[1]),
    ("count({__name__!='',l=''})", &[1]),
    ("timestamp(a_X)", BOTH),
];

/// Rows whose series come and go: they have no sizes.
pub(crate) const SPARSE: &[(&str, &[i64])] =
    &[("rate(sparse[1m])", &[10_000]), ("rate(sparse[1m] smoothed)", &[10_000])];

const BOTH: &[i64] = &[1, 1_000];
const ALL: &[i64] = &[1, 1_000, 10_000];

/// Functions that must cost samples plus steps, whatever the width of their windows.
pub(crate) const WINDOWS: &[&str] = &[
    "rate",
    "increase",
    "delta",
    "changes",
    "resets",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "absent_over_time",
];

/// `BenchmarkJoinQuery`; `S` and `E` stand for the metrics.
pub(crate) const JOIN: &[&str] = &[
    "S + E",
    "S + ON (job, instance) GROUP_LEFT E",
    "S AND E{instance=~\"0.*\"}",
    "S OR E{instance=~\"0.*\"}",
    "S UNLESS E{instance=~\"0.*\"}",
];

/// `BenchmarkNativeHistograms`; the first five are also `BenchmarkNativeHistogramsCustomBuckets`.
pub(crate) const HISTOGRAMS: &[&str] = &[
    "sum(X)",
    "sum(rate(X[2m]))",
    "sum(rate(X[20m]))",
    "histogram_count(sum(rate(X[2m])))",
    "histogram_count(sum(rate(X[20m])))",
    "histogram_count(sum(rate(X[2m]))) + histogram_sum(sum(rate(X[2m])))",
    "histogram_count(sum(rate(X[20m]))) + histogram_sum(sum(rate(X[20m])))",
];

/// `BenchmarkInfoFunction`; `C` stands for the counter.
pub(crate) const INFO: &[&str] = &[
    "rate(C[2m]) * on (job, instance) group_left (k8s_cluster_name) target_info{k8s_cluster_name=\"us-east\"}",
    "info(rate(C[2m]), {k8s_cluster_name=\"us-east\"})",
    "sum by (k8s_cluster_name, http_status_code) (rate(C[2m]) * on (job, instance) group_left (k8s_cluster_name) target_info)",
    "sum by (k8s_cluster_name, http_status_code) (info(rate(C[2m]), {k8s_cluster_name=~\".+\"}))",
];
