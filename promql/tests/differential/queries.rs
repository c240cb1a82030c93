//! Random queries that type-check.

use crate::random::Random;

pub(crate) fn query(random: &mut Random) -> String {
    let depth = random.between(0, 3) as usize;
    match random.between(0, 12) {
        0 => scalar(random, depth),
        1 => format!("{}{}", selector(random), range(random)),
        _ => vector(random, depth),
    }
}

fn duration(random: &mut Random) -> &'static str {
    random.pick(&[
        "10s",
        "30s",
        "1m",
        "1m",
        "2m",
        "3m20s",
        "5s",
        "10m",
        "(step() + 20)",
        "max_of(range() / 2, 15s)",
        "2 * (step() + 7) ^ 1",
        "min_of(1m, step() % 40 + 3)",
    ])
}

fn range(random: &mut Random) -> String {
    format!("[{}]{}", duration(random), modifiers(random))
}

fn modifiers(random: &mut Random) -> &'static str {
    if random.chance(2) {
        return "";
    }
    random.pick(&[
        " offset 20s",
        " offset -15s",
        " offset (step() / 2)",
        " @ 200",
        " @ end()",
        " @ start() offset 5s",
        " @ 150 offset 30s",
        " offset -range() @ 90",
    ])
}

fn selector(random: &mut Random) -> String {
    let name = random.pick(&[
        "c_total",
        "c_total",
        "d_total",
        "g",
        "g",
        "h",
        "h",
        "n",
        "m",
        "up",
        "s_total",
        "b_bucket",
        "{__name__=~\"c.*|d.*|g\"}",
        "{i=\"0\"}",
        "{__name__=~\"[hnm]\"}",
        "nothing",
    ]);
    if name.starts_with('{') {
        return name.to_owned();
    }
    format!("{name}{}", random.pick(&["", "", "", "{i=\"1\"}", "{i!=\"0\"}", "{j=~\"x|\"}", "{j=\"x\"}"]))
}

fn instant(random: &mut Random) -> String {
    let modifiers = random.pick(&[
        "",
        "",
        "",
        "",
        "",
        "",
        " offset 25s",
        " offset -10s",
        " @ 120",
        " @ start()",
        " smoothed",
        " smoothed offset 12s",
        " smoothed @ 130",
        " anchored",
        " @ 90 offset 5s",
        " offset (-step() * 2)",
    ]);
    format!("{}{modifiers}", selector(random))
}

fn scalar(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.chance(3) {
        return random
            .pick(&[
                "1", "0", "-2.5", "0.5", "NaN", "Inf", "time()", "3", "pi()", "start()", "end()", "range()", "step()",
                "1e3",
            ])
            .to_owned();
    }
    match random.between(0, 4) {
        0 => format!("scalar({})", vector(random, depth - 1)),
        1 => format!("min_of({}, {})", scalar(random, depth - 1), scalar(random, depth - 1)),
        2 => format!("max_of({}, {})", scalar(random, depth - 1), scalar(random, depth - 1)),
        3 => format!("-({})", scalar(random, depth - 1)),
        _ => {
            let op = random.pick(&["+", "-", "*", "/", "%", "^", "atan2", "== bool", "< bool", ">= bool"]);
            format!("({} {op} {})", scalar(random, depth - 1), scalar(random, depth - 1))
        }
    }
}

fn matrix(random: &mut Random, depth: usize) -> String {
    if depth == 0 || !random.chance(4) {
        return format!("{}{}", selector(random), range(random));
    }
    let step = random.pick(&["", "10s", "15s", "7s", "1m", "step() + 3"]);
    format!("({})[{}:{step}]{}", vector(random, depth - 1), duration(random), modifiers(random))
}

fn range_function(random: &mut Random, depth: usize) -> String {
    match random.between(0, 12) {
        0 => {
            let function = random.pick(&["rate", "increase", "delta"]);
            let modifier = random.pick(&["anchored", "smoothed"]);
            format!("{function}({}[{}] {modifier}{})", selector(random), duration(random), modifiers(random))
        }
        1 => {
            let function = random.pick(&["changes", "resets"]);
            format!("{function}({}[{}] anchored{})", selector(random), duration(random), modifiers(random))
        }
        2 => format!("quantile_over_time({}, {})", scalar(random, 0), matrix(random, depth)),
        3 => format!("predict_linear({}, {})", matrix(random, depth), scalar(random, 1)),
        4 => {
            let factor = random.pick(&["0.3", "0.9", "NaN", "1.5", "0.01"]);
            format!("double_exponential_smoothing({}, {factor}, 0.4)", matrix(random, depth))
        }
        _ => {
            let function = random.pick(&[
                "rate",
                "rate",
                "increase",
                "delta",
                "irate",
                "idelta",
                "changes",
                "resets",
                "deriv",
                "sum_over_time",
                "avg_over_time",
                "min_over_time",
                "max_over_time",
                "count_over_time",
                "present_over_time",
                "absent_over_time",
                "last_over_time",
                "first_over_time",
                "stddev_over_time",
                "stdvar_over_time",
                "mad_over_time",
                "ts_of_min_over_time",
                "ts_of_max_over_time",
                "ts_of_first_over_time",
                "ts_of_last_over_time",
            ]);
            format!("{function}({})", matrix(random, depth))
        }
    }
}

fn grouping(random: &mut Random) -> &'static str {
    random.pick(&["", "", " by (i)", " by (j)", " by (i, j, le)", " without (i)", " without (j, le)", " by (__name__)"])
}

fn aggregate(random: &mut Random, depth: usize) -> String {
    let (inner, grouping) = (vector(random, depth - 1), grouping(random));
    match random.between(0, 5) {
        0 => {
            let op = random.pick(&["topk", "bottomk", "limitk"]);
            let k = if random.chance(4) { scalar(random, 1) } else { random.pick(&["1", "2", "3", "0"]).to_owned() };
            format!("{op}{grouping} ({k}, {inner})")
        }
        1 => {
            format!("quantile{grouping} ({}, {inner})", random.pick(&["0.5", "0.9", "-1", "2", "NaN", "time() / 600"]))
        }
        2 => {
            let ratio = random.pick(&["0.5", "-0.5", "1.5", "-2", "0", "-0.1", "time() % 3 - 1", "NaN"]);
            format!("limit_ratio{grouping} ({ratio}, {inner})")
        }
        3 => format!("count_values{grouping} (\"{}\", {inner})", random.pick(&["v", "v", "i", "__name__"])),
        _ => {
            let op = random.pick(&["sum", "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"]);
            format!("{op}{grouping} ({inner})")
        }
    }
}

fn binary(random: &mut Random, depth: usize) -> String {
    let (a, b) = (vector(random, depth - 1), vector(random, depth - 1));
    if random.chance(4) {
        let op = random.pick(&["and", "or", "unless"]);
        let matching = random.pick(&["", "", "on (i)", "ignoring (j)", "on ()", "on (i, j)"]);
        return format!("({a}) {op} {matching} ({b})");
    }
    let op = random.pick(&[
        "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">= bool", "<= bool", "== bool", "</", ">/",
    ]);
    let matching = random.pick(&[
        "",
        "on (i)",
        "on (i)",
        "on (i, j)",
        "ignoring (j)",
        "ignoring (j, le)",
        "on (i) group_left",
        "on (i) group_right",
        "on (i) group_left (j)",
        "ignoring (j) group_right (j)",
        "on (j) group_left",
    ]);
    let fill =
        random.pick(&["", "", "", "", "fill (0)", "fill_left (2)", "fill_right (NaN)", "fill_left (1) fill_right (3)"]);
    format!("({a}) {op} {matching} {fill} ({b})")
}

fn call(random: &mut Random, depth: usize) -> String {
    let inner = vector(random, depth - 1);
    let scalar = scalar(random, 1);
    let template = random.pick(&[
        "abs(#)",
        "ceil(#)",
        "sgn(#)",
        "sqrt(#)",
        "exp(#)",
        "ln(#)",
        "-(#)",
        "+(#)",
        "round(#, 0.5)",
        "round(#)",
        "clamp(#, -1, 5)",
        "clamp(#, %, 5)",
        "clamp_min(#, %)",
        "clamp_max(#, %)",
        "absent(#)",
        "timestamp(#)",
        "hour(#)",
        "day_of_year(#)",
        "vector(%)",
        "vector(scalar(#))",
        "sort(#)",
        "sort_desc(#)",
        "sort_by_label(#, \"i\", \"j\")",
        "sort_by_label_desc(#, \"le\")",
        "label_replace(#, \"k\", \"$1-x\", \"i\", \"(.*)\")",
        "label_replace(#, \"__name__\", \"r\", \"j\", \"x\")",
        "label_replace(#, \"j\", \"\", \"i\", \"0\")",
        "label_join(#, \"j\", \"-\", \"i\", \"j\")",
        "histogram_count(#)",
        "histogram_sum(#)",
        "histogram_avg(#)",
        "histogram_stddev(#)",
        "histogram_stdvar(#)",
        "histogram_quantile(0.9, #)",
        "histogram_quantile(%, #)",
        "histogram_quantiles(#, \"q\", 0.1, 0.5, %)",
        "histogram_fraction(0, 1.5, #)",
        "histogram_fraction(-Inf, %, #)",
        "(#) * %",
        "% - (#)",
        "(#) > %",
        "% <= bool (#)",
        "(#) / %",
        "(#) ^ 2",
        "(#) </ %",
        "(#) >/ 0.7",
        "% * (#)",
        "% < (#)",
        "% == bool (#)",
        "% >/ (#)",
        "(#) * 2 > % <= 7",
        "(#) != % * 2 + %",
        "info(#)",
        "info(#, {v=~\".+\"})",
        "info(#, {v=\"1\"})",
        "info(#, {__name__=~\".+_info\", w!=\"1\"})",
        "info(#, {__name__=\"build_info\"})",
        "start_timestamp(#)",
        "month()",
        "deg(#)",
        "days_in_month(#)",
        "minute(#)",
        "day_of_week(#)",
        "day_of_month(#)",
        "year(#)",
        "log2(#)",
        "log10(#)",
        "atan(#)",
        "cosh(#)",
        "rad(#)",
        "histogram_fraction(%, %, #)",
        "label_replace(#, \"__type__\", \"$1\", \"i\", \"0\")",
        "label_join(#, \"__name__\", \"_\", \"j\", \"i\")",
    ]);
    template.replace('%', &scalar).replace('#', &inner)
}

fn vector(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        return if random.chance(2) { instant(random) } else { range_function(random, 0) };
    }
    match random.between(0, 9) {
        0 => instant(random),
        1 | 2 => range_function(random, depth - 1),
        3 | 4 => aggregate(random, depth),
        5 | 6 => binary(random, depth),
        7 if random.chance(2) => {
            // A selector itself as the argument, where that makes a difference.
            let function = random.pick(&["timestamp", "start_timestamp", "absent", "histogram_count", "info"]);
            format!("{function}({})", instant(random))
        }
        _ => call(random, depth),
    }
}
