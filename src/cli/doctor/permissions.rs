//! Permissions, by calls that change nothing: they are about an image that cannot exist.

use futures::StreamExt as _;

use super::check::Check;
use crate::cli::session::Session;
use crate::config::{Config, Mode};
use crate::oci::digest::Digest;
use crate::planner::check_opt_in;
use crate::planner::selection::{Selected, Selection};
use crate::registry::blobs::ReadBlobs as _;
use crate::registry::{
    CallError, DeleteImages as _, ListRegistry as _, ReadRepository as _, StoredManifest, TagImages as _,
};
use crate::util::sanitize;

const SUBJECT: &str = "Permissions";
/// Repositories that are asked whether they opted in, until one has.
const ASKED: usize = 20;

/// The digest of bytes that are no manifest, so that no repository has an image of it.
fn nobody_s() -> Digest {
    Digest::of(b"no image")
}

/// The permissions that runs need, tried in one of the repositories.
pub(super) async fn look(session: &Session, selection: &Selection) -> Vec<Check> {
    let Some(place) = find_place(session, selection).await else {
        return vec![Check::warn(SUBJECT, "not checked: no selected repository takes part")];
    };
    let config = &session.config;
    let mut found = Found::default();
    found.note("DescribeImages", session.ecr.describe(&place.name, &[nobody_s()]).await.map(drop));
    found.note("BatchGetImage", read(session, &place.name).await);
    if !config.select.require_tag.is_empty() {
        found.note("ListTagsForResource", session.ecr.resource_tags(&place.arn).await.map(drop));
    }
    let planning = found.checks("plan", &place.name, Check::fail);
    let needed = apply_permissions(session, &place.name).await;
    let applying = needed.checks(
        "apply",
        &place.name,
        if config.mode == Mode::Apply { Check::fail } else { Check::warn },
    );
    planning.into_iter().chain(applying).collect()
}

/// The first repository in which a run would do something.
async fn find_place<'a>(session: &Session, selection: &'a Selection) -> Option<&'a Selected> {
    let required = &session.config.select.require_tag;
    let selected = || selection.repositories.iter().filter(|it| it.skip.is_none());
    for chosen in selected().take(ASKED) {
        if check_opt_in(&session.ecr, required, chosen, &session.deadline).await.is_ok() {
            return Some(chosen);
        }
    }
    // If nobody can be asked, that is what will be found.
    selected().next().filter(|_| required.is_empty())
}

async fn read(session: &Session, repository: &str) -> Result<(), CallError> {
    let mut parts = session.ecr.manifests(repository, vec![nobody_s()]);
    while let Some(part) = parts.next().await {
        part.response?;
    }
    Ok(())
}

/// What apply needs beside what a plan needs, as the configuration has it.
async fn apply_permissions(session: &Session, repository: &str) -> Found {
    let config: &Config = &session.config;
    let deletes = config.policies().any(|policy| policy.deletes());
    let mut found = Found::default();
    if deletes {
        let turn = session.ecr.turn().await;
        let deleted = session.ecr.delete(turn, repository, &[nobody_s()]).await;
        found.note("BatchDeleteImage", deleted.map(drop));
        if config.backup.is_on() {
            let blob = session.ecr.blob(repository, nobody_s(), 1).await;
            found.note("GetDownloadUrlForLayer", blob.map(drop));
        }
    }
    if config.policies().any(|policy| policy.tags()) {
        // Not the bytes of its digest, so that ECR refuses it for whoever may put images.
        let manifest = StoredManifest { digest: nobody_s(), bytes: "{}".to_owned(), media_type: None };
        found.note("PutImage", session.ecr.put_tag(repository, &manifest, "nobody").await.map(drop));
    }
    found
}

/// Permissions by what a call showed.
#[derive(Debug, Default)]
struct Found {
    allowed: Vec<&'static str>,
    denied: Vec<(&'static str, CallError)>,
    unknown: Vec<CallError>,
}

impl Found {
    /// Only a refusal of the permission counts: that there is no such image is the right answer.
    fn note(&mut self, action: &'static str, answer: Result<(), CallError>) {
        match answer {
            Err(error) if error.is_access_denied() => self.denied.push((action, error)),
            Err(error) if error.is_transient() => self.unknown.push(error),
            _ => self.allowed.push(action),
        }
    }

    fn checks(self, purpose: &str, repository: &str, bad: fn(&'static str, String) -> Check) -> Vec<Check> {
        let repository = sanitize::line(repository);
        let mut checks = Vec::new();
        if !self.allowed.is_empty() {
            let actions: Vec<String> = self.allowed.iter().map(|it| format!("ecr:{it}")).collect();
            let text = format!("{purpose} has {} in {repository}", actions.join(", "));
            checks.push(Check::ok(SUBJECT, text));
        }
        for (action, error) in self.denied {
            let why = sanitize::cut(&error.message, LONGEST);
            let text = format!("{purpose} needs ecr:{action} in {repository}: {why}");
            let mode = format!("ecr-janitor iam-policy --mode {purpose}");
            checks.push(bad(SUBJECT, text).fixed_by(mode));
        }
        let unknown =
            |error: CallError| Check::warn(SUBJECT, sanitize::line(&format!("not checked: {error}")));
        checks.extend(self.unknown.into_iter().map(unknown));
        checks
    }
}

/// In characters: what is shown of ECR's refusal.
const LONGEST: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::check::Status;
    use crate::registry::CallErrorKind;

    #[test]
    fn only_a_refused_permission_counts_as_missing() {
        let mut found = Found::default();
        found.note("BatchGetImage", Ok(()));
        found
            .note("DescribeImages", Err(CallError::of_aws("DescribeImages", "ImageNotFoundException", "no")));
        found.note("PutImage", Err(CallError::of_aws("PutImage", "AccessDeniedException", "not you")));
        found.note(
            "BatchDeleteImage",
            Err(CallError::of_kind("BatchDeleteImage", CallErrorKind::NoResponse, "x")),
        );
        let checks = found.checks("apply", "team/api", Check::fail);
        let shown: Vec<(Status, &str)> = checks.iter().map(|it| (it.status, it.text.as_str())).collect();
        assert_eq!(
            shown,
            [
                (Status::Ok, "apply has ecr:BatchGetImage, ecr:DescribeImages in team/api"),
                (Status::Fail, "apply needs ecr:PutImage in team/api: not you"),
                (Status::Warn, "not checked: BatchDeleteImage failed with no-answer: x"),
            ]
        );
        assert_eq!(checks[1].command.as_deref(), Some("ecr-janitor iam-policy --mode apply"));
    }
}
