//! The images of a repository and what connects them, as columns: a hundred thousand of them in a few megabytes.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::tables::Tables;
use crate::oci::attestation::Kind;
use crate::oci::digest::Digest;
use crate::report::decision::Decision;
use crate::util::sanitize;

/// The nodes of a repository. The decisions come first, then what they name.
#[derive(Debug, Default, Serialize)]
pub(super) struct Graph {
    /// The digests one behind the other, each of as many digits as the page says.
    digests: String,
    class: Vec<usize>,
    parents: Vec<Numbers>,
    subject: Vec<i64>,
    /// Nodes, and texts as the negative of their number less one.
    because: Vec<Numbers>,
    size: Vec<u64>,
    /// In minutes before the start of the run.
    pushed: Vec<Option<i64>>,
    platform: Vec<i64>,
    /// What is known of those that have no decision.
    others: Vec<&'static str>,
    /// By node.
    tags: BTreeMap<usize, Vec<usize>>,
    more: BTreeMap<usize, More>,
}

/// What few decisions have.
#[derive(Debug, Default, PartialEq, Serialize)]
struct More {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untagged_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pulled_at: Option<Timestamp>,
}

/// Numbers, of which there is mostly one: -1 for none, the one itself, or a list.
#[derive(Debug, Default)]
struct Numbers(Vec<i64>);

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [] => serializer.serialize_i64(-1),
            // A lone -1 would be none.
            [one] if *one >= 0 => serializer.serialize_i64(*one),
            several => several.serialize(serializer),
        }
    }
}

const INDEX: &str = "index";
const IMAGE: &str = "image";
/// Something of which nobody said what it is.
const MANIFEST: &str = "manifest";

impl Graph {
    /// The graph of some decisions of one repository.
    pub(super) fn new(rows: &[&Decision], digits: usize, start: Timestamp, tables: &mut Tables) -> Self {
        let nodes = rows.iter().enumerate().map(|(number, row)| (row.image.digest, number)).collect();
        let mut draft = Draft { graph: Self::default(), nodes, names: Vec::new(), rows: rows.len(), tables };
        rows.iter().enumerate().for_each(|(number, row)| draft.add(number, row, start));
        let Draft { mut graph, names, .. } = draft;
        let digests = rows.iter().map(|row| row.image.digest).chain(names);
        digests.for_each(|digest| graph.digests.push_str(&digest.hex()[..digits]));
        graph
    }
}

/// A graph in the making.
struct Draft<'t> {
    graph: Graph,
    nodes: HashMap<Digest, usize>,
    /// Those without a decision.
    names: Vec<Digest>,
    rows: usize,
    tables: &'t mut Tables,
}

impl Draft<'_> {
    fn add(&mut self, number: usize, row: &Decision, start: Timestamp) {
        let image = &row.image;
        let class = self.tables.class(row);
        let parents = image.parents.iter().map(|parent| self.node(*parent, INDEX)).collect();
        let about = if row.kind == Kind::Attestation { IMAGE } else { MANIFEST };
        let subject = image.subject.map_or(-1, |subject| self.node(subject, about));
        let because = self.because(number, &image.because);
        let platform = image.platform.as_ref().map_or(-1, |text| signed(self.tables.text(text)));
        image.tags.iter().for_each(|tag| self.tag(number, tag));
        let minutes = |at: Timestamp| start.duration_since(at).as_secs() / 60;
        let graph = &mut self.graph;
        graph.class.push(class);
        graph.parents.push(Numbers(parents));
        graph.subject.push(subject);
        graph.because.push(because);
        graph.size.push(image.size_bytes);
        graph.pushed.push(image.pushed_at.map(minutes));
        graph.platform.push(platform);
        let line = |text: &str| sanitize::line(text);
        let more = More {
            code: row.code.as_deref().map(line),
            detail: row.detail.as_deref().map(line),
            new_tag: row.new_tag.as_deref().map(line),
            untagged_at: image.untagged_at,
            pulled_at: image.pulled_at,
        };
        if more != More::default() {
            graph.more.insert(number, more);
        }
    }

    /// The number of an image that a decision names as what it is.
    fn node(&mut self, digest: Digest, kind: &'static str) -> i64 {
        let next = self.rows + self.names.len();
        let number = *self.nodes.entry(digest).or_insert(next);
        if number == next {
            self.names.push(digest);
            self.graph.others.push(kind);
        } else if let Some(other) = number.checked_sub(self.rows).and_then(|it| self.graph.others.get_mut(it))
            && *other == MANIFEST
        {
            *other = kind;
        }
        signed(number)
    }

    /// What a reason rests on. A tag is one of the image before it, or of the image itself.
    fn because(&mut self, number: usize, because: &[String]) -> Numbers {
        let mut bearer = number;
        let numbers = because.iter().map(|text| match text.parse::<Digest>() {
            Ok(digest) => {
                let node = self.node(digest, MANIFEST);
                bearer = usize::try_from(node).unwrap_or(number);
                node
            }
            Err(_) => {
                self.tag(bearer, text);
                -1 - signed(self.tables.text(text))
            }
        });
        Numbers(numbers.collect())
    }

    fn tag(&mut self, node: usize, tag: &str) {
        let text = self.tables.text(tag);
        let tags = self.graph.tags.entry(node).or_default();
        if !tags.contains(&text) {
            tags.push(text);
        }
    }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::testing::decisions::{With as _, attestation, digest, index, time};

    #[test]
    fn what_decisions_name_becomes_a_node_of_its_own_with_its_tags() {
        let because = vec![digest("i").to_string(), "v1".to_owned(), "v2".to_owned()];
        let attached = attestation("a").under(&["i"]).of("p").with(|it| it.image.because = because);
        let rows = [attached, index("j").with(|it| it.image.because = vec!["own".into()])];
        let rows: Vec<&Decision> = rows.iter().collect();
        let mut tables = Tables::default();
        let graph = Graph::new(&rows, 12, time(3600), &mut tables);
        let value = serde_json::to_value(&graph).unwrap();
        let shorts = ["a", "j", "i", "p"].map(|name| digest(name).short()).concat();
        assert_eq!(value["digests"], json!(shorts));
        assert_eq!(value["parents"], json!([2, -1]));
        assert_eq!(value["subject"], json!([3, -1]));
        assert_eq!(value["others"], json!(["index", "image"]));
        assert_eq!(value["because"], json!([[2, -1, -2], [-3]]));
        assert_eq!(value["tags"], json!({"1": [2], "2": [0, 1]}));
        assert_eq!(tables.texts, ["v1", "v2", "own"]);
        assert_eq!(
            (&value["pushed"], &value["more"]),
            (&json!([60, 60]), &Value::Object([].into_iter().collect()))
        );
    }
}
