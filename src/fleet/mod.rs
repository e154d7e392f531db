//! Several registries in one run: which there are, how they are reached, and how one allowance is divided among them.

pub mod allowance;
pub mod ledger;
mod organization;
pub mod places;
pub mod registries;
pub mod unit;
