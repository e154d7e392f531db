use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge};
use crate::manifest::{self, OCI_INDEX, OCI_MANIFEST};
use crate::request::{by_both, by_digest, by_tag};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case::documented(
        "bytes-are-kept",
        "BatchGetImage by digest gives the bytes that were pushed, of images and indexes.",
        "What does not hash to its digest is not believed: an index makes its repository hands-off, an attestation is \
         kept.",
        check!(verbatim),
    ),
    Case::documented(
        "unknown-digest-fails-alone",
        "BatchGetImage answers a failure `ImageNotFound` for an unknown digest, and gives the rest.",
        "A candidate that is not given is kept. An index that is not given is looked up once more, and if it is there \
         its repository is hands-off.",
        check!(alone),
    ),
    Case::unverified(
        "unknown-tag-is-not-found",
        "BatchGetImage by tag answers `ImageNotFound` for a tag that nobody holds.",
        "Any other answer means the tag is not written.",
        check!(unknown_tag),
    ),
    Case::documented(
        "tag-must-match-digest",
        "BatchGetImage with a digest and the tag of another image is a failure `ImageTagDoesNotMatchDigest`.",
        "The two are never sent together.",
        check!(mismatch),
    ),
    Case::unverified(
        "type-not-accepted-is-a-failure",
        "BatchGetImage gives no index to a caller that accepts manifests only, and says so by a failure.",
        "Every known type is accepted. What comes is hashed, so that a converted manifest would not be believed.",
        check!(not_accepted),
    ),
    Case::documented(
        "101-reads-are-refused",
        "BatchGetImage takes at most 100 ids: 101 are an `InvalidParameterException`.",
        "At most 100 are sent.",
        check!(too_many),
    ),
];

async fn verbatim(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    let all = [&built.index, &built.image, &built.attestation];
    let got = target.get(all.iter().map(|manifest| by_digest(&manifest.digest)).collect()).await?;
    let same = all.iter().filter(|manifest| got.manifest(&manifest.digest) == Some(&manifest.text)).count();
    judge(same == all.len(), format!("{same} of {} are the same", all.len()))
}

async fn alone(target: Target) -> Finding {
    let image = target.image("image").await?;
    let unknown = manifest::digest(target.own("unknown").as_bytes());
    let got = target.get(vec![by_digest(&unknown), by_digest(&image.digest)]).await?;
    let (of_unknown, of_image) = (got.about(&unknown), got.about(&image.digest));
    judge(of_unknown.refused("ImageNotFound") && of_image.done(), format!("{of_unknown}; known: {of_image}"))
}

async fn unknown_tag(target: Target) -> Finding {
    let (held, free) = (target.own("held"), target.own("free"));
    target.tagged("image", &[&held]).await?;
    let got = target.get(vec![by_tag(&held), by_tag(&free)]).await?;
    let (of_held, of_free) = (got.about(&held), got.about(&free));
    judge(of_free.refused("ImageNotFound") && of_held.done(), format!("{of_free}; held: {of_held}"))
}

async fn mismatch(target: Target) -> Finding {
    let tag = target.own("v1");
    target.tagged("tagged", &[&tag]).await?;
    let other = target.image("other").await?;
    let got = target.get(vec![by_both(&other.digest, &tag)]).await?;
    let answer = got.about(&other.digest);
    judge(answer.refused("ImageTagDoesNotMatchDigest"), answer)
}

async fn not_accepted(target: Target) -> Finding {
    let built = target.built("v1", None).await?;
    let ids = || vec![by_digest(&built.index.digest)];
    let accepted = target.get_types(ids(), &[OCI_INDEX]).await?.about(&built.index.digest);
    let got = target.get_types(ids(), &[OCI_MANIFEST]).await?;
    let answer = got.about(&built.index.digest);
    let holds = accepted.done() && got.images.is_empty() && answer != Answer::Omitted;
    judge(holds, format!("{answer}; accepted: {accepted}"))
}

async fn too_many(target: Target) -> Finding {
    let digest = |n: i32| manifest::digest(target.own(&n.to_string()).as_bytes());
    let ids = (0..101).map(|n| by_digest(&digest(n))).collect();
    let call = target.client.batch_get_image().repository_name(&target.repository);
    let answer = Answer::to_call(call.set_image_ids(Some(ids)).send().await)?;
    judge(answer.refused("InvalidParameterException"), answer)
}
