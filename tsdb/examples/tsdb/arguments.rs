//! What stands behind the name of a command.

use crate::{Command, Failure};

/// The options that were given, and the rest.
pub(crate) struct Arguments {
    options: Vec<(&'static str, String)>,
    rest: Vec<String>,
}

impl Arguments {
    /// The arguments of a command, which takes no others.
    pub(crate) fn parse(command: &Command, arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut parsed = Arguments { options: Vec::new(), rest: Vec::new() };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match option_of(&argument) {
                Some((name, value)) => parsed.options.push(taken(command, name, value, &mut arguments)?),
                None => parsed.rest.push(argument),
            }
        }
        if parsed.rest.len() < command.at_least || parsed.rest.len() > command.at_most {
            return Err(command.usage().into());
        }
        Ok(parsed)
    }

    /// The value of an option; the last one counts.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// The values of an option that may be there several times.
    pub(crate) fn options(&self, name: &str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_set(&self, flag: &str) -> bool {
        self.options.iter().any(|(n, _)| *n == flag)
    }

    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str, default: N) -> Result<N, Failure> {
        match self.option(name) {
            Some(text) => text.parse().map_err(|_| format!("--{name}: {text:?} is not a number").into()),
            None => Ok(default),
        }
    }

    pub(crate) fn dir(&self) -> &str {
        &self.rest[0]
    }

    /// The file of a command that has to have one.
    pub(crate) fn file(&self) -> &str {
        &self.rest[1]
    }

    /// What may stand behind the directory.
    pub(crate) fn operand(&self) -> Option<&str> {
        self.rest.get(1).map(String::as_str)
    }
}

/// Name and value of `--name`, `--name=value` and `-n`; `None` for what is no option.
fn option_of(argument: &str) -> Option<(&str, Option<&str>)> {
    let long = argument.strip_prefix("--").map(|name| match name.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (name, None),
    });
    let short = || argument.strip_prefix('-').filter(|name| name.len() == 1).map(|name| (name, None));
    long.or_else(short)
}

fn taken(
    command: &Command,
    name: &str,
    value: Option<&str>,
    more: &mut impl Iterator<Item = String>,
) -> Result<(&'static str, String), Failure> {
    if let Some((flag, _)) = command.flags.iter().find(|(long, short)| name == *long || name == *short) {
        return match value {
            None => Ok((flag, String::new())),
            Some(_) => Err(format!("--{flag} takes no value").into()),
        };
    }
    let option = command.options.iter().find(|o| **o == name);
    let option = option.ok_or_else(|| format!("unknown option {name:?}\n{}", command.usage()))?;
    let value = value.map(str::to_owned).or_else(|| more.next());
    Ok((option, value.ok_or_else(|| format!("--{name} needs a value"))?))
}
