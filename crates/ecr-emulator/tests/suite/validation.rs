//! Requests that AWS's service model does not allow are refused before anything is done.

use std::collections::BTreeSet;

use ecr_emulator::Emulator;
use ecr_emulator::artifacts::plain_image;
use serde_json::{Value, json};

use crate::requests::{Case, cases, seen};
use crate::support::{REPO, emulator};

fn invalid(member: &str, constraint: &str) -> String {
    format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")
}

/// A registry in which each good request would do something.
fn full() -> Emulator {
    let emulator = emulator();
    plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    for case in cases() {
        if matches!(case.operation, "TagResource" | "CreatePullThroughCacheRule")
            || case.operation.starts_with("Put") && case.operation != "PutImage"
            || case.operation == "SetRepositoryPolicy"
        {
            emulator.call(case.operation, case.good).unwrap();
        }
    }
    emulator
}

fn refuse(emulator: &Emulator, case: &Case, request: Value) -> ecr_emulator::ApiError {
    let before = seen(emulator);
    let error = emulator.call(case.operation, request).expect_err(case.operation);
    assert_eq!(seen(emulator), before, "{} changed something", case.operation);
    assert_eq!(error.status, 400);
    error
}

#[test]
fn there_is_a_case_for_each_operation() {
    let names: BTreeSet<_> = cases().iter().map(|case| case.operation).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), Emulator::operations());
}

#[test]
fn good_requests_are_not_refused_for_their_form() {
    for case in cases() {
        if let Err(error) = full().call(case.operation, case.good) {
            let form = ["failed to satisfy constraint: 'Member", "must have length", "converted"];
            assert!(!form.iter().any(|form| error.message.contains(form)), "{}: {error}", case.operation);
            assert_ne!(error.code, "UnknownOperationException");
        }
    }
}

#[test]
fn what_is_required_must_be_there() {
    let emulator = full();
    for case in cases() {
        let named = case.good.get("repositoryName").map(|_| &"repositoryName");
        for member in case.required.iter().chain(named) {
            for absent in [false, true] {
                let mut request = case.good.clone();
                request[*member] = Value::Null;
                if absent {
                    request.as_object_mut().unwrap().remove(*member);
                }
                let error = refuse(&emulator, &case, request);
                assert_eq!(error.code, "InvalidParameterException", "{} {member}", case.operation);
                assert_eq!(error.message, invalid(member, "Member must not be null"));
            }
        }
    }
}

#[test]
fn nothing_may_be_out_of_bounds() {
    let emulator = full();
    for case in cases() {
        let Some((pointer, value)) = &case.out else { continue };
        let mut request = case.good.clone();
        match request.pointer_mut(pointer) {
            Some(member) => *member = value.clone(),
            None => request[&pointer[1..]] = value.clone(),
        }
        let error = refuse(&emulator, &case, request);
        assert_eq!(error.code, "InvalidParameterException", "{}", case.operation);
        // The members of a list are counted from one.
        let path = pointer[1..].replace("/0", ".1.member").replace('/', ".");
        assert!(error.message.starts_with(&format!("Invalid parameter at '{path}'")), "{error}");
    }
}

#[test]
fn each_member_has_its_type() {
    let emulator = full();
    for case in cases() {
        for (member, value) in case.good.as_object().unwrap() {
            let mut request = case.good.clone();
            request[member] = if value.is_object() { json!([]) } else { json!({ "a": 1 }) };
            // Types come first, whatever else is wrong.
            if let (Some((pointer, bad)), true) = (&case.out, request.get("repositoryName").is_some()) {
                let other = pointer[1..].split('/').next().unwrap();
                if other != member && pointer[1..] == *other {
                    request[other] = bad.clone();
                }
            }
            let error = refuse(&emulator, &case, request);
            assert_eq!(error.code, "SerializationException", "{} {member}", case.operation);
        }
        assert_eq!(refuse(&emulator, &case, json!([])).code, "SerializationException");
        assert_eq!(refuse(&emulator, &case, json!("text")).code, "SerializationException");
    }
}

#[test]
fn texts_say_which_bound_was_broken() {
    let emulator = emulator();
    let message = |operation: &str, request| emulator.call(operation, request).unwrap_err().message;
    let named = |name: &str| message("ListImages", json!({ "repositoryName": name }));
    assert_eq!(named("a"), invalid("repositoryName", "must have length greater than or equal to 2"));
    assert_eq!(
        named("Shop"),
        invalid(
            "repositoryName",
            "must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'"
        )
    );
    let ids: Vec<Value> = (0..101).map(|_| json!({ "imageTag": "v1" })).collect();
    assert_eq!(
        message("BatchDeleteImage", json!({ "repositoryName": REPO, "imageIds": ids })),
        invalid("imageIds", "Member must have length less than or equal to 100")
    );
    assert_eq!(
        message("ListImages", json!({ "repositoryName": REPO, "maxResults": 1001 })),
        invalid("maxResults", "Member must have value less than or equal to 1000")
    );
    assert_eq!(
        message("PutImageTagMutability", json!({ "repositoryName": REPO, "imageTagMutability": "SOME" })),
        invalid(
            "imageTagMutability",
            "Member must satisfy enum value set: \
             [MUTABLE, IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]"
        )
    );
    assert_eq!(
        message("ListImages", json!({ "repositoryName": 7 })),
        "NUMBER_VALUE can not be converted to a String (at 'repositoryName')"
    );
}

#[test]
fn members_that_nobody_knows_are_no_trouble() {
    let request = json!({ "repositoryName": REPO, "colour": { "blue": true } });
    emulator().call("ListImages", request).unwrap();
}

#[test]
fn what_aws_has_and_this_has_not_is_told_from_what_aws_has_not() {
    let error = |operation| emulator().call(operation, json!({})).unwrap_err();
    assert_eq!(error("PutAccountSetting").code, "NotEmulatedException");
    assert_eq!(error("MakeCoffee").code, "UnknownOperationException");
}

#[test]
fn the_documentation_names_every_operation() {
    let documented = include_str!("../../docs/OPERATIONS.md");
    let words: BTreeSet<&str> = documented.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    for operation in Emulator::operations() {
        assert!(words.contains(operation), "{operation}");
    }
}
