//! Serves an account in which something of each kind runs, for clients that others wrote; ends with its input.

use std::io::Read as _;

use usage_test_server::{UsageServer, Workloads};

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const PAGE: usize = 2;

fn main() -> std::io::Result<()> {
    let server = UsageServer::start();
    server.set_page(PAGE);
    server.change(fill);
    println!("usage-test-server listening on {}", server.endpoint());
    std::io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// Three of each, so that listings have pages, and one of each that is gone when it is described.
fn fill(runs: &mut Workloads) {
    let image = |name: &str| format!("{HOST}/shop/{name}:main");
    runs.zip_function("zip");
    runs.function("gone", "$LATEST", &image("gone"), &resolved("gone"));
    runs.vanishes("gone");
    for (number, name) in (1..).zip(["api", "web", "job"]) {
        runs.function(name, "$LATEST", &image(name), &resolved(name));
        runs.function(name, "1", &image(name), &resolved(name));
        let containers = [(image(name), Some(digest(name))), ("nginx:1".to_owned(), None)];
        let definition = runs.task_definition(name, &[&image(name), "nginx:1"]);
        runs.service("prod", name, &definition, &containers);
        runs.task("prod", name, &definition, &containers);
        let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/shop/{name}/{}", digest(name));
        runs.covered(&arn, number, (name != "job").then_some(1_760_000_000));
    }
    let definition = runs.task_definition("gone", &[&image("gone")]);
    runs.service("prod", "gone", &definition, &[]);
    let task = runs.task("prod", "gone", &definition, &[]);
    runs.vanishes(&definition);
    runs.vanishes(&task);
    runs.vanishes("arn:aws:ecs:us-east-1:123456789012:service/prod/gone");
}

fn digest(name: &str) -> String {
    format!("sha256:{:064x}", name.bytes().fold(0u64, |sum, byte| sum * 256 + u64::from(byte)))
}

fn resolved(name: &str) -> String {
    format!("{HOST}/shop/{name}@{}", digest(name))
}
