//! Compiled regular expressions, kept from one query to the next.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use promethium_model::{GoRegex, MatchOp, Matcher, MatcherError, RegexError};

/// Patterns that a cache holds.
const MAX_PATTERNS: usize = 256;

/// Longest pattern that is kept, in bytes: what is longer is compiled for its query alone.
const MAX_PATTERN_BYTES: usize = 4 << 10;

/// A bounded cache of compiled patterns, the least recently used of which goes first. A clone is the same cache; dashboards ask
/// the same few patterns again and again.
#[derive(Clone, Default)]
pub struct RegexCache(Arc<Mutex<Patterns>>);

#[derive(Default)]
struct Patterns {
    compiled: HashMap<String, (GoRegex, u64)>,
    uses: u64,
}

impl RegexCache {
    /// The pattern compiled, now or earlier.
    ///
    /// # Errors
    ///
    /// As [`GoRegex::new`].
    pub fn get(&self, pattern: &str) -> Result<GoRegex, RegexError> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return GoRegex::new(pattern);
        }
        if let Some(known) = self.patterns().used(pattern) {
            return Ok(known);
        }
        // Compiled without the lock: another thread may do the same, and either result will do.
        let compiled = GoRegex::new(pattern)?;
        self.patterns().insert(pattern, compiled.clone());
        Ok(compiled)
    }

    /// A matcher whose pattern, if it has one, comes from the cache.
    ///
    /// # Errors
    ///
    /// As [`Matcher::new`].
    pub fn matcher(&self, op: MatchOp, name: String, value: String) -> Result<Matcher, MatcherError> {
        match op {
            MatchOp::Regex | MatchOp::NotRegex => Ok(Matcher::with_regex(op, name, self.get(&value)?)),
            MatchOp::Equal | MatchOp::NotEqual => Matcher::new(op, name, value),
        }
    }

    /// How many patterns it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.patterns().compiled.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // A panic elsewhere leaves the map whole.
    fn patterns(&self) -> std::sync::MutexGuard<'_, Patterns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Patterns {
    fn used(&mut self, pattern: &str) -> Option<GoRegex> {
        self.uses += 1;
        let (regex, last_use) = self.compiled.get_mut(pattern)?;
        *last_use = self.uses;
        Some(regex.clone())
    }

    fn insert(&mut self, pattern: &str, regex: GoRegex) {
        if self.compiled.len() >= MAX_PATTERNS {
            let oldest = self.compiled.iter().min_by_key(|(_, (_, last_use))| *last_use).map(|(p, _)| p.clone());
            oldest.and_then(|p| self.compiled.remove(&p));
        }
        self.compiled.insert(pattern.to_owned(), (regex, self.uses));
    }
}

impl fmt::Debug for RegexCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegexCache").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = RegexCache::default();
        for i in 0..MAX_PATTERNS {
            assert!(cache.get(&format!("a{i}.+b")).unwrap().is_match(&format!("a{i}xb")));
        }
        cache.get("a0.+b").unwrap();
        cache.get("new.+").unwrap();
        assert_eq!(cache.len(), MAX_PATTERNS);
        assert!(cache.patterns().compiled.contains_key("a0.+b") && !cache.patterns().compiled.contains_key("a1.+b"));
        assert!(cache.get("(").is_err());
        cache.get(&"x".repeat(MAX_PATTERN_BYTES + 1)).unwrap();
        assert_eq!(cache.len(), MAX_PATTERNS);
    }
}
