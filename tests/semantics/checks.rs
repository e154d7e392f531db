//! The checker itself: what it must not let pass, and that it says where.

use super::check;

/// The checks, by name.
pub(super) const ALL: &[(&str, fn())] = &[
    ("what_is_true_passes", what_is_true_passes),
    ("a_promise_needs_an_example_and_its_number", a_promise_needs_an_example_and_its_number),
    ("every_block_is_run_and_ends", every_block_is_run_and_ends),
    (
        "what_is_not_in_the_notation_is_refused_with_its_line",
        what_is_not_in_the_notation_is_refused_with_its_line,
    ),
    ("names_must_be_known_and_their_own", names_must_be_known_and_their_own),
    ("every_stated_line_must_be_true", every_stated_line_must_be_true),
    (
        "what_happens_must_be_stated_and_what_is_stated_must_happen",
        what_happens_must_be_stated_and_what_is_stated_must_happen,
    ),
];

const ORPHAN: &str = "repository shop/web\n  lost: orphan\n";

/// What is wrong with a document of one promise with this example, which begins in line 4.
fn wrong(example: &str) -> String {
    let problems = check(&format!("**1.** A promise.\n\n```example\n{example}\n```\n"));
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[track_caller]
fn is_wrong(example: &str, line: usize, part: &str) {
    let wrong = wrong(example);
    let place = format!("docs/SEMANTICS.md:{line}: promise 1: ");
    assert!(wrong.lines().any(|text| text.starts_with(&place) && text.contains(part)), "{part:?}: {wrong:?}");
}

fn what_is_true_passes() {
    let example =
        format!("{ORPHAN}$ ecr-janitor apply --yes\n  lost: orphaned, deleted, form oci\n  complete = true");
    assert_eq!(wrong(&example), "");
}

fn a_promise_needs_an_example_and_its_number() {
    let example = format!("```example\n{ORPHAN}$ ecr-janitor plan\n  lost: orphaned, planned\n```\n");
    let document = format!("**1.** One.\n{example}**2.** Two.\n\n**4.** Four.\n{example}");
    let problems: Vec<String> = check(&document).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "docs/SEMANTICS.md:8: promise 2: it has no example",
            "docs/SEMANTICS.md:10: promise 3: it is numbered 4",
        ]
    );
}

fn every_block_is_run_and_ends() {
    let all = format!("**1.** One.\n```text\n{ORPHAN}$ ecr-janitor plan\n  lost: orphaned, planned\n```\n");
    assert_eq!(
        check(&all)[0].to_string(),
        "docs/SEMANTICS.md:2: promise 1: a block of the kind \"text\" is not run"
    );
    let open = all.replace("```text", "```example").trim_end().trim_end_matches('`').to_owned();
    assert_eq!(check(&open)[0].to_string(), "docs/SEMANTICS.md:2: promise 1: its block does not end");
}

fn what_is_not_in_the_notation_is_refused_with_its_line() {
    is_wrong("repository shop/web\n  lost: orphaned", 5, "\"orphaned\"");
    is_wrong("repository shop/web\n  lost: orphan, 3 weeks old", 5, "neither an age nor a tag");
    is_wrong("repository shop/web\n  lost is gone", 5, "no such line");
    is_wrong("  lost: orphan", 4, "below no repository");
    is_wrong("ecr:DescribeImages is slow", 4, "no such line");
    is_wrong("$ docker push", 4, "neither");
    is_wrong("$ ecr-janitor plan\n  complete = yes", 5, "no JSON");
    is_wrong("$ invoke {", 4, "no JSON");
    is_wrong(ORPHAN, 3, "runs no command");
}

fn names_must_be_known_and_their_own() {
    is_wrong("repository shop/web\n  a is deleted\n$ ecr-janitor plan", 5, "nothing is called \"a\"");
    is_wrong("repository shop/web\n  a: image\n  a: image\n$ ecr-janitor plan", 6, "already");
    is_wrong("$ ecr-janitor plan\n  a: orphaned, planned", 5, "nothing is called \"a\"");
}

fn every_stated_line_must_be_true() {
    let plan = |line: &str| format!("{ORPHAN}$ ecr-janitor plan\n  lost: orphaned, planned\n  {line}");
    is_wrong(
        &format!("{ORPHAN}$ ecr-janitor plan\n  lost: orphaned, kept"),
        7,
        "outcome is planned, not kept",
    );
    is_wrong(
        &format!("{ORPHAN}$ ecr-janitor plan\n  lost: tagged, planned"),
        7,
        "reason is orphaned, not tagged",
    );
    is_wrong(
        &format!("{ORPHAN}$ ecr-janitor plan\n  lost: orphaned, planned, form legacy"),
        7,
        "form is oci",
    );
    is_wrong(&plan("totals.planned = 2"), 8, "totals.planned is 1, not 2");
    is_wrong(&plan("shop/web: not-selected"), 8, "is nothing, not");
    is_wrong(&plan("says no such thing"), 8, "does not say");
    is_wrong(&plan("no API call"), 8, "DescribeImages");
    is_wrong(&plan("exit 10"), 8, "end with Exit(10), not with Exit(0)");
    is_wrong(&plan("the invocation fails"), 8, "InvocationFails");
}

fn what_happens_must_be_stated_and_what_is_stated_must_happen() {
    is_wrong(&format!("{ORPHAN}$ ecr-janitor plan"), 6, "does not state lost: orphaned, planned");
    is_wrong(&format!("{ORPHAN}$ ecr-janitor apply --yes"), 6, "lost should be there");
    let excluded = format!("select.exclude = [\"*\"]\n{ORPHAN}$ ecr-janitor plan");
    is_wrong(&excluded, 7, "does not state shop/web: not-selected");
    is_wrong(&format!("{ORPHAN}$ ecr-janitor plan\n  lost: orphaned, deleted"), 6, "lost should be gone");
    is_wrong(&format!("{ORPHAN}$ ecr-janitor plan\n  lost: orphaned, tagged"), 6, "lost should be there");
    let untold = format!("policy.orphaned = \"tag\"\n{ORPHAN}$ ecr-janitor apply --yes");
    is_wrong(&untold, 7, "lost should be there");
}
