//! What is pushed.

use ecr_emulator::artifacts;
use ecr_emulator::buildx::{Build, Form};

use super::{Result, Stage};
use crate::harness::{Listed, Repo, single};
use crate::notation::{Child, Push, Role, What};

impl Stage {
    pub(super) fn push(&mut self, repo: &Repo, push: &Push) -> Result {
        if self.images.keys().any(|known| known.split('.').next() == push.name.split('.').next()) {
            return Err(format!("something is called {:?} already", push.name));
        }
        let takes_a_tag =
            matches!(push.what, What::Build { .. } | What::Rebuild(_) | What::Image | What::Index(_));
        let takes_many = matches!(push.what, What::Image);
        if push.tag.is_some() && !(takes_a_tag && (push.count == 1 || takes_many)) {
            return Err("a tag is for one build or index, or for images".to_owned());
        }
        (1..=push.count).try_for_each(|nth| self.push_one(repo, push, nth))
    }

    /// Pushes one of several. Their tags are numbered.
    fn push_one(&mut self, repo: &Repo, push: &Push, nth: u64) -> Result {
        self.serial += 1;
        let Push { name, days_ago: days, tag, .. } = push;
        let tag = tag.as_ref().map(|tag| if push.count > 1 { format!("{tag}{nth}") } else { tag.clone() });
        let (serial, days, tag) = (self.serial, *days, tag.as_deref());
        let form = |legacy: bool| if legacy { Form::Legacy } else { Form::Oci };
        let digest = match &push.what {
            What::Build { legacy } => {
                return self.build(repo, push, single(serial).form(form(*legacy)));
            }
            What::Rebuild(of) => {
                let build = self.builds.get(of).ok_or_else(|| format!("no build is called {of:?}"))?;
                return self.build(repo, push, build.clone().run(serial));
            }
            What::Orphan { legacy } => repo.orphans(days, single(serial).form(form(*legacy))).remove(0),
            What::Image => repo.ago(days, |ecr, at| artifacts::plain_image(ecr, at, serial, tag)),
            What::Signature(of) => {
                let of = self.one(of)?;
                repo.ago(days, |ecr, at| artifacts::cosign_bundle_referrer(ecr, at, of))
            }
            What::SignatureTag(of) => {
                let of = self.one(of)?;
                repo.ago(days, |ecr, at| artifacts::cosign_signature_tag(ecr, at, of))
            }
            What::SociIndex(of) => {
                let of = self.one(of)?;
                repo.ago(days, |ecr, at| artifacts::soci_index_v1(ecr, at, of))
            }
            What::SociIndexV2(of) => {
                let of = self.one(of)?;
                repo.ago(days, |ecr, at| artifacts::soci_index_v2(ecr, at, of))
            }
            What::Cache => repo.ago(days, |ecr, at| artifacts::build_cache(ecr, at, "cache")),
            What::Chart => repo.ago(days, |ecr, at| artifacts::helm_chart(ecr, at, "1.0.0")),
            What::Statements => repo.statements(days, serial),
            What::Index(children) => {
                let listed: Vec<Listed<'_>> =
                    children.iter().map(|child| self.listed(child)).collect::<Result<_>>()?;
                repo.index(days, &listed, tag)
            }
        };
        self.name(repo, name, &digest);
        Ok(())
    }

    fn build(&mut self, repo: &Repo, push: &Push, build: Build) -> Result {
        let pushed = repo.ago(push.days_ago, |ecr, at| build.push(ecr, at, push.tag.as_deref()));
        let name = &push.name;
        self.name(repo, &format!("{name}.index"), &pushed.root);
        self.name(repo, &format!("{name}.image"), &pushed.platforms[0]);
        self.name(repo, &format!("{name}.attestation"), &pushed.attestations[0]);
        self.builds.insert(name.clone(), build);
        Ok(())
    }

    fn listed<'a>(&'a self, Child { name, role }: &'a Child) -> Result<Listed<'a>> {
        let digest = self.one(name)?;
        Ok(match role {
            Role::Unsaid => Listed::Plain(digest),
            Role::Image => Listed::Amd64(digest),
            Role::AttestationOf(image) => Listed::AttestationOf(digest, self.one(image)?),
        })
    }
}
