//! Running rules over labels.

use super::config::{RelabelAction, RelabelRule};
use super::md5::md5;
use crate::labels::{Labels, LabelsBuilder, is_legacy_label_name};

/// Runs the rules in order; `None` when one of them drops the labels.
#[must_use]
pub fn relabel(rules: &[RelabelRule], labels: &Labels) -> Option<Labels> {
    let mut builder = labels.to_builder();
    rules.iter().all(|rule| rule.apply(&mut builder)).then(|| builder.build())
}

impl RelabelRule {
    /// False when the labels are to be dropped.
    fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        match self.action {
            RelabelAction::Keep => return self.regex.is_match(&self.joined(labels)),
            RelabelAction::Drop => return !self.regex.is_match(&self.joined(labels)),
            RelabelAction::KeepEqual => return self.joined(labels) == value(labels, &self.target_label),
            RelabelAction::DropEqual => return self.joined(labels) != value(labels, &self.target_label),
            RelabelAction::Replace => self.replace(labels),
            RelabelAction::HashMod => {
                let hash = self.hash(&self.joined(labels));
                set(labels, &self.target_label, &hash.to_string());
            }
            RelabelAction::Lowercase => {
                let lower = self.joined(labels).to_lowercase();
                set(labels, &self.target_label, &lower);
            }
            RelabelAction::Uppercase => {
                let upper = self.joined(labels).to_uppercase();
                set(labels, &self.target_label, &upper);
            }
            RelabelAction::LabelMap => self.map_names(labels),
            RelabelAction::LabelDrop => drop(labels.retain(|name, _| !self.regex.is_match(name))),
            RelabelAction::LabelKeep => drop(labels.retain(|name, _| self.regex.is_match(name))),
        }
        true
    }

    fn joined(&self, labels: &LabelsBuilder) -> String {
        let values: Vec<&str> = self.source_labels.iter().map(|name| value(labels, name)).collect();
        values.join(&self.separator)
    }

    fn replace(&self, labels: &mut LabelsBuilder) {
        let joined = self.joined(labels);
        if self.is_plain && joined.is_empty() {
            set(labels, &self.target_label, &self.replacement);
            return;
        }
        let Some(target) = self.regex.expand(&joined, &self.target_label) else { return };
        let valid = if self.legacy_names { is_legacy_label_name(&target) } else { !target.is_empty() };
        if valid {
            let value = self.regex.expand(&joined, &self.replacement).unwrap_or_default();
            set(labels, &target, &value);
        }
    }

    /// The last eight bytes of the MD5 hash, modulo.
    fn hash(&self, text: &str) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = md5(text.as_bytes());
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) % self.modulus.max(1)
    }

    /// Labels as they were before the rule; what it adds is not looked at.
    fn map_names(&self, labels: &mut LabelsBuilder) {
        let before = labels.build();
        for (name, value) in &before {
            if let Some(mapped) = self.regex.expand(name, &self.replacement) {
                set(labels, &mapped, value);
            }
        }
    }
}

fn value<'l>(labels: &'l LabelsBuilder, name: &str) -> &'l str {
    labels.get(name).unwrap_or("")
}

/// An empty value removes the label.
fn set(labels: &mut LabelsBuilder, name: &str, value: &str) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.set(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relabel::RelabelConfig;

    fn run(config: RelabelConfig) -> String {
        let labels = [("a", "foo"), ("b", "bar"), ("c", "BaZ"), ("__address__", "h:1"), ("e_x", "1"), ("same", "foo")];
        match relabel(&[config.build().unwrap()], &Labels::from_pairs(labels)) {
            None => "dropped".to_owned(),
            Some(out) => {
                let before = Labels::from_pairs(labels);
                let added = out.iter().filter(|(n, v)| before.get(n) != Some(v)).map(|(n, v)| format!("{n}={v}"));
                let gone = before.iter().filter(|(n, _)| !out.has(n)).map(|(n, _)| format!("-{n}"));
                added.chain(gone).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn actions_do_what_they_are_named_for() {
        let of = RelabelConfig::new;
        for (config, expected) in [
            (of("replace").source(["a"]).regex("f(.*)").target("d").replacement("ch${1}-ch${1}"), "d=choo-choo"),
            (of("replace").source(["a", "b"]).regex("f(.*);(.*)r").target("a").replacement("b${1}${2}m"), "a=boobam"),
            (of("replace").source(["a"]).regex("nomatch").target("d"), ""),
            (of("replace").source(["a"]).target("d"), "d=foo"),
            (of("").target("d").replacement("static"), "d=static"),
            (of("replace").source(["none"]).target("d").replacement("static"), "d=static"),
            (of("replace").source(["none"]).regex("").target("d").replacement("x"), "d=x"),
            (of("replace").source(["a"]).regex("").target("d").replacement("x"), ""),
            (of("replace").source(["a"]).target("b").replacement(""), "-b"),
            (of("replace").source(["a"]).regex("(.)oo").target("x_$1").replacement("y"), "x_f=y"),
            (of("replace").source(["a"]).regex("(z)?foo").target("$1").replacement("y"), ""),
            (of("replace").source(["a"]).regex("f(?P<n>.*)").target("d").replacement("$n|$nx|$$"), "d=oo||$"),
            (of("replace").source(["a", "b"]).separator("-").target("d"), "d=foo-bar"),
            (of("keep").source(["a"]).regex("foo"), ""),
            (of("keep").source(["a"]).regex("fo"), "dropped"),
            (of("drop").source(["a"]).regex(".*o.*"), "dropped"),
            (of("DROP").source(["a"]).regex("x"), ""),
            (of("keepequal").source(["a"]).target("same"), ""),
            (of("keepequal").source(["b"]).target("same"), "dropped"),
            (of("dropequal").source(["a"]).target("same"), "dropped"),
            (of("dropequal").source(["none"]).target("nosuch"), "dropped"),
            (of("hashmod").source(["c"]).target("d").modulus(1000), "d=812"),
            (of("labelmap").regex("e_(.*)").replacement("m_$1"), "m_x=1"),
            (of("labelmap").regex("__(.*)__"), "address=h:1"),
            (of("labeldrop").regex("e_.*|a"), "-a -e_x"),
            (of("labelkeep").regex("a|b|c|e_x|same"), "-__address__"),
            (of("lowercase").source(["c"]).target("c"), "c=baz"),
            (of("uppercase").source(["a", "b"]).target("d"), "d=FOO;BAR"),
        ] {
            assert_eq!(run(config.clone()), expected, "{config:?}");
        }
    }

    #[test]
    fn rules_see_what_those_before_them_wrote() {
        let rules = [
            RelabelConfig::new("replace").source(["a"]).target("b").build().unwrap(),
            RelabelConfig::new("labeldrop").regex("a").build().unwrap(),
            RelabelConfig::new("keep").source(["b"]).regex("1").build().unwrap(),
        ];
        let out = relabel(&rules, &Labels::from_pairs([("a", "1")]));
        assert_eq!(out, Some(Labels::from_pairs([("b", "1")])));
        assert_eq!(relabel(&rules, &Labels::from_pairs([("b", "1")])), None);
    }
}
