//! In what the text formats differ where they share a scan.

use super::cursor::{Cursor, QuoteRules};
use super::diagnosis::Diagnosis;
use crate::error::DecodeError;

/// What a lexer expects next; it decides which token it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    LineStart,
    MetadataName,
    Labels,
    LabelValue,
    Value,
    Timestamp,
}

/// One format's rules for what stands in braces.
pub(crate) trait Grammar {
    /// Blanks and tabs may stand between tokens.
    const BLANKS: bool;
    /// Between two labels there must be a comma.
    const COMMAS: bool;
    /// What may stand in the quotes of a label value.
    const LABEL_VALUE: QuoteRules;
    /// What may stand in the quotes of a name.
    const QUOTED_NAME: QuoteRules;

    /// `expected …, got …`: the token at `at` is not what was wanted.
    fn unexpected(diagnosis: Diagnosis<'_>, expected: &str, context: Context, at: usize) -> DecodeError;

    #[inline(always)]
    fn skip_blanks(cursor: &mut Cursor<'_>) {
        if Self::BLANKS {
            cursor.skip_blanks();
        }
    }
}
