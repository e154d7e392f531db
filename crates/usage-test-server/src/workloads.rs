//! What runs in the account.

use std::collections::{BTreeMap, BTreeSet};

/// What runs in an account.
#[derive(Debug, Clone, Default)]
pub struct Workloads {
    pub(crate) functions: Vec<Function>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// Task definitions by ARN.
    pub(crate) definitions: BTreeMap<String, Vec<Container>>,
    /// The newest revision of each family.
    pub(crate) families: BTreeMap<String, u32>,
    pub(crate) covered: Vec<Covered>,
    /// Resources that are listed, and gone when they are described.
    pub(crate) vanished: BTreeSet<String>,
    /// Resources of which no answer tells.
    pub(crate) hidden: BTreeSet<String>,
}

/// A container: its image as it is named, and its digest as it was resolved.
pub type Container = (String, Option<String>);

#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its image and what that was resolved to; none of a function in a zip.
    pub(crate) image: Option<(String, String)>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Cluster {
    /// Services, each with its task definition and the containers of its revision.
    pub(crate) services: BTreeMap<String, (String, Vec<Container>)>,
    /// Tasks, each with its task definition and containers.
    pub(crate) tasks: BTreeMap<String, (String, Vec<Container>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Covered {
    pub(crate) arn: String,
    pub(crate) in_use: u64,
    /// In Unix seconds.
    pub(crate) last_in_use: Option<i64>,
}

const ACCOUNT: &str = "arn:aws:ecs:us-east-1:123456789012";

impl Workloads {
    /// A version of a function that is made from an image.
    pub fn function(&mut self, name: &str, version: &str, image: &str, resolved: &str) {
        let image = Some((image.to_owned(), resolved.to_owned()));
        self.functions.push(Function { name: name.to_owned(), version: version.to_owned(), image });
    }

    /// A function in a zip.
    pub fn zip_function(&mut self, name: &str) {
        self.functions.push(Function { name: name.to_owned(), version: "$LATEST".to_owned(), image: None });
    }

    /// A revision of a task definition; the newest of its family.
    pub fn task_definition(&mut self, family: &str, images: &[&str]) -> String {
        let revision = self.families.entry(family.to_owned()).or_default();
        *revision += 1;
        let arn = format!("{ACCOUNT}:task-definition/{family}:{revision}");
        let containers = images.iter().map(|image| ((*image).to_owned(), None)).collect();
        self.definitions.insert(arn.clone(), containers);
        arn
    }

    /// A service with this task definition, for which ECS resolved these containers.
    pub fn service(&mut self, cluster: &str, name: &str, definition: &str, resolved: &[Container]) {
        let arn = format!("{ACCOUNT}:service/{cluster}/{name}");
        let cluster = self.clusters.entry(format!("{ACCOUNT}:cluster/{cluster}")).or_default();
        cluster.services.insert(arn, (definition.to_owned(), resolved.to_vec()));
    }

    /// A running task.
    pub fn task(&mut self, cluster: &str, id: &str, definition: &str, containers: &[Container]) -> String {
        let arn = format!("{ACCOUNT}:task/{cluster}/{id}");
        let cluster = self.clusters.entry(format!("{ACCOUNT}:cluster/{cluster}")).or_default();
        cluster.tasks.insert(arn.clone(), (definition.to_owned(), containers.to_vec()));
        arn
    }

    /// An image that Inspector scans, with its uses and the last of them, in Unix seconds.
    pub fn covered(&mut self, arn: &str, in_use: u64, last_in_use: Option<i64>) {
        self.covered.push(Covered { arn: arn.to_owned(), in_use, last_in_use });
    }

    /// This is listed, and gone when it is described.
    pub fn vanishes(&mut self, arn: &str) {
        self.vanished.insert(arn.to_owned());
    }

    /// This is listed, and no answer tells of it.
    pub fn hide(&mut self, arn: &str) {
        self.hidden.insert(arn.to_owned());
    }
}
