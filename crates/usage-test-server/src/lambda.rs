//! ListFunctions and GetFunction.

use serde_json::{Value, json};

use super::workloads::Function;
use super::{Answer, Workloads, page, with_token};

const PREFIX: &str = "/2015-03-31/functions";

pub(crate) fn operation(path: &str) -> &'static str {
    if path == PREFIX { "ListFunctions" } else { "GetFunction" }
}

pub(crate) fn answer(workloads: &Workloads, size: usize, path: &str, query: &str) -> Answer {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.replace("%24", "$"))
    };
    let Some(name) = path.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/')) else {
        // Without this parameter published versions are left out.
        let is_all = parameter("FunctionVersion").as_deref() == Some("ALL");
        let listed = workloads.functions.iter().filter(|it| is_all || it.version == "$LATEST");
        let listed: Vec<Value> = listed.map(configuration).collect();
        let (functions, next) = page(&listed, size.min(50), parameter("Marker").as_deref());
        return Ok(with_token(json!({ "Functions": functions }), "NextMarker", next));
    };
    let qualifier = parameter("Qualifier").unwrap_or_else(|| "$LATEST".to_owned());
    let is_it = |it: &&Function| it.name == name && it.version == qualifier;
    let found = workloads.functions.iter().find(is_it).filter(|it| !workloads.vanished.contains(&it.name));
    let function = found.ok_or_else(|| (404, "ResourceNotFoundException".to_owned()))?;
    let code = match &function.image {
        Some((image, resolved)) => {
            json!({ "RepositoryType": "ECR", "ImageUri": image, "ResolvedImageUri": resolved })
        }
        None => json!({ "RepositoryType": "S3", "Location": "https://awslambda.example/code.zip" }),
    };
    Ok(json!({ "Configuration": configuration(function), "Code": code, "Tags": {} }))
}

fn configuration(function: &Function) -> Value {
    let Function { name, version, image } = function;
    let digest = image.as_ref().and_then(|(_, resolved)| resolved.split_once("@sha256:")).map(|it| it.1);
    json!({
        "FunctionName": name,
        "FunctionArn": format!("arn:aws:lambda:us-east-1:123456789012:function:{name}:{version}"),
        "Version": version,
        "PackageType": if image.is_some() { "Image" } else { "Zip" },
        "CodeSha256": digest.unwrap_or("qBAVnTpTVRjPFsZNzDCZQFHvUEXAMPLE="),
        "CodeSize": 0,
        "Environment": { "Variables": { "SECRET": "none of anybody's business" } },
        "Architectures": ["x86_64"],
    })
}
