//! What the sources of a run told, by repository.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Named, Reference, Use};
use crate::inventory::{InUse, Inventory};
use crate::oci::digest::Digest;
use crate::registry::RegistryPlace;
use crate::report::usage::SourceUsage;

/// What all sources told at one time.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// When it was asked for; none if nobody asked.
    pub read_at: Option<Timestamp>,
    /// How it went, source by source.
    pub sources: Vec<SourceUsage>,
    by_repository: HashMap<String, Vec<(Named, Arc<str>)>>,
    /// Digests that any repository may have.
    anywhere: Vec<(Digest, Arc<str>)>,
}

impl Usage {
    pub(super) fn new(read_at: Timestamp) -> Self {
        Self { read_at: Some(read_at), ..Self::default() }
    }

    pub(super) fn add(&mut self, source: String, uses: Vec<Use>, account: Option<&str>, region: &str) {
        let mut told = SourceUsage::new(source);
        let is_here =
            |place: &RegistryPlace| Some(place.account.as_str()) == account && place.region == region;
        for Use { image, user } in uses {
            match image {
                Reference::Image { place: Some(place), .. } if !is_here(&place) => told.elsewhere += 1,
                Reference::Elsewhere => told.elsewhere += 1,
                Reference::Image { repository: Some(repository), image, .. } => {
                    told.images += 1;
                    if let Named::Digest(digest) = image {
                        // Tools name the first of several repositories that have an image.
                        self.anywhere.push((digest, user.clone()));
                    }
                    self.by_repository.entry(repository).or_default().push((image, user));
                }
                Reference::Image { repository: None, image: Named::Digest(digest), .. } => {
                    told.images += 1;
                    self.anywhere.push((digest, user));
                }
                // A tag belongs to a repository.
                Reference::Image { repository: None, image: Named::Tag(_), .. } => told.elsewhere += 1,
            }
        }
        self.sources.push(told);
    }

    pub(super) fn fail(&mut self, source: SourceUsage) {
        self.sources.push(source);
    }

    /// What of it is in a repository. A tag stands for the image that has it now.
    pub fn within(&self, repository: &str, inventory: &Inventory) -> InUse {
        let mut in_use = InUse::default();
        for source in self.sources.iter().filter(|source| source.detail.is_some()) {
            in_use.add_unread(source.source.as_str().into());
        }
        let is_here = |digest: Digest| inventory.position(digest).is_some();
        let named = self.by_repository.get(repository).map(Vec::as_slice).unwrap_or_default();
        let mut tags: HashMap<&str, Vec<&Arc<str>>> = HashMap::new();
        for (image, user) in named {
            match image {
                Named::Digest(digest) if is_here(*digest) => in_use.add(*digest, user.clone()),
                Named::Digest(_) => {}
                Named::Tag(tag) => tags.entry(tag).or_default().push(user),
            }
        }
        for (digest, user) in self.anywhere.iter().filter(|(digest, _)| is_here(*digest)) {
            in_use.add(*digest, user.clone());
        }
        for image in inventory.images().iter().filter(|_| !tags.is_empty()) {
            let users = image.tags.iter().filter_map(|tag| tags.get(tag.as_ref())).flatten();
            users.for_each(|user| in_use.add(image.digest, (*user).clone()));
        }
        in_use
    }

    /// The digests that are in use in a repository, or in any, each with one user.
    pub fn digests<'a>(&'a self, repository: &str) -> impl Iterator<Item = (Digest, &'a Arc<str>)> {
        let named = self.by_repository.get(repository).map(Vec::as_slice).unwrap_or_default();
        let digests = named.iter().filter_map(|(image, user)| match image {
            Named::Digest(digest) => Some((*digest, user)),
            Named::Tag(_) => None,
        });
        digests.chain(self.anywhere.iter().map(|(digest, user)| (*digest, user)))
    }

    /// The sources that could not be read, in words; none if all were.
    pub fn unread(&self) -> Option<String> {
        let failed = self.sources.iter().filter(|source| source.detail.is_some());
        let names: Vec<&str> = failed.map(|source| source.source.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// What people should know: one message for each source that could not be read.
    pub fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.sources.iter().filter_map(|source| {
            let detail = source.detail.as_ref()?;
            let name = &source.source;
            Some(format!(
                "the source of images in use {name} could not be read, so that nothing superseded goes in this run: {detail}"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Image;
    use crate::oci::media_type::Shape;

    const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    fn usage(lines: &[String]) -> Usage {
        let uses = lines.iter().map(|line| Use {
            image: Reference::parse(line).unwrap(),
            user: format!("user of {line}").into(),
        });
        let mut usage = Usage::new(Timestamp::UNIX_EPOCH);
        usage.add("file:x".to_owned(), uses.collect(), Some("123456789012"), "eu-west-1");
        usage
    }

    fn image(name: &str, tags: &[&str]) -> Image {
        let tags = tags.iter().map(|tag| (*tag).into()).collect();
        Image { tags, ..Image::sample(name, Shape::Manifest) }
    }

    #[test]
    fn only_what_is_of_this_registry_and_is_there_counts() {
        let inventory = Inventory::new(vec![
            image("a", &[]),
            image("b", &["v1", "v2"]),
            image("c", &[]),
            image("d", &[]),
            image("e", &[]),
        ]);
        let digest = |name: &str| Digest::of(name.as_bytes());
        let told = usage(&[
            format!("{HOST}/team/api@{}", digest("a")),
            "team/api:v1".to_owned(),
            "team/api:gone".to_owned(),
            format!("{}", digest("c")),
            format!("team/web@{}", digest("d")),
            format!("{}/team/api@{}", HOST.replace("eu-west-1", "us-east-1"), digest("e")),
            format!("{}/team/api@{}", HOST.replace("1234", "9999"), digest("e")),
            "localhost:5000/team/api".to_owned(),
        ]);
        let in_use = told.within("team/api", &inventory);
        // A digest counts wherever it is: tools name the first of several repositories that have an image.
        assert_eq!(in_use.images().collect::<Vec<_>>().len(), 4);
        assert!(["a", "b", "c", "d"].iter().all(|name| in_use.names(digest(name))));
        assert_eq!(in_use.users(digest("b"))[0].as_ref(), "user of team/api:v1");
        assert_eq!((told.sources[0].images, told.sources[0].elsewhere), (5, 3));
        assert!(in_use.is_whole() && told.warnings().next().is_none());
    }

    #[test]
    fn a_source_that_failed_is_told_once_and_makes_every_repository_unknown() {
        let mut told = usage(&[]);
        told.fail(SourceUsage::failed("lambda".to_owned(), "why".to_owned()));
        assert_eq!(told.within("any", &Inventory::default()).unread()[0].as_ref(), "lambda");
        let warnings: Vec<String> = told.warnings().collect();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("lambda") && warnings[0].ends_with(": why"), "{warnings:?}");
        assert_eq!(told.unread().as_deref(), Some("lambda"));
    }
}
