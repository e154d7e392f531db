//! Seeding a registry from TOML.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use super::SeedError;
use super::document::{Build, Document, Image, Kind, Replication, Repository};
use crate::artifacts;
use crate::buildx;
use crate::emulator::Emulator;
use crate::error::ApiError;
use crate::state::Status;

const DAY_MS: f64 = 86_400_000.0;

/// Creates the repositories that a TOML text describes, with their images; `docs/SEEDS.md` has the members.
///
/// Of each repository come first the builds and then the images, in the order they are written. What is there already
/// stays.
///
/// Times are counted back from the registry's clock, which is set to each of them meanwhile.
pub fn from_toml(emulator: &Emulator, toml_text: &str) -> Result<(), SeedError> {
    let document: Document = toml::from_str(toml_text).map_err(|error| SeedError::Toml(error.to_string()))?;
    let clock = SeedClock::new(emulator);
    replicate(emulator, &document.replication)?;
    document
        .repository
        .iter()
        .try_for_each(|repository| RepositorySeeder::begin(&clock, repository)?.fill(repository))
}

fn replicate(emulator: &Emulator, rules: &[Replication]) -> Result<(), SeedError> {
    if rules.is_empty() {
        return Ok(());
    }
    let account = emulator.state().home.account.clone();
    let rules: Vec<Value> = rules.iter().map(|rule| replication_rule(rule, &account)).collect();
    let request = json!({ "replicationConfiguration": { "rules": rules } });
    emulator.call("PutReplicationConfiguration", request)?;
    Ok(())
}

fn replication_rule(rule: &Replication, home: &str) -> Value {
    let destination = |to: &String| {
        let (region, account) = to.split_once('/').unwrap_or((to, home));
        json!({ "region": region, "registryId": account })
    };
    let filter = |prefix: &String| json!({ "filter": prefix, "filterType": "PREFIX_MATCH" });
    let filters: Vec<Value> = rule.prefixes.iter().map(filter).collect();
    json!({
        "destinations": rule.to.iter().map(destination).collect::<Vec<_>>(),
        "repositoryFilters": (!filters.is_empty()).then_some(filters),
        "deleteReplication": rule.deletes.map(|enabled| json!({ "enabled": enabled })),
    })
}

/// [`from_toml`] of a file.
pub fn from_toml_file(emulator: &Emulator, path: &Path) -> Result<(), SeedError> {
    let read = |source| SeedError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(read)?;
    from_toml(emulator, &text).map_err(|error| match error {
        SeedError::Toml(problem) => SeedError::Toml(format!("{}: {problem}", path.display())),
        other => other,
    })
}

/// The registry's clock, which is restored when the seeding ends.
struct SeedClock<'a> {
    emulator: &'a Emulator,
    before: Option<i64>,
    now: i64,
}

impl<'a> SeedClock<'a> {
    fn new(emulator: &'a Emulator) -> Self {
        let state = emulator.state();
        let (before, now) = (state.clock, state.now());
        drop(state);
        Self { emulator, before, now }
    }

    fn ago(&self, days: f64) -> i64 {
        // What is no number, or too large, ends at the bounds.
        self.now.saturating_sub((days * DAY_MS) as i64)
    }

    fn set_days_ago(&self, days: f64) {
        self.emulator.set_clock(Some(self.ago(days)));
    }
}

impl Drop for SeedClock<'_> {
    fn drop(&mut self) {
        self.emulator.set_clock(self.before);
    }
}

/// Fills one repository.
struct RepositorySeeder<'a> {
    clock: &'a SeedClock<'a>,
    emulator: &'a Emulator,
    name: &'a str,
    ids: HashMap<&'a str, String>,
}

impl<'a> RepositorySeeder<'a> {
    fn begin(clock: &'a SeedClock<'a>, repository: &'a Repository) -> Result<Self, SeedError> {
        let ages = repository.build.iter().map(|build| build.days_ago);
        let oldest = ages.chain(repository.image.iter().map(|image| image.days_ago)).fold(0.0, f64::max);
        clock.set_days_ago(repository.days_ago.unwrap_or(oldest));
        let tag = |(key, value)| json!({ "Key": key, "Value": value });
        let tags: Vec<Value> = repository.tags.iter().map(tag).collect();
        let mutability = if repository.immutable { "IMMUTABLE" } else { "MUTABLE" };
        let request = json!({
            "repositoryName": repository.name,
            "imageTagMutability": mutability,
            "tags": tags,
        });
        clock.emulator.call("CreateRepository", request)?;
        Ok(Self { clock, emulator: clock.emulator, name: &repository.name, ids: HashMap::new() })
    }

    fn fill(&mut self, repository: &'a Repository) -> Result<(), SeedError> {
        repository.build.iter().try_for_each(|build| self.build(build))?;
        repository.image.iter().try_for_each(|image| self.image(image))
    }

    fn build(&mut self, build: &'a Build) -> Result<(), SeedError> {
        self.clock.set_days_ago(build.days_ago);
        let platforms: Vec<&str> = build.platforms.iter().map(String::as_str).collect();
        for more in 0..build.count {
            let pushed = buildx::Build::new(&platforms)
                .form(build.form.into())
                .code(build.code.saturating_add(more))
                .run(build.run)
                .sbom(build.sbom)
                .provenance((&build.provenance).into())
                .push(self.emulator, self.name, build.tag.as_deref())?;
            self.pulled(&pushed.root, build.pulled_days_ago);
            if build.deleted_index {
                self.delete(pushed.index.as_deref())?;
            }
            if let Some(id) = &build.id {
                self.ids.insert(id, pushed.root);
            }
        }
        Ok(())
    }

    fn delete(&self, index: Option<&str>) -> Result<(), SeedError> {
        let index = index.ok_or_else(|| {
            SeedError::Toml(format!("{}: deleted_index of a build that has no index", self.name))
        })?;
        let ids = [json!({ "imageDigest": index })];
        self.emulator.call("BatchDeleteImage", json!({ "repositoryName": self.name, "imageIds": ids }))?;
        Ok(())
    }

    fn image(&mut self, image: &'a Image) -> Result<(), SeedError> {
        self.clock.set_days_ago(image.days_ago);
        let digest = self.push(image)?;
        self.pulled(&digest, image.pulled_days_ago);
        if image.archived {
            self.emulator.set_status(self.name, &digest, Status::Archived);
        }
        if let Some(id) = &image.id {
            self.ids.insert(id, digest);
        }
        Ok(())
    }

    fn push(&self, image: &Image) -> Result<String, SeedError> {
        let (emulator, name, tag) = (self.emulator, self.name, image.tag.as_deref());
        let make: fn(&Emulator, &str, &str) -> Result<String, ApiError> = match image.kind {
            Kind::Plain => return Ok(artifacts::plain_image(emulator, name, image.seed, tag)?),
            Kind::Docker => return Ok(artifacts::plain_docker_image(emulator, name, image.seed, tag)?),
            Kind::Cache => {
                return Ok(artifacts::build_cache(emulator, name, tag.unwrap_or("buildcache"))?);
            }
            Kind::Chart => return Ok(artifacts::helm_chart(emulator, name, tag.unwrap_or("0.1.0"))?),
            Kind::CosignTag => artifacts::cosign_signature_tag,
            Kind::CosignBundle => artifacts::cosign_bundle_referrer,
            Kind::Notation => artifacts::notation_signature,
            Kind::SociV1 => artifacts::soci_index_v1,
            Kind::SociV2 => artifacts::soci_index_v2,
        };
        if tag.is_some() {
            return Err(self.problem("what is about another image has no tag of your choice"));
        }
        Ok(make(emulator, name, &self.subject(image)?)?)
    }

    fn subject(&self, image: &Image) -> Result<String, SeedError> {
        let of = image.of.as_deref().ok_or_else(|| self.problem("such an image needs `of`"))?;
        let known = self.ids.get(of).cloned().or_else(|| self.emulator.digest_of_tag(self.name, of));
        known
            .or_else(|| of.starts_with("sha256:").then(|| of.to_owned()))
            .ok_or_else(|| self.problem(&format!("`of` names neither an id before it nor a tag: {of}")))
    }

    fn pulled(&self, digest: &str, days_ago: Option<f64>) {
        if let Some(days) = days_ago {
            self.emulator.set_pulled_at(self.name, digest, Some(self.clock.ago(days)));
        }
    }

    fn problem(&self, text: &str) -> SeedError {
        SeedError::Toml(format!("{}: {text}", self.name))
    }
}
