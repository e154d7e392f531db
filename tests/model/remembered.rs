//! Runs that remember, and memories that lie: whatever a memory says, it takes away two cushions at most (when a tag was
//! lost, and which pulls were the janitor's own), and what it alone can know: that an image was here before.

use std::collections::BTreeSet;
use std::sync::Arc;

use ecr_attestation_janitor::memory::memories::Memories;
use ecr_attestation_janitor::memory::repository::{ManifestFact, Reads, RepositoryMemory, Sight};
use ecr_attestation_janitor::memory::store::folder::Folder;
use ecr_attestation_janitor::oci::attestation::{Classified, Form, Kind};
use ecr_attestation_janitor::oci::digest::Digest;
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tempfile::TempDir;

use crate::in_process::Retries;
use crate::interleave::Moment;
use crate::outside::{self, Memory};
use crate::run::{applies, applies_while};
use crate::world::{HOUR, NAME, Stage, World};
