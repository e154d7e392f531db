//! Tags, repositories, referrers.

use std::collections::BTreeSet;

use ecr_emulator::Status;
use serde_json::{Value, json};

use crate::oci_client::{Registry, registry};
use crate::support::{OCI_INDEX, OCI_MANIFEST, REPO};

/// Follows the links from a path on; how many pages, and what is listed.
async fn pages(registry: &Registry, path: &str, member: &str) -> (usize, Vec<String>) {
    let (mut next, mut pages, mut listed) = (Some(path.to_owned()), 0, Vec::new());
    while let Some(path) = next {
        let answer = registry.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        listed
            .extend(answer.json()[member].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()));
        pages += 1;
        next = answer.header("link").map(|link| {
            let (place, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
            assert_eq!(rest, "; rel=\"next\"");
            place.to_owned()
        });
    }
    (pages, listed)
}

#[tokio::test]
async fn tags_come_in_pages() {
    let registry = registry().await;
    assert_eq!(registry.get("tags/list").await.json(), json!({ "name": REPO, "tags": [] }));
    let mut tags = BTreeSet::new();
    for n in 0..120 {
        let tag = format!("v{n}");
        let answer = registry.put(&tag, OCI_MANIFEST, &registry.image(&(n / 3).to_string())).await;
        assert_eq!(answer.status, 201);
        tags.insert(tag);
    }
    let digest = registry.put("gone", OCI_MANIFEST, &registry.image("x")).await;
    registry.emulator.set_status(REPO, digest.header("docker-content-digest").unwrap(), Status::Archived);
    for (query, wanted) in [("", 2), ("?n=50", 3), ("?n=7", 18), ("?n=1000", 1)] {
        let (pages, listed) = pages(&registry, &format!("tags/list{query}"), "tags").await;
        assert_eq!((pages, listed.len()), (wanted, 120), "{query}");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), tags, "{query}");
    }
    for query in ["n=0", "n=1001", "n=x", "last=v1"] {
        let answer = registry.get(&format!("tags/list?{query}")).await;
        assert_eq!(answer.code(), (405, "UNSUPPORTED".to_owned()), "{query}");
    }
    let problem = registry.get("tags/list?n=1001").await.problem().2;
    assert_eq!(
        problem,
        "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal \
         to 1000'"
    );
    assert_eq!(registry.get("/v2/no/such/tags/list").await.code(), (404, "NAME_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn repositories_come_in_pages() {
    let registry = registry().await;
    for n in 0..4 {
        registry.emulator.create_repository(&format!("r{n}")).unwrap();
    }
    let names = ["r0", "r1", "r2", "r3", REPO].map(str::to_owned).to_vec();
    assert_eq!(pages(&registry, "/v2/_catalog", "repositories").await, (1, names.clone()));
    assert_eq!(pages(&registry, "/v2/_catalog?n=2", "repositories").await, (3, names));
    assert_eq!(registry.get("/v2/_catalog?n=1001").await.code(), (405, "UNSUPPORTED".to_owned()));
    assert_eq!(registry.send("POST", "/v2/_catalog", "", b"").await.code(), (405, "UNSUPPORTED".to_owned()));
}

#[tokio::test]
async fn referrers_are_an_index() {
    let registry = registry().await;
    let subject = registry.put("v1", OCI_MANIFEST, &registry.image("{}")).await;
    let subject = subject.header("docker-content-digest").unwrap();
    let path = format!("referrers/{subject}");
    let none = registry.get(&path).await;
    assert_eq!((none.status, none.header("content-type")), (200, Some(OCI_INDEX)));
    assert_eq!(none.json(), json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] }));

    let mut sizes = Vec::new();
    for n in 0..60 {
        let kind = if n % 2 == 0 { "application/a+json" } else { "application/b" };
        let manifest = registry.referrer(subject, kind, &n.to_string());
        let pushed = registry.put(&format!("r{n}"), OCI_MANIFEST, &manifest).await;
        assert_eq!((pushed.status, pushed.header("oci-subject")), (201, Some(subject)));
        sizes.push(manifest.len());
    }
    let all = registry.get(&path).await;
    assert_eq!(all.header("oci-filters-applied"), None);
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 60, "in one page");
    let some = registry.get(&format!("{path}?artifactType=application/a+json")).await;
    assert_eq!(some.header("oci-filters-applied"), Some("artifactType"));
    let some = some.json();
    assert_eq!(some["manifests"].as_array().unwrap().len(), 30);
    let digest = registry.emulator.digest_of_tag(REPO, "r8").unwrap();
    let found: Vec<&Value> =
        some["manifests"].as_array().unwrap().iter().filter(|one| one["digest"] == digest).collect();
    assert_eq!(
        found,
        [&json!({
            "mediaType": OCI_MANIFEST,
            "digest": digest,
            "size": sizes[8],
            "artifactType": "application/a+json",
            "annotations": { "note": "8" },
        })]
    );
    registry.emulator.set_status(REPO, &digest, Status::Archived);
    assert_eq!(registry.get(&path).await.json()["manifests"].as_array().unwrap().len(), 59);
}

#[tokio::test]
async fn a_subject_need_not_be_there_to_have_referrers() {
    let registry = registry().await;
    let subject = format!("sha256:{}", "c".repeat(64));
    registry.put("r", OCI_MANIFEST, &registry.referrer(&subject, "application/a", "1")).await;
    let answer = registry.get(&format!("referrers/{subject}")).await;
    assert_eq!(answer.json()["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(registry.get("referrers/v1").await.code(), (400, "DIGEST_INVALID".to_owned()));
    let other = registry.get(&format!("/v2/no/such/referrers/{subject}")).await;
    assert_eq!(other.code(), (404, "NAME_UNKNOWN".to_owned()));
}
