//! Worlds by chance.

use ecr_emulator::Status;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::policy::{ALL_KEYS, Keys, Policy, Setting};
use crate::world::{About, Age, Item, Pulled, Said, TICK, TagOf, What, World};

/// How an item comes about. Its links are chosen among what is there already.
#[derive(Debug, Clone)]
enum Recipe {
    /// Anything.
    One {
        item: Item,
        about: Option<Option<Index>>,
        links: Vec<(Index, Said, Index)>,
        tags: Vec<(TagOf, Index)>,
    },
    /// What `docker buildx build --push` leaves: images, their attestations, an index; perhaps over the images of an
    /// earlier build, perhaps cut off before the index.
    Build {
        platforms: usize,
        form: What,
        again: Option<Index>,
        tag: Option<u8>,
        age: Age,
        cut: bool,
        extras: Extras,
    },
    /// An index of all that two others list.
    Merge { of: [Index; 2], tag: Option<u8> },
}

/// What other tools add to a build.
#[derive(Debug, Clone, Copy)]
struct Extras {
    /// The index lists a SOCI index.
    soci: bool,
    /// The index is signed, and the last of so many signatures signs the one before.
    signatures: usize,
    /// The tag of the first signature: its head and tail, around the digest of the index.
    cosign: Option<(&'static str, &'static str)>,
}

/// A world of up to so many recipes.
pub(crate) fn world(recipes: std::ops::Range<usize>) -> impl Strategy<Value = World> {
    let registry = (
        proptest::bool::weighted(0.7),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.1),
        proptest::bool::weighted(0.2),
        select(vec![2, 5, 1000, 1000, 1000]),
    );
    // Not in the future: what this run reads is recorded then, and would be somebody else's pull.
    let now = (1_500_000_000_000 / TICK..1_700_000_000_000 / TICK).prop_map(|ticks| ticks * TICK);
    (proptest::collection::vec(recipe(), recipes), setting(), registry, now).prop_map(
        |(recipes, setting, registry, now)| {
            let (reads_archived, pulls_count, immutable, replicates, lacks_source, hides_subjects, page) =
                registry;
            World {
                items: cook(recipes),
                setting,
                now,
                reads_archived,
                pulls_count,
                immutable,
                replicates,
                lacks_source,
                hides_subjects,
                page,
            }
        },
    )
}

/// A world of hundreds of images, none of which keeps the janitor from all others.
pub(crate) fn large_world() -> impl Strategy<Value = World> {
    world(60..120).prop_map(|mut world| {
        world.items.iter_mut().for_each(|item| item.corrupt &= !item.what.is_index() && !item.untyped);
        World { reads_archived: true, ..world }
    })
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let form = select(vec![What::Oci, What::Oci, What::Legacy, What::LegacyTwo, What::Signed]);
    let tag = || prop_oneof![2 => Just(None), 1 => (0_u8..4).prop_map(Some)];
    let signatures = prop_oneof![3 => Just(0_usize), 2 => Just(1), 1 => Just(2)];
    let cosign = prop_oneof![4 => Just(None), 1 => select(vec![("", ".sig"), ("", ""), ("cve-", "-x")]).prop_map(Some)];
    let extras = (proptest::bool::weighted(0.25), signatures, cosign)
        .prop_map(|(soci, signatures, cosign)| Extras { soci, signatures, cosign });
    let again = proptest::option::of(any::<Index>());
    let build = (1_usize..4, form, again, tag(), age(), proptest::bool::weighted(0.3), extras).prop_map(
        |(platforms, form, again, tag, age, cut, extras)| Recipe::Build {
            platforms,
            form,
            again,
            tag,
            age,
            cut,
            extras,
        },
    );
    let merge = (any::<[Index; 2]>(), tag()).prop_map(|(of, tag)| Recipe::Merge { of, tag });
    prop_oneof![6 => one(), 3 => build, 1 => merge]
}

fn one() -> impl Strategy<Value = Recipe> {
    let what = prop_oneof![
        3 => Just(What::Image), 1 => Just(What::DockerImage), 1 => Just(What::Scratch), 3 => Just(What::Legacy),
        1 => Just(What::LegacyTwo), 3 => Just(What::Oci), 2 => Just(What::Signed), 1 => Just(What::Statement),
        1 => Just(What::Odd), 1 => Just(What::Mixed), 2 => Just(What::Signature), 1 => Just(What::Chart),
        1 => Just(What::Cache), 1 => Just(What::Soci), 7 => Just(What::Index), 1 => Just(What::List),
    ];
    let about = prop_oneof![
        4 => Just(None), 4 => any::<Index>().prop_map(|of| Some(Some(of))), 1 => Just(Some(None)),
    ];
    let tag = prop_oneof![
        3 => (0_u8..4).prop_map(TagOf::User), 2 => Just(TagOf::Own), 1 => Just(TagOf::Older),
        1 => Just(TagOf::OwnOf(0)),
        1 => (select(vec!["", "", "cve-"]), select(vec!["", ".sig", ".att", ".sbom", "-scan", "x"]))
            .prop_map(|(head, end)| TagOf::Cosign(0, head, end)),
    ];
    let tags = proptest::collection::vec((tag, any::<Index>()), 1..3);
    let tags = prop_oneof![4 => Just(Vec::new()), 1 => tags];
    let links = proptest::collection::vec((any::<Index>(), said(), any::<Index>()), 0..5);
    let status =
        prop_oneof![18 => Just(Status::Active), 1 => Just(Status::Archived), 1 => Just(Status::Activating)];
    let rarely = proptest::bool::weighted;
    let quirks = (rarely(0.06), rarely(0.03), rarely(0.15), rarely(0.04));
    let activated = prop_oneof![9 => Just(None), 1 => age().prop_map(Some)];
    (what, about, links, tags, (age(), activated), pulled(), status, quirks).prop_map(
        |(what, about, links, tags, (age, activated), pulled, status, (untyped, corrupt, removed, runs))| {
            // An index that cannot be read stops the whole repository: that is to be the exception.
            let corrupt = corrupt && status == Status::Active && (!what.is_index() || links.len() == 4);
            let item =
                Item { age, activated, pulled, status, untyped, corrupt, runs, removed, ..Item::new(what) };
            Recipe::One { item, about, links, tags }
        },
    )
}

fn said() -> impl Strategy<Value = Said> {
    let odd = vec![
        Said::Bare,
        Said::Unknown,
        Said::Claimed,
        Said::ClaimedOf(0),
        Said::ClaimedArtifact,
        Said::Platform,
        Said::HalfPlatform,
        Said::PlatformArtifact,
        Said::ClaimedPlatform,
        Said::Builder,
        Said::ClaimedOther,
    ];
    prop_oneof![8 => Just(Said::Natural), 1 => select(odd)]
}

fn age() -> impl Strategy<Value = Age> {
    prop_oneof![
        12 => Just(Age::Old), 1 => (-1_i64..2).prop_map(Age::Grace), 1 => (-1_i64..2).prop_map(Age::After),
        1 => Just(Age::Now), 1 => select(vec![Age::Future, Age::Unknown]),
    ]
}

fn pulled() -> impl Strategy<Value = Pulled> {
    prop_oneof![
        12 => Just(Pulled::Never), 1 => Just(Pulled::Lately), 1 => (-1_i64..2).prop_map(Pulled::Edge),
        1 => Just(Pulled::LongAgo),
    ]
}

fn setting() -> impl Strategy<Value = Setting> {
    let given = prop_oneof![4 => Just(ALL_KEYS), 1 => keys()];
    let overridden = prop_oneof![3 => Just(None), 1 => (keys(), policy()).prop_map(Some)];
    let limits = prop_oneof![
        12 => Just((1_000_000, 1.0)), 2 => (0_u64..6).prop_map(|most| (most, 1.0)),
        1 => select(vec![0.0, 0.1, 0.25, 0.5]).prop_map(|share| (1_000_000, share)),
    ];
    (policy(), given, overridden, limits).prop_map(
        |(policy, given, overridden, (max_deletions, max_images_share))| Setting {
            policy,
            given,
            overridden,
            max_deletions,
            max_images_share,
        },
    )
}

fn keys() -> impl Strategy<Value = Keys> {
    0..=ALL_KEYS
}

fn policy() -> impl Strategy<Value = Policy> {
    let any_of = || prop_oneof![3 => Just("delete"), 1 => Just("tag"), 1 => Just("keep")];
    let hours = |of: &[i64]| select(of.to_vec());
    let keep_or_delete = || select(vec!["keep", "delete"]);
    let template = select(vec![
        "attestation-{platform}-{digest}",
        "attestation-{platform}-{digest}",
        "{digest}",
        "a.{subject}_{platform}-{digest}",
        "{digest}.{subject}",
    ]);
    let words = (any_of(), any_of(), keep_or_delete(), keep_or_delete(), keep_or_delete(), keep_or_delete());
    let since = prop_oneof![9 => Just("push"), 1 => Just("untagged")];
    let names = (select(vec!["orphans", "recommended"]), since, select(vec!["hold", "follow"]));
    let periods = (hours(&[1, 48, 960]), hours(&[0, 24, 720, 1440]), hours(&[0, 24, 2160]));
    (words, names, periods, select(vec!["keep", "keep", "tag"]), template).prop_map(
        |(words, (preset, since, referrers), (grace, after, pulled), attached, template)| {
            let (orphaned, superseded, with_subject, images, without_tags, replicated) = words;
            Policy {
                preset,
                grace_period: grace,
                orphaned,
                orphaned_with_subject: with_subject,
                superseded,
                superseded_after: after,
                superseded_since: since,
                superseded_images: images,
                superseded_without_tags: without_tags,
                referrers,
                keep_pulled_within: pulled,
                attached,
                replicated,
                tag_template: template,
            }
        },
    )
}

/// Makes the items, one recipe after the other.
fn cook(recipes: Vec<Recipe>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for recipe in recipes {
        match recipe {
            Recipe::One { item, about, links, tags } => {
                items.push(one_item(&items, item, about, links, &tags))
            }
            Recipe::Build { platforms, form, again, tag, age, cut, extras } => {
                let lists = platforms_of_build(&mut items, platforms, form, again, age);
                if !cut {
                    index_of_build(&mut items, lists, tag, age, extras);
                }
            }
            Recipe::Merge { of, tag } => merge(&mut items, of, tag),
        }
    }
    items
}

fn one_item(
    items: &[Item],
    item: Item,
    about: Option<Option<Index>>,
    links: Vec<(Index, Said, Index)>,
    tags: &[(TagOf, Index)],
) -> Item {
    let among = |index: &Index| (!items.is_empty()).then(|| index.index(items.len()));
    let about = about.and_then(|of| match of {
        // Few indexes are referrers: such a one keeps everything under it.
        _ if item.what.is_index() && links.len() < 4 => None,
        Some(index) => among(&index).map(About::It),
        None => Some(About::Missing),
    });
    let said = |said: Said, of: &Index| match said {
        Said::ClaimedOf(_) => among(of).map_or(Said::Claimed, Said::ClaimedOf),
        said => said,
    };
    let lists = links.iter().filter_map(|(index, how, of)| Some((among(index)?, said(*how, of)))).collect();
    let tags = tags.iter().filter_map(|(tag, of)| match tag {
        TagOf::OwnOf(_) => among(of).map(TagOf::OwnOf),
        TagOf::Cosign(_, head, end) => among(of).map(|of| TagOf::Cosign(of, head, end)),
        tag => Some(*tag),
    });
    Item { about, lists: if item.what.is_index() { lists } else { Vec::new() }, tags: tags.collect(), ..item }
}

/// The images of a build and their attestations; gives what its index lists.
fn platforms_of_build(
    items: &mut Vec<Item>,
    platforms: usize,
    form: What,
    again: Option<Index>,
    age: Age,
) -> Vec<(usize, Said)> {
    let images: Vec<usize> =
        items.iter().enumerate().filter(|(_, it)| it.what.is_image()).map(|it| it.0).collect();
    let mut lists = Vec::new();
    for number in 0..platforms {
        let cached = again.filter(|_| !images.is_empty()).map(|again| again.index(images.len()) + number);
        let image = cached.and_then(|at| images.get(at).copied()).unwrap_or_else(|| {
            items.push(Item { age, ..Item::new(What::Image) });
            items.len() - 1
        });
        items.push(Item { about: Some(About::It(image)), age, ..Item::new(form) });
        lists.extend([(image, Said::Natural), (items.len() - 1, Said::Natural)]);
    }
    lists
}

fn index_of_build(
    items: &mut Vec<Item>,
    mut lists: Vec<(usize, Said)>,
    tag: Option<u8>,
    age: Age,
    extras: Extras,
) {
    if extras.soci {
        items.push(Item { age, ..Item::new(What::Soci) });
        lists.push((items.len() - 1, Said::Natural));
    }
    let tags = tag.map(TagOf::User).into_iter().collect();
    items.push(Item { lists, tags, age, ..Item::new(What::Index) });
    let index = items.len() - 1;
    for number in 0..extras.signatures {
        let cosign = extras.cosign.filter(|_| number == 0);
        let tags = cosign.map(|(head, tail)| TagOf::Cosign(index, head, tail)).into_iter().collect();
        let about = Some(About::It(items.len() - 1));
        items.push(Item { about, tags, ..Item::new(What::Signature) });
    }
}

fn merge(items: &mut Vec<Item>, of: [Index; 2], tag: Option<u8>) {
    let indexes: Vec<usize> =
        items.iter().enumerate().filter(|(_, it)| it.what.is_index()).map(|it| it.0).collect();
    if !indexes.is_empty() {
        let chosen = of.map(|index| indexes[index.index(indexes.len())]);
        let lists = chosen.iter().flat_map(|index| items[*index].lists.clone()).collect();
        let tags = tag.map(TagOf::User).into_iter().collect();
        items.push(Item { lists, tags, ..Item::new(What::Index) });
    }
}
