use crate::answer::Answer;
use crate::case::{Case, Finding, check, judge};
use crate::evidence::{Evidence, Source};
use crate::manifest::{self, OCI_INDEX, OCI_MANIFEST};
use crate::request::{by_both, by_digest, by_tag};
use crate::target::Target;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "bytes-are-kept",
        claim: "BatchGetImage by digest returns the bytes that were pushed, of images and indexes alike.",
        evidence: Evidence::Documented(&[
            Source::guide("retagging an image", "image-retag"),
            Source::tests_text(
                "AWS's own [ECR containerd resolver](https://github.com/awslabs/amazon-ecr-containerd-resolver)",
            ),
        ]),
        safeguard: "Bytes that do not hash to their digest are rejected: an attestation is kept, and an index \
            counts as unreadable.",
        check: check!(verbatim),
    },
    Case {
        id: "digest-gives-one-entry-for-each-tag",
        claim: "BatchGetImage by digest returns one entry per tag of the image, each with the whole manifest.",
        evidence: Evidence::Supported {
            by: &[Source::localstack("test_batch_get_image")],
            if_wrong: "Nothing: responses are smaller than expected.",
        },
        safeguard: "Entries are read by digest, and when a response is larger than its limit fewer images are asked \
            for at a time, and at last one by its digest and one of its tags.",
        check: check!(entry_per_tag),
    },
    Case {
        id: "unknown-digest-fails-alone",
        claim: "BatchGetImage answers `ImageNotFound` for an unknown digest, and returns the rest.",
        evidence: Evidence::Documented(&[
            Source::api("BatchGetImage"),
            Source::localstack("test_batch_get_image"),
        ]),
        safeguard: "A candidate that is not returned is kept. An index that is not returned is looked up once more, \
            and counts as unreadable if it is there.",
        check: check!(alone),
    },
    Case {
        id: "unknown-tag-is-not-found",
        claim: "BatchGetImage by tag answers `ImageNotFound` for a tag that no image has.",
        evidence: Evidence::Confirmed(&[
            Source::output("aws/aws-cli#6424"),
            Source::localstack("test_batch_get_image"),
        ]),
        safeguard: "With any other answer the tag is not written.",
        check: check!(unknown_tag),
    },
    Case {
        id: "tag-must-match-digest",
        claim: "BatchGetImage with a digest and the tag of another image is a failure `ImageTagDoesNotMatchDigest`.",
        evidence: Evidence::Documented(&[
            Source::api("ImageFailure"),
            Source::localstack("test_batch_get_images_tag_and_digest"),
        ]),
        safeguard: "The two are never sent together.",
        check: check!(mismatch),
    },
    Case {
        id: "type-not-accepted-is-a-failure",
        claim: "BatchGetImage returns no index to a caller that accepts manifests only, and reports a failure.",
        evidence: Evidence::Open {
            if_wrong: "ECR might convert a manifest into another type, with other bytes.",
        },
        safeguard: "Every known type is accepted, and a converted manifest is rejected because it does not hash to its \
            digest.",
        check: check!(not_accepted),
    },
    Case {
        id: "101-reads-are-refused",
        claim: "BatchGetImage takes at most 100 ids; 101 are an `InvalidParameterException`.",
        evidence: Evidence::Documented(&[Source::api("BatchGetImage")]),
        safeguard: "At most 100 are sent.",
        check: check!(too_many),
    },
    Case {
        id: "blobs-can-be-read-by-url",
        claim: "GetDownloadUrlForLayer returns a URL that serves the bytes of a blob without further credentials.",
        evidence: Evidence::Documented(&[Source::api("GetDownloadUrlForLayer")]),
        safeguard: "What cannot be backed up is not deleted.",
        check: check!(download),
    },
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

async fn entry_per_tag(target: Target) -> Finding {
    let (one, two) = (target.own("one"), target.own("two"));
    let image = target.tagged("image", &[&one, &two]).await?;
    let got = target.get(vec![by_digest(&image.digest)]).await?;
    let mut tags: Vec<&str> = got.images.iter().filter_map(|image| image.image_id()?.image_tag()).collect();
    tags.sort_unstable();
    let whole = got.images.iter().all(|entry| entry.image_manifest() == Some(&image.text));
    let seen = format!("{} entries with {} tags; all are whole: {whole}", got.images.len(), tags.len());
    judge(whole && tags == [one.as_str(), two.as_str()], seen)
}

async fn download(target: Target) -> Finding {
    let attestation = target.legacy_attestation("attestation").await?;
    let mut seen = Vec::new();
    for blob in &attestation.blobs {
        seen.push(target.download(&blob.digest()).await? == blob.bytes);
    }
    judge(seen.iter().all(|same| *same), format!("the bytes are the same: {seen:?}"))
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
