//! What was restored since, as memory knows it: backups are written by runs alone.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::cli::progress::say;
use crate::memory::backup::RunHistory;
use crate::memory::places::Places;
use crate::memory::repository::RepositoryId;
use crate::oci::digest::Digest;
use crate::planner::one_warning;
use crate::util::sanitize;

/// Memories that are read at once.
const AT_ONCE: usize = 16;

/// When images were restored last, by repository.
pub(super) type Restored = BTreeMap<RepositoryId, BTreeMap<Digest, Timestamp>>;

/// The images that were restored in the repositories of these runs.
pub(super) async fn restored(places: &Places, runs: &[RunHistory]) -> Restored {
    let ids: BTreeSet<RepositoryId> = runs.iter().flat_map(repositories).collect();
    let load = |id: RepositoryId| async move {
        let remembered = places.memories_of(&id.registry, &id.region).load(&id.name).await;
        let images: BTreeMap<Digest, Timestamp> = remembered.memory.restored().collect();
        ((id, images), remembered.warning)
    };
    let loaded: Vec<_> = stream::iter(ids).map(load).buffered(AT_ONCE).collect().await;
    let (restored, warnings): (Vec<_>, Vec<_>) = loaded.into_iter().unzip();
    if let Some(warning) = one_warning(warnings.into_iter().flatten().map(|it| it.to_string()).collect()) {
        say(&format!("warning: {}", sanitize::line(&warning)));
    }
    restored.into_iter().filter(|(_, images)| !images.is_empty()).collect()
}

fn repositories(run: &RunHistory) -> impl Iterator<Item = RepositoryId> {
    run.repositories.iter().map(|repository| RepositoryId {
        registry: run.registry.clone(),
        region: run.region.clone(),
        name: repository.name.clone(),
    })
}
