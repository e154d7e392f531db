//! Reasons in sentences, made of the images that they rest on.

use jiff::{SignedDuration, Timestamp};

use super::because::{Hold, Reasons};
use crate::config::policy::{Action, Referrers};
use crate::inventory::{Evidence, ImageIndex, ImageStatus, Inventory, Role, UNUSABLE_TIME};
use crate::oci::attestation::Kind;
use crate::report::reason::{Reason, State};
use crate::rules::ancestors::{self, Since};
use crate::rules::{reads, tags};

mod running;

impl Reasons<'_> {
    /// The reason for the verdict on an image, as a clause that follows "because".
    pub(super) fn sentence(&self, position: ImageIndex) -> String {
        match self.reason(position) {
            Reason::NotAnAttestation => self.no_attestation(position),
            Reason::Unreadable => self.unreadable(position),
            Reason::Tagged => format!("it has {}, which the janitor did not write", self.user_tags(position)),
            Reason::InUse => self.in_use(position),
            Reason::InUseUnknown => self.may_be_in_use(),
            Reason::NotActive => self.not_active(position),
            Reason::WithinGrace => self.within_grace(position),
            Reason::MayBeListed => self.may_be_listed(position),
            Reason::HasReferrers => self.has_referrers(position),
            Reason::Attached => self.attached(position),
            Reason::RecentlyPulled => self.recently_pulled(position),
            Reason::Replicated => {
                "deletions in this repository are replicated, and pulls from its copies are not seen here"
                    .into()
            }
            Reason::UntaggedRepository => {
                "nothing in this repository has a user's tag, so that its images are in use by digest".into()
            }
            Reason::SupersededWithinGrace => self.superseded_within_grace(position),
            Reason::Superseded => self.is_superseded(position),
            Reason::SubjectPresent => self.subject_present(position),
            Reason::Orphaned => self.orphaned(position),
            Reason::FollowsItsSubject => self.follows(position),
        }
    }

    fn inventory(&self) -> &Inventory {
        self.judge.inventory
    }

    fn short(&self, position: ImageIndex) -> String {
        self.inventory().image(position).digest.short()
    }

    fn user_tags(&self, position: ImageIndex) -> String {
        let inventory = self.inventory();
        let tags = inventory.image(position).tags.iter();
        let mine: Vec<&str> = tags
            .filter(|tag| !tags::is_own(inventory, self.judge.policy, position, tag))
            .map(AsRef::as_ref)
            .collect();
        in_words(&mine)
    }

    /// `the index 0123456789ab (tag v1)`.
    fn tagged_index(&self, index: ImageIndex) -> String {
        format!("the index {} ({})", self.short(index), self.user_tags(index))
    }

    fn unreadable(&self, position: ImageIndex) -> String {
        let why = self.inventory().problem(position).map(|problem| format!(": {}", problem.detail));
        let what = if self.inventory().is_unreadable_index(position) {
            ", so that nobody knows what it lists"
        } else {
            ""
        };
        format!("its own bytes could not be read and verified{what}{}", why.unwrap_or_default())
    }

    fn not_active(&self, position: ImageIndex) -> String {
        if !self.is_active(position) {
            return "it is archived or being activated".into();
        }
        let above = self.above(position).into_iter();
        let inactive =
            above.filter(|it| self.is_untagged(*it) && !self.is_active(*it)).map(|it| self.short(it));
        let named = inactive.collect::<Vec<_>>();
        format!("{} above it {} archived or being activated", untagged_indexes(&named), is_or_are(&named))
    }

    fn within_grace(&self, position: ImageIndex) -> String {
        let image = self.inventory().image(position);
        let Some(pushed) = image.pushed_at else {
            return "nobody knows when it was pushed, so that its index may still be on the way".into();
        };
        let what = match image.activated_at {
            Some(activated) if activated > pushed => format!("restored from the archive {}", on(activated)),
            _ => format!("pushed {}", on(pushed)),
        };
        let grace = period(self.judge.policy.grace_period);
        format!("it was {what}, less than grace_period ({grace}) ago: its index may still be on the way")
    }

    fn may_be_listed(&self, position: ImageIndex) -> String {
        let Some(index) = self.unreadable.first().map(|index| self.short(*index)) else {
            return "an index that cannot be read could list it".into();
        };
        let pushed = |it: ImageIndex| self.inventory().image(it).pushed_at;
        let could_list =
            |it| ancestors::could_be_listed(self.judge.unreadable_index, pushed(it), self.judge.policy);
        let above = self.above(position).into_iter().filter(|it| self.is_untagged(*it));
        let what = match above.into_iter().find(|it| could_list(*it)) {
            Some(above) if !could_list(position) => {
                format!("the untagged index {} above it", self.short(above))
            }
            _ => "it".to_owned(),
        };
        format!("the index {index} cannot be read, and could list {what}")
    }

    fn has_referrers(&self, position: ImageIndex) -> String {
        let of = |subject: ImageIndex| {
            if subject == position {
                "it".to_owned()
            } else {
                format!("the untagged index {} above it", self.short(subject))
            }
        };
        match self.holds(position).into_iter().next() {
            Some(Hold::Referrer { referrer, subject }) => {
                format!("{} refers to {}", self.an_image(referrer), of(subject))
            }
            Some(Hold::CosignTag { bearer, subject }) => {
                format!("a tag of {} names {}, as cosign's tags do", self.short(bearer), of(subject))
            }
            Some(Hold::Refers { index, to }) => {
                let stays = if self.inventory().position(to).is_some() { ", which stays" } else { "" };
                format!("{} refers to {} itself{stays}", of(index), to.short())
            }
            Some(Hold::Unknown(unread)) => {
                format!("{} could not be read, and may refer to an index above it", self.short(unread))
            }
            None => "something refers to it or to an untagged index above it".into(),
        }
    }

    /// `a signature (0123456789ab)`.
    fn an_image(&self, position: ImageIndex) -> String {
        let kind = match self.inventory().image(position).evidence {
            Evidence::Seen(seen) => seen.kind,
            _ => self.verdicts[position].kind(),
        };
        format!("{} ({})", noun(kind), self.short(position))
    }

    fn attached(&self, position: ImageIndex) -> String {
        let tagged = self.above(position).into_iter().filter(|it| !self.is_untagged(*it));
        let Some(index) = tagged.into_iter().next() else {
            return "a tagged index lists it, directly or through another".into();
        };
        let lists = if self.lists(index, position) { "lists it" } else { "lists an index that leads to it" };
        format!("{} {lists}, and ECR refuses to delete what a tagged index lists", self.tagged_index(index))
    }

    fn lists(&self, index: ImageIndex, child: ImageIndex) -> bool {
        self.inventory().parents(child).iter().any(|edge| edge.parent == index)
    }

    fn recently_pulled(&self, position: ImageIndex) -> String {
        let keep = period(self.judge.policy.keep_pulled_within);
        let Some(pulled) = self.pulled_ones(position).into_iter().next() else {
            return format!(
                "an untagged index above it, or something it holds, was pulled within keep_pulled_within ({keep})"
            );
        };
        let what = if pulled == position {
            "it".to_owned()
        } else if self.above(position).contains(&pulled) {
            format!("the index {} above it", self.short(pulled))
        } else {
            format!("{}, which an untagged index above it holds,", self.short(pulled))
        };
        match self.inventory().pulled_by_others(pulled).filter(|at| *at != UNUSABLE_TIME) {
            None => format!("{what} was pulled at a time that cannot be read, which counts as now"),
            Some(at) => format!("{what} was pulled {}, within keep_pulled_within ({keep})", on(at)),
        }
    }

    fn superseded_within_grace(&self, position: ImageIndex) -> String {
        let policy = self.judge.policy;
        let above = self.above(position).into_iter();
        let young = above.filter(|it| self.is_untagged(*it) && self.judge.is_young_index(*it));
        let Some(index) = young.max_by_key(|it| self.since(*it).is_none()) else {
            return "an untagged index above it has not been superseded for long enough".into();
        };
        let (key, wait) = if policy.superseded_after >= policy.grace_period {
            ("superseded_after", policy.superseded_after)
        } else {
            ("grace_period", policy.grace_period)
        };
        let less = |at| format!("{}, less than {key} ({}) ago", on(at), period(wait));
        let index_above = format!("the index {} above it", self.short(index));
        match self.since(index) {
            Some(Since::Untagged(at)) => format!("{index_above} was first seen without a tag {}", less(at)),
            Some(Since::Pushed(at)) => format!("{index_above} was pushed {}", less(at)),
            Some(Since::Activated(at)) => format!("{index_above} was restored from the archive {}", less(at)),
            None if self.inventory().image(index).pushed_at.is_none() => {
                format!("nobody knows when {index_above} was pushed")
            }
            None => format!("nobody knows since when {index_above} has no tag: no earlier run saw it"),
        }
    }

    fn since(&self, index: ImageIndex) -> Option<Since> {
        ancestors::superseded_from(self.inventory().image(index), self.judge.policy)
    }

    fn is_superseded(&self, position: ImageIndex) -> String {
        let verdict = &self.verdicts[position];
        if verdict.kind() == Kind::Index {
            return match self.going_children(position).first() {
                Some(child) => format!(
                    "neither it nor any index above it has a tag, and it goes before {}, which it lists",
                    self.an_image(*child)
                ),
                None => "neither it nor any index above it has a tag".into(),
            };
        }
        let parents = self.parents(position);
        if verdict.artifact.state().is_none() {
            return match parents.as_slice() {
                [] => "only indexes listed it that the janitor deleted earlier".into(),
                parents => format!("nothing but {} lists it, and goes before it", named("index", parents)),
            };
        }
        let listing = match parents.len() {
            1 => format!("the only index that lists it, {},", parents.join("")),
            _ => format!("{}, which list it,", named("index", &parents)),
        };
        let (has, nor) = if parents.len() == 1 { ("has", "") } else { ("have", "") };
        format!("{listing} {has} no tag{nor}, nor has any index above{}", self.by_key("superseded", position))
    }

    fn parents(&self, position: ImageIndex) -> Vec<String> {
        let mut parents: Vec<ImageIndex> =
            self.inventory().parents(position).iter().map(|edge| edge.parent).collect();
        parents.dedup();
        parents.into_iter().map(|parent| self.short(parent)).collect()
    }

    /// The key that keeps something that a rule for keeping does not hold.
    fn by_key(&self, key: &str, position: ImageIndex) -> String {
        if self.action(position) != Action::Keep {
            String::new()
        } else if tags::bears_own_tag(self.inventory(), self.judge.policy, position) {
            ", and it has the janitor's tag already".into()
        } else {
            format!(", and {key} = \"keep\"")
        }
    }

    fn subject_present(&self, position: ImageIndex) -> String {
        let subject = self.inventory().subject(position);
        let what = subject.map_or("an image".into(), |subject| {
            let tags = self.user_tags(subject);
            if tags.is_empty() { self.short(subject) } else { format!("{} ({tags})", self.short(subject)) }
        });
        let is_needed = subject.is_none_or(|subject| self.judge.needed[subject]);
        let need = match self.unreadable.first() {
            Some(index) if !is_needed => {
                format!(
                    "which somebody may need because of the index {}, which cannot be read,",
                    self.short(*index)
                )
            }
            _ => "which is needed".into(),
        };
        format!(
            "no index lists it, but it is the newest such attestation of {what}, {need} and which no index that stays gives another"
        )
    }

    fn orphaned(&self, position: ImageIndex) -> String {
        let key = self.by_key("orphaned", position);
        let Some(digest) = self.inventory().image(position).subject else {
            return format!("no index lists it{key}");
        };
        let attests = digest.short();
        let about = match self.inventory().position(digest) {
            None => format!(", and {attests}, which it attests, is not in this repository"),
            Some(_) if self.judge.policy.orphaned_with_subject == Action::Delete => String::new(),
            Some(subject) if !self.judge.may_be_needed[subject] => {
                let hides = |it| reads::may_hide_its_subject(self.inventory(), it);
                let is_hidden = self.inventory().positions().any(hides);
                let who = if is_hidden { "nothing that shows what it refers to" } else { "nobody" };
                format!(", and {who} needs {attests}, which it attests")
            }
            Some(_) => match self.others(position).first() {
                Some(other) => {
                    format!(
                        ", and {attests}, which it attests, has another attestation: {}",
                        self.short(*other)
                    )
                }
                None => String::new(),
            },
        };
        format!("no index lists it{about}{key}")
    }

    fn follows(&self, position: ImageIndex) -> String {
        let Some(subject) = self.inventory().image(position).subject else {
            return "what it refers to goes, and nobody needs it".into();
        };
        let goes = if self.inventory().position(subject).is_some() { "goes" } else { "was here and is gone" };
        format!("{}, to which it refers, {goes}, and nobody needs it", subject.short())
    }

    /// The sentence for everything that is no attestation.
    fn no_attestation(&self, position: ImageIndex) -> String {
        let image = self.inventory().image(position);
        let kind = match image.evidence {
            Evidence::Seen(seen) => seen.kind,
            _ => self.verdicts[position].kind(),
        };
        if image.evidence == Evidence::Gone {
            return "it was deleted while it was looked at".into();
        }
        let what =
            if kind == Kind::Unread { "it was not read".into() } else { format!("it is {}", noun(kind)) };
        if kind == Kind::Suspect {
            return format!("{what}{}", self.contradiction(position));
        }
        format!("{what}, {}", self.hold_of_other(position, kind))
    }

    fn contradiction(&self, position: ImageIndex) -> String {
        match self.contradictions(position).first() {
            Some(index) => format!(", and the index {} lists it as something else", self.short(*index)),
            None => ", and nothing proves it".into(),
        }
    }

    /// Why something stays that is no attestation: the first of what holds it.
    fn hold_of_other(&self, position: ImageIndex, kind: Kind) -> String {
        let Self { judge, .. } = self;
        let image = self.inventory().image(position);
        let tagged_above = self.above(position).into_iter().find(|it| !self.is_untagged(*it));
        if !image.tags.is_empty() {
            format!("and it has {}", in_words(&image.tags.iter().map(AsRef::as_ref).collect::<Vec<_>>()))
        } else if image.status != ImageStatus::Active {
            "and it is archived or being activated".into()
        } else if let Some(index) = tagged_above {
            let lists =
                if self.lists(index, position) { "lists it" } else { "lists an index that leads to it" };
            format!("and {} {lists}", self.tagged_index(index))
        } else if let Some(key) = self.key_that_keeps(kind) {
            format!("and only attestations are touched{key}")
        } else if judge.running.holds(position) {
            format!("and {}", self.in_use(position))
        } else if kind == Kind::Index {
            self.hold_of_index(position)
        } else if judge.policy.within_grace(image.aged_from(), judge.now) {
            self.within_grace(position).replacen("it was", "and it was", 1)
        } else if judge.may_be_listed(position) {
            format!("and {}", self.may_be_listed(position))
        } else if let Some(parent) = self.parent_that_stays(position) {
            format!(
                "and the index {}, which lists it, stays{}",
                self.short(parent),
                self.why_index_stays(parent)
            )
        } else if judge.may_be_in_use() {
            format!("and {}", self.may_be_in_use())
        } else if judge.needed[position] {
            "and it is needed: pulled lately, or part of something that is".into()
        } else if self.inventory().parents(position).is_empty() {
            "and no index that the janitor deleted is known to have listed it".into()
        } else {
            "and nothing that goes takes it along".into()
        }
    }

    /// Why an untagged index stays, behind its name.
    fn why_index_stays(&self, index: ImageIndex) -> String {
        let why = match self.inventory().image(index).status {
            _ if self.verdicts[index].reason == Reason::Unreadable => {
                "and its bytes cannot be read".to_owned()
            }
            ImageStatus::Active => self.hold_of_index(index),
            _ => "and that index is archived".to_owned(),
        };
        format!(": {}", why.strip_prefix("and ").unwrap_or(&why))
    }

    /// Why an untagged index stays where superseded indexes may go.
    fn hold_of_index(&self, position: ImageIndex) -> String {
        match self.kept_child(position) {
            Some(child) => format!(
                "and {}, which it lists, stays ({})",
                self.an_image(child),
                <&str>::from(self.verdicts[child].reason)
            ),
            None => {
                "and an index goes only with the superseded attestations that it lists: it lists none".into()
            }
        }
    }

    fn parent_that_stays(&self, position: ImageIndex) -> Option<ImageIndex> {
        let mut parents = self.inventory().parents(position).iter().map(|edge| edge.parent);
        parents.find(|parent| !self.verdicts[*parent].is_deletion())
    }

    /// The key that leaves such images alone, whatever they are part of; nothing if they may go.
    fn key_that_keeps(&self, kind: Kind) -> Option<&'static str> {
        let policy = self.judge.policy;
        let superseded = policy.deletes_superseded();
        let is_tagged = policy.superseded == Action::Tag;
        match kind {
            Kind::Index if superseded => None,
            Kind::Image if superseded && policy.superseded_images == Action::Delete => None,
            Kind::Image if superseded => Some(" (superseded_images = \"keep\")"),
            Kind::Index | Kind::Image if is_tagged => Some(" (superseded = \"tag\")"),
            Kind::Index | Kind::Image => Some(" (superseded = \"keep\")"),
            Kind::Unread | Kind::Unknown | Kind::Attestation | Kind::Suspect => Some(""),
            _ if policy.referrers == Referrers::Follow => None,
            _ => Some(" (referrers = \"hold\")"),
        }
    }

    /// The first attestation or index below an index that does not go as superseded.
    pub(super) fn kept_child(&self, index: ImageIndex) -> Option<ImageIndex> {
        let children = self.inventory().children(index).iter().map(|edge| edge.child);
        let matters = |it: &ImageIndex| matches!(self.verdicts[*it].kind(), Kind::Attestation | Kind::Index);
        children.filter(matters).find(|it| !self.verdicts[*it].is_deletion())
    }

    /// What holds an image that is no attestation, for `because`.
    pub(super) fn held_by(&self, position: ImageIndex) -> Vec<ImageIndex> {
        let image = self.inventory().image(position);
        if !image.tags.is_empty() || image.status != ImageStatus::Active {
            return Vec::new();
        }
        let tagged_above = self.above(position).into_iter().find(|it| !self.is_untagged(*it));
        let kind = self.verdicts[position].kind();
        if let Some(index) = tagged_above {
            return vec![index];
        }
        if self.key_that_keeps(kind).is_some() {
            return Vec::new();
        }
        if self.judge.running.holds(position) {
            return self.uses(position);
        }
        if kind == Kind::Index {
            return self.kept_child(position).into_iter().collect();
        }
        let young = self.judge.policy.within_grace(image.aged_from(), self.judge.now);
        if young {
            return Vec::new();
        }
        if self.judge.may_be_listed(position) {
            return self.unreadable.first().copied().into_iter().collect();
        }
        let parent = self.parent_that_stays(position).into_iter();
        parent.flat_map(|parent| [parent].into_iter().chain(self.kept_child(parent))).collect()
    }

    /// The states that an image may have as far as its known parents go, or nothing where that is not certain.
    pub(super) fn certain_state(&self, position: ImageIndex) -> Option<State> {
        let state = self.verdicts[position].artifact.state()?;
        (state == State::Attached || !self.judge.may_be_listed(position)).then_some(state)
    }

    /// The indexes that list a suspect as something else.
    pub(super) fn contradictions(&self, position: ImageIndex) -> Vec<ImageIndex> {
        let parents = self.inventory().parents(position).iter();
        let contradicts = parents.filter(|edge| matches!(edge.role, Role::Platform | Role::Contradiction));
        contradicts.map(|edge| edge.parent).collect()
    }
}

/// A kind with its article.
fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Attestation => "an attestation",
        Kind::Suspect => "something that looks like an attestation",
        Kind::Index => "an index",
        Kind::Image => "a platform image",
        Kind::Referrer => "an artifact that refers to another image",
        Kind::Signature => "a signature",
        Kind::SociIndex => "a SOCI index",
        Kind::Cache => "a build cache",
        Kind::Chart => "a Helm chart",
        Kind::Artifact => "an artifact",
        Kind::Unknown => "something whose manifest is not understood",
        Kind::Unread => "an image that was not read",
    }
}

/// `the tag a`, `the tags a, b and 3 more`.
fn in_words(tags: &[&str]) -> String {
    match tags {
        [] => String::new(),
        [one] => format!("the tag {one}"),
        [one, two] => format!("the tags {one} and {two}"),
        [one, two, rest @ ..] => format!("the tags {one}, {two} and {} more", rest.len()),
    }
}

/// `index a`, `indexes a and b`, `indexes a, b and 3 more`.
fn named(noun: &str, digests: &[String]) -> String {
    match digests {
        [] => String::new(),
        [one] => format!("the {noun} {one}"),
        [one, two] => format!("the {noun}es {one} and {two}"),
        [one, two, rest @ ..] => format!("the {noun}es {one}, {two} and {} more", rest.len()),
    }
}

fn untagged_indexes(digests: &[String]) -> String {
    if digests.is_empty() {
        "an untagged index".into()
    } else {
        named("index", digests).replacen("the ", "the untagged ", 1)
    }
}

fn is_or_are(digests: &[String]) -> &'static str {
    if digests.len() > 1 { "are" } else { "is" }
}

/// A moment in a sentence.
pub(super) fn on(at: Timestamp) -> String {
    at.strftime("on %Y-%m-%d at %H:%M UTC").to_string()
}

/// A time span as the configuration has it: `48h`, `30d`.
pub(super) fn period(span: SignedDuration) -> String {
    match span.as_hours() {
        hours if SignedDuration::from_hours(hours) != span => format!("{span:#}"),
        hours if hours % 24 == 0 && hours > 48 => format!("{}d", hours / 24),
        hours => format!("{hours}h"),
    }
}
