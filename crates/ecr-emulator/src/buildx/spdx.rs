//! SPDX documents as BuildKit's scanner, which is syft, writes them.

use serde_json::{Value, json};

use super::build_run::BuildRun;
use crate::digest;
use crate::fault::mix;

pub(super) const TYPE: &str = "https://spdx.dev/Document";

const PACKAGES: [(&str, &str, &str); 4] = [
    ("alpine-baselayout", "3.7.0-r0", "GPL-2.0-only"),
    ("busybox", "1.37.0-r18", "GPL-2.0-only"),
    ("ca-certificates-bundle", "20250619-r0", "MPL-2.0 AND MIT"),
    ("musl", "1.2.5-r10", "MIT"),
];

/// The bill of materials of a small Alpine image.
pub(super) fn document(build: &BuildRun<'_>) -> Value {
    let (_, finished) = build.built_at();
    let root = "SPDXRef-DocumentRoot-Directory-sbom";
    let id = mix(build.run);
    let mut packages: Vec<Value> = PACKAGES.iter().map(|package| entry(*package, build)).collect();
    packages.push(json!({
        "SPDXID": root,
        "name": "sbom",
        "supplier": "NOASSERTION",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": "FILE",
    }));
    let contained = PACKAGES.iter().map(|(name, ..)| relationship(root, "CONTAINS", &spdx_id(name)));
    let described = relationship("SPDXRef-DOCUMENT", "DESCRIBES", root);
    let namespace = format!(
        "https://anchore.com/syft/dir/sbom-{:08x}-{:04x}-4000-8000-{:012x}",
        id >> 32,
        (id >> 16) & 0xffff,
        mix(!build.run) >> 16
    );
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "sbom",
        "documentNamespace": namespace,
        "creationInfo": {
            "licenseListVersion": "3.27",
            "creators": ["Organization: Anchore, Inc", "Tool: syft-v1.29.0", "Tool: buildkit-v0.32.0"],
            "created": finished,
        },
        "packages": packages,
        "relationships": contained.chain([described]).collect::<Vec<_>>(),
    })
}

fn entry((name, version, license): (&str, &str, &str), build: &BuildRun<'_>) -> Value {
    let arch = match build.platform.architecture.as_str() {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    };
    json!({
        "SPDXID": spdx_id(name),
        "name": name,
        "versionInfo": version,
        "supplier": "NOASSERTION",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": license,
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": format!("pkg:apk/alpine/{name}@{version}?arch={arch}&distro=alpine-3.22.1"),
        }],
    })
}

fn spdx_id(name: &str) -> String {
    let hex = digest::sha256(name.as_bytes());
    format!("SPDXRef-Package-apk-{name}-{}", &hex["sha256:".len()..][..16])
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}
