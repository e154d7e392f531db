//! Queries and forms: `name=value` pairs, percent-encoded.

use std::fmt::Write as _;

/// Its parameters, in order.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(read).collect())
    }

    /// The first parameter of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

fn read((name, value): (&str, &str)) -> (String, String) {
    // A plus is itself here: it is in media types, and those who mean a space write %20.
    (decode(name), decode(value))
}

/// Decodes percent-encoding; what is malformed stays as it is.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

/// Percent-encodes a text for a query.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{Query, decode, encode};

    #[test]
    fn queries_are_decoded() {
        let query = Query::read(Some("digest=sha256%3aAB&n=1&&artifactType=a/b+json&flag"));
        assert_eq!(query.get("digest"), Some("sha256:AB"));
        assert_eq!((query.get("n"), query.get("flag"), query.get("last")), (Some("1"), Some(""), None));
        assert_eq!(query.get("artifactType"), Some("a/b+json"));
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode(&encode("a+b/c=\u{e9}")), "a+b/c=\u{e9}");
    }
}
