//! Pages.

use std::collections::BTreeSet;

use ecr_emulator::Emulator;
use ecr_emulator::artifacts::plain_image;
use serde_json::{Value, json};

use crate::support::{REPO, code, delete, emulator};

/// All entries of a listing, page by page.
fn pages(emulator: &Emulator, operation: &str, key: &str, mut request: Value) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    loop {
        let answer = emulator.call(operation, request.clone()).unwrap();
        pages.push(answer[key].as_array().unwrap().clone());
        match answer.get("nextToken") {
            Some(token) => request["nextToken"] = token.clone(),
            None => return pages,
        }
    }
}

#[test]
fn images_come_in_pages_of_a_hundred_or_as_asked() {
    let emulator = emulator();
    for seed in 0..250 {
        plain_image(&emulator, REPO, seed, None).unwrap();
    }
    for (request, sizes) in [
        (json!({ "repositoryName": REPO }), vec![100, 100, 50]),
        (json!({ "repositoryName": REPO, "maxResults": 125 }), vec![125, 125]),
        (json!({ "repositoryName": REPO, "maxResults": 1000 }), vec![250]),
    ] {
        for (operation, key) in [("DescribeImages", "imageDetails"), ("ListImages", "imageIds")] {
            let pages = pages(&emulator, operation, key, request.clone());
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{operation}");
            let digests: BTreeSet<_> =
                pages.iter().flatten().map(|image| image["imageDigest"].as_str()).collect();
            assert_eq!(digests.len(), 250);
        }
    }
}

#[test]
fn a_listing_has_an_entry_for_each_tag_also_across_pages() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, Some("a")).unwrap();
    for tag in ["b", "c", "d"] {
        plain_image(&emulator, REPO, 1, Some(tag)).unwrap();
    }
    plain_image(&emulator, REPO, 2, None).unwrap();
    let pages =
        pages(&emulator, "ListImages", "imageIds", json!({ "repositoryName": REPO, "maxResults": 2 }));
    let entries: Vec<_> = pages.concat();
    assert_eq!(entries.len(), 5);
    let tags: Vec<_> =
        entries.iter().filter(|e| e["imageDigest"] == digest.as_str()).map(|e| &e["imageTag"]).collect();
    assert_eq!(tags, ["a", "b", "c", "d"]);
}

#[test]
fn a_page_goes_on_after_images_that_were_deleted_in_between() {
    let emulator = emulator();
    for seed in 0..10 {
        plain_image(&emulator, REPO, seed, None).unwrap();
    }
    let first = emulator.call("DescribeImages", json!({ "repositoryName": REPO, "maxResults": 5 })).unwrap();
    for image in first["imageDetails"].as_array().unwrap() {
        delete(&emulator, json!([{ "imageDigest": image["imageDigest"] }]));
    }
    let request = json!({ "repositoryName": REPO, "nextToken": first["nextToken"] });
    let second = emulator.call("DescribeImages", request).unwrap();
    assert_eq!(second["imageDetails"].as_array().unwrap().len(), 5);
    assert_eq!(second.get("nextToken"), None);
}

#[test]
fn bad_paging_is_refused() {
    let emulator = emulator();
    let digest = plain_image(&emulator, REPO, 1, None).unwrap();
    plain_image(&emulator, REPO, 2, None).unwrap();
    let first = emulator.call("ListImages", json!({ "repositoryName": REPO, "maxResults": 1 })).unwrap();
    let with = |member: &str, value: Value| {
        let mut request = json!({ "repositoryName": REPO });
        request[member] = value;
        emulator.call("DescribeImages", request)
    };
    for (member, value) in [
        ("maxResults", json!(0)),
        ("maxResults", json!(-1)),
        ("maxResults", json!(1001)),
        ("nextToken", json!("rubbish")),
        ("nextToken", json!("")),
        // A token of another operation.
        ("nextToken", first["nextToken"].clone()),
    ] {
        assert_eq!(code(with(member, value.clone())), "InvalidParameterException", "{member} {value}");
    }
    for member in ["maxResults", "nextToken"] {
        let mut request = json!({ "repositoryName": REPO, "imageIds": [{ "imageDigest": digest }] });
        request[member] = if member == "maxResults" { json!(5) } else { first["nextToken"].clone() };
        assert_eq!(code(emulator.call("DescribeImages", request)), "InvalidParameterException");
    }
}

#[test]
fn repositories_and_rules_come_in_pages() {
    let emulator = Emulator::new();
    for n in 0..7 {
        emulator.create_repository(&format!("repo-{n}")).unwrap();
        let rule = json!({ "ecrRepositoryPrefix": format!("up-{n}"), "upstreamRegistryUrl": "quay.io" });
        emulator.call("CreatePullThroughCacheRule", rule).unwrap();
    }
    let sizes = |operation, key| -> Vec<usize> {
        let pages = pages(&emulator, operation, key, json!({ "maxResults": 3 }));
        pages.iter().map(Vec::len).collect()
    };
    assert_eq!(sizes("DescribeRepositories", "repositories"), [3, 3, 1]);
    assert_eq!(sizes("DescribePullThroughCacheRules", "pullThroughCacheRules"), [3, 3, 1]);
}
