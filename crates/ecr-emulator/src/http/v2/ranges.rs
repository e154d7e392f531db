//! Byte ranges: `Range` of a download, `Content-Range` of an upload.

use std::ops::Range;

/// The part of a blob that a download asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Part(Range<usize>),
    /// The range begins after the end.
    Nothing,
}

/// Reads `Range`. What is not understood, and more than one range, is as if it were not there.
pub(super) fn wanted(range: Option<&str>, size: usize) -> Wanted {
    let Some((first, last)) = range.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
        return Wanted::All;
    };
    let part = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Wanted::All,
    };
    if part.start < part.end { Wanted::Part(part) } else { Wanted::Nothing }
}

/// Reads `Content-Range` as the OCI API writes it, `<first>-<last>`, or as HTTP does, `bytes <first>-<last>/<size>`.
pub(super) fn chunk(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let (first, last) = text.split('/').next()?.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Wanted, chunk, wanted};

    #[test]
    fn ranges_of_downloads() {
        for (range, part) in [
            ("bytes=0-3", 0..4),
            ("bytes=8-", 8..10),
            ("bytes=-3", 7..10),
            ("bytes=4-99", 4..10),
            ("bytes=-99", 0..10),
        ] {
            assert_eq!(wanted(Some(range), 10), Wanted::Part(part), "{range}");
        }
        for range in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(wanted(Some(range), 10), Wanted::Nothing, "{range}");
        }
        for range in [None, Some("bytes=3-1"), Some("bytes=0-1,3-4"), Some("lines=0-1"), Some("bytes=a-b")] {
            assert_eq!(wanted(range, 10), Wanted::All, "{range:?}");
        }
    }

    #[test]
    fn ranges_of_uploads() {
        assert_eq!(chunk("0-1023"), Some((0, 1023)));
        assert_eq!(chunk("bytes 5-9/*"), Some((5, 9)));
        assert_eq!(chunk("-5"), None);
        assert_eq!(chunk("x"), None);
    }
}
