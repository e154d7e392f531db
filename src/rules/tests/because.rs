//! What reasons rest on.

use super::world::*;
use crate::config::policy::Policy;
use crate::report::reason::Reason::*;

fn digests(them: &[It<'_>]) -> Vec<String> {
    them.iter().map(|it| it.digest().to_string()).collect()
}

fn because(w: &World, policy: &Policy, it: It<'_>) -> Vec<String> {
    w.judge(policy).decision(policy, it).unwrap().image.because
}

/// An image, its attestation, their index, and one above.
fn build(w: &World) -> [It<'_>; 4] {
    let p = w.image("linux/amd64");
    let a = w.oci(p);
    let inner = w.index(&[p, a]);
    [p, a, inner, w.index(&[inner])]
}

#[test]
fn a_tag_is_named() {
    let w = World::default();
    let [_, a, ..] = build(&w);
    a.own_tag().tag("mine");
    assert_eq!(because(&w, &deletes(), a), ["mine"]);
}

#[test]
fn the_index_that_is_not_active_young_or_pulled_is_named() {
    let changes: [Change; 3] = [|it| it.archived(), |it| it.age(days(1)), |it| it.pulled(days(1))];
    for change in changes {
        let w = World::default();
        let [_, a, _, outer] = build(&w);
        change(outer);
        assert_eq!(because(&w, &deletes(), a), digests(&[outer]));
    }
}

#[test]
fn a_pulled_image_or_signature_is_named() {
    let w = World::default();
    let [p, a, inner, _] = build(&w);
    let live = w.image("linux/arm64").tag("v1").pulled(days(1));
    w.index(&[live, a]);
    p.pulled(days(1));
    assert_eq!(because(&w, &deletes(), a), digests(&[p]));
    let signature = w.signature(inner).pulled(days(1));
    let follows = Policy { referrers: recommended().referrers, ..deletes() };
    assert_eq!(because(&w, &follows, a), digests(&[signature]), "it is needed, and holds");
}

#[test]
fn an_unreadable_index_is_named_if_it_could_list_it() {
    let w = World::default();
    let [_, a, ..] = build(&w);
    let (could, _could_not) = (w.index(&[]).unreadable(), w.index(&[]).unreadable().age(days(300)));
    assert_eq!(because(&w, &deletes(), a), digests(&[could]));
}

#[test]
fn who_refers_to_it_or_to_an_index_above_is_named() {
    let w = World::default();
    let [_, a, inner, outer] = build(&w);
    let by_tag = w.simple_signature().tag("x").tag(&format!("cve-sha256-{}.sig", outer.digest().hex()));
    let by_subject = w.signature(inner);
    let mut named = digests(&[by_subject, by_tag]);
    named.push(format!("cve-sha256-{}.sig", outer.digest().hex()));
    assert_eq!(because(&w, &deletes(), a), named);
    let sbom = w.signature(a).tag("sbom");
    assert_eq!(because(&w, &recommended(), a), digests(&[sbom]), "only what is needed holds");
}

#[test]
fn an_index_that_refers_to_something_is_named_with_that() {
    let w = World::default();
    let (p, q) = (w.image("linux/amd64"), w.image("linux/arm64"));
    let a = w.legacy(p);
    let index = w.index_with_subject(&[a], q);
    assert_eq!(because(&w, &deletes(), a), digests(&[index, q]));
}

#[test]
fn a_tagged_index_is_named_with_its_tags() {
    let w = World::default();
    let [_, a, _, outer] = build(&w);
    outer.tag("v1").tag("latest");
    let mut named = digests(&[outer]);
    named.extend(["latest".to_owned(), "v1".to_owned()]);
    let mut told = because(&w, &deletes(), a);
    told[1..].sort_unstable();
    assert_eq!(told, named);
}

#[test]
fn what_goes_names_what_goes_before_it() {
    let w = World::default();
    let [p, a, inner, outer] = build(&w);
    let signature = w.signature(inner);
    let told = |it| because(&w, &recommended(), it);
    assert_eq!(told(a), digests(&[inner]));
    assert_eq!(told(p), digests(&[inner]));
    assert_eq!(told(inner), digests(&[a]));
    assert_eq!(told(outer), digests(&[inner]));
    assert_eq!(told(signature), digests(&[inner]));
}

#[test]
fn an_orphan_names_its_subject_or_the_other_attestation() {
    let w = World::default();
    let p = w.image("linux/amd64").tag("v1");
    let (old, last) = (w.oci(p), w.oci(p).age(days(10)));
    let mut subject = digests(&[p]);
    subject.push("v1".to_owned());
    assert_eq!(because(&w, &defaults(), last), subject);
    assert_eq!(because(&w, &defaults(), old), digests(&[last]));
    let listed = w.legacy(p);
    w.index(&[p, listed]).tag("v2");
    assert_eq!(because(&w, &defaults(), last), digests(&[listed]));
    let alone = w.legacy(p);
    assert_eq!(because(&w, &defaults(), alone), Vec::<String>::new());
}

#[test]
fn a_suspect_names_who_contradicts() {
    let w = World::default();
    let p = w.image("linux/amd64");
    let a = w.oci(p);
    w.index(&[p, a]);
    let odd = w.index(&[a.listed(As::Platform("linux/amd64"))]);
    assert_eq!(because(&w, &deletes(), a), digests(&[odd]));
}

#[test]
fn no_more_than_ten_are_named() {
    let w = World::default();
    let [p, a, ..] = build(&w);
    (0..300).for_each(|n| {
        w.index(&[w.image("linux/s390x"), p, a]).tag(&format!("v{n}"));
    });
    let row = w.judge(&deletes()).decision(&deletes(), a).unwrap();
    assert_eq!((row.image.reason, row.image.because.len(), row.image.parents.len()), (Attached, 10, 10));
}
