//! The registries to work on, where they are not the caller's own: roles to assume, and Regions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserialize, Deserializer};

use crate::config::in_use::UsageSource;
use crate::config::location::S3Prefix;
use crate::config::value::{Texts, text};

/// The part of a role's ARN that stands for each of several accounts.
const ACCOUNT: &str = "{account}";

/// One `[[target]]` of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The role to assume; without one the caller's own credentials are used.
    pub role: Option<Role>,
    /// The Regions.
    pub regions: Vec<String>,
    /// What the trust policy of the role asks for as `sts:ExternalId`.
    pub external_id: Option<String>,
    /// Tags of the session, for the audit trail and for policies.
    pub session_tags: BTreeMap<String, String>,
}

/// A role of one account, or a role of the same name in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// `role_arn` alone.
    One(RoleArn),
    /// `role_arn` with `{account}` in place of an account.
    Each {
        /// The ARN with the placeholder.
        pattern: String,
        /// The accounts.
        accounts: Accounts,
    },
}

/// The accounts of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accounts {
    /// As written in the file.
    These(Vec<String>),
    /// One account a line of an object in S3; `#` begins a comment.
    Object {
        /// The bucket, with the folder of the object.
        folder: S3Prefix,
        /// The last part of the key.
        name: String,
    },
    /// Every active account of the organization of the caller.
    Organization,
}

/// The ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleArn(String);

/// A registry to work on: a role to assume, if any, and one Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Registry {
    /// The role to assume.
    pub role: Option<RoleArn>,
    /// The Region.
    pub region: String,
    /// The external id for the role.
    pub external_id: Option<String>,
    /// The tags of the session.
    pub session_tags: BTreeMap<String, String>,
}

/// The keys of a target in the file.
#[derive(Debug, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct TargetFile {
    /// A role to assume; the caller's own credentials without it. `{account}` stands for each of `accounts`.
    #[serde(default)]
    role_arn: Option<RolePattern>,
    /// The accounts of a role with `{account}`: their ids, or "organization", or a list in S3 with one id a line.
    #[serde(default)]
    accounts: Vec<AccountSource>,
    /// The Regions.
    regions: Vec<RegionName>,
    /// The external id that the trust policy of the role asks for.
    #[serde(default)]
    external_id: Option<ExternalId>,
    /// Tags of the session: the trust policy must allow sts:TagSession.
    #[serde(default)]
    session_tags: Option<Texts>,
}

impl TargetFile {
    pub(super) const KEYS: &'static [&'static str] =
        &["role_arn", "accounts", "regions", "external_id", "session_tags"];

    /// The target, or the key that is wrong and why.
    pub(super) fn check(self) -> Result<Target, (&'static str, String)> {
        let regions: Vec<String> = self.regions.into_iter().map(|RegionName(name)| name).collect();
        let mut seen = BTreeSet::new();
        if regions.is_empty() {
            return Err(("regions", "name at least one Region, such as [\"eu-west-1\"]".into()));
        }
        if let Some(twice) = regions.iter().find(|region| !seen.insert(region.as_str())) {
            return Err(("regions", format!("{twice} stands twice")));
        }
        let arn = self.role_arn.map(|RolePattern(arn)| arn);
        if arn.is_none() && (self.external_id.is_some() || self.session_tags.is_some()) {
            return Err(("role_arn", "external_id and session_tags belong to a role: give its ARN".into()));
        }
        let role = role(arn, self.accounts)?;
        let of_role = role.as_ref().map(Role::partition);
        let strange = |region: &&String| of_role.is_some_and(|partition| partition != partition_of(region));
        if let Some(region) = regions.iter().find(strange) {
            let partition = of_role.unwrap_or_default();
            return Err(("regions", format!("{region} is in another partition than the role, {partition}")));
        }
        let session_tags = self.session_tags.map(BTreeMap::from).unwrap_or_default();
        if let Some(problem) = check_tags(&session_tags) {
            return Err(("session_tags", problem));
        }
        let external_id = self.external_id.map(|ExternalId(id)| id);
        Ok(Target { role, regions, external_id, session_tags })
    }
}

fn role(arn: Option<String>, accounts: Vec<AccountSource>) -> Result<Option<Role>, (&'static str, String)> {
    let Some(arn) = arn else {
        return match accounts.is_empty() {
            true => Ok(None),
            false => Err(("role_arn", "accounts need a role: arn:aws:iam::{account}:role/NAME".into())),
        };
    };
    match (arn.contains(ACCOUNT), accounts.is_empty()) {
        (false, true) => Ok(Some(Role::One(RoleArn(arn)))),
        (false, false) => {
            Err(("accounts", "they need {account} in role_arn: arn:aws:iam::{account}:role/NAME".into()))
        }
        (true, true) => {
            let problem = "role_arn has {account}: give accounts, a list of ids, or [\"organization\"]";
            Err(("accounts", problem.into()))
        }
        (true, false) => {
            let accounts = accounts_of(accounts).map_err(|problem| ("accounts", problem))?;
            Ok(Some(Role::Each { pattern: arn, accounts }))
        }
    }
}

/// Ids, or one thing that has them.
fn accounts_of(mut sources: Vec<AccountSource>) -> Result<Accounts, String> {
    let is_id = |source: &AccountSource| matches!(source, AccountSource::Id(_));
    if sources.len() == 1 && !is_id(&sources[0]) {
        return Ok(match sources.remove(0) {
            AccountSource::Organization => Accounts::Organization,
            AccountSource::Object { folder, name } => Accounts::Object { folder, name },
            AccountSource::Id(id) => Accounts::These(vec![id]),
        });
    }
    let ids = sources.into_iter().map(|source| match source {
        AccountSource::Id(id) => Ok(id),
        _ => Err("give ids, or \"organization\" or one s3:// list alone".to_owned()),
    });
    let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(id.as_str())) {
        Some(twice) => Err(format!("{twice} stands twice")),
        None => Ok(Accounts::These(ids)),
    }
}

impl Target {
    /// The registries of this target, if its accounts are these (which count only for a role of several accounts).
    pub fn registries<'a>(&'a self, accounts: &'a [String]) -> impl Iterator<Item = Registry> + 'a {
        let roles: Vec<Option<RoleArn>> = match &self.role {
            None => vec![None],
            Some(Role::One(arn)) => vec![Some(arn.clone())],
            Some(Role::Each { pattern, .. }) => {
                let arn = |account: &String| Some(RoleArn(pattern.replace(ACCOUNT, account)));
                accounts.iter().map(arn).collect()
            }
        };
        let pairs = roles.into_iter().flat_map(|role| self.regions.iter().map(move |it| (role.clone(), it)));
        pairs.map(|(role, region)| Registry {
            role,
            region: region.clone(),
            external_id: self.external_id.clone(),
            session_tags: self.session_tags.clone(),
        })
    }

    /// The registry of a role and a Region, if it is one of this target. Of accounts that somebody has to be asked for, all
    /// count: the role is there only in those that are meant.
    pub fn allows(&self, role: Option<&RoleArn>, region: &str) -> Option<Registry> {
        let accounts: Vec<String> = match (&self.role, role) {
            (Some(Role::Each { .. }), Some(role)) => match self.known_accounts() {
                Some(known) => known.to_vec(),
                None => vec![role.account().to_owned()],
            },
            _ => Vec::new(),
        };
        self.registries(&accounts).find(|it| it.role.as_ref() == role && it.region == region)
    }

    /// The accounts that are known without asking anybody; nothing if somebody has to be asked.
    pub fn known_accounts(&self) -> Option<&[String]> {
        match &self.role {
            None | Some(Role::One(_)) => Some(&[]),
            Some(Role::Each { accounts: Accounts::These(ids), .. }) => Some(ids),
            Some(Role::Each { .. }) => None,
        }
    }
}

impl Role {
    fn partition(&self) -> &str {
        let arn = match self {
            Self::One(RoleArn(arn)) => arn,
            Self::Each { pattern, .. } => pattern,
        };
        arn.split(':').nth(1).unwrap_or_default()
    }
}

impl RoleArn {
    /// Reads the ARN of a role of one account.
    pub fn parse(text: &str) -> Result<Self, String> {
        match RolePattern::parse(text) {
            Ok(RolePattern(arn)) if !arn.contains(ACCOUNT) => Ok(Self(arn)),
            Ok(_) => Err(format!("{text:?} has no account")),
            Err(problem) => Err(problem),
        }
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account, 12 digits.
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Registry {
    /// The caller's own registry in a Region.
    pub fn own(region: String) -> Self {
        Self { role: None, region, external_id: None, session_tags: BTreeMap::new() }
    }

    /// The partition of the role.
    pub fn partition(&self) -> Option<&str> {
        self.role.as_ref().and_then(|role| role.as_str().split(':').nth(1))
    }

    /// The account of the role; the caller's own is not known before somebody is asked.
    pub fn account(&self) -> Option<&str> {
        self.role.as_ref().map(RoleArn::account)
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.role {
            Some(role) => write!(f, "account {}, Region {}", role.account(), self.region),
            None => write!(f, "the caller's account, Region {}", self.region),
        }
    }
}

/// The partition of a Region. Source: AWS General Reference; the SDK has the same prefixes.
fn partition_of(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 6] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isof-", "aws-iso-f"),
        ("us-isob-", "aws-iso-b"),
        ("us-iso-", "aws-iso"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// Source: AWS STS API reference, `Tag`: 128 and 256 characters, at most 50 tags.
fn check_tags(tags: &BTreeMap<String, String>) -> Option<String> {
    let legal = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
    if tags.len() > 50 {
        return Some("a session has at most 50 tags".into());
    }
    let wrong = tags.iter().find(|(key, value)| {
        key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || !legal(key)
            || !legal(value)
    });
    wrong.map(|(key, value)| format!("{key:?} = {value:?} is no tag that AWS takes"))
}

/// `arn:aws:iam::222222222222:role/NAME`, or with `{account}`.
#[derive(Debug)]
pub(super) struct RolePattern(String);

impl RolePattern {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not the ARN of a role; write arn:aws:iam::222222222222:role/NAME");
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts.as_slice() else {
            return Err(wrong());
        };
        let is_partition = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-f", "aws-eusc"]
            .contains(partition);
        let is_account = *account == ACCOUNT || is_account_id(account);
        let legal = |c: u8| c.is_ascii_alphanumeric() || b"/_+=,.@-".contains(&c);
        let is_role = resource.strip_prefix("role/").is_some_and(|name| {
            !name.is_empty() && !name.ends_with('/') && name.len() <= 576 && name.bytes().all(legal)
        });
        let is_iam = (*arn, *service, *region) == ("arn", "iam", "");
        if is_partition && is_account && is_role && is_iam { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}

impl<'de> Deserialize<'de> for RolePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "the ARN of a role", Self::parse)
    }
}

/// Whether this is the id of an account.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// `222222222222`, `organization` or `s3://bucket/key`.
#[derive(Debug)]
pub(super) enum AccountSource {
    Id(String),
    Organization,
    Object { folder: S3Prefix, name: String },
}

impl AccountSource {
    fn parse(text: &str) -> Result<Self, String> {
        if is_account_id(text) {
            return Ok(Self::Id(text.to_owned()));
        }
        if text == "organization" {
            return Ok(Self::Organization);
        }
        match text.parse::<UsageSource>() {
            Ok(UsageSource::S3 { folder, name }) => Ok(Self::Object { folder, name }),
            Err(problem) if text.starts_with("s3://") => Err(problem.to_string()),
            _ => Err(format!(
                "{text:?} is no account: write twelve digits in quotes, \"organization\", or s3://bucket/key"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for AccountSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "an account such as \"222222222222\"", Self::parse)
    }
}

/// The name of a Region.
#[derive(Debug)]
pub(super) struct RegionName(String);

/// Whether a text has the form of a Region's name.
pub fn is_region(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.bytes().all(legal) && text.split('-').count() >= 3 && text.split('-').all(|part| !part.is_empty())
}

impl<'de> Deserialize<'de> for RegionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "a Region such as \"eu-west-1\"", |text| match is_region(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("{text:?} is no Region; write it like eu-west-1")),
        })
    }
}

/// Source: AWS STS API reference, `AssumeRole`.
#[derive(Debug)]
pub(super) struct ExternalId(String);

impl<'de> Deserialize<'de> for ExternalId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, "an external id", |text| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
            match (2..=1224).contains(&text.len()) && text.bytes().all(legal) {
                true => Ok(Self(text.to_owned())),
                false => Err(format!("{text:?} is no external id: 2 to 1224 letters, digits and _+=,.@:/-")),
            }
        })
    }
}
