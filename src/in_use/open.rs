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
use super::shared::{Shared, Unreachable};
use super::{Source, SourceError, Sources};
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
        let open = |source| open(source, config, host, settings);
        let sources = config.sources.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(sources, &region_of(settings)))
    }

    /// Opens the sources of a configuration for several registries: services are asked in the place of each, and what
    /// runs in one may use images of another. Lists are read with the caller's own settings. A place that cannot be
    /// reached counts as sources that could not be read. Each is read once; [`Self::in_region`] gives them to a registry.
    pub fn open_in_each(
        config: &InUseConfig,
        host: Host,
        own: &SdkConfig,
        places: &[(String, Result<SdkConfig, String>)],
    ) -> Result<Self, NotHere> {
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for source in &config.sources {
            if !source.is_service() {
                sources.push(Box::new(Shared::new(open(source, config, host, own)?, None)));
                continue;
            }
            for (place, settings) in places {
                sources.push(match settings {
                    Ok(settings) => Box::new(Shared::new(open(source, config, host, settings)?, Some(place))),
                    Err(why) => Box::new(Unreachable {
                        name: format!("{source} in {place}"),
                        why: SourceError::new(why),
                    }),
                });
            }
        }
        Ok(Self::new(sources, &region_of(own)))
    }
}

fn region_of(settings: &SdkConfig) -> String {
    settings.region().map(ToString::to_string).unwrap_or_default()
}

fn open(
    source: &UsageSource,
    config: &InUseConfig,
    host: Host,
    settings: &SdkConfig,
) -> Result<Box<dyn Source>, NotHere> {
    let _ = host;
    Ok(match source {
        UsageSource::Lambda => Box::new(Functions::new(settings)),
        UsageSource::Ecs => Box::new(Clusters::new(settings)),
        UsageSource::Inspector => Box::new(Coverage::new(settings)),
        UsageSource::S3 { folder, name } => Box::new(ListObject::new(folder, name, config.max_age, settings)),
        UsageSource::File(path) => Box::new(ListFile::new(path, config.max_age)),
        #[cfg(feature = "cli")]
        UsageSource::Command(command) if host == Host::CommandLine => Box::new(ListCommand::new(command)),
        UsageSource::Command(command) => {
            return Err(NotHere(format!("command:{}", shown(command)), RECIPE));
        }
    })
}
