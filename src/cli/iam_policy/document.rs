//! The IAM policy that a configuration needs: as little as makes its runs complete.
//!
//! `template.yaml` grants the function's role the same statements. Sources: the service authorization reference of
//! Amazon ECR; DescribeRepositories without names is authorised on `repository/*`; Amazon S3 answers AccessDenied for a
//! missing object to those who may not list the bucket.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::config::in_use::UsageSource;
use crate::config::location::{Location, S3Prefix};
use crate::config::pattern::Patterns;
use crate::config::{Config, Environment, Statements};
use crate::memory::place::{Host, Place};

/// The largest managed policy, in characters without white space. An inline policy of a role may have 10,240.
/// Source: IAM and AWS STS quotas.
pub const MAX_MANAGED_POLICY: usize = 6_144;

/// Where the repositories are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// `aws`, `aws-cn`, `aws-us-gov` ...
    pub partition: String,
    /// A region, or `*`.
    pub region: String,
    /// An account, or `*`.
    pub account: String,
}

impl Registry {
    fn repository(&self, pattern: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:ecr:{region}:{account}:repository/{pattern}")
    }

    fn objects(&self, place: &S3Prefix, below: &str) -> String {
        self.object(place, &format!("{below}/*"))
    }

    fn object(&self, place: &S3Prefix, name: &str) -> String {
        let Self { partition, .. } = self;
        let S3Prefix { bucket, prefix } = place;
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("arn:{partition}:s3:::{bucket}/{prefix}{slash}{name}")
    }

    fn repositories(&self, patterns: &Patterns) -> Vec<String> {
        patterns.texts().map(|pattern| self.repository(&pattern)).collect()
    }
}

/// The runs that a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Runs that only plan.
    Plan,
    /// Runs that apply.
    Apply,
    /// Restoring what was deleted.
    Restore,
    /// Runs that only plan, and commands that read statements: `sources` and `explain`.
    Sources,
    /// Runs that only plan, and looking at what runs would find.
    Doctor,
}

/// An identity-based policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, Value>,
}

impl Statement {
    fn allow(sid: &'static str, action: &[&'static str], resource: Vec<String>) -> Self {
        let condition = BTreeMap::new();
        Self { sid, effect: "Allow", action: action.to_vec(), resource, condition }
    }

    /// Only on repositories that bear these resource tags, all of them.
    fn if_tagged(mut self, tags: &BTreeMap<String, String>) -> Self {
        if !tags.is_empty() {
            let key = |key: &String| format!("aws:ResourceTag/{key}");
            let tags: BTreeMap<String, &String> =
                tags.iter().map(|(name, value)| (key(name), value)).collect();
            self.condition.insert("StringEquals", json!(tags));
        }
        self
    }

    fn denied(self) -> Self {
        Self { effect: "Deny", ..self }
    }
}

const DELETE: &str = "ecr:BatchDeleteImage";
const TAG: &str = "ecr:PutImage";
const GET_OBJECT: &str = "s3:GetObject";
const PUT_OBJECT: &str = "s3:PutObject";

/// What runs of this purpose may need: reading what is selected; when they apply, each kind of write that some policy can
/// ask for; and their own files, if these are in a bucket.
pub fn policy(config: &Config, purpose: Purpose, registry: &Registry) -> Document {
    let writes = Writes::of(config, purpose);
    let mut statement = reads(config, writes, registry);
    if purpose == Purpose::Doctor {
        statement.extend(inspections(config, registry));
    }
    statement.extend(write_statements(config, writes, registry));
    statement.extend(state_statements(config, purpose, writes, registry));
    if purpose != Purpose::Restore {
        statement.extend(usage_statements(config, registry));
    }
    Document { version: "2012-10-17", statement }
}

/// The kinds of write.
#[derive(Debug, Clone, Copy)]
struct Writes {
    deletes: bool,
    tags: bool,
    restores: bool,
    backs_up: bool,
    reads_statements: bool,
}

impl Writes {
    fn of(config: &Config, purpose: Purpose) -> Self {
        let is_apply = purpose == Purpose::Apply;
        let deletes = is_apply && config.policies().any(|policy| policy.deletes());
        Self {
            deletes,
            tags: is_apply && config.policies().any(|policy| policy.tags()),
            restores: purpose == Purpose::Restore,
            reads_statements: match purpose {
                Purpose::Sources => true,
                Purpose::Plan | Purpose::Apply | Purpose::Doctor => {
                    config.memory.statements == Statements::Newest
                }
                Purpose::Restore => false,
            },
            backs_up: deletes && config.backup.is_on() && config.backup.location != Location::None,
        }
    }
}

fn reads(config: &Config, writes: Writes, registry: &Registry) -> Vec<Statement> {
    let select = &config.select;
    let mut read = vec!["ecr:DescribeImages", "ecr:BatchGetImage"];
    if !select.require_tag.is_empty() {
        read.push("ecr:ListTagsForResource");
    }
    if writes.backs_up || writes.reads_statements {
        read.push("ecr:GetDownloadUrlForLayer");
    }
    let mut statement = vec![
        Statement::allow("Discover", &["ecr:DescribeRepositories"], vec![registry.repository("*")]),
        Statement::allow("PullThroughRules", &["ecr:DescribePullThroughCacheRules"], vec!["*".into()]),
        Statement::allow("Read", &read, registry.repositories(&select.repositories)),
    ];
    if !writes.restores && config.policies().any(|policy| policy.deletes_superseded()) {
        statement.push(Statement::allow("ReplicationRules", &["ecr:DescribeRegistry"], vec!["*".into()]));
    }
    statement
}

/// What `doctor` looks at and no run needs.
fn inspections(config: &Config, registry: &Registry) -> [Statement; 2] {
    let selected = registry.repositories(&config.select.repositories);
    [
        Statement::allow("PullTimeExclusions", &["ecr:ListPullTimeUpdateExclusions"], vec!["*".into()]),
        Statement::allow("LifecycleRules", &["ecr:GetLifecyclePolicy"], selected),
    ]
}

fn write_statements(config: &Config, writes: Writes, registry: &Registry) -> Vec<Statement> {
    const RESTORE: [&str; 5] = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        TAG,
    ];
    let select = &config.select;
    let kinds = [
        ("Delete", [DELETE].as_slice(), writes.deletes),
        ("Tag", &[TAG], writes.tags),
        ("Restore", &RESTORE, writes.restores),
    ];
    let mut statement = Vec::new();
    for (sid, actions, is_needed) in kinds {
        if is_needed {
            let selected = registry.repositories(&select.repositories);
            statement.push(Statement::allow(sid, actions, selected).if_tagged(&select.require_tag));
        }
    }
    if (writes.deletes || writes.tags) && !select.exclude.is_empty() {
        let excluded = registry.repositories(&select.exclude);
        statement.push(Statement::allow("KeepExcluded", &[DELETE, TAG], excluded).denied());
    }
    statement
}

/// The statements for memory and backups in a bucket.
fn state_statements(
    config: &Config,
    purpose: Purpose,
    writes: Writes,
    registry: &Registry,
) -> Vec<Statement> {
    let bucket = |location| match Place::of(location, config, Host::Function, &Environment::new()) {
        Ok(Some(Place::S3(place))) => Some(place),
        _ => None,
    };
    let mut statement = Vec::new();
    if let Some(place) = bucket(&config.memory.location) {
        statement.extend(on_objects(
            ["Memory", "MemoryMissing"],
            &[GET_OBJECT, PUT_OBJECT],
            &place,
            "memory",
            registry,
        ));
    }
    let backups = bucket(&config.backup.location).filter(|_| writes.backs_up || purpose == Purpose::Restore);
    if let Some(place) = backups {
        let actions = if writes.backs_up { &[GET_OBJECT, PUT_OBJECT][..] } else { &[GET_OBJECT] };
        statement.extend(on_objects(["Backups", "BackupsMissing"], actions, &place, "backup", registry));
    }
    statement
}

/// What the sources of images in use need. What they list has no names that a policy could know.
fn usage_statements(config: &Config, registry: &Registry) -> Vec<Statement> {
    const LAMBDA: [&str; 2] = ["lambda:ListFunctions", "lambda:GetFunction"];
    const ECS: [&str; 8] = [
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:DescribeServices",
        "ecs:DescribeServiceRevisions",
        "ecs:ListTasks",
        "ecs:DescribeTasks",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:DescribeTaskDefinition",
    ];
    let sources = &config.in_use.sources;
    let mut statement = Vec::new();
    for (source, sid, actions) in [
        (UsageSource::Lambda, "InUseLambda", LAMBDA.as_slice()),
        (UsageSource::Ecs, "InUseEcs", &ECS),
        (UsageSource::Inspector, "InUseInspector", &["inspector2:ListCoverage"]),
    ] {
        if sources.contains(&source) {
            statement.push(Statement::allow(sid, actions, vec!["*".into()]));
        }
    }
    let lists = sources.iter().filter_map(|source| match source {
        UsageSource::S3 { folder, name } => Some(registry.object(folder, name)),
        _ => None,
    });
    let lists: Vec<String> = lists.collect();
    if !lists.is_empty() {
        statement.push(Statement::allow("InUseList", &[GET_OBJECT], lists));
    }
    statement
}

fn on_objects(
    [sid, missing]: [&'static str; 2],
    actions: &[&'static str],
    place: &S3Prefix,
    below: &str,
    registry: &Registry,
) -> [Statement; 2] {
    let objects = Statement::allow(sid, actions, vec![registry.objects(place, below)]);
    let bucket = format!("arn:{}:s3:::{}", registry.partition, place.bucket);
    let mut list = Statement::allow(missing, &["s3:ListBucket"], vec![bucket]);
    // A read has no prefix, and must count as allowed to list: else what is missing is denied.
    list.condition.insert("StringLikeIfExists", json!({"s3:prefix": format!("*{below}/*")}));
    [objects, list]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(file: &str, purpose: Purpose) -> Value {
        let config = Config::parse(file, &BTreeMap::new()).unwrap();
        let registry =
            Registry { partition: "aws".into(), region: "eu-west-1".into(), account: "123456789012".into() };
        serde_json::to_value(policy(&config, purpose, &registry)).unwrap()
    }

    fn actions(document: &Value) -> Vec<&str> {
        let statements = document["Statement"].as_array().unwrap().iter();
        let allowed = statements.filter(|statement| statement["Effect"] == "Allow");
        allowed.flat_map(|it| it["Action"].as_array().unwrap()).map(|it| it.as_str().unwrap()).collect()
    }

    /// Without backups, which need a read of their own.
    fn actions_without_backups(file: &str, purpose: Purpose) -> Vec<String> {
        let document = printed(&format!("{file}\n[backup]\nkeep = '0d'"), purpose);
        actions(&document).into_iter().map(str::to_owned).collect()
    }

    const READS: [&str; 4] = [
        "ecr:DescribeRepositories",
        "ecr:DescribePullThroughCacheRules",
        "ecr:DescribeImages",
        "ecr:BatchGetImage",
    ];

    #[test]
    fn replication_rules_are_read_where_something_superseded_may_be_deleted() {
        for (file, is_read) in [
            ("", false),
            ("[policy]\nsuperseded = 'tag'", false),
            ("[policy]\nsuperseded = 'delete'", true),
            ("[policy]\npreset = 'recommended'", true),
            ("[policy]\npreset = 'recommended'\nsuperseded = 'keep'", false),
            ("[[override]]\nrepositories = ['a']\npreset = 'recommended'", true),
        ] {
            for purpose in [Purpose::Plan, Purpose::Apply] {
                let document = printed(file, purpose);
                assert_eq!(actions(&document).contains(&"ecr:DescribeRegistry"), is_read, "{file}");
            }
        }
    }

    #[test]
    fn planning_needs_no_write_whatever_the_policy() {
        let file = "[policy]\norphaned = 'tag'\nsuperseded = 'tag'\n[[override]]\nrepositories = ['*']\nattached = 'tag'";
        assert_eq!(actions(&printed(file, Purpose::Plan)), READS);
    }

    #[test]
    fn each_write_is_allowed_only_if_some_policy_can_ask_for_it() {
        for (file, writes) in [
            ("", vec!["ecr:BatchDeleteImage"]),
            ("[policy]\norphaned = 'keep'", vec![]),
            ("[policy]\norphaned = 'tag'", vec!["ecr:PutImage"]),
            (
                "[policy]\norphaned = 'keep'\nsuperseded = 'delete'",
                vec!["ecr:DescribeRegistry", "ecr:BatchDeleteImage"],
            ),
            (
                "[policy]\npreset = 'recommended'\nsuperseded = 'tag'",
                vec!["ecr:BatchDeleteImage", "ecr:PutImage"],
            ),
            ("[policy]\norphaned = 'keep'\nsuperseded_images = 'delete'", vec![]),
            ("[policy]\nattached = 'tag'", vec!["ecr:BatchDeleteImage", "ecr:PutImage"]),
            (
                "[policy]\norphaned = 'keep'\n[[override]]\nrepositories = ['a']\norphaned = 'delete'",
                vec!["ecr:BatchDeleteImage"],
            ),
            (
                "[policy]\norphaned = 'keep'\n[[override]]\nrepositories = ['a']\nsuperseded = 'tag'",
                vec!["ecr:PutImage"],
            ),
        ] {
            assert_eq!(actions_without_backups(file, Purpose::Apply)[READS.len()..], writes, "{file}");
        }
    }

    #[test]
    fn the_whole_policy_of_a_team_that_opts_in() {
        let file = "[select]\nrepositories = ['team/*', 'web-?']\nexclude = ['team/old']\n\
            require_tag = { 'ecr-janitor' = 'enabled' }";
        let selected = json!([
            "arn:aws:ecr:eu-west-1:123456789012:repository/team/*",
            "arn:aws:ecr:eu-west-1:123456789012:repository/web-?",
        ]);
        assert_eq!(
            printed(file, Purpose::Apply),
            json!({"Version": "2012-10-17", "Statement": [
                {
                    "Sid": "Discover", "Effect": "Allow", "Action": ["ecr:DescribeRepositories"],
                    "Resource": ["arn:aws:ecr:eu-west-1:123456789012:repository/*"],
                },
                {
                    "Sid": "PullThroughRules", "Effect": "Allow",
                    "Action": ["ecr:DescribePullThroughCacheRules"], "Resource": ["*"],
                },
                {
                    "Sid": "Read", "Effect": "Allow",
                    "Action": [
                        "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:ListTagsForResource",
                        "ecr:GetDownloadUrlForLayer",
                    ],
                    "Resource": selected,
                },
                {
                    "Sid": "Delete", "Effect": "Allow", "Action": ["ecr:BatchDeleteImage"], "Resource": selected,
                    "Condition": {"StringEquals": {"aws:ResourceTag/ecr-janitor": "enabled"}},
                },
                {
                    "Sid": "KeepExcluded", "Effect": "Deny", "Action": ["ecr:BatchDeleteImage", "ecr:PutImage"],
                    "Resource": ["arn:aws:ecr:eu-west-1:123456789012:repository/team/old"],
                },
            ]})
        );
    }

    #[test]
    fn layers_are_downloaded_only_for_backups_and_statements() {
        const DOWNLOAD: &str = "ecr:GetDownloadUrlForLayer";
        for (file, purpose, is_needed) in [
            ("", Purpose::Apply, true),
            ("", Purpose::Plan, false),
            ("", Purpose::Restore, false),
            ("[backup]\nkeep = '0d'", Purpose::Apply, false),
            ("[backup]\nlocation = 'none'", Purpose::Apply, false),
            ("[policy]\norphaned = 'tag'", Purpose::Apply, false),
            ("", Purpose::Sources, true),
            ("[memory]\nstatements = 'newest'", Purpose::Plan, true),
            ("[memory]\nstatements = 'newest'\n[policy]\norphaned = 'tag'", Purpose::Apply, true),
            ("[memory]\nstatements = 'newest'", Purpose::Restore, false),
        ] {
            let document = printed(file, purpose);
            assert_eq!(actions(&document).contains(&DOWNLOAD), is_needed, "{file} {purpose:?}");
        }
    }

    fn on_s3(file: &str, purpose: Purpose) -> Vec<(String, Value, Value)> {
        let document = printed(file, purpose);
        let statements = document["Statement"].as_array().unwrap().iter();
        let on_s3 = statements.filter(|it| it["Action"][0].as_str().unwrap().starts_with("s3:"));
        on_s3
            .map(|it| (it["Sid"].as_str().unwrap().into(), it["Action"].clone(), it["Resource"].clone()))
            .collect()
    }

    #[test]
    fn a_bucket_is_allowed_as_far_as_it_is_used() {
        let file = "[memory]\nlocation = 's3://one'\n[backup]\nlocation = 's3://two/a/b'";
        let of = |sid: &str, action: Value, resource: &str| (sid.to_owned(), action, json!([resource]));
        let both = json!(["s3:GetObject", "s3:PutObject"]);
        let list = json!(["s3:ListBucket"]);
        let memory = [
            of("Memory", both.clone(), "arn:aws:s3:::one/memory/*"),
            of("MemoryMissing", list.clone(), "arn:aws:s3:::one"),
        ];
        let backups = |action: Value| {
            [
                of("Backups", action, "arn:aws:s3:::two/a/b/backup/*"),
                of("BackupsMissing", list.clone(), "arn:aws:s3:::two"),
            ]
        };
        assert_eq!(on_s3(file, Purpose::Plan), memory);
        assert_eq!(on_s3(file, Purpose::Apply), [memory.clone(), backups(both)].concat());
        assert_eq!(
            on_s3(file, Purpose::Restore),
            [memory.clone(), backups(json!(["s3:GetObject"]))].concat()
        );
        assert_eq!(on_s3(&format!("{file}\nkeep = '0d'"), Purpose::Apply), memory);
        assert_eq!(on_s3("[memory]\nlocation = '/a/b'", Purpose::Apply), []);
        assert_eq!(on_s3("", Purpose::Restore), []);
        let document = printed(file, Purpose::Plan);
        let missing = document["Statement"].as_array().unwrap().last().unwrap();
        assert_eq!(missing["Condition"], json!({"StringLikeIfExists": {"s3:prefix": "*memory/*"}}));
    }

    #[test]
    fn sources_of_images_in_use_are_allowed_where_they_are_asked() {
        let file =
            "[in_use]\nsources = ['lambda', 'inspector', 's3://lists/a/in-use.txt', 'file:x', 'command:y']";
        for purpose in [Purpose::Plan, Purpose::Apply, Purpose::Sources, Purpose::Doctor] {
            let document = printed(file, purpose);
            let allowed: Vec<&str> =
                actions(&document).into_iter().filter(|it| !it.starts_with("ecr:")).collect();
            let expected =
                ["lambda:ListFunctions", "lambda:GetFunction", "inspector2:ListCoverage", "s3:GetObject"];
            assert_eq!(allowed, expected, "{purpose:?}");
            let list = document["Statement"].as_array().unwrap().last().unwrap();
            assert_eq!(list["Resource"], json!(["arn:aws:s3:::lists/a/in-use.txt"]));
        }
        assert!(actions(&printed(file, Purpose::Restore)).iter().all(|it| it.starts_with("ecr:")));
        let ecs = printed("[in_use]\nsources = ['ecs']", Purpose::Plan);
        assert_eq!(actions(&ecs).iter().filter(|it| it.starts_with("ecs:")).count(), 8);
    }

    #[test]
    fn the_bucket_of_a_stack_counts_as_auto() {
        let variables = [("JANITOR_STATE_BUCKET".into(), "state".into())].into();
        let config = Config::parse("", &variables).unwrap();
        let registry = Registry { partition: "aws-cn".into(), region: "*".into(), account: "*".into() };
        let document = serde_json::to_value(policy(&config, Purpose::Apply, &registry)).unwrap();
        let resources: Vec<&Value> =
            document["Statement"].as_array().unwrap().iter().map(|it| &it["Resource"][0]).collect();
        assert!(resources.contains(&&json!("arn:aws-cn:s3:::state/memory/*")), "{resources:?}");
        assert!(resources.contains(&&json!("arn:aws-cn:s3:::state/backup/*")), "{resources:?}");
    }

    #[test]
    fn doctor_may_look_at_more_than_a_plan_and_write_nothing() {
        let file = "[policy]\npreset = 'recommended'\nattached = 'tag'";
        let document = printed(file, Purpose::Doctor);
        assert_eq!(
            actions(&document)[READS.len()..],
            ["ecr:DescribeRegistry", "ecr:ListPullTimeUpdateExclusions", "ecr:GetLifecyclePolicy"]
        );
    }

    #[test]
    fn restoring_may_put_images_and_delete_none() {
        let file = "[policy]\npreset = 'recommended'\n[select]\nrepositories = ['a']\nexclude = ['b']\n\
            require_tag = { x = 'y' }";
        let document = printed(file, Purpose::Restore);
        assert_eq!(
            actions(&document)[5..],
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart",
                "ecr:CompleteLayerUpload",
                "ecr:PutImage",
            ]
        );
        let restore = document["Statement"].as_array().unwrap().last().unwrap();
        assert_eq!(restore["Resource"], json!(["arn:aws:ecr:eu-west-1:123456789012:repository/a"]));
        assert_eq!(restore["Condition"], json!({"StringEquals": {"aws:ResourceTag/x": "y"}}));
    }
}
