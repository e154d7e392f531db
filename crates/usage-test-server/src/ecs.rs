//! The operations of ECS that lead to images.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::workloads::Cluster;
use super::{Answer, Container, Workloads, page, with_token};

pub(crate) fn answer(workloads: &Workloads, size: usize, operation: &str, body: &Value) -> Answer {
    let cluster = || {
        let cluster = workloads.clusters.get(body["cluster"].as_str().unwrap_or_default());
        cluster.ok_or_else(|| (400, "ClusterNotFoundException".to_owned()))
    };
    match operation {
        "ListClusters" => list(workloads.clusters.keys(), "clusterArns", size, body),
        "ListServices" => list(cluster()?.services.keys(), "serviceArns", size, body),
        "ListTasks" => list(cluster()?.tasks.keys(), "taskArns", size, body),
        "ListTaskDefinitionFamilies" => list(workloads.families.keys(), "families", size, body),
        "DescribeServices" => {
            describe(workloads, body, "services", 10, "services", |arn| service(cluster().ok()?, arn))
        }
        "DescribeTasks" => describe(workloads, body, "tasks", 100, "tasks", |arn| task(cluster().ok()?, arn)),
        "DescribeServiceRevisions" => {
            describe(workloads, body, "serviceRevisionArns", 20, "serviceRevisions", |arn| {
                revision(&workloads.clusters, arn)
            })
        }
        "DescribeTaskDefinition" => definition(workloads, body["taskDefinition"].as_str()),
        _ => Err((400, "InvalidActionException".to_owned())),
    }
}

fn list<'a>(keys: impl Iterator<Item = &'a String>, field: &str, size: usize, body: &Value) -> Answer {
    let all: Vec<&String> = keys.collect();
    let most = body["maxResults"].as_u64().unwrap_or(100) as usize;
    let (keys, next) = page(&all, size.min(most), body["nextToken"].as_str());
    Ok(with_token(json!({ field: keys }), "nextToken", next))
}

fn describe(
    workloads: &Workloads,
    body: &Value,
    asked: &str,
    most: usize,
    given: &str,
    found: impl Fn(&str) -> Option<Value>,
) -> Answer {
    let arns: Vec<&str> = body[asked].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if arns.is_empty() || arns.len() > most {
        return Err((400, "InvalidParameterException".to_owned()));
    }
    let is_told = |arn: &&str| !workloads.hidden.contains(*arn);
    let (mut there, mut failures) = (Vec::new(), Vec::new());
    for arn in arns.into_iter().filter(is_told) {
        match found(arn).filter(|_| !workloads.vanished.contains(arn)) {
            Some(it) => there.push(it),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ given: there, "failures": failures }))
}

fn service(cluster: &Cluster, arn: &str) -> Option<Value> {
    let (definition, _) = cluster.services.get(arn)?;
    let revision = arn.replace(":service/", ":service-revision/");
    Some(json!({
        "serviceArn": arn,
        "status": "ACTIVE",
        "desiredCount": 1,
        "taskDefinition": definition,
        "deployments": [{ "id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": definition }],
        "currentServiceRevisions": [{ "arn": format!("{revision}/1"), "runningTaskCount": 1 }],
    }))
}

fn revision(clusters: &BTreeMap<String, Cluster>, arn: &str) -> Option<Value> {
    let service = arn.replace(":service-revision/", ":service/");
    let service = service.strip_suffix("/1")?;
    let (definition, resolved) = clusters.values().find_map(|cluster| cluster.services.get(service))?;
    Some(json!({
        "serviceRevisionArn": arn,
        "serviceArn": service,
        "taskDefinition": definition,
        "containerImages": containers(resolved, "containerName"),
    }))
}

fn task(cluster: &Cluster, arn: &str) -> Option<Value> {
    let (definition, running) = cluster.tasks.get(arn)?;
    Some(json!({
        "taskArn": arn,
        "taskDefinitionArn": definition,
        "lastStatus": "RUNNING",
        "containers": containers(running, "name"),
    }))
}

fn definition(workloads: &Workloads, name: Option<&str>) -> Answer {
    let name = name.unwrap_or_default();
    let newest = workloads.families.get(name).map(|revision| format!("task-definition/{name}:{revision}"));
    let is_it = |arn: &&String| newest.as_ref().map_or(*arn == name, |newest| arn.ends_with(newest));
    let found = workloads.definitions.iter().find(|(arn, _)| is_it(arn));
    match found.filter(|_| !workloads.vanished.contains(name)) {
        Some((arn, images)) => Ok(json!({
            "taskDefinition": {
                "taskDefinitionArn": arn,
                "status": "ACTIVE",
                "containerDefinitions": containers(images, "name"),
            },
        })),
        None => Err((400, "ClientException: Unable to describe task definition.".to_owned())),
    }
}

/// Containers, whose name is in this member.
fn containers(containers: &[Container], name: &str) -> Vec<Value> {
    let container = |(image, digest): &Container| match digest {
        Some(digest) => json!({ name: "app", "image": image, "imageDigest": digest }),
        None => json!({ name: "app", "image": image }),
    };
    containers.iter().map(container).collect()
}
