//! Statements of a script.

use promethium_model::duration;

use super::ScriptError;
use super::expect::Expectations;
use super::series::{StartTimes, Values, parse_line};

pub(super) enum Command {
    Clear,
    Load(Load),
    Eval(Box<Eval>),
}

pub(super) struct Load {
    pub(super) line: usize,
    pub(super) step_ms: i64,
    pub(super) with_nhcb: bool,
    pub(super) series: Vec<LoadedSeries>,
}

pub(super) struct LoadedSeries {
    pub(super) line: usize,
    pub(super) labels: promethium_model::Labels,
    pub(super) values: Values,
    pub(super) start_times: Option<StartTimes>,
}

pub(super) struct Eval {
    pub(super) line: usize,
    pub(super) query: String,
    pub(super) at: EvalTime,
    pub(super) expected: Expectations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EvalTime {
    Instant(i64),
    Range { start_ms: i64, end_ms: i64, step_ms: i64 },
}

type Numbered<'s> = (usize, &'s str);

pub(super) fn parse(script: &str) -> Result<Vec<Command>, ScriptError> {
    let lines: Vec<Numbered<'_>> = script
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim()))
        .map(|(n, line)| (n, if line.starts_with('#') { "" } else { line }))
        .collect();
    let mut commands = Vec::new();
    let mut rest = &lines[..];
    while let Some(((number, line), after)) = rest.split_first() {
        rest = after;
        if line.is_empty() {
            continue;
        }
        let block = after.iter().position(|(_, l)| l.is_empty()).unwrap_or(after.len());
        let word = line.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
        match word.as_str() {
            "clear" => commands.push(Command::Clear),
            "load" | "load_with_nhcb" => {
                commands.push(Command::Load(load(*number, &word, line, &after[..block])?));
                rest = &after[block..];
            }
            w if w.starts_with("eval") => {
                let (eval, used) = eval(*number, &word, line, &after[..block])?;
                commands.push(Command::Eval(Box::new(eval)));
                rest = &after[used..];
            }
            other => return Err(ScriptError::new(*number, format!("unknown statement {other:?}"))),
        }
    }
    Ok(commands)
}

fn load(line: usize, word: &str, text: &str, block: &[Numbered<'_>]) -> Result<Load, ScriptError> {
    let step = text.split_whitespace().nth(1).unwrap_or("");
    let mut load = Load { line, step_ms: time(line, step)?, with_nhcb: word == "load_with_nhcb", series: Vec::new() };
    let (mut start_times, mut default_start_times) = (None, None);
    for (number, line) in block {
        let parsed = parse_line(line).map_err(|message| ScriptError::new(*number, message))?;
        if parsed.is_start_times && start_times.is_some() {
            return Err(ScriptError::new(*number, "start times without a series after them"));
        }
        if parsed.is_start_times {
            let starts = StartTimes::parse(parsed.values).map_err(|message| ScriptError::new(*number, message))?;
            // A line of start times without a series is for all series below that have none.
            if parsed.labels.is_empty() {
                default_start_times = Some(starts);
            } else {
                start_times = Some((parsed.labels, starts));
            }
            continue;
        }
        let values = Values::parse(parsed.values).map_err(|message| ScriptError::new(*number, message))?;
        let starts = match start_times.take() {
            Some((labels, starts)) if labels == parsed.labels && starts.len() == values.len() => Some(starts),
            Some(_) => return Err(ScriptError::new(*number, "start times do not belong to this series")),
            None => default_start_times.as_ref().map(|starts: &StartTimes| starts.cycled(values.len())),
        };
        load.series.push(LoadedSeries { line: *number, labels: parsed.labels, values, start_times: starts });
    }
    match start_times {
        Some(_) => Err(ScriptError::new(line, "start times without a series after them")),
        None => Ok(load),
    }
}

/// The statement, and how many lines of its block it used: a scalar ends it.
fn eval(line: usize, word: &str, text: &str, block: &[Numbered<'_>]) -> Result<(Eval, usize), ScriptError> {
    let rest = text.get(word.len()..).unwrap_or("").trim_start();
    let (at, query) = eval_time(line, rest)?;
    let mut expected = Expectations::of_prefix(word);
    let mut used = 0;
    for (number, line) in block {
        used += 1;
        let ends = expected.line(line).map_err(|message| ScriptError::new(*number, message))?;
        if ends {
            break;
        }
    }
    Ok((Eval { line, query: query.to_owned(), at, expected }, used))
}

fn eval_time(line: usize, text: &str) -> Result<(EvalTime, &str), ScriptError> {
    let malformed =
        || ScriptError::new(line, "expected: eval instant at T QUERY, or eval range from A to B step S QUERY");
    let mut words = Words(text);
    match words.next().ok_or_else(malformed)? {
        "instant" => {
            words.keyword("at").ok_or_else(malformed)?;
            let at = time(line, words.next().ok_or_else(malformed)?)?;
            Ok((EvalTime::Instant(at), words.0.trim()))
        }
        "range" => {
            let mut part = |keyword: &str| {
                words.keyword(keyword).ok_or_else(malformed)?;
                time(line, words.next().ok_or_else(malformed)?)
            };
            let (start_ms, end_ms, step_ms) = (part("from")?, part("to")?, part("step")?);
            Ok((EvalTime::Range { start_ms, end_ms, step_ms }, words.0.trim()))
        }
        _ => Err(malformed()),
    }
}

struct Words<'t>(&'t str);

impl<'t> Words<'t> {
    fn next(&mut self) -> Option<&'t str> {
        let text = self.0.trim_start();
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        self.0 = &text[end..];
        (end > 0).then(|| &text[..end])
    }

    fn keyword(&mut self, word: &str) -> Option<()> {
        (self.next()? == word).then_some(())
    }
}

pub(super) fn time(line: usize, text: &str) -> Result<i64, ScriptError> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let ms = duration::parse_ms(text).map_err(|e| ScriptError::new(line, e.to_string()))?;
    Ok(if negative { -ms } else { ms })
}
