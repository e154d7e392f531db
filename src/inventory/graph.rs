//! Graph walks over an inventory. Linear in its edges, and safe on loops.

use crate::inventory::{ImageIndex, Inventory, PerImage};

/// A set of images, by position.
pub type Set = PerImage<bool>;

/// Everything that these indexes list, directly or through other indexes. A seed is in it only if another lists it.
pub fn below(inventory: &Inventory, seeds: impl IntoIterator<Item = ImageIndex>) -> Set {
    walk(inventory, seeds, false, |at, step| {
        inventory.children(at).iter().for_each(|edge| step(edge.child));
    })
}

/// Every index that lists one of these, directly or through other indexes.
pub fn above(inventory: &Inventory, seeds: impl IntoIterator<Item = ImageIndex>) -> Set {
    walk(inventory, seeds, false, |at, step| {
        inventory.parents(at).iter().for_each(|edge| step(edge.parent));
    })
}

/// The closure of these images: themselves, what they list, and the referrers of anything in it. A BuildKit
/// attestation is no referrer, subject or not: only what lists it holds it.
pub fn closure(
    inventory: &Inventory,
    seeds: impl IntoIterator<Item = ImageIndex>,
    is_referrer: impl Fn(ImageIndex) -> bool,
) -> Set {
    reachable(inventory, seeds, |at, step| {
        inventory.children(at).iter().for_each(|edge| step(edge.child));
        inventory.referrers(at).filter(|referrer| is_referrer(*referrer)).for_each(step);
    })
}

/// Every image whose [`closure`] holds one of these.
pub fn reaching(
    inventory: &Inventory,
    seeds: impl IntoIterator<Item = ImageIndex>,
    is_referrer: impl Fn(ImageIndex) -> bool,
) -> Set {
    reachable(inventory, seeds, |at, step| {
        inventory.parents(at).iter().for_each(|edge| step(edge.parent));
        inventory.subject(at).filter(|_| is_referrer(at)).into_iter().for_each(step);
    })
}

/// These images and everything that the steps lead to.
pub fn reachable(
    inventory: &Inventory,
    seeds: impl IntoIterator<Item = ImageIndex>,
    next: impl Fn(ImageIndex, &mut dyn FnMut(ImageIndex)),
) -> Set {
    walk(inventory, seeds, true, next)
}

fn walk(
    inventory: &Inventory,
    seeds: impl IntoIterator<Item = ImageIndex>,
    with_seeds: bool,
    next: impl Fn(ImageIndex, &mut dyn FnMut(ImageIndex)),
) -> Set {
    let mut seen = PerImage::filled(inventory, false);
    let mut todo: Vec<ImageIndex> = Vec::new();
    for seed in seeds {
        if with_seeds {
            if !std::mem::replace(&mut seen[seed], true) {
                todo.push(seed);
            }
        } else {
            todo.push(seed);
        }
    }
    while let Some(at) = todo.pop() {
        next(at, &mut |step| {
            if !std::mem::replace(&mut seen[step], true) {
                todo.push(step);
            }
        });
    }
    seen
}
