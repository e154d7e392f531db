//! The work of a fleet in units: some repositories of one registry each, as events of the function.

use serde::{Deserialize, Serialize};

use crate::config::Mode;

/// Repositories of one unit, unless the event says otherwise: a unit should end well within a function's time.
pub const CHUNK: usize = 200;

/// A step of a fleet's run, as the event of a state machine has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "fleet", rename_all = "kebab-case")]
pub enum Step {
    /// Finds all registries and repositories, and writes the units.
    List(List),
    /// Plans or applies one unit.
    Run(Unit),
    /// Makes one report of all units.
    Merge(Merge),
}

/// The first step of a fleet's run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct List {
    /// The id of the run; the function makes one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `plan`, where the function is configured to apply; nothing else is of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Repositories of one unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<usize>,
}

/// Some repositories of one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The id of the run.
    pub id: String,
    /// The number of the unit.
    pub item: String,
    /// The listing that made the unit: a report of an earlier listing under the same id is not of it.
    pub listing: String,
    /// Whether it is planned or applied.
    pub phase: Phase,
    /// The role to assume: one of a `[[target]]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The Region: one of that target.
    pub region: String,
    /// The names of the repositories.
    pub repositories: Vec<String>,
    /// Whether its run will apply what it plans.
    #[serde(default, skip_serializing_if = "is_false")]
    pub will_apply: bool,
    /// The share of `limits.max_deletions` that this unit has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_deletions: Option<u64>,
}

/// The last step of a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The id of the run.
    pub id: String,
    /// The phase that has ended.
    pub phase: Phase,
    /// `plan`, if nothing is to be applied after the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// The phases of a fleet's run: all plans come before the first deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Phase {
    /// Everything is planned.
    Plan,
    /// What was planned, and has a share of the allowance, is done.
    Apply,
}

impl Phase {
    /// The mode of the runs of its units.
    pub fn mode(self) -> Mode {
        match self {
            Self::Plan => Mode::Plan,
            Self::Apply => Mode::Apply,
        }
    }
}

/// Units of these repositories of a registry, `chunk` in each; their numbers go on from `first`.
pub fn units(
    (id, listing): (&str, &str),
    first: usize,
    (role_arn, region): (Option<&str>, &str),
    repositories: &[String],
    chunk: usize,
    will_apply: bool,
) -> Vec<Unit> {
    let unit = |(nth, names): (usize, &[String])| Unit {
        id: id.to_owned(),
        item: format!("{:05}", first + nth),
        listing: listing.to_owned(),
        phase: Phase::Plan,
        role_arn: role_arn.map(str::to_owned),
        region: region.to_owned(),
        repositories: names.to_vec(),
        will_apply,
        max_deletions: None,
    };
    repositories.chunks(chunk.max(1)).enumerate().map(unit).collect()
}

fn is_false(it: &bool) -> bool {
    !it
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_repository_is_in_one_unit_and_a_unit_is_an_event() {
        let names: Vec<String> = (0..5).map(|nth| format!("r{nth}")).collect();
        let units = units(
            ("run-1", "abc"),
            7,
            (Some("arn:aws:iam::222222222222:role/x"), "eu-west-1"),
            &names,
            2,
            false,
        );
        let items: Vec<&str> = units.iter().map(|unit| unit.item.as_str()).collect();
        assert_eq!(items, ["00007", "00008", "00009"]);
        assert_eq!(units.iter().flat_map(|unit| unit.repositories.clone()).collect::<Vec<_>>(), names);
        let event = serde_json::to_value(Step::Run(units[2].clone())).unwrap();
        assert_eq!(
            event,
            json!({"fleet": "run", "id": "run-1", "item": "00009", "listing": "abc", "phase": "plan", "region": "eu-west-1",
                "role_arn": "arn:aws:iam::222222222222:role/x", "repositories": ["r4"]})
        );
        assert_eq!(serde_json::from_value::<Step>(event).unwrap(), Step::Run(units[2].clone()));
        let odd = json!({"fleet": "merge", "id": "a", "phase": "plan", "force": true});
        assert!(serde_json::from_value::<Step>(odd).is_err());
    }
}
