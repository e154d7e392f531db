//! Policies.

use ecr_emulator::Emulator;
use ecr_emulator::artifacts::plain_image;
use serde_json::{Value, json};

use crate::oci_client::{Registry, registry};
use crate::support::{OCI_MANIFEST, REPO, admin, call, request};

const ARN: &str = "arn:aws:ecr:us-east-1:123456789012:repository";

fn allow(action: Value, resource: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": action, "Resource": resource } })
}

/// The code of a call by an access key, or `ok`.
async fn by(key: &str, registry: &Registry, operation: &str, body: Value) -> String {
    let headers = format!(
        "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{operation}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={key}/20260101/us-east-1/ecr/aws4_request, SignedHeaders=host, Signature=00\r\n"
    );
    let reply = request(&registry.server.url(), "POST", "/", &headers, &body.to_string()).await.unwrap();
    reply.json()["__type"].as_str().unwrap_or("ok").to_owned()
}

async fn by_anyone(registry: &Registry, operation: &str, body: Value) -> String {
    by("AKIDANYONE", registry, operation, body).await
}

fn repo(name: &str) -> Value {
    json!({ "repositoryName": name })
}

const DENIED: &str = "AccessDeniedException";

#[tokio::test]
async fn only_what_a_policy_allows_is_allowed() {
    let registry = registry().await;
    registry.emulator.create_repository("infra/base").unwrap();
    assert_eq!(by_anyone(&registry, "ListImages", repo(REPO)).await, "ok");
    let policy = allow(json!(["ecr:list*", "ecr:DescribeImage?"]), json!(format!("{ARN}/shop/*")));
    registry.emulator.set_policy(None, Some(policy)).unwrap();
    assert_eq!(by_anyone(&registry, "ListImages", repo(REPO)).await, "ok");
    assert_eq!(by_anyone(&registry, "DescribeImages", repo(REPO)).await, "ok");
    assert_eq!(by_anyone(&registry, "ListImages", repo("infra/base")).await, DENIED);
    assert_eq!(by_anyone(&registry, "GetLifecyclePolicy", repo(REPO)).await, DENIED);
    assert_eq!(by_anyone(&registry, "DescribeRegistry", json!({})).await, DENIED);
    // The library asks nobody.
    assert!(registry.emulator.call("DescribeRegistry", json!({})).is_ok());
    registry.emulator.set_policy(None, None).unwrap();
    assert_eq!(by_anyone(&registry, "DescribeRegistry", json!({})).await, "ok");
}

#[tokio::test]
async fn the_texts_are_awss() {
    let registry = registry().await;
    let text = async || {
        let body = json!({ "repositoryName": REPO, "imageIds": [{ "imageTag": "v1" }] }).to_string();
        let reply = call(&registry.server.url(), "BatchDeleteImage", &body).await.unwrap();
        assert_eq!((reply.status, &reply.json()["__type"]), (400, &json!(DENIED)));
        reply.json()["message"].as_str().unwrap().to_owned()
    };
    let who = "User: arn:aws:sts::123456789012:assumed-role/emulator/session is not authorized to perform: \
               ecr:BatchDeleteImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/shop/web";
    registry.emulator.set_policy(None, Some(allow(json!("ecr:ListImages"), json!("*")))).unwrap();
    let why = "because no identity-based policy allows the ecr:BatchDeleteImage action";
    assert_eq!(text().await, format!("{who} {why}"));
    let deny = json!({ "Statement": [
        { "Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": ["ecr:BatchDelete*"], "Resource": [format!("{ARN}/*")] },
    ]});
    registry.emulator.set_policy(None, Some(deny)).unwrap();
    assert_eq!(text().await, format!("{who} with an explicit deny in an identity-based policy"));
    assert_eq!(by_anyone(&registry, "ListImages", repo(REPO)).await, "ok");
}

#[tokio::test]
async fn not_resource_is_about_all_others() {
    let registry = registry().await;
    for (not, answer) in [
        (json!(format!("{ARN}/shop/*")), "ok"),
        (json!(["arn:aws:ecr:*:*:repository/other", format!("{ARN}/{REPO}")]), "ok"),
        (json!(format!("{ARN}/other/*")), DENIED),
        (json!("arn:aws:ecr:eu-west-1:*:repository/*"), DENIED),
    ] {
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Action": "ecr:ListImages", "Resource": "arn:*:ecr:*:*:repository/*" },
            { "Effect": "Deny", "Action": "ecr:ListImages", "NotResource": not },
        ]});
        registry.emulator.set_policy(None, Some(policy)).unwrap();
        assert_eq!(by_anyone(&registry, "ListImages", repo(REPO)).await, answer, "{not}");
    }
}

#[tokio::test]
async fn a_condition_is_about_the_repositorys_tags() {
    let registry = registry().await;
    let mut policy = allow(json!("ecr:BatchDeleteImage"), json!(format!("{ARN}/*")));
    let delete = async || {
        let body = json!({ "repositoryName": REPO, "imageIds": [{ "imageTag": "v1" }] });
        by_anyone(&registry, "BatchDeleteImage", body).await
    };
    for (condition, before, after) in [
        (json!({ "StringEquals": { "aws:ResourceTag/team": "shop" } }), DENIED, "ok"),
        (json!({ "StringEquals": { "ecr:resourcetag/Team": ["x", "shop"] } }), DENIED, "ok"),
        (json!({ "StringLike": { "aws:ResourceTag/team": "s?o*" } }), DENIED, "ok"),
        (json!({ "StringEquals": { "aws:ResourceTag/team": "Shop" } }), DENIED, DENIED),
        (
            json!({ "StringEquals": { "aws:ResourceTag/team": "shop", "aws:ResourceTag/b": "1" } }),
            DENIED,
            DENIED,
        ),
    ] {
        policy["Statement"]["Condition"] = condition.clone();
        registry.emulator.set_policy(None, Some(policy.clone())).unwrap();
        assert_eq!(delete().await, before, "{condition}");
        let arn = format!("{ARN}/{REPO}");
        let tags = json!([{ "Key": "team", "Value": "shop" }]);
        registry.emulator.call("TagResource", json!({ "resourceArn": arn, "tags": tags })).unwrap();
        assert_eq!(delete().await, after, "{condition}");
        registry.emulator.call("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] })).unwrap();
    }
}

#[tokio::test]
async fn operations_want_the_actions_and_resources_that_aws_names() {
    let registry = registry().await;
    let digest = plain_image(&registry.emulator, REPO, 1, None).unwrap();
    let referrers = json!({ "repositoryName": REPO, "subjectId": { "imageDigest": digest } });
    let tagged = json!({ "repositoryName": "shop/new", "tags": [{ "Key": "a", "Value": "b" }] });
    let of = json!({ "resourceArn": format!("{ARN}/{REPO}") });
    let both = json!({ "repositoryNames": [REPO, "infra/base"] });
    let (shop, all) = (json!(format!("{ARN}/shop/*")), json!(format!("{ARN}/*")));
    let any = json!("*");
    for (action, resource, operation, body, allowed) in [
        ("ecr:BatchGetImage", &shop, "ListImageReferrers", &referrers, true),
        ("ecr:ListImageReferrers", &shop, "ListImageReferrers", &referrers, false),
        ("ecr:DescribeRepositories", &shop, "DescribeRepositories", &json!({}), false),
        ("ecr:DescribeRepositories", &all, "DescribeRepositories", &json!({}), true),
        ("ecr:DescribeRepositories", &shop, "DescribeRepositories", &both, false),
        ("ecr:DescribePullThroughCacheRules", &all, "DescribePullThroughCacheRules", &json!({}), false),
        ("ecr:DescribePullThroughCacheRules", &any, "DescribePullThroughCacheRules", &json!({}), true),
        ("ecr:ListTagsForResource", &shop, "ListTagsForResource", &of, true),
        ("ecr:CreateRepository", &shop, "CreateRepository", &tagged, false),
        ("ecr:*", &shop, "CreateRepository", &tagged, true),
        ("ec2:*", &any, "DescribeRegistry", &json!({}), false),
    ] {
        registry.emulator.set_policy(None, Some(allow(json!(action), resource.clone()))).unwrap();
        let expected = if allowed { "ok" } else { DENIED };
        assert_eq!(
            by_anyone(&registry, operation, body.clone()).await,
            expected,
            "{action} {resource} {body}"
        );
    }
}

#[tokio::test]
async fn callers_are_told_apart_by_their_access_key() {
    let registry = registry().await;
    let (read, all) = (json!("ecr:ListImages"), json!("*"));
    registry.emulator.set_policy(Some("AKIDREADER"), Some(allow(read, all.clone()))).unwrap();
    let describe = async |key: &str| by(key, &registry, "DescribeImages", repo(REPO)).await;
    assert_eq!(
        (describe("AKIDREADER").await, describe("AKIDOTHER").await),
        (DENIED.to_owned(), "ok".to_owned())
    );
    registry.emulator.set_policy(None, Some(allow(json!("ecr:None"), all.clone()))).unwrap();
    assert_eq!(describe("AKIDOTHER").await, DENIED);
    assert_eq!(by("AKIDREADER", &registry, "ListImages", repo(REPO)).await, "ok");
    registry.emulator.set_policy(Some("AKIDREADER"), None).unwrap();
    assert_eq!(by("AKIDREADER", &registry, "ListImages", repo(REPO)).await, DENIED);
    // Without a signature there is no key.
    assert_eq!(
        call(&registry.server.url(), "DescribeRegistry", "{}").await.unwrap().json()["__type"],
        DENIED
    );
}

#[tokio::test]
async fn images_are_pushed_and_pulled_with_the_rights_that_this_takes() {
    let registry = registry().await;
    let manifest = registry.image("one");
    let pull =
        allow(json!(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]), json!(format!("{ARN}/{REPO}")));
    registry.emulator.put_image(REPO, &manifest, Some(OCI_MANIFEST), Some("v1")).unwrap();
    registry.emulator.set_policy(None, Some(pull)).unwrap();
    assert_eq!(registry.get("/v2/").await.status, 200);
    assert_eq!(registry.get("manifests/v1").await.status, 200);
    assert_eq!(registry.get("/v2/other/manifests/v1").await.code(), (403, "DENIED".to_owned()));
    let push = registry.put("v2", OCI_MANIFEST, &manifest).await;
    let (status, code, text) = push.problem();
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert!(text.contains("not authorized to perform: ecr:PutImage on resource"), "{text}");
    let upload = registry.send("POST", "blobs/uploads/", "", b"").await;
    assert!(upload.problem().2.contains("ecr:InitiateLayerUpload"));
}

#[tokio::test]
async fn a_token_is_its_askers() {
    let registry = registry().await;
    let none = allow(json!("ecr:GetAuthorizationToken"), json!("*"));
    registry.emulator.set_policy(None, Some(none)).unwrap();
    registry.emulator.set_policy(Some("AKIDREADER"), Some(allow(json!("ecr:*"), json!("*")))).unwrap();
    registry.emulator.set_require_auth(true);
    // First of all a token.
    assert_eq!(registry.get("tags/list").await.status, 401);
    for (key, status) in [("AKIDREADER", 200), ("AKIDOTHER", 403)] {
        let headers = format!(
            "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/ecr/aws4_request, \
             SignedHeaders=host, Signature=00\r\n"
        );
        let answer = request(&registry.server.url(), "POST", "/", &headers, "{}").await.unwrap().json();
        let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
        let headers = format!("Authorization: Basic {token}\r\n");
        assert_eq!(registry.send("GET", "tags/list", &headers, b"").await.status, status, "{key}");
    }
}

#[test]
fn a_policy_that_would_not_be_kept_is_refused() {
    let statement = |extra: Value| {
        let mut statement = json!({ "Effect": "Allow", "Action": "ecr:*", "Resource": "*" });
        for (member, value) in extra.as_object().unwrap() {
            statement[member] = value.clone();
        }
        json!({ "Statement": [statement] })
    };
    let emulator = Emulator::new();
    emulator.set_policy(None, Some(statement(json!({ "Sid": "fine" })))).unwrap();
    for policy in [
        json!({}),
        json!("*"),
        statement(json!({ "Effect": "Maybe" })),
        statement(json!({ "NotAction": "ecr:PutImage" })),
        statement(json!({ "Action": "PutImage" })),
        statement(json!({ "Action": 1 })),
        statement(json!({ "Resource": "repository/shop/*" })),
        statement(json!({ "Resource": "arn:aws:ecr:*" })),
        statement(json!({ "NotResource": "*" })),
        json!({ "Statement": { "Effect": "Allow", "Action": "ecr:*" } }),
        json!({ "Statement": { "Effect": "Allow", "Action": "ecr:*", "NotResource": "repository/shop/*" } }),
        statement(json!({ "Resource": "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}" })),
        statement(json!({ "Condition": { "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } } })),
        statement(json!({ "Condition": { "StringEquals": { "aws:PrincipalTag/team": "shop" } } })),
    ] {
        let error = emulator.set_policy(None, Some(policy.clone())).unwrap_err();
        assert_eq!(error.code, "MalformedPolicyDocument", "{policy}");
    }
}

#[tokio::test]
async fn the_admin_endpoint_sets_policies() {
    let registry = registry().await;
    let url = registry.server.url();
    let post = async |policy: Value| {
        let body = json!({ "principal": null, "policy": policy }).to_string();
        admin(&url, "POST", "policy", &body).await
    };
    assert_eq!(post(allow(json!("ecr:Nothing"), json!("*"))).await.status, 204);
    assert_eq!(by_anyone(&registry, "ListImages", repo(REPO)).await, DENIED);
    let refused =
        post(json!({ "Statement": [{ "Effect": "Allow", "NotAction": "a:b", "Resource": "*" }] })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("NotAction"), "{}", refused.body);
    assert_eq!(post(Value::Null).await.status, 204);
    assert_eq!(by_anyone(&registry, "ListImages", repo(REPO)).await, "ok");
}
