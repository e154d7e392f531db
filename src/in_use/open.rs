//! The sources that a configuration names.

use aws_config::SdkConfig;

#[cfg(feature = "cli")]
use super::command::ListCommand;
use super::command_name::shown;
use super::ecs::Clusters;
use super::file::ListFile;
use super::inspector::Coverage;
use super::lambda::Functions;
use super::object::ListObject;
use super::{Source, Sources};
use crate::config::InUseConfig;
use crate::config::in_use::UsageSource;
use crate::memory::place::Host;

/// A source that this program does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in_use.sources: {0:?} works on the command line alone; {1}")]
pub struct NotHere(String, &'static str);

const RECIPE: &str = "let something else run the command on a schedule, and give its list as s3://bucket/key";

impl Sources {
    /// Opens the sources of a configuration with these settings. Calls and reads nothing.
    pub fn open(config: &InUseConfig, host: Host, settings: &SdkConfig) -> Result<Self, NotHere> {
        let open = |source: &UsageSource| -> Result<Box<dyn Source>, NotHere> {
            Ok(match source {
                UsageSource::Lambda => Box::new(Functions::new(settings)),
                UsageSource::Ecs => Box::new(Clusters::new(settings)),
                UsageSource::Inspector => Box::new(Coverage::new(settings)),
                UsageSource::S3 { folder, name } => {
                    Box::new(ListObject::new(folder, name, config.max_age, settings))
                }
                UsageSource::File(path) => Box::new(ListFile::new(path, config.max_age)),
                #[cfg(feature = "cli")]
                UsageSource::Command(command) if host == Host::CommandLine => {
                    Box::new(ListCommand::new(command))
                }
                UsageSource::Command(command) => {
                    return Err(NotHere(format!("command:{}", shown(command)), RECIPE));
                }
            })
        };
        let _ = host;
        let sources = config.sources.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let region = settings.region().map(ToString::to_string).unwrap_or_default();
        Ok(Self::new(sources, &region))
    }
}
