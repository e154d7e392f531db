//! A plan in a file: what it would do, and enough to check each image again before it is done.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Plan, Planned, Ready};
use crate::oci::attestation::Form;
use crate::oci::digest::Digest;
use crate::report::SCHEMA_VERSION;
use crate::report::plan::{Artifact, RepositoryPlan, Step};

/// The content of a plan file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// The registry's id.
    pub registry: Option<String>,
    /// The AWS region.
    pub region: String,
    /// The repositories in which something would be done.
    pub repositories: Vec<SavedRepository>,
    /// [`checksum`] over everything else.
    pub checksum: String,
}

/// One repository in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedRepository {
    /// Its name.
    pub name: String,
    /// Its images of any status when it was planned: a limit is a share of them.
    pub images: u64,
    /// What would be done. Steps that no planner makes (deleting a signature, tagging an index) cannot be written here.
    pub decisions: Vec<Step>,
}

/// A plan file that is not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a plan at all.
    #[error("it is not a plan of this tool: {0}; make one with `ecr-janitor plan --out FILE`")]
    NotAPlan(String),
    /// Made by another version.
    #[error("it has schema version {0}, and this version applies {SCHEMA_VERSION}; make a new plan")]
    Version(u64),
    /// Not as it was written.
    #[error("it was changed after it was made (its checksum does not match); make a new plan")]
    Edited,
    /// Not a step of any planner.
    #[error("it would change {digest}, but {why}: no plan of this tool does that; make a new plan")]
    Impossible {
        /// The image.
        digest: Digest,
        /// What is wrong with that.
        why: &'static str,
    },
    /// Made elsewhere.
    #[error("it was made for {what} {planned}, and this is {here}; apply it there, or make a new plan")]
    Elsewhere {
        /// `registry` or `region`.
        what: &'static str,
        /// The plan's.
        planned: String,
        /// This one.
        here: String,
    },
}

impl SavedPlan {
    /// The file of a plan, stopped by a limit or not: the limits that count are those when it is applied.
    pub fn new(plan: &Plan, region: &str, created_at: Timestamp) -> Self {
        let repositories = plan.plans().filter(|plan| !plan.steps.is_empty()).map(|plan| SavedRepository {
            name: plan.name.clone(),
            images: plan.counts.as_ref().map_or(0, |counts| counts.images),
            decisions: plan.steps.clone(),
        });
        let mut saved = Self {
            schema_version: SCHEMA_VERSION,
            created_at,
            registry: plan.registry.clone(),
            region: region.to_owned(),
            repositories: repositories.collect(),
            checksum: String::new(),
        };
        saved.repositories.sort_by(|a, b| a.name.cmp(&b.name));
        saved.checksum = saved.sum();
        saved
    }

    /// Reads a plan file.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let json: Value = serde_json::from_str(text).map_err(|error| Refused::NotAPlan(error.to_string()))?;
        match json.get("schema_version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(other) => return Err(Refused::Version(other)),
            None => return Err(Refused::NotAPlan("it has no schema_version".into())),
        }
        match json.get("checksum").and_then(Value::as_str) {
            Some(written) if *written == checksum(&json) => {}
            Some(_) => return Err(Refused::Edited),
            None => return Err(Refused::NotAPlan("it has no checksum".into())),
        }
        let saved: Self =
            serde_json::from_value(json).map_err(|error| Refused::NotAPlan(error.to_string()))?;
        saved.repositories.iter().flat_map(|repository| &repository.decisions).try_for_each(check)?;
        Ok(saved)
    }

    /// Refuses a plan of another registry or region. A registry without repositories has no id, and no plan.
    pub fn check_place(&self, registry: Option<&str>, region: &str) -> Result<(), Refused> {
        let elsewhere = |what, planned: &str, here: &str| {
            Err(Refused::Elsewhere { what, planned: planned.to_owned(), here: here.to_owned() })
        };
        if self.region != region {
            return elsewhere("region", &self.region, region);
        }
        match (self.registry.as_deref(), registry) {
            (Some(planned), here) if Some(planned) != here => {
                elsewhere("registry", planned, here.unwrap_or("a registry without repositories"))
            }
            _ => Ok(()),
        }
    }

    /// The plan again, ready for the limits and to be executed.
    pub fn into_repositories(self) -> Vec<Planned> {
        let ready = |SavedRepository { name, decisions, .. }| {
            let plan = RepositoryPlan { name, steps: decisions, ..RepositoryPlan::default() };
            Planned::Ready(Box::new(Ready { plan, manifests: HashMap::new() }))
        };
        self.repositories.into_iter().map(ready).collect()
    }

    fn sum(&self) -> String {
        serde_json::to_value(self).map(|json| checksum(&json)).unwrap_or_default()
    }
}

/// The checksum of a plan file: sha256 over its JSON without white space, with sorted keys and an empty `checksum`.
pub fn checksum(plan: &Value) -> String {
    let mut bare = plan.clone();
    if let Some(checksum) = bare.get_mut("checksum") {
        *checksum = Value::String(String::new());
    }
    bare.sort_all_objects();
    crate::oci::digest::hex(&Sha256::digest(bare.to_string()))
}

/// Refuses what the types still let a file say. A checksum is no signature: whatever a file says, an image with a
/// user's tag is not deleted, and no tag is written but the janitor's, which carries the digest of its image.
fn check(step: &Step) -> Result<(), Refused> {
    let image = step.image();
    let is_own = |tag: &String| tag.contains(&image.digest.short());
    let why = match step {
        _ if !image.tags.iter().all(|tag| form(step).is_some() && is_own(tag)) => Some("it has a user's tag"),
        Step::Tag(tagging) if !is_own(&tagging.new_tag) => Some("the tag does not carry its digest"),
        _ if form(step) == Some(Form::Unread) => Some("nothing proves it"),
        _ => None,
    };
    why.map_or(Ok(()), |why| Err(Refused::Impossible { digest: image.digest, why }))
}

/// The form of the attestation that a step changes.
fn form(step: &Step) -> Option<Form> {
    match step {
        Step::Delete(deletion) => Artifact::from(deletion.target).form(),
        Step::Tag(tagging) => Some(tagging.form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::decision::Decision;
    use crate::testing::decisions::{self, With as _, attestation, digest, image, index};

    fn saved() -> SavedPlan {
        let mut plan = SavedPlan {
            schema_version: SCHEMA_VERSION,
            created_at: Timestamp::UNIX_EPOCH,
            registry: Some("123456789012".into()),
            region: "eu-central-1".into(),
            repositories: vec![SavedRepository { name: "team/api".into(), images: 3, decisions: vec![] }],
            checksum: String::new(),
        };
        plan.checksum = plan.sum();
        plan
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let text = serde_json::to_string_pretty(&saved()).unwrap();
        assert_eq!(SavedPlan::parse(&text), Ok(saved()));
    }

    #[test]
    fn comes_back_with_what_is_to_be_done_and_how_many_images_there_were() {
        let decisions = [index("i"), attestation("a"), attestation("b").kept()];
        let ready = |name, decisions: &[Decision]| {
            let plan = decisions::plan(name, 30, decisions.to_vec());
            Planned::Ready(Box::new(Ready { plan, manifests: HashMap::new() }))
        };
        let repositories =
            vec![ready("z", &decisions), ready("idle", &decisions[2..]), ready("a", &decisions)];
        let registry = Some("123456789012".into());
        let plan = Plan { registry, repositories, ..Plan::default() };
        let text =
            serde_json::to_string(&SavedPlan::new(&plan, "eu-central-1", Timestamp::UNIX_EPOCH)).unwrap();
        let saved = SavedPlan::parse(&text).unwrap();
        assert!(saved.repositories.iter().all(|repository| repository.images == 30));
        let back = saved.into_repositories();
        let names: Vec<&str> = back.iter().map(Planned::name).collect();
        assert_eq!(names, ["a", "z"]);
        for plan in back.iter().filter_map(Planned::plan) {
            assert_eq!((&plan.counts, plan.kept.len()), (&None, 0));
            let steps: Vec<Option<Step>> = decisions[..2].iter().map(decisions::step).collect();
            assert_eq!(plan.steps.iter().cloned().map(Some).collect::<Vec<_>>(), steps);
        }
    }

    #[test]
    fn refuses_what_was_edited_or_is_no_plan() {
        let text = serde_json::to_string(&saved()).unwrap();
        assert_eq!(SavedPlan::parse(&text.replace("team/api", "team/web")), Err(Refused::Edited));
        assert_eq!(SavedPlan::parse(&text.replace("\"images\":3", "\"images\":3000")), Err(Refused::Edited));
        assert_eq!(
            SavedPlan::parse(&text.replace("\"schema_version\":2", "\"schema_version\":1")),
            Err(Refused::Version(1))
        );
        for other in ["", "{}", "[]", "null", "{\"schema_version\":2}", "{\"schema_version\":2,\"x\":2}"] {
            assert!(matches!(SavedPlan::parse(other), Err(Refused::NotAPlan(_))), "{other}");
        }
    }

    /// The answer to a plan file with the right checksum and this step, as it may be written by hand.
    fn parsed(step: serde_json::Value) -> Result<(), Refused> {
        let mut plan = saved();
        let forged: Result<Step, _> = serde_json::from_value(step);
        plan.repositories[0].decisions = vec![forged.map_err(|error| Refused::NotAPlan(error.to_string()))?];
        plan.checksum = plan.sum();
        SavedPlan::parse(&serde_json::to_string(&plan).unwrap()).map(|_| ())
    }

    #[test]
    fn refuses_what_no_planner_would_do_even_with_the_right_checksum() {
        let own = format!("attestation-{}", digest("a").short());
        let bears = |tag: &str| vec![tag.to_owned()];
        let json = |row: &Decision| serde_json::to_value(decisions::step(row)).unwrap();
        for honest in [
            index("i"),
            image("i"),
            attestation("a"),
            attestation("a").with(|it| it.image.tags = bears(&own)),
            attestation("a").to_be_tagged(&own),
        ] {
            assert_eq!(parsed(json(&honest)), Ok(()), "{honest:?}");
        }
        for (forged, why) in [
            (attestation("a").with(|it| it.image.tags = bears("latest")), "it has a user's tag"),
            (index("a").with(|it| it.image.tags = bears(&own)), "it has a user's tag"),
            (image("a").with(|it| it.image.tags = bears("v1")), "it has a user's tag"),
            (attestation("a").to_be_tagged("latest"), "the tag does not carry its digest"),
            (attestation("a").with(|it| it.form = Some(Form::Unread)), "nothing proves it"),
        ] {
            let refused = Err(Refused::Impossible { digest: digest("a"), why });
            assert_eq!(parsed(json(&forged)), refused, "{forged:?}");
        }
    }

    #[test]
    fn steps_that_no_planner_makes_cannot_be_written() {
        let with = |row: Decision, key: &str, value: serde_json::Value| {
            let mut step = serde_json::to_value(decisions::step(&row)).unwrap();
            step[key] = value;
            parsed(step)
        };
        for (row, key, value) in [
            (index("a"), "kind", "unknown"),
            (index("a"), "kind", "suspect"),
            (index("a"), "action", "keep"),
            (index("a"), "action", "tag"),
            (image("a"), "kind", "attestation"),
            (attestation("a"), "form", "none"),
            (attestation("a"), "state", "unknown"),
            (attestation("a"), "action", "tag"),
        ] {
            let refused = with(row, key, value.into());
            assert!(matches!(refused, Err(Refused::NotAPlan(_))), "{key} = {value}: {refused:?}");
        }
    }

    #[test]
    fn refuses_another_place() {
        let plan = saved();
        assert_eq!(plan.check_place(Some("123456789012"), "eu-central-1"), Ok(()));
        for (registry, region) in [
            (Some("210987654321"), "eu-central-1"),
            (None, "eu-central-1"),
            (Some("123456789012"), "us-east-1"),
        ] {
            assert!(matches!(plan.check_place(registry, region), Err(Refused::Elsewhere { .. })));
        }
    }
}
