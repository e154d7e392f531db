//! Each account has a registry in each Region.

use ecr_emulator::artifacts::plain_image;
use ecr_emulator::{Change, Emulator, Server, Settings, UnreferencedLayers};
use serde_json::{Value, json};

use crate::support::{REPO, Reply, admin, call, code, emulator, request};

const OTHER: &str = "210987654321";

fn place(account: &str, region: &str) -> Settings {
    Settings { account: account.to_owned(), region: region.to_owned() }
}

async fn served() -> (Emulator, Server) {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    (emulator, server)
}

async fn signed(url: &str, key: &str, region: &str, operation: &str, body: Value) -> Reply {
    let headers = format!(
        "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.{operation}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={key}/20250615/{region}/ecr/aws4_request, \
         SignedHeaders=host;x-amz-target, Signature=0\r\n"
    );
    request(url, "POST", "/", &headers, &body.to_string()).await.unwrap()
}

#[tokio::test]
async fn the_region_is_the_one_that_was_signed_for() {
    let (emulator, server) = served().await;
    let url = server.url();
    let name = json!({ "repositoryName": "far/away" });
    let made = signed(&url, "AKIAX", "eu-west-1", "CreateRepository", name.clone()).await.json();
    let made = &made["repository"];
    assert_eq!(made["repositoryArn"], "arn:aws:ecr:eu-west-1:123456789012:repository/far/away");
    assert_eq!(made["repositoryUri"], "123456789012.dkr.ecr.eu-west-1.amazonaws.com/far/away");
    let names = async |region: &str| {
        let all = signed(&url, "AKIAX", region, "DescribeRepositories", json!({})).await.json();
        all["repositories"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["repositoryName"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("eu-west-1").await, ["far/away"]);
    assert_eq!(names("us-east-1").await, [REPO]);
    assert_eq!(names("ap-south-2").await, [""; 0]);
    let unsigned = call(&url, "ListImages", &name.to_string()).await.unwrap();
    assert_eq!(unsigned.json()["__type"], "RepositoryNotFoundException");
    // Where a change was is not to be mistaken.
    let journal = emulator.journal();
    assert_eq!(journal[0].kind, Change::RepositoryCreated);
    assert_eq!(journal[0].repository, "arn:aws:ecr:eu-west-1:123456789012:repository/far/away");
}

#[tokio::test]
async fn an_access_key_of_twelve_digits_is_an_account() {
    let (emulator, server) = served().await;
    let url = server.url();
    let name = json!({ "repositoryName": REPO });
    let gone = signed(&url, OTHER, "us-east-1", "DeleteRepository", name.clone()).await.json();
    assert!(gone["message"].as_str().unwrap().contains(OTHER), "{gone}");
    let made = signed(&url, OTHER, "us-east-1", "CreateRepository", name.clone()).await.json();
    assert_eq!(made["repository"]["registryId"], OTHER);
    let deleted = signed(&url, OTHER, "us-east-1", "DeleteRepository", name).await;
    assert_eq!(deleted.status, 200);
    emulator.call("ListImages", json!({ "repositoryName": REPO })).unwrap();
}

#[tokio::test]
async fn another_accounts_registry_opens_by_a_switch_only() {
    let (emulator, server) = served().await;
    let theirs = place(OTHER, "us-east-1");
    emulator.call_in(&theirs, "CreateRepository", json!({ "repositoryName": "their/app" })).unwrap();
    let list = json!({ "registryId": OTHER, "repositoryName": "their/app" });
    assert_eq!(code(emulator.call("ListImages", list.clone())), "AccessDeniedException");
    admin(&server.url(), "POST", "cross-account", r#"{"on":true}"#).await;
    assert_eq!(emulator.call("ListImages", list.clone()).unwrap()["imageIds"], json!([]));
    let mine = json!({ "registryId": OTHER, "repositoryName": REPO });
    assert_eq!(code(emulator.call("ListImages", mine)), "RepositoryNotFoundException");
    let elsewhere = emulator.call_in(&place("123456789012", "eu-west-1"), "ListImages", list);
    assert_eq!(code(elsewhere), "RepositoryNotFoundException", "the Region stays the caller's");
    let back = json!({ "registryId": "123456789012", "repositoryName": REPO });
    emulator.call_in(&theirs, "ListImages", back).expect("home is a registry like any other");
    emulator.call("ListImages", json!({ "repositoryName": REPO })).unwrap();
}

#[tokio::test]
async fn the_library_acts_at_home() {
    let emulator = Emulator::with(place(OTHER, "eu-north-1"));
    emulator.create_repository(REPO).unwrap();
    plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    let far = place(OTHER, "eu-west-1");
    emulator.call_in(&far, "CreateRepository", json!({ "repositoryName": REPO })).unwrap();
    emulator.call_in(&far, "PutRegistryPolicy", json!({ "policyText": r#"{"Statement":[]}"# })).unwrap();
    let shown =
        |place| emulator.call_in(&place, "DescribeImages", json!({ "repositoryName": REPO })).unwrap();
    assert_eq!(shown(far.clone())["imageDetails"], json!([]));
    assert_eq!(shown(place(OTHER, "eu-north-1"))["imageDetails"].as_array().unwrap().len(), 1);
    assert_eq!(emulator.image_count(REPO), 1);
    assert_eq!(code(emulator.call("GetRegistryPolicy", json!({}))), "RegistryPolicyNotFoundException");
    emulator.call_in(&far, "DeleteRegistryPolicy", json!({})).unwrap();
    emulator.call_in(&far, "DeleteRepository", json!({ "repositoryName": REPO })).unwrap();
    assert_eq!(
        code(emulator.call_in(&far, "ListImages", json!({ "repositoryName": REPO }))),
        "RepositoryNotFoundException"
    );
}

#[tokio::test]
async fn layers_and_images_are_had_from_where_they_are() {
    let (emulator, server) = served().await;
    let url = server.url();
    let call = async |operation: &str, more: Value| {
        let mut body = more;
        body["repositoryName"] = "far/away".into();
        let reply = signed(&url, OTHER, "eu-west-1", operation, body).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    };
    call("CreateRepository", json!({})).await;
    let upload = call("InitiateLayerUpload", json!({})).await["uploadId"].clone();
    let part =
        json!({ "uploadId": upload, "partFirstByte": 0, "partLastByte": 4, "layerPartBlob": "aGVsbG8=" });
    call("UploadLayerPart", part).await;
    let digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    call("CompleteLayerUpload", json!({ "uploadId": upload, "layerDigests": [digest] })).await;
    // No image refers to it.
    emulator.set_unreferenced_layers(UnreferencedLayers::Downloadable);
    let link = call("GetDownloadUrlForLayer", json!({ "layerDigest": digest })).await;
    let path = link["downloadUrl"].as_str().unwrap().strip_prefix(&url).unwrap().to_owned();
    assert_eq!(request(&url, "GET", &path, "", "").await.unwrap().body, "hello");
    assert_eq!(emulator.blob("far/away", digest), None);
}

#[tokio::test]
async fn a_copy_of_home_is_a_registry_of_its_own() {
    let (emulator, server) = served().await;
    let url = server.url();
    plain_image(&emulator, REPO, 1, Some("v1")).unwrap();
    let there = place(OTHER, "eu-west-1");
    emulator.call_in(&there, "CreateRepository", json!({ "repositoryName": "before" })).unwrap();
    admin(&url, "POST", "copy-home", &json!({ "account": OTHER, "region": "eu-west-1" }).to_string()).await;
    let all = emulator.call_in(&there, "DescribeRepositories", json!({})).unwrap();
    assert_eq!(all["repositories"].as_array().unwrap().len(), 1, "what was there before is gone");
    assert_eq!(all["repositories"][0]["registryId"], OTHER);
    let tag = json!({ "repositoryName": REPO, "imageIds": [{ "imageTag": "v1" }] });
    let deleted = emulator.call_in(&there, "BatchDeleteImage", tag).unwrap();
    assert_eq!(deleted["failures"], json!([]));
    assert_eq!(emulator.image_count(REPO), 1, "the original stays");
}

#[tokio::test]
async fn a_fault_can_hit_one_region_alone() {
    let (_emulator, server) = served().await;
    let url = server.url();
    let rule = json!({ "operation": "*", "repository": "arn:aws:ecr:eu-west-1:*:repository/*", "fault": "throttle" });
    admin(&url, "POST", "fault", &rule.to_string()).await;
    let status = async |key: &str, region: &str, operation: &str, body: Value| {
        signed(&url, key, region, operation, body).await.status
    };
    let name = json!({ "repositoryName": REPO });
    assert_eq!(status("AKIAX", "us-east-1", "ListImages", name.clone()).await, 200);
    assert_eq!(status("AKIAX", "eu-west-1", "ListImages", name).await, 400);
    assert_eq!(status(OTHER, "eu-west-1", "DescribeRepositories", json!({})).await, 400);
    assert_eq!(status(OTHER, "eu-west-2", "DescribeRepositories", json!({})).await, 200);
    assert_eq!(admin(&url, "GET", "faults", "").await.json(), json!([2]));
}
