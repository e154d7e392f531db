//! Near misses: known names that somebody may have meant.

/// The most names that are suggested.
const MOST: usize = 3;

/// The known names nearest to a wanted one, best first: those with the same last part, then those a few edits away.
pub fn similar<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(usize, &str)> =
        known.into_iter().filter_map(|name| Some((distance(wanted, name)?, name))).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// How far apart two names are; nothing if they have little in common.
fn distance(wanted: &str, name: &str) -> Option<usize> {
    let tail = |of: &str, with: &str| of.strip_suffix(with).is_some_and(|rest| rest.ends_with('/'));
    if tail(name, wanted) || tail(wanted, name) {
        return Some(0);
    }
    let edits = strsim::damerau_levenshtein(&wanted.to_ascii_lowercase(), name);
    (edits <= (name.chars().count() / 3).max(2)).then_some(edits)
}

/// `; did you mean "team/api" or "team/app"?`, or nothing if no name is near.
pub fn did_you_mean(near: &[String]) -> String {
    question(near).map_or_else(String::new, |question| format!("; {question}"))
}

/// `did you mean "team/api" or "team/app"?`, if any name is near.
pub fn question(near: &[String]) -> Option<String> {
    let quoted: Vec<String> = near.iter().map(|name| format!("{name:?}")).collect();
    Some(match quoted.split_last()? {
        (only, []) => format!("did you mean {only}?"),
        (last, rest) => format!("did you mean {} or {last}?", rest.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = ["team/api", "team/app", "team/web", "shop/web", "x", "infra/base-images"];

    #[test]
    fn a_name_without_its_prefix_or_with_a_few_wrong_letters_is_near() {
        for (wanted, near) in [
            ("web", &["shop/web", "team/web"][..]),
            ("other/team/web", &["team/web"]),
            ("team/apj", &["team/api", "team/app"]),
            ("Team/API", &["team/api", "team/app"]),
            ("infra/base-image", &["infra/base-images"]),
            ("nothing/like/it", &[]),
        ] {
            assert_eq!(similar(wanted, KNOWN), near, "{wanted}");
        }
    }

    #[test]
    fn names_are_listed_as_a_question() {
        let asked = |names: &[&str]| did_you_mean(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(asked(&[]), "");
        assert_eq!(asked(&["a"]), "; did you mean \"a\"?");
        assert_eq!(asked(&["a", "b", "c"]), "; did you mean \"a\", \"b\" or \"c\"?");
    }
}
