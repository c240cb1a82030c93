//! The command line.

use promethium_exposition::naming::EscapingScheme;
use promethium_exposition::negotiate::ScrapeProtocol;
use promethium_exposition::{DecodeOptions, Format, Mode};

pub(crate) const USAGE: &str = "usage: metrics {check|lint|convert|stats} [--format text|openmetrics|protobuf] \
[--mode strict|prometheus|lenient] < page\n\
\x20      metrics convert --to text|openmetrics|protobuf [--escaping allow-utf-8|underscores|dots|values] ... < page";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Check,
    Lint,
    Convert,
    Stats,
}

#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) command: Command,
    pub(crate) format: Format,
    pub(crate) mode: Mode,
    pub(crate) to: ScrapeProtocol,
    pub(crate) escaping: EscapingScheme,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let command = match words.next().as_deref() {
            Some("check") => Command::Check,
            Some("lint") => Command::Lint,
            Some("convert") => Command::Convert,
            Some("stats") => Command::Stats,
            Some(other) => return Err(format!("unknown command {other:?}")),
            None => return Err("no command".to_owned()),
        };
        let mut arguments = Arguments {
            command,
            format: Format::PrometheusText,
            mode: Mode::Prometheus,
            to: ScrapeProtocol::OpenMetricsText1_0_0,
            escaping: EscapingScheme::AllowUtf8,
        };
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
            "--to" => self.to = protocol(value)?,
            "--escaping" => self.escaping = value.parse().map_err(|()| format!("unknown scheme {value:?}"))?,
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

fn protocol(value: &str) -> Result<ScrapeProtocol, String> {
    match format(value)? {
        Format::OpenMetrics => Ok(ScrapeProtocol::OpenMetricsText1_0_0),
        Format::Protobuf => Ok(ScrapeProtocol::PrometheusProto),
        _ => Ok(ScrapeProtocol::PrometheusText1_0_0),
    }
}
