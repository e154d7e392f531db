//! The layers of a manifest that are statements.

use serde::Deserialize;

use super::lenient::{Lenient, List, Object, Shape, Text};
use super::{is_statement, uri};
use crate::oci::digest::Digest;

/// The most layers of one manifest that are looked at; BuildKit makes one a statement, and there are seldom more than three.
const MOST_LAYERS: usize = 20;

/// A layer that is a statement by its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLayer {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, as the manifest has it.
    pub size: Option<u64>,
    /// The type of its predicate, as the manifest has it.
    pub predicate_type: Option<String>,
}

impl StatementLayer {
    /// Whether it is a provenance by what the manifest says.
    pub fn is_provenance(&self) -> bool {
        self.predicate_type.as_deref().is_some_and(|it| it.starts_with("https://slsa.dev/provenance/"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Layers {
    layers: Lenient<List<Object<Layer>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Layer {
    #[serde(rename = "mediaType")]
    media_type: Text,
    digest: Text,
    size: Lenient<Size>,
    annotations: Lenient<Object<Annotations>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "in-toto.io/predicate-type")]
    predicate_type: Text,
}

struct Size(u64);

impl Shape for Size {
    fn of_number(number: u64) -> Option<Self> {
        Some(Self(number))
    }
}

/// The statements of a manifest, in its order. Bytes that are no manifest have none.
pub fn statement_layers(manifest: &[u8]) -> Vec<StatementLayer> {
    let parsed: Layers = serde_json::from_slice(manifest).unwrap_or_default();
    let layer = |Object(layer): &Object<Layer>| {
        layer.media_type.text().filter(|it| is_statement(it))?;
        Some(StatementLayer {
            digest: layer.digest.text()?.parse().ok()?,
            size: layer.size.0.as_ref().map(|size| size.0),
            predicate_type: layer
                .annotations
                .object()
                .and_then(|it| uri::type_name(it.predicate_type.text()?)),
        })
    };
    parsed.layers.first().iter().filter_map(layer).take(MOST_LAYERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_by_their_media_type() {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let layer = |media_type: &str, name: &str, rest: &str| {
            format!(r#"{{"mediaType":"{media_type}","digest":"{}"{rest}}}"#, digest(name))
        };
        let in_toto = "application/vnd.in-toto+json";
        let slsa =
            r#","size":7,"annotations":{"in-toto.io/predicate-type":"https://slsa.dev/provenance/v1"}"#;
        let layers = [
            layer(in_toto, "a", slsa),
            layer("application/vnd.oci.image.layer.v1.tar", "b", ""),
            layer("application/vnd.in-toto.provenance+dsse", "c", r#","size":"7""#),
            layer("application/vnd.dev.sigstore.bundle.v0.3+json", "d", r#","size":-1"#),
            r#"{"mediaType":"application/vnd.in-toto+json","digest":"sha256:00"}"#.to_owned(),
            "7".to_owned(),
        ];
        let found = statement_layers(format!(r#"{{"layers":[{}]}}"#, layers.join(",")).as_bytes());
        let names: Vec<Digest> = found.iter().map(|layer| layer.digest).collect();
        assert_eq!(names, ["a", "c", "d"].map(digest));
        assert_eq!((found[0].size, found[0].is_provenance()), (Some(7), true));
        assert_eq!((found[1].size, found[2].size, found[1].is_provenance()), (None, None, false));
        for none in [&b""[..], b"[]", b"{\"layers\": null}", b"{\"layers\": {}}", b"\xff"] {
            assert_eq!(statement_layers(none), []);
        }
    }
}
