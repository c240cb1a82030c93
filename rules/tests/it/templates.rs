//! Templates against the table `testdata/templates.txt`: what they give, how they fail, what is refused.

use promethium_model::{Labels, SampleValue, VectorSample};
use promethium_rules::template::{GoTemplates, Render, TemplateData, TemplateError, TemplateQueries};

/// One block of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) line: usize,
    pub(crate) template: String,
    pub(crate) value: Option<String>,
    pub(crate) expected: Expected,
    /// Why promtool is not asked.
    pub(crate) apart: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Text(String),
    Refused(String),
    Failed(String),
}

impl Default for Expected {
    fn default() -> Self {
        Expected::Text(String::new())
    }
}

impl Case {
    pub(crate) fn number(&self) -> f64 {
        self.value.as_deref().map_or(1.0, |v| v.parse().unwrap())
    }
}

/// The table.
pub(crate) fn cases() -> Vec<Case> {
    let text = include_str!("../../testdata/templates.txt");
    let mut cases = Vec::new();
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (i, line) in text.lines().chain([""]).enumerate().filter(|(_, line)| !line.starts_with('#')) {
        if !line.is_empty() {
            block.push((i + 1, line));
        } else if !block.is_empty() {
            cases.push(case(&std::mem::take(&mut block)));
        }
    }
    cases
}

fn case(block: &[(usize, &str)]) -> Case {
    let all = |mark: &str| {
        let lines = block.iter().filter_map(|(_, line)| line.strip_prefix(mark));
        let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    let expected = match (all("="), all("!"), all("?")) {
        (Some(text), None, None) => Expected::Text(text),
        (None, Some(message), None) => Expected::Refused(message),
        (None, None, Some(message)) => Expected::Failed(message),
        _ => panic!("line {}: a case has one kind of outcome", block[0].0),
    };
    Case { line: block[0].0, template: all(">").unwrap(), value: all("v"), expected, apart: all("~") }
}

pub(crate) fn labels() -> Labels {
    Labels::from_pairs([("job", "node"), ("n", "1234.5"), ("instance", "db1.example.com:9100")])
}

/// The few queries of the table, answered from a table.
struct Answers;

impl TemplateQueries for Answers {
    fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<VectorSample>, String> {
        let sample = |labels: &[(&str, &str)], v: f64| VectorSample {
            labels: Labels::from_pairs(labels.iter().copied()),
            timestamp_ms: time_ms,
            value: SampleValue::Float(v),
        };
        let q = |a: &str, v: f64| sample(&[("__name__", "q"), ("a", a)], v);
        Ok(match expr {
            "q" => vec![q("x", 1.0), q("y", 2.0), q("z", 3.0)],
            "q{a=\"x\"}" => vec![q("x", 1.0)],
            "q{a=\"y\"}" => vec![q("y", 2.0)],
            "q{a=\"z\"}" => vec![q("z", 3.0)],
            "none" => Vec::new(),
            "1 + 1" => vec![sample(&[], 2.0)],
            "count(q)" => vec![sample(&[], 3.0)],
            "sum(q)" => vec![sample(&[], 6.0)],
            "bad{" => return Err("1:5: parse error: unexpected end of input inside braces".to_owned()),
            "\"text\"" => return Err("rule result is not a vector or scalar".to_owned()),
            other => panic!("{other} is not in the table"),
        })
    }
}

fn outcome(template: &str, value: f64) -> Expected {
    let (labels, external) = (labels(), Labels::from_pairs([("site", "x")]));
    let value = SampleValue::Float(value);
    let data = TemplateData::new(&labels, &value, &external, "http://prom:9090/p").with_queries(&Answers);
    match GoTemplates.compile("NAME", template).and_then(|compiled| compiled.render(&data)) {
        Ok(text) => Expected::Text(text),
        Err(error @ TemplateError::Parse { .. }) => {
            let text = error.to_string();
            let message = text.strip_prefix("error parsing template NAME: template: NAME:");
            Expected::Refused(message.unwrap().to_owned())
        }
        Err(error) => {
            let text = error.to_string();
            let message = text.strip_prefix("error executing template NAME: template: NAME:");
            Expected::Failed(message.unwrap().to_owned())
        }
    }
}

#[test]
fn the_table_holds() {
    let cases = cases();
    assert!(cases.len() >= 500, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let found = outcome(&case.template, case.number());
            (found != case.expected).then(|| {
                format!("line {}: {}\n  expected {:?}\n  found    {found:?}", case.line, case.template, case.expected)
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
