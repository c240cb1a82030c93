//! How a sender shows who it is.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A text that is shown to nobody: neither `Debug` nor any message has it.
///
/// It is given once, or read anew for every request, so that it may be rotated: the crate reads no files, so the host
/// brings the reader.
#[derive(Clone)]
pub struct Secret(Source);

#[derive(Clone)]
enum Source {
    Text(String),
    Read { name: String, read: Reader },
}

/// Gives the secret of the moment.
type Reader = Arc<dyn Fn() -> io::Result<String> + Send + Sync>;

impl Secret {
    /// A fixed secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Source::Text(text.into()))
    }

    /// A secret that `read` gives for each request; blanks around it are cut off. Two of one `name` count as equal.
    #[must_use]
    pub fn read_by(name: impl Into<String>, read: impl Fn() -> io::Result<String> + Send + Sync + 'static) -> Self {
        Secret(Source::Read { name: name.into(), read: Arc::new(read) })
    }

    /// The secret of this moment.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn reveal(&self) -> io::Result<String> {
        match &self.0 {
            Source::Text(text) => Ok(text.clone()),
            Source::Read { read, .. } => read().map(|text| text.trim().to_owned()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Text(a), Source::Text(b)) => a == b,
            (Source::Read { name: a, .. }, Source::Read { name: b, .. }) => a == b,
            _ => false,
        }
    }
}

impl Eq for Secret {}

/// What goes into the `Authorization` header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// Nothing.
    #[default]
    None,
    /// User name and password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token of some kind, `Bearer` most of the time.
    Token {
        /// The kind.
        kind: String,
        /// The token.
        token: Secret,
    },
}

impl Credentials {
    /// User name and password.
    #[must_use]
    pub fn basic(username: impl Into<String>, password: Secret) -> Self {
        Credentials::Basic { username: username.into(), password }
    }

    /// A bearer token.
    #[must_use]
    pub fn bearer(token: Secret) -> Self {
        Credentials::Token { kind: "Bearer".to_owned(), token }
    }
}

/// Whom to trust, and who to be, behind `https`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// Certificates of authorities, PEM: these and no others are trusted. Without, those of the system are.
    pub ca_pem: Option<String>,
    /// Certificate chain and private key of the client, PEM.
    pub identity_pem: Option<Secret>,
    /// Takes whatever certificate there is: for tests.
    pub insecure_skip_verify: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::basic("me", Secret::new("canary"));
        assert_eq!(format!("{credentials:?}"), r#"Basic { username: "me", password: <secret> }"#);
        let read = Secret::read_by("file", || Ok(" canary\n".to_owned()));
        assert_eq!((format!("{read:?}").as_str(), read.reveal().unwrap().as_str()), ("<secret>", "canary"));
        assert_eq!(read, Secret::read_by("file", || Ok(String::new())));
        assert_ne!(read, Secret::new("canary"));
    }
}
