//! Addresses and texts of statements without the secrets that they may hold.
//!
//! A checkout by token has it in its address (`https://x-access-token:ghs_...@github.com/...`), and whoever may push writes
//! what they like. Only what has the form of an address without a secret is kept.

/// What the tokens of well-known services begin with.
const TOKENS: [&str; 13] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "xoxb-",
    "xoxp-",
    "dckr_pat_",
    "-----BEGIN",
    "Bearer ",
];
/// The beginnings of AWS's access key ids, which have 16 more capitals and digits.
const AWS_KEYS: [&str; 2] = ["AKIA", "ASIA"];
/// The parameters of a git address that say what is checked out.
const GIT_PARAMETERS: [&str; 6] = ["ref", "tag", "branch", "commit", "checksum", "subdir"];

/// A text in which no well-known token is, and no address but one without a secret.
pub(super) fn text(text: &str) -> Option<String> {
    if text.contains("://") { address(text) } else { tokenless(text) }
}

/// A text in which no well-known token is.
fn tokenless(text: &str) -> Option<String> {
    (!has_token(text)).then(|| text.to_owned())
}

fn has_token(text: &str) -> bool {
    let has_key = |key: &&str| {
        text.match_indices(*key).any(|(at, _)| {
            let rest = text[at + key.len()..].bytes();
            rest.take(16).filter(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count() == 16
        })
    };
    TOKENS.iter().any(|token| text.contains(token)) || AWS_KEYS.iter().any(has_key)
}

/// The name of a type: an address whose version may stand behind an @.
pub(super) fn type_name(uri: &str) -> Option<String> {
    match uri.rsplit_once('@') {
        Some((uri, version))
            if version.len() <= 20 && version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') =>
        {
            let is_version = uri.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
            is_version.then_some(format!("{}@{version}", address(uri)?))
        }
        _ => address(uri),
    }
}

/// An address, or an id that is none, without user, password and all parameters that are not about git.
pub(super) fn address(uri: &str) -> Option<String> {
    let uri = tokenless(uri)?;
    let (scheme, rest) = match uri.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        Some(_) => return None,
        None => return without_scheme(&uri),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if !is_host(host) {
        return None;
    }
    Some(format!("{scheme}://{host}{}", path(rest)?))
}

/// `git@github.com:acme/shop.git` without its user; anything else, such as an ARN, up to its parameters.
fn without_scheme(uri: &str) -> Option<String> {
    let host_and_path = match uri.split_once('@') {
        Some((user, rest)) if !user.contains('/') => {
            let (host, _) = rest.split_once(':')?;
            is_host(host).then_some(rest)?
        }
        _ => uri,
    };
    path(host_and_path)
}

/// A path with what of its parameters and its fragment is about git.
fn path(rest: &str) -> Option<String> {
    let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, it)| (rest, Some(it)));
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, it)| (path, Some(it)));
    // An @ is before a version, of a workflow or a source at a reference; or before it is a user whose password has a slash.
    let is_version = path.contains(".github/workflows/") || path.contains("@refs/");
    let path = match path.split_once('@') {
        Some((path, number)) if !is_version => is_number(number).then_some(path)?,
        _ => path,
    };
    let parameters = query.unwrap_or_default().split('&').filter(|parameter| {
        parameter.split_once('=').is_some_and(|(name, _)| GIT_PARAMETERS.contains(&name))
    });
    let query: Vec<&str> = parameters.collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    // A branch, a revision, a folder: never the value of something.
    let fragment = fragment.filter(|it| !it.contains(['=', '@', '?']));
    let fragment = fragment.map(|it| format!("#{it}")).unwrap_or_default();
    let address = format!("{path}{query}{fragment}");
    address.chars().all(is_plain).then_some(address)
}

/// Whether this is the number of a version, as in `v1` or `v0.2.1`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('v').unwrap_or_default();
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn is_scheme(scheme: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-');
    !scheme.is_empty() && scheme.len() <= 20 && scheme.chars().all(legal)
}

fn is_host(host: &str) -> bool {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty()
        && name.chars().all(legal)
        && !port.is_empty()
        && port.chars().all(|c| c.is_ascii_digit())
}

pub(super) fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "/._-~:@+%#?=&, ()".contains(character)
}

/// The repository of an address: host and path, as in `github.com/acme/shop`.
pub(super) fn repository(uri: &str) -> Option<String> {
    let address = address(uri)?;
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let rest = rest.split(['#', '?']).next()?.split("@refs/").next()?;
    let rest = if rest.contains('/') && !rest.split('/').next()?.contains(':') {
        rest.to_owned()
    } else {
        rest.replacen(':', "/", 1)
    };
    let rest = rest.trim_end_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest);
    let (host, path) = rest.split_once('/')?;
    (host.contains('.') || host == "localhost").then(|| format!("{}/{path}", host.to_ascii_lowercase()))
}

/// The image of a package URL, as in `alpine:3.22` of `pkg:docker/alpine@3.22?platform=linux%2Famd64`.
pub(super) fn image(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("pkg:docker/").or_else(|| uri.strip_prefix("pkg:oci/"))?;
    let name = tokenless(rest.split(['?', '#']).next()?)?;
    let name = decoded(&name);
    let name = match name.rsplit_once('@') {
        Some((name, version)) if version.starts_with("sha256:") => name.to_owned(),
        // What follows the @ of a user is a registry.
        Some((_, host)) if host.contains('/') => return None,
        Some((name, version)) => format!("{name}:{version}"),
        None => name,
    };
    if name.contains('@') {
        return None;
    }
    name.chars().all(is_plain).then_some(name)
}

/// A text with the characters that a package URL escapes.
fn decoded(text: &str) -> String {
    let mut decoded = text.to_owned();
    for (escaped, character) in [("%2F", "/"), ("%2f", "/"), ("%3A", ":"), ("%3a", ":"), ("%40", "@")] {
        decoded = decoded.replace(escaped, character);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_passwords_and_parameters_are_left_out_of_addresses() {
        for (uri, shown) in [
            (
                "https://github.com/acme/shop.git#refs/heads/main",
                Some("https://github.com/acme/shop.git#refs/heads/main"),
            ),
            ("https://x-access-token:secret@github.com/acme/shop", Some("https://github.com/acme/shop")),
            ("https://secret@github.com/acme/shop", Some("https://github.com/acme/shop")),
            ("https://a:b@c:d@github.com/acme/shop", Some("https://github.com/acme/shop")),
            (
                "https://github.com/acme/shop?token=secret&branch=main",
                Some("https://github.com/acme/shop?branch=main"),
            ),
            ("https://user:pa/ss@github.com/acme/shop", None),
            ("https://user/pass@github.com/acme", None),
            ("https://builder.example.com/Hosted@v1", Some("https://builder.example.com/Hosted")),
            ("https://github.com/acme/shop#access_token=secret", Some("https://github.com/acme/shop")),
            ("https://github.com/acme/shop#token?secret", Some("https://github.com/acme/shop")),
            ("git@github.com:acme/shop.git", Some("github.com:acme/shop.git")),
            ("user:secret@host:acme/shop.git", Some("host:acme/shop.git")),
            ("user@secret", None),
            (
                "ssh://git@gitlab.example.com:2222/acme/shop.git",
                Some("ssh://gitlab.example.com:2222/acme/shop.git"),
            ),
            (
                "git+https://github.com/acme/shop@refs/heads/main",
                Some("git+https://github.com/acme/shop@refs/heads/main"),
            ),
            (
                "https://github.com/acme/b/.github/workflows/build.yml@refs/tags/v1",
                Some("https://github.com/acme/b/.github/workflows/build.yml@refs/tags/v1"),
            ),
            (
                "arn:aws:codebuild:eu-west-1:123456789012:build/shop:4f",
                Some("arn:aws:codebuild:eu-west-1:123456789012:build/shop:4f"),
            ),
            ("https://github.com/ghp_0123456789/shop", None),
            ("https://github.com/AKIAIOSFODNN7EXAMPLE/shop", None),
            ("https://github.com/ASIA/shop", Some("https://github.com/ASIA/shop")),
            ("https://github.com/\u{1b}[2J", None),
            ("://x", None),
        ] {
            assert_eq!(address(uri).as_deref(), shown, "{uri}");
        }
    }

    #[test]
    fn types_keep_their_versions() {
        for (uri, shown) in [
            ("https://mobyproject.org/buildkit@v1", Some("https://mobyproject.org/buildkit@v1")),
            ("https://slsa.dev/provenance/v1", Some("https://slsa.dev/provenance/v1")),
            ("https://user:pass@host", None),
            ("https://user:pass@example.com/x@v1", Some("https://example.com/x@v1")),
        ] {
            assert_eq!(type_name(uri).as_deref(), shown, "{uri}");
        }
    }

    #[test]
    fn one_repository_has_one_name_whatever_the_protocol() {
        for uri in [
            "https://github.com/acme/shop.git#refs/heads/main",
            "https://token@GitHub.com/acme/shop/",
            "git@github.com:acme/shop.git",
            "ssh://git@github.com/acme/shop.git",
            "git+https://github.com/acme/shop@refs/heads/main",
        ] {
            assert_eq!(repository(uri).as_deref(), Some("github.com/acme/shop"), "{uri}");
        }
        for uri in ["", "shop", "/home/me/shop", "https://", "C:\\shop"] {
            assert_eq!(repository(uri), None, "{uri}");
        }
    }

    #[test]
    fn the_image_of_a_package_url() {
        for (uri, name) in [
            ("pkg:docker/alpine@3.22?platform=linux%2Famd64", Some("alpine:3.22")),
            ("pkg:docker/acme/base@1?x=y", Some("acme/base:1")),
            (
                "pkg:docker/123456789012.dkr.ecr.eu-west-1.amazonaws.com/base@1",
                Some("123456789012.dkr.ecr.eu-west-1.amazonaws.com/base:1"),
            ),
            ("pkg:docker/localhost%3A5000/a@1", Some("localhost:5000/a:1")),
            ("pkg:docker/alpine", Some("alpine")),
            ("https://github.com/acme/shop", None),
        ] {
            assert_eq!(image(uri).as_deref(), name, "{uri}");
        }
    }

    #[test]
    fn a_text_is_no_hiding_place_for_an_address() {
        for (it, shown) in [
            ("Dockerfile", Some("Dockerfile")),
            ("https://bob:secret@host/Dockerfile", Some("https://host/Dockerfile")),
            ("see https://bob:secret@host/", None),
        ] {
            assert_eq!(text(it).as_deref(), shown, "{it}");
        }
        assert_eq!(image("pkg:docker/alpine@3.22").as_deref(), Some("alpine:3.22"));
        for hidden in ["pkg:docker/bob:secret@reg/alpine@3.22", "pkg:docker/bob:secret@reg/alpine"] {
            assert_eq!(image(hidden), None, "{hidden}");
        }
    }
}
