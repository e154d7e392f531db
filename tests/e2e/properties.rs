//! Whatever people did in a repository, some promises hold.

use std::collections::BTreeSet;

use ecr_emulator::artifacts;
use ecr_emulator::buildx::{Build, Form, merge};
use proptest::prelude::*;
use serde_json::Value;

use crate::harness::{Contents, Repo, World};

/// Something that somebody does in a repository. Numbers choose among the images that are there.
#[derive(Debug, Clone)]
enum Deed {
    Push { days: i64, code: u64, run: u64, platforms: usize, form: Form, tag: Option<u8> },
    Merge { days: i64, of: [usize; 2], tag: Option<u8> },
    Sign { of: usize },
    Delete { of: usize },
    Tag { of: usize },
}

const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64/v8", "linux/arm/v7"];

fn deed() -> impl Strategy<Value = Deed> {
    let days = prop_oneof![1 => Just(0), 1 => Just(20), 6 => Just(60)];
    let form = prop_oneof![4 => Just(Form::Oci), 3 => Just(Form::Legacy), 1 => Just(Form::None)];
    let tag = || proptest::option::of(0_u8..3);
    prop_oneof![
        6 => (days.clone(), 0_u64..4, 0_u64..3, 1_usize..4, form, tag())
            .prop_map(|(days, code, run, platforms, form, tag)| Deed::Push { days, code, run, platforms, form, tag }),
        1 => (days, any::<[usize; 2]>(), tag()).prop_map(|(days, of, tag)| Deed::Merge { days, of, tag }),
        1 => any::<usize>().prop_map(|of| Deed::Sign { of }),
        3 => any::<usize>().prop_map(|of| Deed::Delete { of }),
        1 => any::<usize>().prop_map(|of| Deed::Tag { of }),
    ]
}

fn is_index(manifest: &str) -> bool {
    manifest.contains("\"manifests\"")
}

/// Does it, if it can be done.
fn perform(api: &Repo, deed: &Deed) {
    let named = |tag: &Option<u8>| tag.map(|tag| format!("v{tag}"));
    let choose = |wanted: usize, indexes: bool| {
        let images = api.contents().into_values();
        let mut images = images.filter(|image| !indexes || is_index(&image.manifest)).collect::<Vec<_>>();
        (!images.is_empty()).then(|| images.swap_remove(wanted % images.len()).digest)
    };
    match deed {
        Deed::Push { days, code, run, platforms, form, tag } => {
            let build = Build::new(&PLATFORMS[..*platforms]).code(*code).run(*run).form(*form);
            api.ago(*days, |ecr, name| build.push(ecr, name, named(tag).as_deref()));
        }
        Deed::Merge { days, of, tag } => {
            if let [Some(one), Some(two)] = of.map(|of| choose(of, true)) {
                api.ago(*days, |ecr, name| merge(ecr, name, &[&one, &two], named(tag).as_deref()));
            }
        }
        Deed::Sign { of } => {
            if let Some(digest) = choose(*of, false) {
                api.ago(60, |ecr, name| artifacts::cosign_bundle_referrer(ecr, name, &digest));
            }
        }
        Deed::Delete { of } => {
            if let Some(digest) = choose(*of, false) {
                api.try_to_delete(&digest);
            }
        }
        Deed::Tag { of } => {
            if let Some(digest) = choose(*of, false).filter(|digest| api.tags(digest).is_empty()) {
                api.tag(&digest, "mine");
            }
        }
    }
}

/// Everything that somebody can pull by a tag.
fn reached_by_tags(contents: &Contents) -> BTreeSet<String> {
    let tagged = contents.values().filter(|image| !image.tags.is_empty());
    let mut left: Vec<String> = tagged.map(|image| image.digest.clone()).collect();
    let mut reached = BTreeSet::new();
    while let Some(digest) = left.pop() {
        if let Some(image) = contents.get(&digest)
            && reached.insert(digest)
        {
            let manifest: Value = serde_json::from_str(&image.manifest).unwrap();
            let children = manifest["manifests"].as_array().into_iter().flatten();
            left.extend(children.map(|child| child["digest"].as_str().unwrap().to_owned()));
        }
    }
    reached
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn live_images_stay_whole_and_one_run_finishes_the_job(
        deeds in proptest::collection::vec(deed(), 4..24),
        keeps_images in any::<bool>(),
        with_subject in any::<bool>(),
    ) {
        let choice = |keep: bool| if keep { "keep" } else { "delete" };
        let world = World::new()
            .deleting_superseded()
            .with("JANITOR_SUPERSEDED_IMAGES", choice(keeps_images))
            .with("JANITOR_ORPHANED_WITH_SUBJECT", choice(with_subject))
            .with("JANITOR_MAX_IMAGES_SHARE", "1");
        let api = world.repository("team/api");
        deeds.iter().for_each(|deed| perform(&api, deed));
        let before = api.contents();

        let report = world.apply();
        let lost = api.lost_since(&before);
        let live = reached_by_tags(&before);
        prop_assert!(live.is_disjoint(&lost), "{:?}", live.intersection(&lost));
        prop_assert!(!lost.iter().any(|digest| before[digest].manifest.contains("sigstore")));
        prop_assert_eq!(report.with_outcome(&api, "deleted"), lost);
        prop_assert_eq!(report.total("protected_by_ecr") + report.total("failed"), 0);

        world.ecr.reset_calls();
        let again = world.apply();
        prop_assert_eq!((again.total("deleted"), world.writes().len()), (0, 0));
    }
}
