//! Tokens.

use serde_json::json;

use crate::oci_client::registry;

fn header(credentials: &str) -> String {
    format!("Authorization: Basic {credentials}\r\n")
}

#[tokio::test]
async fn nobody_needs_a_token_unless_told_so() {
    let registry = registry().await;
    let ping = registry.get("/v2/").await;
    assert_eq!((ping.status, ping.header("docker-distribution-api-version")), (200, Some("registry/2.0")));
    assert_eq!(registry.send("GET", "/v2/", &header("bm9uc2Vuc2U="), b"").await.status, 200);
    registry.emulator.set_require_auth(true);
    assert_eq!(registry.get("/v2/").await.status, 401);
    registry.emulator.set_require_auth(false);
    assert_eq!(registry.get("/v2/").await.status, 200);
}

#[tokio::test]
async fn the_challenge_is_ecrs() {
    let registry = registry().await;
    registry.emulator.set_require_auth(true);
    // No credentials; no password; another user; a bad password; no base64.
    for headers in ["", &header("QVdT"), &header("Ym9iOng="), &header("QVdTOng="), &header("!")] {
        let answer = registry.send("GET", "tags/list", headers, b"").await;
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (401, b"Not Authorized\n".as_slice()),
            "{headers}"
        );
        let url = registry.server.url();
        let challenge = format!("Basic realm=\"{url}/\",service=\"ecr.amazonaws.com\"");
        assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
    }
}

#[tokio::test]
async fn a_token_is_good_for_twelve_hours() {
    let registry = registry().await;
    registry.emulator.set_require_auth(true);
    let answer = registry.emulator.call("GetAuthorizationToken", json!({})).unwrap();
    let token = answer["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    assert_eq!(registry.send("GET", "/v2/", &header(token), b"").await.status, 200);
    let now = registry.emulator.now();
    registry.emulator.set_clock(Some(now + 12 * 60 * 60 * 1000));
    let late = registry.send("GET", "/v2/", &header(token), b"").await;
    let text = "Your authorization token has expired. Reauthenticate and try again.".to_owned();
    assert_eq!(late.problem(), (403, "DENIED".to_owned(), text));
}
