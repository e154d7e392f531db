//! A full repository.

use std::time::{Duration, Instant};

use ecr_emulator::buildx::{Build, Form};
use serde_json::{Value, json};

use crate::support::{REPO, delete, emulator};

/// The bounds are wide: they are there to notice work that grows with the repository.
#[test]
fn a_hundred_thousand_images_are_quick_to_seed_list_and_delete() {
    let emulator = emulator();
    let start = Instant::now();
    for code in 0..33_333 {
        let form = if code % 2 == 0 { Form::Oci } else { Form::Legacy };
        Build::new(&["linux/amd64"]).form(form).code(code).push(&emulator, REPO, Some("latest")).unwrap();
    }
    println!("seeded {} images in {:?}", emulator.image_count(REPO), start.elapsed());
    assert_eq!(emulator.image_count(REPO), 99_999);

    let mut request = json!({ "repositoryName": REPO, "maxResults": 1000 });
    let (mut slowest, mut last, mut listed) = (Duration::ZERO, Value::Null, 0);
    loop {
        let start = Instant::now();
        let page = emulator.call("DescribeImages", request.clone()).unwrap();
        slowest = slowest.max(start.elapsed());
        listed += page["imageDetails"].as_array().unwrap().len();
        match page.get("nextToken") {
            Some(token) => request["nextToken"] = token.clone(),
            None => break,
        }
        last = page;
    }
    println!("slowest page of 1,000: {slowest:?}");
    assert_eq!(listed, 99_999);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");

    let details = last["imageDetails"].as_array().unwrap();
    let ids: Vec<Value> =
        details.iter().take(100).map(|i| json!({ "imageDigest": i["imageDigest"] })).collect();
    let start = Instant::now();
    delete(&emulator, json!(ids));
    println!("deleting a hundred: {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_millis(200));
}
