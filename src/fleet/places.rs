//! The connections to several registries.

use aws_config::SdkConfig;
use futures::stream::{self, StreamExt as _};

use crate::config::InUseConfig;
use crate::config::target::Registry;
use crate::in_use::{NotHere, Sources};
use crate::memory::place::Host;
use crate::registry::CallError;
use crate::registry::assume::settings_for;

/// Roles that are assumed at once.
const AT_ONCE: usize = 16;

/// A registry with the settings to reach it, or the reason why it cannot be reached.
#[derive(Debug, Clone)]
pub struct Place {
    /// The registry.
    pub registry: Registry,
    /// The settings of the SDK.
    pub settings: Result<SdkConfig, CallError>,
}

impl Place {
    /// The role that is assumed, for reports.
    pub fn role_arn(&self) -> Option<String> {
        self.registry.role.as_ref().map(ToString::to_string)
    }
}

/// Reaches all of these registries, each by its role.
pub async fn reach(registries: Vec<Registry>, own: &SdkConfig, run_id: &str) -> Vec<Place> {
    let reach_one = |registry: Registry| async move {
        let settings = Box::pin(settings_for(&registry, own, run_id)).await;
        Place { registry, settings }
    };
    stream::iter(registries).map(reach_one).buffered(AT_ONCE).collect().await
}

/// The sources of images in use, for all of these registries: what runs in one may use images of another.
pub fn sources(
    config: &InUseConfig,
    host: Host,
    own: &SdkConfig,
    places: &[Place],
) -> Result<Sources, NotHere> {
    let told = |place: &Place| {
        let settings = place.settings.clone().map_err(|error| error.to_string());
        (place.registry.to_string(), settings)
    };
    let places: Vec<(String, Result<SdkConfig, String>)> = places.iter().map(told).collect();
    Sources::open_in_each(config, host, own, &places)
}
