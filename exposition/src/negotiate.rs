//! Content negotiation: what a scrape asks for, and what a server makes of it.
//!
//! ```
//! use promethium_exposition::negotiate::{DEFAULT_PROTOCOLS, Offer, ScrapeProtocol, accept_header, negotiate};
//! use promethium_exposition::naming::EscapingScheme;
//!
//! let accept = accept_header(&DEFAULT_PROTOCOLS, EscapingScheme::AllowUtf8);
//! let chosen = negotiate(&accept, Offer::ALL);
//! assert_eq!(chosen.protocol, ScrapeProtocol::OpenMetricsText1_0_0);
//! assert_eq!(chosen.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
//! ```

use std::fmt::{self, Write};
use std::str::FromStr;

use crate::content_type::Format;
use crate::naming::EscapingScheme;

/// A format with its version: the elements of Prometheus' `scrape_protocols`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScrapeProtocol {
    /// Delimited messages.
    PrometheusProto,
    /// Text with names of the classic character set.
    PrometheusText0_0_4,
    /// Text with quoted names.
    PrometheusText1_0_0,
    /// OpenMetrics before its first release.
    OpenMetricsText0_0_1,
    /// OpenMetrics 1.0.
    OpenMetricsText1_0_0,
}

/// What Prometheus asks for by default, in its order.
pub const DEFAULT_PROTOCOLS: [ScrapeProtocol; 4] = [
    ScrapeProtocol::OpenMetricsText1_0_0,
    ScrapeProtocol::OpenMetricsText0_0_1,
    ScrapeProtocol::PrometheusText1_0_0,
    ScrapeProtocol::PrometheusText0_0_4,
];

/// What Prometheus asks for where native histograms are scraped.
pub const NATIVE_HISTOGRAM_PROTOCOLS: [ScrapeProtocol; 5] = [
    ScrapeProtocol::PrometheusProto,
    ScrapeProtocol::OpenMetricsText1_0_0,
    ScrapeProtocol::OpenMetricsText0_0_1,
    ScrapeProtocol::PrometheusText1_0_0,
    ScrapeProtocol::PrometheusText0_0_4,
];

const NAMES: [(ScrapeProtocol, &str); 5] = [
    (ScrapeProtocol::PrometheusProto, "PrometheusProto"),
    (ScrapeProtocol::PrometheusText0_0_4, "PrometheusText0.0.4"),
    (ScrapeProtocol::PrometheusText1_0_0, "PrometheusText1.0.0"),
    (ScrapeProtocol::OpenMetricsText0_0_1, "OpenMetricsText0.0.1"),
    (ScrapeProtocol::OpenMetricsText1_0_0, "OpenMetricsText1.0.0"),
];

const PROTO_MEDIA_TYPE: &str = "application/vnd.google.protobuf";
const PROTO_MESSAGE: &str = "io.prometheus.client.MetricFamily";

impl ScrapeProtocol {
    /// The name in Prometheus' configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(protocol, _)| *protocol == self).map_or("", |(_, name)| name)
    }

    /// The format, whatever its version.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            ScrapeProtocol::PrometheusProto => Format::Protobuf,
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Format::PrometheusText,
            ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => Format::OpenMetrics,
        }
    }

    /// Media type and parameters, as an `Accept` header has them.
    fn asked_for(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
        }
    }

    /// Media type and parameters, as a `Content-Type` header has them.
    fn content_type(self) -> &'static str {
        match self {
            ScrapeProtocol::PrometheusProto => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain; version=0.0.4; charset=utf-8",
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain; version=1.0.0; charset=utf-8",
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text; version=0.0.1; charset=utf-8",
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Only the first versions in which names may be quoted say how they are escaped.
    fn says_escaping(self) -> bool {
        matches!(self, ScrapeProtocol::PrometheusText1_0_0 | ScrapeProtocol::OpenMetricsText1_0_0)
    }
}

impl fmt::Display for ScrapeProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ScrapeProtocol {
    type Err = ();

    /// Knows the names of Prometheus' configuration.
    fn from_str(s: &str) -> Result<Self, ()> {
        NAMES.iter().find(|(_, name)| *name == s).map(|(protocol, _)| *protocol).ok_or(())
    }
}

/// The `Accept` header of a scrape: the protocols with falling weights, and anything at the end.
#[must_use]
pub fn accept_header(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    let mut header = String::new();
    let mut weight = NAMES.len() + 1;
    for protocol in protocols {
        header.push_str(protocol.asked_for());
        if protocol.says_escaping() {
            let _ = write!(header, ";escaping={escaping}");
        }
        let _ = write!(header, ";q=0.{weight},");
        weight = weight.saturating_sub(1);
    }
    let _ = write!(header, "*/*;q=0.{weight}");
    header
}

/// What a server can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// OpenMetrics.
    pub open_metrics: bool,
    /// Delimited messages.
    pub protobuf: bool,
    /// The scheme for clients that do not ask for one.
    pub default_escaping: EscapingScheme,
}

impl Offer {
    /// All formats; names with underscores unless the client asks otherwise.
    pub const ALL: Offer = Offer { open_metrics: true, protobuf: true, default_escaping: EscapingScheme::Underscores };

    /// Text only.
    pub const TEXT: Offer =
        Offer { open_metrics: false, protobuf: false, default_escaping: EscapingScheme::Underscores };
}

/// What a server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// Format and version.
    pub protocol: ScrapeProtocol,
    /// How names are escaped.
    pub escaping: EscapingScheme,
}

impl Negotiated {
    /// The `Content-Type` header.
    #[must_use]
    pub fn content_type(&self) -> String {
        format!("{}; escaping={}", self.protocol.content_type(), self.escaping)
    }
}

/// What to answer a request with this `Accept` header with: by descending weight the first clause that names a format
/// that is offered, as Prometheus' client library does; where none does, text. The escaping scheme is that of the last
/// clause looked at that named one.
#[must_use]
pub fn negotiate(accept: &str, offer: Offer) -> Negotiated {
    let mut escaping = offer.default_escaping;
    for clause in clauses(accept) {
        if let Some(scheme) = clause.parameter("escaping").and_then(|s| s.parse().ok()) {
            escaping = scheme;
        }
        if let Some(protocol) = clause.protocol(offer) {
            return Negotiated { protocol, escaping };
        }
    }
    Negotiated { protocol: ScrapeProtocol::PrometheusText0_0_4, escaping }
}

/// One element of an `Accept` header.
#[derive(Debug)]
struct Clause<'h> {
    media_type: &'h str,
    parameters: Vec<(&'h str, &'h str)>,
    weight: f64,
}

impl<'h> Clause<'h> {
    fn parse(text: &'h str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().filter(|media_type| !media_type.is_empty())?;
        let mut clause = Clause { media_type, parameters: Vec::new(), weight: 1.0 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            match name {
                "q" => clause.weight = value.parse().ok().filter(|q: &f64| q.is_finite()).unwrap_or(1.0),
                _ => clause.parameters.push((name, value)),
            }
        }
        Some(clause)
    }

    fn parameter(&self, name: &str) -> Option<&'h str> {
        self.parameters.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    /// Specific types go before `text/*`, and those before `*/*`.
    fn wildcards(&self) -> usize {
        self.media_type.matches('*').count()
    }

    fn protocol(&self, offer: Offer) -> Option<ScrapeProtocol> {
        let version = self.parameter("version").unwrap_or_default();
        match (self.media_type, version) {
            ("*/*", _) => Some(ScrapeProtocol::PrometheusText0_0_4),
            ("text/plain", "0.0.4" | "") => Some(ScrapeProtocol::PrometheusText0_0_4),
            ("application/openmetrics-text", "1.0.0") if offer.open_metrics => {
                Some(ScrapeProtocol::OpenMetricsText1_0_0)
            }
            ("application/openmetrics-text", "0.0.1" | "") if offer.open_metrics => {
                Some(ScrapeProtocol::OpenMetricsText0_0_1)
            }
            (PROTO_MEDIA_TYPE, _) if offer.protobuf && self.is_delimited_families() => {
                Some(ScrapeProtocol::PrometheusProto)
            }
            _ => None,
        }
    }

    fn is_delimited_families(&self) -> bool {
        self.parameter("proto") == Some(PROTO_MESSAGE) && self.parameter("encoding") == Some("delimited")
    }
}

/// The clauses of a header, the most wanted first.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = accept.split(',').filter_map(Clause::parse).collect();
    clauses.retain(|clause| clause.weight > 0.0);
    clauses.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.wildcards().cmp(&b.wildcards())));
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_header_is_prometheus() {
        assert_eq!(
            accept_header(&DEFAULT_PROTOCOLS, EscapingScheme::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        assert_eq!(
            accept_header(&[ScrapeProtocol::PrometheusProto], EscapingScheme::Dots),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,*/*;q=0.5"
        );
    }

    #[test]
    fn servers_choose_by_weight() {
        use EscapingScheme::{AllowUtf8, Dots, Underscores, Values};
        use ScrapeProtocol::*;
        let default = accept_header(&DEFAULT_PROTOCOLS, AllowUtf8);
        let native = accept_header(&NATIVE_HISTOGRAM_PROTOCOLS, AllowUtf8);
        let proto = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily";
        for (accept, offer, protocol, escaping) in [
            ("", Offer::ALL, PrometheusText0_0_4, Underscores),
            ("*/*", Offer::ALL, PrometheusText0_0_4, Underscores),
            ("text/html", Offer::ALL, PrometheusText0_0_4, Underscores),
            (&default, Offer::ALL, OpenMetricsText1_0_0, AllowUtf8),
            (&default, Offer::TEXT, PrometheusText0_0_4, AllowUtf8),
            (&native, Offer::ALL, PrometheusProto, Underscores),
            (&native, Offer::TEXT, PrometheusText0_0_4, AllowUtf8),
            ("text/plain;version=1.0.0;escaping=values", Offer::ALL, PrometheusText0_0_4, Values),
            ("application/openmetrics-text", Offer::ALL, OpenMetricsText0_0_1, Underscores),
            ("application/openmetrics-text;version=2.0.0", Offer::ALL, PrometheusText0_0_4, Underscores),
            (
                "text/plain;q=0.3, application/openmetrics-text;version=0.0.1;q=0.4;escaping=dots",
                Offer::ALL,
                OpenMetricsText0_0_1,
                Dots,
            ),
            ("*/*, text/plain;q=0.3, application/openmetrics-text", Offer::ALL, OpenMetricsText0_0_1, Underscores),
            ("application/openmetrics-text;escaping=nonsense", Offer::ALL, OpenMetricsText0_0_1, Underscores),
            ("application/openmetrics-text;q=0", Offer::ALL, PrometheusText0_0_4, Underscores),
            (&format!("{proto};encoding=text"), Offer::ALL, PrometheusText0_0_4, Underscores),
            (&format!("{proto};encoding=delimited"), Offer::ALL, PrometheusProto, Underscores),
        ] {
            let chosen = negotiate(accept, offer);
            assert_eq!((chosen.protocol, chosen.escaping), (protocol, escaping), "{accept}");
        }
    }

    #[test]
    fn names_of_protocols() {
        for (protocol, name) in NAMES {
            assert_eq!(name.parse(), Ok(protocol));
            assert_eq!(protocol.to_string(), name);
        }
        assert_eq!("PrometheusText2.0.0".parse::<ScrapeProtocol>(), Err(()));
    }
}
