//! Which format a response has, and what a scrape asks for.

use crate::error::DecodeError;

/// A format that this crate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format; one decoder reads versions 0.0.4 and 1.0.0.
    PrometheusText,
    /// OpenMetrics in its text form; one decoder reads versions 0.0.1 and 1.0.0.
    OpenMetrics,
    /// `io.prometheus.client.MetricFamily` messages, each behind its length.
    Protobuf,
}

/// The `Content-Type` of a page that [`Encoder`](crate::text::Encoder) wrote with names of the classic character set.
pub const TEXT_0_0_4: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The `Content-Type` of a page that [`Encoder`](crate::text::Encoder) wrote with quoted names.
pub const TEXT_1_0_0: &str = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8";

impl Format {
    /// The format that a response's `Content-Type` names. Only the media type counts, its parameters do not, as in
    /// Prometheus. `fallback` is what to take a response for whose header is blank, unreadable or unknown.
    ///
    /// ```
    /// use promethium_exposition::Format;
    /// assert_eq!(Format::of_response("text/plain; version=0.0.4", None), Ok(Format::PrometheusText));
    /// assert!(Format::of_response("text/html", None).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Without a fallback: the header is blank, no media type, or one that is not read here.
    pub fn of_response(content_type: &str, fallback: Option<Format>) -> Result<Format, DecodeError> {
        Self::named(content_type).or_else(|error| fallback.ok_or(error))
    }

    fn named(content_type: &str) -> Result<Format, DecodeError> {
        if content_type.is_empty() {
            return Err(DecodeError::BlankContentType);
        }
        let Some(media_type) = media_type(content_type) else {
            return Err(DecodeError::UnparsableContentType { content_type: content_type.to_owned() });
        };
        if media_type.eq_ignore_ascii_case("text/plain") {
            Ok(Format::PrometheusText)
        } else if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Ok(Format::OpenMetrics)
        } else if media_type.eq_ignore_ascii_case("application/vnd.google.protobuf") {
            Ok(Format::Protobuf)
        } else {
            Err(DecodeError::UnsupportedContentType { content_type: content_type.to_owned() })
        }
    }
}

/// The media type of a header, `None` where type or parameters are malformed (RFC 2045, as Go reads it).
fn media_type(header: &str) -> Option<&str> {
    let (media_type, parameters) = header.split_at(header.find(';').unwrap_or(header.len()));
    let media_type = media_type.trim();
    let well_formed = match media_type.split_once('/') {
        Some((main, sub)) => is_token(main) && is_token(sub),
        None => is_token(media_type),
    };
    (well_formed && parameters_are_well_formed(parameters)).then_some(media_type)
}

/// Any number of `; name=value`, names unique, and at most a stray `;` at the end.
fn parameters_are_well_formed(mut rest: &str) -> bool {
    let mut names: Vec<String> = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() || rest.trim_end() == ";" {
            return true;
        }
        let Some((name, after)) = parameter(rest) else { return false };
        if names.contains(&name) {
            return false;
        }
        names.push(name);
        rest = after;
    }
}

/// One `; name=value`; the name in lower case and what follows.
fn parameter(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.strip_prefix(';')?.trim_start().split_once('=')?;
    let name = name.trim_end();
    if !is_token(name) {
        return None;
    }
    let value = value.trim_start();
    let after = match value.strip_prefix('"') {
        Some(quoted) => after_quoted(quoted)?,
        None => value.trim_start_matches(is_token_char),
    };
    (after.len() < value.len()).then(|| (name.to_ascii_lowercase(), after))
}

/// What follows the closing quote.
fn after_quoted(body: &str) -> Option<&str> {
    let mut chars = body.chars();
    loop {
        match chars.next()? {
            '"' => return Some(chars.as_str()),
            '\\' => drop(chars.next()?),
            '\r' | '\n' => return None,
            _ => {}
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_graphic() && !r#"()<>@,;:\"/[]?="#.contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_media_type_counts() {
        for header in [
            "text/plain",
            "Text/Plain",
            " text/plain ",
            "text/plain; version=0.0.4",
            "text/plain;version=99;charset=utf-8;",
            "text/plain; version=\"1.0.0; \\\" quoted\"; escaping=allow-utf-8",
        ] {
            assert_eq!(Format::of_response(header, None), Ok(Format::PrometheusText), "{header}");
        }
    }

    #[test]
    fn refusals_have_prometheus_texts() {
        for (header, text) in [
            (
                "",
                "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
            ),
            (
                "text/plain; version",
                "cannot parse Content-Type \"text/plain; version\" and no fallback_scrape_protocol for target",
            ),
            (
                "text/plain; a=1; A=2",
                "cannot parse Content-Type \"text/plain; a=1; A=2\" and no fallback_scrape_protocol for target",
            ),
            ("text/", "cannot parse Content-Type \"text/\" and no fallback_scrape_protocol for target"),
            (
                "text/plain; a=",
                "cannot parse Content-Type \"text/plain; a=\" and no fallback_scrape_protocol for target",
            ),
            (
                "text/plain; a=\"x",
                "cannot parse Content-Type \"text/plain; a=\\\"x\" and no fallback_scrape_protocol for target",
            ),
            (
                "text/html",
                "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified for target",
            ),
        ] {
            assert_eq!(Format::of_response(header, None).map_err(|e| e.to_string()), Err(text.to_owned()));
            assert_eq!(Format::of_response(header, Some(Format::PrometheusText)), Ok(Format::PrometheusText));
        }
    }
}
