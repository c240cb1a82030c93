//! Pages of rule groups.

use crate::error::{ApiError, ParameterError};
use crate::parameter::parse_integer;
use crate::request::ApiRequest;
use crate::view::RuleGroupView;
use sha2::{Digest, Sha256};

/// Which page is wanted.
pub(super) struct PageRequest<'r> {
    /// Groups on a page; `None` is all on one.
    size: Option<usize>,
    /// The token of the first group.
    first: Option<&'r str>,
}

/// A page.
pub(super) struct Page {
    /// Its groups.
    pub(super) groups: Vec<RuleGroupView>,
    /// Where the next one starts.
    pub(super) next_token: Option<String>,
}

impl<'r> PageRequest<'r> {
    pub(super) fn of(request: &'r ApiRequest) -> Result<Self, ApiError> {
        let first = request.given("group_next_token");
        let Some(text) = request.given("group_limit") else {
            return match first {
                Some(_) => Err(ParameterError::GroupLimitMissing.named("group_next_token")),
                None => Ok(PageRequest { size: None, first: None }),
            };
        };
        let size = parse_integer(text, "ParseInt", 32)
            .map_err(|e| ParameterError::GroupLimit(Box::new(e)).named("group_limit"))?;
        let size = usize::try_from(size).ok().filter(|size| *size > 0);
        let size = size.ok_or_else(|| ParameterError::GroupLimitNotPositive.named("group_limit"))?;
        Ok(PageRequest { size: Some(size), first })
    }

    /// Cuts the page out of the sorted groups. `keep` filters a group, and says whether it is still worth showing: only
    /// such groups fill a page.
    pub(super) fn cut(
        &self,
        groups: Vec<RuleGroupView>,
        keep: impl Fn(&mut RuleGroupView) -> bool,
    ) -> Result<Page, ApiError> {
        let start = self.start(&groups)?;
        let mut page = Page { groups: Vec::new(), next_token: None };
        for mut group in groups.into_iter().skip(start) {
            if !keep(&mut group) {
                continue;
            }
            if self.size.is_some_and(|size| page.groups.len() == size) {
                page.next_token = Some(token_of(&group));
                break;
            }
            page.groups.push(group);
        }
        Ok(page)
    }

    fn start(&self, groups: &[RuleGroupView]) -> Result<usize, ApiError> {
        let Some(token) = self.first else { return Ok(0) };
        let gone = || ParameterError::GroupNextToken { token: token.to_owned() }.named("group_next_token");
        groups.iter().position(|group| token_of(group) == token).ok_or_else(gone)
    }
}

/// The token of a page that starts with this group.
fn token_of(group: &RuleGroupView) -> String {
    let digest = Sha256::digest(format!("{};{}", group.file, group.name));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
