//! The places that locations of the configuration lead to.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aws_config::SdkConfig;

use super::store::Store;
use super::store::folder::Folder;
use super::store::s3::S3;
use crate::config::location::{Location, S3Prefix};
use crate::config::{Config, Environment};

/// The folder below the user's state folder.
const FOLDER: &str = "ecr-janitor";

/// The program that looks for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The command line, with a user who has a home.
    CommandLine,
    /// The Lambda function, whose files do not outlive it.
    Function,
}

/// A place for the janitor's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of the file system.
    Folder(PathBuf),
    /// A prefix in a bucket.
    S3(S3Prefix),
}

/// No folder is known for the state of this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this user has no state folder: set HOME or XDG_STATE_HOME to an absolute path, or give a `location`"
)]
pub struct NoStateFolder;

impl Place {
    /// The place of a location; `None` for nowhere.
    ///
    /// `"auto"` is the bucket that `JANITOR_STATE_BUCKET` names. Without one it is the user's state folder on the command
    /// line, and nowhere in the function.
    pub fn of(
        location: &Location,
        config: &Config,
        host: Host,
        environment: &Environment,
    ) -> Result<Option<Self>, NoStateFolder> {
        match (location, &config.state_bucket, host) {
            (Location::None, ..) => Ok(None),
            (Location::Folder(folder), ..) => Ok(Some(Self::Folder(folder.clone()))),
            (Location::S3(prefix), ..) => Ok(Some(Self::S3(prefix.clone()))),
            (Location::Auto, Some(bucket), _) => Ok(Some(Self::S3(bucket.clone()))),
            (Location::Auto, None, Host::Function) => Ok(None),
            (Location::Auto, None, Host::CommandLine) => {
                state_folder(environment).map(|folder| Some(Self::Folder(folder)))
            }
        }
    }

    /// Opens it, a bucket with these settings. Calls and writes nothing.
    pub fn open(&self, settings: &SdkConfig) -> Arc<dyn Store> {
        match self {
            Self::Folder(folder) => Arc::new(Folder::new(folder)),
            Self::S3(prefix) => Arc::new(S3::new(prefix, settings)),
        }
    }

    /// Whether what is old is removed by the janitor itself. A bucket has a lifecycle rule.
    pub fn is_pruned(&self) -> bool {
        matches!(self, Self::Folder(_))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::S3(prefix) => prefix.fmt(f),
        }
    }
}

/// Source: XDG Base Directory Specification; relative paths in it are to be ignored.
fn state_folder(environment: &Environment) -> Result<PathBuf, NoStateFolder> {
    let absolute = |name: &str| {
        let value: Option<&OsString> = environment.get(OsStr::new(name));
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let home = || Some(absolute("HOME")?.join(".local/state"));
    let windows = || absolute("LOCALAPPDATA").filter(|_| cfg!(windows));
    let state = absolute("XDG_STATE_HOME").or_else(home).or_else(windows);
    state.map(|folder| folder.join(FOLDER)).ok_or(NoStateFolder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(
        location: &str,
        host: Host,
        variables: &[(&str, &str)],
    ) -> Result<Option<String>, NoStateFolder> {
        let environment: Environment =
            variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        let config = Config::parse("", &environment).unwrap();
        let place = Place::of(&location.parse().unwrap(), &config, host, &environment);
        place.map(|place| place.map(|place| place.to_string()))
    }

    #[test]
    fn auto_is_the_state_folder_of_a_user_and_nothing_in_lambda() {
        let of_user = |variables: &[(&str, &str)]| place("auto", Host::CommandLine, variables);
        for (variables, folder) in [
            (vec![("HOME", "/home/me")], "/home/me/.local/state/ecr-janitor"),
            (vec![("HOME", "/home/me"), ("XDG_STATE_HOME", "/state")], "/state/ecr-janitor"),
            (vec![("HOME", "/home/me"), ("XDG_STATE_HOME", "")], "/home/me/.local/state/ecr-janitor"),
            (vec![("HOME", "/home/me"), ("XDG_STATE_HOME", "state")], "/home/me/.local/state/ecr-janitor"),
        ] {
            assert_eq!(of_user(&variables), Ok(Some(folder.to_owned())), "{variables:?}");
            assert_eq!(place("auto", Host::Function, &variables), Ok(None));
        }
        assert_eq!(of_user(&[]), Err(NoStateFolder));
        assert_eq!(of_user(&[("HOME", "home")]), Err(NoStateFolder));
    }

    #[test]
    fn auto_is_the_bucket_of_a_stack_where_there_is_one() {
        let bucket = ("JANITOR_STATE_BUCKET", "janitor-state");
        for host in [Host::CommandLine, Host::Function] {
            let auto = place("auto", host, &[bucket, ("HOME", "/home/me")]);
            assert_eq!(auto, Ok(Some("s3://janitor-state".to_owned())));
            assert_eq!(place("none", host, &[bucket]), Ok(None));
            assert_eq!(place("/a/b", host, &[bucket]), Ok(Some("/a/b".to_owned())));
            assert_eq!(place("s3://other/x", host, &[bucket]), Ok(Some("s3://other/x".to_owned())));
        }
    }
}
