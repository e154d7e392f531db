//! Replication rules, which are kept and shown.

use ecr_emulator::{ApiError, Emulator, Settings, seed};
use serde_json::{Value, json};

use crate::support::{admin, code, emulator};

fn put(emulator: &Emulator, rules: &Value) -> Result<Value, ApiError> {
    let request = json!({ "replicationConfiguration": { "rules": rules } });
    emulator.call("PutReplicationConfiguration", request)
}

fn rules(emulator: &Emulator) -> Value {
    let answer = emulator.call("DescribeRegistry", json!({})).unwrap();
    answer["replicationConfiguration"]["rules"].clone()
}

fn rule(region: &str) -> Value {
    json!({ "destinations": [{ "region": region, "registryId": "123456789012" }] })
}

#[test]
fn rules_are_shown_as_they_were_put() {
    let emulator = emulator();
    assert_eq!(rules(&emulator), json!([]));
    let whole = json!({
        "destinations": [
            { "region": "eu-west-1", "registryId": "123456789012" },
            { "region": "us-east-1", "registryId": "210987654321" },
        ],
        "repositoryFilters": [{ "filter": "prod", "filterType": "PREFIX_MATCH" }],
        "deleteReplication": { "enabled": true },
    });
    let answer = put(&emulator, &json!([whole, rule("eu-west-1")])).unwrap();
    assert_eq!(answer["replicationConfiguration"]["rules"], json!([whole, rule("eu-west-1")]));
    assert_eq!(rules(&emulator), json!([whole, rule("eu-west-1")]));
    put(&emulator, &json!([])).unwrap();
    assert_eq!(rules(&emulator), json!([]));
}

#[test]
fn quotas_and_the_model_hold() {
    let emulator = emulator();
    let many = |count: usize| Value::Array(vec![rule("eu-west-1"); count]);
    put(&emulator, &many(25)).unwrap();
    let regions: Vec<Value> = (0..26).map(|n| rule(&format!("eu-{n}"))).collect();
    let spread = json!([
        { "destinations": regions.iter().map(|r| r["destinations"][0].clone()).collect::<Vec<_>>() }
    ]);
    for (rules, expected) in [
        (many(26), "InvalidParameterException"),
        (spread, "ValidationException"),
        (json!([rule("us-east-1")]), "InvalidParameterException"),
        (json!([{}]), "InvalidParameterException"),
        (json!([{ "destinations": [{ "region": "eu-west-1" }] }]), "InvalidParameterException"),
        (json!([{ "destinations": [], "repositoryFilters": [] }]), "InvalidParameterException"),
        (json!([{ "destinations": [], "deleteReplication": {} }]), "InvalidParameterException"),
        (json!([{ "destinations": [], "deleteReplication": { "enabled": 1 } }]), "SerializationException"),
        (
            json!([{ "destinations": [], "repositoryFilters": [{ "filter": "Prod", "filterType": "PREFIX_MATCH" }] }]),
            "InvalidParameterException",
        ),
    ] {
        assert_eq!(code(put(&emulator, &rules)), expected, "{rules}");
    }
    assert_eq!(rules(&emulator), many(25));
}

#[test]
fn each_registry_has_its_own() {
    let emulator = emulator();
    put(&emulator, &json!([rule("eu-west-1")])).unwrap();
    let elsewhere = Settings { account: "210987654321".to_owned(), region: "us-east-1".to_owned() };
    let answer = emulator.call_in(&elsewhere, "DescribeRegistry", json!({})).unwrap();
    assert_eq!(answer["replicationConfiguration"]["rules"], json!([]));
}

#[test]
fn a_seed_can_have_rules() {
    let emulator = emulator();
    let text = r#"
        [[replication]]
        to = ["eu-west-1", "us-east-1/210987654321"]
        prefixes = ["prod/"]
        deletes = true

        [[replication]]
        to = ["eu-north-1"]
    "#;
    seed::from_toml(&emulator, text).unwrap();
    let expected = json!([
        {
            "destinations": [
                { "region": "eu-west-1", "registryId": "123456789012" },
                { "region": "us-east-1", "registryId": "210987654321" },
            ],
            "repositoryFilters": [{ "filter": "prod/", "filterType": "PREFIX_MATCH" }],
            "deleteReplication": { "enabled": true },
        },
        rule("eu-north-1"),
    ]);
    assert_eq!(rules(&emulator), expected);
}

#[tokio::test]
async fn any_operation_can_be_called_from_outside_without_being_counted() {
    let emulator = emulator();
    let server = emulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let call = async |body: Value| admin(&server.url(), "POST", "call", &body.to_string()).await;
    let request = json!({ "replicationConfiguration": { "rules": [rule("eu-west-1")] } });
    let put = call(json!({ "operation": "PutReplicationConfiguration", "request": request })).await;
    assert_eq!((put.status, put.json()), (200, request));
    assert_eq!(rules(&emulator), json!([rule("eu-west-1")]));
    let elsewhere = json!({ "operation": "DescribeRegistry", "request": {}, "account": "210987654321" });
    assert_eq!(call(elsewhere).await.json()["registryId"], "210987654321");
    assert_eq!(call(json!({ "operation": "Nonsense", "request": {} })).await.status, 400);
    assert!(emulator.calls().is_empty() && emulator.journal().is_empty());
}
