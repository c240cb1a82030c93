//! Whole numbers and bools with Go's error texts, and `limit`.

use crate::error::{ApiError, ParameterError};
use crate::request::ApiRequest;

/// Reads a whole number of `bits` bits (32 or 64) as Go's `strconv` does: a sign, then decimal digits.
pub(crate) fn parse_integer(text: &str, function: &'static str, bits: u32) -> Result<i64, ParameterError> {
    let refused = |reason| ParameterError::Conversion { function, text: text.to_owned(), reason };
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refused("invalid syntax"));
    }
    let in_range = |n: &i64| bits >= 64 || i32::try_from(*n).is_ok();
    text.parse().ok().filter(in_range).ok_or_else(|| refused("value out of range"))
}

/// Reads a bool as Go's `strconv` does.
pub(crate) fn parse_bool(text: &str) -> Result<bool, ParameterError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(ParameterError::Conversion { function: "ParseBool", text: text.to_owned(), reason: "invalid syntax" }),
    }
}

/// At most so many results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(Option<usize>);

impl Limit {
    /// Of the parameter `limit`; absent and 0 mean all.
    pub(crate) fn of(request: &ApiRequest) -> Result<Limit, ApiError> {
        let Some(text) = request.given("limit") else { return Ok(Limit(None)) };
        let parsed = parse_integer(text, "Atoi", 64).map_err(|e| e.named("limit"))?;
        match usize::try_from(parsed) {
            Ok(0) => Ok(Limit(None)),
            Ok(n) => Ok(Limit(Some(n))),
            Err(_) => Err(ParameterError::NegativeLimit.named("limit")),
        }
    }

    /// What to ask a store for: one more, so that truncation shows; 0 asks for all.
    pub(crate) fn hint(self) -> usize {
        self.0.map_or(0, |n| n.saturating_add(1))
    }

    /// Cuts `items` and says whether anything was cut.
    pub(crate) fn truncate<T>(self, items: &mut Vec<T>) -> bool {
        match self.0 {
            Some(n) if items.len() > n => {
                items.truncate(n);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Method;

    #[test]
    fn integers_and_their_errors() {
        assert_eq!(parse_integer("+12", "Atoi", 64).unwrap(), 12);
        assert_eq!(parse_integer("-9223372036854775808", "Atoi", 64).unwrap(), i64::MIN);
        for (text, bits, message) in [
            ("x", 64, "strconv.Atoi: parsing \"x\": invalid syntax"),
            ("", 64, "strconv.Atoi: parsing \"\": invalid syntax"),
            ("1_0", 64, "strconv.Atoi: parsing \"1_0\": invalid syntax"),
            ("+-1", 64, "strconv.Atoi: parsing \"+-1\": invalid syntax"),
            ("9223372036854775808", 64, "strconv.Atoi: parsing \"9223372036854775808\": value out of range"),
            ("2147483648", 32, "strconv.Atoi: parsing \"2147483648\": value out of range"),
        ] {
            assert_eq!(parse_integer(text, "Atoi", bits).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn limits_cut_what_is_over_them() {
        let limit = |text: &str| Limit::of(&ApiRequest::new(Method::Get, &format!("/?limit={text}")));
        let mut items = vec![1, 2, 3];
        assert!(!limit("3").unwrap().truncate(&mut items));
        assert!(!limit("0").unwrap().truncate(&mut items));
        assert!(!limit("").unwrap().truncate(&mut items));
        assert!(limit("2").unwrap().truncate(&mut items));
        assert_eq!(items, [1, 2]);
        assert_eq!((limit("2").unwrap().hint(), limit("0").unwrap().hint()), (3, 0));
        assert_eq!(limit("-1").unwrap_err().to_string(), "invalid parameter \"limit\": limit must be non-negative");
    }
}
