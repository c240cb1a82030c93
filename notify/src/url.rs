//! Where an Alertmanager takes alerts.

use std::fmt;

use crate::error::NotifyError;

const API_PATH: &str = "api/v2/alerts";

/// The URL that alerts are posted to: `<scheme>://<address><prefix>/api/v2/alerts`.
///
/// ```
/// use promethium_notify::AlertmanagerUrl;
/// let url = AlertmanagerUrl::new("https", "am.example:9093", "//monitoring/./am/")?;
/// assert_eq!(url.as_str(), "https://am.example:9093/monitoring/am/api/v2/alerts");
/// # Ok::<(), promethium_notify::NotifyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertmanagerUrl(String);

impl AlertmanagerUrl {
    /// The URL of an Alertmanager at `address` (`host` or `host:port`) below `path_prefix`; `scheme` is `http` or
    /// `https`.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Scheme`], and [`NotifyError::Address`] for an address that is empty or holds a path, a user, blanks
    /// or control characters.
    pub fn new(scheme: &str, address: &str, path_prefix: &str) -> Result<Self, NotifyError> {
        if !matches!(scheme, "http" | "https") {
            return Err(NotifyError::Scheme { scheme: scheme.to_owned() });
        }
        let is_odd = |c: char| matches!(c, '/' | '?' | '#' | '@' | '\\') || c.is_whitespace() || c.is_control();
        if address.is_empty() || address.contains(is_odd) {
            return Err(NotifyError::Address { address: address.to_owned() });
        }
        Ok(AlertmanagerUrl(format!("{scheme}://{address}{}", alerts_path(path_prefix))))
    }

    /// As [`AlertmanagerUrl::new`], with the whole path.
    pub(crate) fn with_path(scheme: &str, address: &str, path: &str) -> Result<Self, NotifyError> {
        let AlertmanagerUrl(_) = AlertmanagerUrl::new(scheme, address, "")?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(AlertmanagerUrl(format!("{scheme}://{address}{slash}{path}")))
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The whole URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AlertmanagerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The prefix and the API's path, without empty, `.` and `..` segments.
pub(crate) fn alerts_path(prefix: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in prefix.split('/').chain(API_PATH.split('/')) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_cleaned() {
        for (prefix, path) in [
            ("", "/api/v2/alerts"),
            ("/", "/api/v2/alerts"),
            ("am", "/am/api/v2/alerts"),
            ("/am//x/", "/am/x/api/v2/alerts"),
            ("/am/../b/.", "/b/api/v2/alerts"),
            ("../..", "/api/v2/alerts"),
        ] {
            let url = AlertmanagerUrl::new("http", "h:1", prefix).unwrap();
            assert_eq!(url.as_str(), format!("http://h:1{path}"), "{prefix}");
        }
    }

    #[test]
    fn odd_schemes_and_addresses_are_refused() {
        assert!(matches!(AlertmanagerUrl::new("ftp", "h", ""), Err(NotifyError::Scheme { .. })));
        for address in ["", "h/path", "h?x", "user@h", "a b", "h\n", "h#x"] {
            assert!(
                matches!(AlertmanagerUrl::new("http", address, ""), Err(NotifyError::Address { .. })),
                "{address:?}"
            );
        }
        assert!(AlertmanagerUrl::new("https", "[::1]:9093", "").is_ok());
    }
}
