//! A plan in a file: what it would do, and enough to check each image again before it is done.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Plan, Planned, ReadTime, Ready};
use crate::config::Config;
use crate::oci::attestation::Form;
use crate::oci::digest::Digest;
use crate::report::SCHEMA_VERSION;
use crate::report::plan::{Artifact, RepositoryPlan, Step};

/// The age from which a plan is too old to be applied, unless somebody asks for another.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Clocks differ: a plan may seem to be made a little later than now.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The content of a plan file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// When it was made: ages are counted from here, and nothing in it was read before.
    #[cfg_attr(test, schemars(with = "crate::oci::schema::Time"))]
    pub created_at: Timestamp,
    /// When the last of it was read.
    #[cfg_attr(test, schemars(with = "crate::oci::schema::Time"))]
    pub read_until: Timestamp,
    /// The registry's id, 12 digits. Empty for one without repositories, which nobody can know.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// The repositories in which something would be done.
    pub repositories: Vec<SavedRepository>,
    /// [`checksum`] over everything else.
    pub checksum: String,
}

/// One repository in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SavedRepository {
    /// Its name.
    pub name: String,
    /// Its platform images when it was planned: a limit is a share of them.
    pub platform_images: u64,
    /// Its images that were in use when it was planned: what is in use beside them began to run since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_use: Vec<Digest>,
    /// What would be done. Steps that no planner makes (deleting a signature, tagging an index) cannot be written here.
    pub decisions: Vec<Step>,
}

impl SavedRepository {
    /// The repository as it was planned, ready for the limits and to be executed.
    pub fn into_ready(self) -> Ready {
        let Self { name, platform_images, in_use, decisions: steps } = self;
        let plan = RepositoryPlan { name, platform_images, in_use, steps, ..RepositoryPlan::default() };
        Ready { plan, ..Ready::default() }
    }
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
    /// Naming something twice.
    #[error("it names {0} twice: no plan of this tool does that; make a new plan")]
    Twice(String),
    /// Without the account it was made for.
    #[error("it does not say for which account it was made (\"account\": {0:?}); make a new plan")]
    NoAccount(String),
    /// Made too long ago.
    #[error("it was made at {created_at:.0}, more than {max_days} days ago; make a new plan")]
    TooOld {
        /// When it was made.
        created_at: Timestamp,
        /// The age from which plans are too old, in days.
        max_days: i64,
    },
    /// Made later than now.
    #[error("it was made at {0:.0}, which is not yet; check the clock of this machine, or make a new plan")]
    FromTheFuture(Timestamp),
    /// Made elsewhere.
    #[error("it was made for {what} {planned}, and this is {here}; apply it there, or make a new plan")]
    Elsewhere {
        /// `account` or `Region`.
        what: &'static str,
        /// The plan's.
        planned: String,
        /// This one.
        here: String,
    },
}

impl SavedPlan {
    /// The file of a plan, stopped by a limit or not: the limits that count are those when it is applied.
    pub fn new(plan: &Plan, region: &str) -> Self {
        let repositories = plan.plans().filter(|plan| !plan.steps.is_empty()).map(|plan| SavedRepository {
            name: plan.name.clone(),
            platform_images: plan.platform_images,
            in_use: plan.in_use.clone(),
            decisions: plan.steps.clone(),
        });
        let mut saved = Self {
            schema_version: SCHEMA_VERSION,
            created_at: plan.read.from,
            read_until: plan.read.until,
            account: plan.registry.clone().unwrap_or_default(),
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
        saved.check_account()?;
        saved.check_names()?;
        saved.repositories.iter().flat_map(|repository| &repository.decisions).try_for_each(check)?;
        Ok(saved)
    }

    fn check_account(&self) -> Result<(), Refused> {
        let is_id = self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit());
        let is_for_nothing = self.account.is_empty() && self.repositories.is_empty();
        if is_id || is_for_nothing { Ok(()) } else { Err(Refused::NoAccount(self.account.clone())) }
    }

    fn check_names(&self) -> Result<(), Refused> {
        let mut names = HashSet::new();
        for SavedRepository { name, decisions, .. } in &self.repositories {
            let mut digests = HashSet::new();
            let again =
                decisions.iter().map(|step| step.image().digest).find(|digest| !digests.insert(*digest));
            if let Some(digest) = again {
                return Err(Refused::Twice(format!("{name}@{digest}")));
            }
            if !names.insert(name) {
                return Err(Refused::Twice(format!("the repository {name:?}")));
            }
        }
        Ok(())
    }

    /// Refuses a plan that is too old, or made later than now.
    pub fn check_age(&self, now: Timestamp, max_age: SignedDuration) -> Result<(), Refused> {
        let age = now.duration_since(self.created_at);
        if age < -CLOCK_TOLERANCE || self.read_until.duration_since(now) > CLOCK_TOLERANCE {
            Err(Refused::FromTheFuture(self.created_at.max(self.read_until)))
        } else if age > max_age {
            Err(Refused::TooOld { created_at: self.created_at, max_days: max_age.as_hours() / 24 })
        } else {
            Ok(())
        }
    }

    /// Refuses a plan that takes for the janitor's own what the templates in force would not have written.
    pub fn check_tags(&self, config: &Config) -> Result<(), Refused> {
        for repository in &self.repositories {
            let template = config.policy_of(&repository.name).tag_template;
            for step in &repository.decisions {
                let digest = step.image().digest;
                let is_own = |tag: &String| template.is_own(tag, digest);
                let why = match step {
                    _ if !step.image().tags.iter().all(is_own) => {
                        "it has a tag that tag_template does not make"
                    }
                    Step::Tag(tagging) if !is_own(&tagging.new_tag) => "tag_template does not make its tag",
                    _ => continue,
                };
                return Err(Refused::Impossible { digest, why });
            }
        }
        Ok(())
    }

    /// When its facts were read.
    pub fn read_time(&self) -> ReadTime {
        ReadTime { from: self.created_at, until: self.read_until }
    }

    /// Refuses a plan of another account or region.
    pub fn check_place(&self, account: Option<&str>, region: &str) -> Result<(), Refused> {
        let elsewhere = |what, planned: &str, here: &str| {
            Err(Refused::Elsewhere { what, planned: planned.to_owned(), here: here.to_owned() })
        };
        if self.region != region {
            return elsewhere("Region", &self.region, region);
        }
        match account {
            Some(account) if account == self.account => Ok(()),
            None if self.account.is_empty() => Ok(()),
            here => elsewhere("account", &self.account, here.unwrap_or("a registry without repositories")),
        }
    }

    /// The plan again, as it was, ready for the limits and to be executed.
    pub fn into_repositories(self) -> Vec<Planned> {
        let ready = |repository: SavedRepository| Planned::Ready(Box::new(repository.into_ready()));
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
    use crate::report::testing::decisions::{self, With as _, attestation, digest, image, index, time};

    fn saved() -> SavedPlan {
        let mut plan = SavedPlan {
            schema_version: SCHEMA_VERSION,
            created_at: time(0),
            read_until: time(60),
            account: "123456789012".into(),
            region: "eu-central-1".into(),
            repositories: vec![SavedRepository {
                name: "team/api".into(),
                platform_images: 3,
                in_use: vec![digest("running")],
                decisions: vec![],
            }],
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
    fn comes_back_with_what_is_to_be_done_and_how_many_platform_images_there_were() {
        let decisions = [index("i"), attestation("a"), attestation("b").kept()];
        let ready = |name, decisions: &[Decision]| {
            let mut plan = decisions::plan(name, 30, decisions.to_vec());
            plan.platform_images = 7;
            Planned::Ready(Box::new(Ready { plan, ..Ready::default() }))
        };
        let repositories =
            vec![ready("z", &decisions), ready("idle", &decisions[2..]), ready("a", &decisions)];
        let registry = Some("123456789012".into());
        let read = ReadTime { from: time(0), until: time(9) };
        let plan = Plan { registry, read, repositories, ..Plan::default() };
        let text = serde_json::to_string(&SavedPlan::new(&plan, "eu-central-1")).unwrap();
        let saved = SavedPlan::parse(&text).unwrap();
        assert_eq!((saved.read_time().from, saved.read_time().until), (time(0), time(9)));
        let back = saved.into_repositories();
        let names: Vec<&str> = back.iter().map(Planned::name).collect();
        assert_eq!(names, ["a", "z"]);
        for plan in back.iter().filter_map(Planned::plan) {
            assert_eq!((plan.platform_images, &plan.counts, plan.kept.len()), (7, &None, 0));
            let steps: Vec<Option<Step>> = decisions[..2].iter().map(decisions::step).collect();
            assert_eq!(plan.steps.iter().cloned().map(Some).collect::<Vec<_>>(), steps);
        }
    }

    #[test]
    fn refuses_what_was_edited_or_is_no_plan() {
        let text = serde_json::to_string(&saved()).unwrap();
        assert_eq!(SavedPlan::parse(&text.replace("team/api", "team/web")), Err(Refused::Edited));
        assert_eq!(SavedPlan::parse(&text.replace("images\":3", "images\":3000")), Err(Refused::Edited));
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
    fn refuses_a_plan_that_is_too_old_or_from_the_future() {
        let plan = saved();
        let day = 24 * 3600;
        for (now, max_age, is_fine) in [
            (60, MAX_AGE, true),
            (7 * day, MAX_AGE, true),
            (7 * day + 1, MAX_AGE, false),
            (7 * day + 1, SignedDuration::from_hours(8 * 24), true),
            (1, SignedDuration::ZERO, false),
            (-240, MAX_AGE, true),
            (-241, MAX_AGE, false),
            (i64::from(i32::MAX), MAX_AGE, false),
        ] {
            assert_eq!(plan.check_age(time(now), max_age).is_ok(), is_fine, "{now}");
        }
        let told = plan.check_age(time(30 * day), MAX_AGE).unwrap_err().to_string();
        assert!(told.contains("2023-11-14T22:13:20Z, more than 7 days ago"), "{told}");
        let odd = SavedPlan { created_at: time(9000), read_until: time(0), ..saved() };
        assert!(matches!(odd.check_age(time(60), MAX_AGE), Err(Refused::FromTheFuture(_))));
    }

    /// The answer to a plan file with the right checksum after this change.
    fn changed(change: impl FnOnce(&mut Value)) -> Result<SavedPlan, Refused> {
        let mut json = serde_json::to_value(saved()).unwrap();
        change(&mut json);
        json["checksum"] = checksum(&json).into();
        SavedPlan::parse(&json.to_string())
    }

    #[test]
    fn refuses_a_plan_without_its_account() {
        for account in [Value::Null, 123_456_789_012_u64.into()] {
            let refused = changed(|plan| plan["account"] = account.clone());
            assert!(matches!(refused, Err(Refused::NotAPlan(_))), "{account}");
        }
        let absent = changed(|plan| drop(plan.as_object_mut().unwrap().remove("account")));
        assert!(matches!(absent, Err(Refused::NotAPlan(_))));
        for account in ["", "1", "12345678901x"] {
            let refused = changed(|plan| plan["account"] = account.into());
            assert_eq!(refused, Err(Refused::NoAccount(account.into())));
        }
        let empty =
            changed(|plan| (plan["account"], plan["repositories"]) = ("".into(), Value::Array(vec![])));
        assert_eq!(empty.unwrap().check_place(None, "eu-central-1"), Ok(()));
    }

    #[test]
    fn refuses_what_is_named_twice() {
        let step = serde_json::to_value(decisions::step(&attestation("a"))).unwrap();
        let steps = |count: usize| Value::Array(vec![step.clone(); count]);
        assert!(changed(|plan| plan["repositories"][0]["decisions"] = steps(1)).is_ok());
        let refused = changed(|plan| plan["repositories"][0]["decisions"] = steps(2));
        assert_eq!(refused, Err(Refused::Twice(format!("team/api@{}", digest("a")))));
        let refused = changed(|plan| {
            let again = plan["repositories"][0].clone();
            plan["repositories"].as_array_mut().unwrap().push(again);
        });
        assert_eq!(refused, Err(Refused::Twice("the repository \"team/api\"".into())));
    }

    #[test]
    fn a_tag_that_merely_contains_the_digest_is_a_users() {
        let own = format!("attestation-linux-amd64-{}", digest("a").short());
        let own = own.as_str();
        let users = format!("release-{}", digest("a").short());
        let check = |row: Decision| {
            let mut plan = saved();
            plan.repositories[0].decisions = vec![decisions::step(&row).unwrap()];
            plan.check_tags(&Config::default()).is_ok()
        };
        let bears = |tag: &str| attestation("a").with(|it| it.image.tags = vec![tag.to_owned()]);
        assert!(check(bears(own)) && check(attestation("a").to_be_tagged(own)) && check(attestation("a")));
        assert!(!check(bears(&users)) && !check(attestation("a").to_be_tagged(&users)));
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
