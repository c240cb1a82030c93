//! What the server says of itself at `/api/v1/status/…`.

use std::env;
use std::ffi::OsStr;
use std::fs;

use clap::{ArgMatches, Command};
use promethium::Description;
use promethium::model::duration;
use promethium::tsdb::Retention;

/// The program as it was started. Flags that were not given show what stands for them.
pub(crate) fn describe(command: &Command, matches: &ArgMatches) -> Description {
    let mut description = Description::default();
    description.flags = flags(command, matches);
    description.working_directory =
        env::current_dir().map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    description.hostname = fs::read_to_string("/etc/hostname").map(|name| name.trim().to_owned()).unwrap_or_default();
    description
}

fn flags(command: &Command, matches: &ArgMatches) -> Vec<(String, String)> {
    let text = |value: &OsStr| value.to_string_lossy().into_owned();
    let of_flag = |arg: &clap::Arg| {
        let name = arg.get_long()?.to_owned();
        let is_known = matches.try_contains_id(arg.get_id().as_str()).unwrap_or(false);
        let given = is_known.then(|| matches.get_raw(arg.get_id().as_str())).flatten();
        let value = given.map(|values| values.map(text).collect::<Vec<_>>().join(",")).unwrap_or_default();
        Some((name, value))
    };
    command.get_arguments().filter(|arg| arg.get_action().takes_values()).filter_map(of_flag).collect()
}

/// A retention as Prometheus words it: `15d`, `512MiB`, `15d or 512MiB`.
pub(crate) fn retention_text(retention: &Retention) -> String {
    let time = retention.time_ms.map(duration::format_ms);
    let bytes = retention.bytes.map(binary_size);
    let share = retention.percentage.map(|percentage| format!("{percentage}%"));
    time.into_iter().chain(bytes).chain(share).collect::<Vec<_>>().join(" or ")
}

/// A whole number of the largest unit that divides.
fn binary_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let unit = (1..UNITS.len()).take_while(|unit| bytes > 0 && bytes.is_multiple_of(1 << (10 * unit))).count();
    format!("{}{}", bytes >> (10 * unit), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_worded_as_in_prometheus() {
        let text = |time_ms, bytes, percentage| retention_text(&Retention { time_ms, bytes, percentage });
        assert_eq!(text(Some(15 * 86_400_000), None, None), "15d");
        assert_eq!(text(None, Some(512 << 20), None), "512MiB");
        assert_eq!(text(Some(3_600_000), Some(1_500), None), "1h or 1500B");
        assert_eq!(text(None, None, None), "");
    }

    #[test]
    fn flags_show_what_was_given_and_what_stands_for_the_rest() {
        let arg = |name: &'static str| clap::Arg::new(name).long(name);
        let command = Command::new("x").arg(arg("a.b").default_value("1")).arg(arg("c"));
        let shown = |given: &[&str]| {
            let mut command = command.clone();
            let matches = command.try_get_matches_from_mut(given).expect("known flags");
            flags(&command, &matches)
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(shown(&["x"])[..2], [pair("a.b", "1"), pair("c", "")]);
        assert_eq!(shown(&["x", "--c=2"])[..2], [pair("a.b", "1"), pair("c", "2")]);
    }
}
