//! Units in names.

/// Units and the base units that they should be.
const UNITS: [(&str, &str); 24] = [
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];

const PREFIXES: [&str; 18] = [
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi", "giga", "gibi",
    "tera", "tebi", "peta", "pebi",
];

/// Parts of names that are units cut short.
pub(super) const ABBREVIATIONS: [&str; 14] =
    ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];

/// The first part of a name that is a unit, and its base unit. `thermometers` is none, `kilometers` is.
pub(super) fn of_name(name: &str) -> Option<(&str, &'static str)> {
    name.split('_').find_map(|part| Some((part, base_of(part)?)))
}

fn base_of(part: &str) -> Option<&'static str> {
    UNITS.iter().find(|(unit, _)| part.strip_suffix(unit).is_some_and(is_prefix)).map(|(_, base)| *base)
}

fn is_prefix(text: &str) -> bool {
    text.is_empty() || PREFIXES.contains(&text)
}
