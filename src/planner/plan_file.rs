//! A plan in a file: what it would do, and enough to check each image again before it is done.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Plan, Planned};
use crate::config::policy::Action;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::report::decision::{Decision, Outcome};
use crate::report::{Counts, RepositoryReport, SCHEMA_VERSION, Status};

/// The file's content.
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
    /// sha256 over everything else.
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
    /// What would be done.
    pub decisions: Vec<Decision>,
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
    /// Not what a plan can say.
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
    /// What a plan would do, stopped by a limit or not: the limits that count are those when it is applied.
    pub fn new(plan: &Plan, region: &str, created_at: Timestamp) -> Self {
        let repositories = plan.repositories.iter().map(|planned| SavedRepository {
            name: planned.report.name.clone(),
            images: planned.report.counts.images,
            decisions: planned.report.decisions.iter().filter(|d| is_pending(d)).map(as_planned).collect(),
        });
        let mut saved = Self {
            schema_version: SCHEMA_VERSION,
            created_at,
            registry: plan.registry.clone(),
            region: region.to_owned(),
            repositories: repositories.filter(|repository| !repository.decisions.is_empty()).collect(),
            checksum: String::new(),
        };
        saved.repositories.sort_by(|a, b| a.name.cmp(&b.name));
        saved.checksum = saved.sum();
        saved
    }

    /// Reads a plan file.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let json: serde_json::Value =
            serde_json::from_str(text).map_err(|error| Refused::NotAPlan(error.to_string()))?;
        match json.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(other) => return Err(Refused::Version(other)),
            None => return Err(Refused::NotAPlan("it has no schema_version".into())),
        }
        let saved: Self =
            serde_json::from_value(json).map_err(|error| Refused::NotAPlan(error.to_string()))?;
        if saved.checksum != saved.sum() {
            return Err(Refused::Edited);
        }
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

    /// The plan again, ready for the limits and for apply.
    pub fn into_repositories(self) -> Vec<Planned> {
        let planned = |repository: SavedRepository| {
            let mut report = RepositoryReport {
                name: repository.name,
                status: Status::Done,
                reason: None,
                detail: None,
                counts: Counts { images: repository.images, ..Counts::default() },
                referrer_pressure: None,
                decisions: repository.decisions,
            };
            report.count_outcomes();
            Planned { report, manifests: HashMap::new() }
        };
        self.repositories.into_iter().map(planned).collect()
    }

    fn sum(&self) -> String {
        let bare = Self { checksum: String::new(), ..self.clone() };
        let bytes = serde_json::to_vec(&bare).unwrap_or_default();
        crate::oci::digest::hex(&Sha256::digest(bytes))
    }
}

/// A checksum is no signature. Whatever a file says, nothing is done by it that no planner would: an image that somebody
/// tagged is not deleted, and no tag is written but the janitor's, which carries the digest of its image.
fn check(decision: &Decision) -> Result<(), Refused> {
    let is_own = |tag: &String| tag.contains(&decision.digest.short());
    let is_attestation = decision.kind == Kind::Attestation;
    let why = match decision.action {
        _ if decision.outcome != Outcome::Planned => Some("that is not planned"),
        Action::Keep => Some("that is nothing to do"),
        _ if !decision.tags.iter().all(|tag| is_attestation && is_own(tag)) => Some("others tagged it"),
        Action::Delete if is_attestation || matches!(decision.kind, Kind::Index | Kind::Image) => None,
        Action::Tag if !is_attestation => Some("it is no attestation"),
        Action::Tag if decision.new_tag.as_ref().is_some_and(is_own) => None,
        Action::Tag => Some("the tag does not carry its digest"),
        Action::Delete => Some("it is of a kind that is never deleted"),
    };
    why.map_or(Ok(()), |why| Err(Refused::Impossible { digest: decision.digest, why }))
}

fn is_pending(decision: &Decision) -> bool {
    matches!(decision.outcome, Outcome::Planned | Outcome::LimitReached)
}

fn as_planned(decision: &Decision) -> Decision {
    Decision { outcome: Outcome::Planned, ..decision.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::decisions::{Said as _, attestation, digest, image, index, repository};

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
        let decisions = [
            index("i"),
            attestation("a").came_out(Outcome::LimitReached),
            attestation("b").kept(),
            attestation("c").came_out(Outcome::Failed),
        ];
        let report = |name, decisions: &[Decision]| Planned {
            report: repository(name, 30, decisions.to_vec()),
            manifests: HashMap::new(),
        };
        let repositories =
            vec![report("z", &decisions), report("idle", &decisions[2..]), report("a", &decisions)];
        let plan = Plan { registry: Some("123456789012".into()), repositories, tripped: Vec::new() };
        let text =
            serde_json::to_string(&SavedPlan::new(&plan, "eu-central-1", Timestamp::UNIX_EPOCH)).unwrap();
        let back = SavedPlan::parse(&text).unwrap().into_repositories();
        let names: Vec<&str> = back.iter().map(|planned| planned.report.name.as_str()).collect();
        assert_eq!(names, ["a", "z"]);
        for Planned { report, manifests } in back {
            assert_eq!((report.counts.images, report.counts.planned, manifests.len()), (30, 2, 0));
            let digests: Vec<Digest> = report.decisions.iter().map(|decision| decision.digest).collect();
            assert_eq!(digests, [digest("i"), digest("a")]);
            assert!(report.decisions.iter().all(|decision| decision.outcome == Outcome::Planned));
        }
    }

    #[test]
    fn refuses_what_was_edited_or_is_no_plan() {
        let text = serde_json::to_string(&saved()).unwrap();
        assert_eq!(SavedPlan::parse(&text.replace("team/api", "team/web")), Err(Refused::Edited));
        assert_eq!(SavedPlan::parse(&text.replace("\"images\":3", "\"images\":3000")), Err(Refused::Edited));
        assert_eq!(
            SavedPlan::parse(&text.replace("\"schema_version\":1", "\"schema_version\":2")),
            Err(Refused::Version(2))
        );
        for other in ["", "{}", "[]", "null", "{\"schema_version\":1}", "{\"schema_version\":1,\"x\":2}"] {
            assert!(matches!(SavedPlan::parse(other), Err(Refused::NotAPlan(_))), "{other}");
        }
    }

    #[test]
    fn refuses_what_no_planner_would_do_even_with_the_right_checksum() {
        let parse = |decision: Decision| {
            let mut plan = saved();
            plan.repositories[0].decisions = vec![decision];
            plan.checksum = plan.sum();
            SavedPlan::parse(&serde_json::to_string(&plan).unwrap()).map(|_| ())
        };
        let own = format!("attestation-{}", digest("a").short());
        let bears = |tag: &str| vec![tag.to_owned()];
        for honest in [
            index("i"),
            image("i"),
            attestation("a"),
            attestation("a").said(|it| it.tags = bears(&own)),
            attestation("a").to_be_tagged(&own),
        ] {
            assert_eq!(parse(honest.clone()), Ok(()), "{honest:?}");
        }
        for (forged, why) in [
            (attestation("a").said(|it| it.tags = bears("latest")), "others tagged it"),
            (index("a").said(|it| it.tags = bears(&own)), "others tagged it"),
            (image("a").said(|it| it.tags = bears("v1")), "others tagged it"),
            (attestation("a").to_be_tagged("latest"), "the tag does not carry its digest"),
            (attestation("a").said(|it| it.action = Action::Tag), "the tag does not carry its digest"),
            (image("a").to_be_tagged(&own), "it is no attestation"),
            (image("a").said(|it| it.kind = Kind::Signature), "it is of a kind that is never deleted"),
            (attestation("a").said(|it| it.kind = Kind::Suspect), "it is of a kind that is never deleted"),
            (attestation("a").kept(), "that is not planned"),
            (attestation("a").said(|it| it.action = Action::Keep), "that is nothing to do"),
            (attestation("a").came_out(Outcome::Deleted), "that is not planned"),
        ] {
            assert_eq!(
                parse(forged.clone()),
                Err(Refused::Impossible { digest: digest("a"), why }),
                "{forged:?}"
            );
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
