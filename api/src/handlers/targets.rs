//! `/targets`.

use std::collections::{BTreeMap, BTreeSet};

use promethium_model::{Annotations, duration};

use super::Context;
use crate::error::ApiError;
use crate::json::{Object, push_array, push_integer, push_string};
use crate::request::ApiRequest;
use crate::view::{DroppedTargetView, TargetView, TargetsView};

/// Which targets are wanted.
struct Wanted<'r> {
    active: bool,
    dropped: bool,
    pool: Option<&'r str>,
}

impl<'r> Wanted<'r> {
    /// Of `state` and `scrapePool`; an unknown state wants nothing.
    fn of(request: &'r ApiRequest) -> Self {
        let state = request.first("state").unwrap_or_default().to_lowercase();
        let any = matches!(state.as_str(), "" | "any");
        Wanted {
            active: any || state == "active",
            dropped: any || state == "dropped",
            pool: request.given("scrapePool"),
        }
    }

    fn pool(&self, name: &str) -> bool {
        self.pool.is_none_or(|wanted| wanted == name)
    }
}

/// The targets of all pools, sorted by pool.
pub(crate) fn targets(context: &Context<'_>, request: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let wanted = Wanted::of(request);
    let TargetsView { mut active, mut dropped, dropped_counts } = context.host.targets();
    active.retain(|target| wanted.active && wanted.pool(&target.scrape_pool));
    dropped.retain(|target| wanted.dropped && wanted.pool(&target.scrape_pool));
    active.sort_by(|a, b| a.scrape_pool.cmp(&b.scrape_pool));
    dropped.sort_by(|a, b| a.scrape_pool.cmp(&b.scrape_pool));
    let mut object = Object::open(data);
    push_array(object.key("activeTargets"), &active, push_active);
    push_array(object.key("droppedTargets"), &dropped, push_dropped);
    push_counts(object.key("droppedTargetCounts"), wanted.dropped.then_some(dropped_counts));
    object.close();
    Ok(Annotations::new())
}

/// The names of the pools that have targets, or had some that were dropped.
pub(crate) fn scrape_pools(context: &Context<'_>, _: &ApiRequest, data: &mut String) -> Result<Annotations, ApiError> {
    let TargetsView { active, dropped, dropped_counts } = context.host.targets();
    let pools: BTreeSet<String> = active
        .into_iter()
        .map(|target| target.scrape_pool)
        .chain(dropped.into_iter().map(|target| target.scrape_pool))
        .chain(dropped_counts.into_iter().map(|(pool, _)| pool))
        .collect();
    let mut object = Object::open(data);
    push_array(object.key("scrapePools"), &pools, |out, pool| push_string(out, pool));
    object.close();
    Ok(Annotations::new())
}

fn push_active(out: &mut String, target: &TargetView) {
    let mut object = Object::open(out);
    object.labels("discoveredLabels", &target.discovered_labels);
    object.labels("labels", &target.labels);
    object.string("scrapePool", &target.scrape_pool);
    object.string("scrapeUrl", &target.scrape_url);
    object.string("globalUrl", &target.global_url);
    object.string("lastError", &target.last_error);
    object.time("lastScrape", target.last_scrape_ms);
    object.seconds("lastScrapeDuration", target.last_scrape_duration);
    object.string("health", target.health.as_str());
    object.string("scrapeInterval", &duration::format_ms(target.scrape_interval_ms));
    object.string("scrapeTimeout", &duration::format_ms(target.scrape_timeout_ms));
    object.close();
}

fn push_dropped(out: &mut String, target: &DroppedTargetView) {
    let mut object = Object::open(out);
    object.labels("discoveredLabels", &target.discovered_labels);
    object.string("scrapePool", &target.scrape_pool);
    object.close();
}

/// `null` where dropped targets are not wanted.
fn push_counts(out: &mut String, counts: Option<Vec<(String, u64)>>) {
    let Some(counts) = counts else { return out.push_str("null") };
    let sorted: BTreeMap<String, u64> = counts.into_iter().collect();
    let mut object = Object::open(out);
    for (pool, count) in &sorted {
        push_integer(object.any_key(pool), *count);
    }
    object.close();
}
