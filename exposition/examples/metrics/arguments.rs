//! The command line.

use promethium_exposition::{DecodeOptions, Format, Mode};

pub(crate) const USAGE: &str = "usage: metrics {check|lint|convert|stats} [--format text|openmetrics|protobuf] \
[--mode strict|prometheus|lenient] < page";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Check,
}

#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) format: Format,
    pub(crate) mode: Mode,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = match words.next().as_deref() {
            Some("check") => Command::Check,
            Some(other) => return Err(format!("unknown command {other:?}")),
            None => return Err("no command".to_owned()),
        };
        let mut arguments = Arguments { command, format: Format::PrometheusText, mode: Mode::Prometheus };
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (word.clone(), words.next().ok_or_else(|| format!("{word} needs a value"))?),
            };
            arguments.set(&name, &value)?;
        }
        Ok(arguments)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--format" => self.format = format(value)?,
            "--mode" => self.mode = mode(value)?,
            _ => return Err(format!("unknown argument {name:?}")),
        }
        Ok(())
    }

    pub(crate) fn options(&self) -> DecodeOptions {
        DecodeOptions::new().mode(self.mode)
    }
}

fn format(value: &str) -> Result<Format, String> {
    match value {
        "text" => Ok(Format::PrometheusText),
        "openmetrics" => Ok(Format::OpenMetrics),
        "protobuf" => Ok(Format::Protobuf),
        _ => Err(format!("unknown format {value:?}")),
    }
}

fn mode(value: &str) -> Result<Mode, String> {
    match value {
        "strict" => Ok(Mode::Strict),
        "prometheus" => Ok(Mode::Prometheus),
        "lenient" => Ok(Mode::Lenient),
        _ => Err(format!("unknown mode {value:?}")),
    }
}
