//! What a target said about its families.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use promethium_exposition::{Help, Type, Unit};
use promethium_model::Metadata;

// A family is remembered for this many scrapes after it was last described.
const SCRAPES_KEPT: u64 = 10;

#[derive(Debug, Default)]
struct Described {
    metadata: Metadata,
    seen: u64,
}

/// Type, unit and help by family name.
#[derive(Debug, Default)]
pub(crate) struct MetadataCache {
    families: HashMap<String, Described, RandomState>,
}

impl MetadataCache {
    pub(crate) fn help(&mut self, help: &Help<'_>, scrape: u64) {
        let text = help.text();
        let described = self.family(&help.name(), scrape);
        if described.metadata.help != text {
            described.metadata.help = text.into_owned();
        }
    }

    pub(crate) fn family_type(&mut self, family: &Type<'_>, scrape: u64) {
        self.family(&family.name(), scrape).metadata.metric_type = family.metric_type();
    }

    pub(crate) fn unit(&mut self, unit: &Unit<'_>, scrape: u64) {
        let text = unit.unit();
        let described = self.family(&unit.name(), scrape);
        if described.metadata.unit != text {
            text.clone_into(&mut described.metadata.unit);
        }
    }

    fn family(&mut self, name: &str, scrape: u64) -> &mut Described {
        let described = self.families.entry_ref(name).or_default();
        described.seen = scrape;
        described
    }

    /// Forgets what was last described long before `scrape`.
    pub(crate) fn settle(&mut self, scrape: u64) {
        self.families.retain(|_, described| scrape.saturating_sub(described.seen) <= SCRAPES_KEPT);
    }

    pub(crate) fn get(&self, family: &str) -> Option<&Metadata> {
        self.families.get(family).map(|described| &described.metadata)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Metadata)> {
        self.families.iter().map(|(name, described)| (name.as_str(), &described.metadata))
    }
}
