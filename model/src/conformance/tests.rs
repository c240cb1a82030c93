//! The suites pass on the model store, and each check fails on a store that breaks its rule.

use super::*;
use crate::memstore::MemStore;

#[test]
fn the_model_store_conforms() {
    appendable(MemStore::new, Keeps::default()).assert_passed();
}

#[test]
fn the_reading_suite_runs_alone() {
    let load = |data: &Dataset| {
        let store = MemStore::new();
        data.append_to(&store).map(|()| store).expect("the dataset is appendable")
    };
    queryable(load).assert_passed();
}
