//! The policy that `iam-policy` prints is enough for the run it is for, and for nothing else.

use ecr_emulator::buildx::Provenance;
use serde_json::{Value, json};

use crate::harness::{World, legacy, set, single};

const TEAM_A: &str = "[select]\nrepositories = ['a/*']\nexclude = ['a/old']\n";

/// Gives everybody the policy that is printed for the world's configuration.
fn grant(world: &World, mode: &str) -> Value {
    let policy = world.cli(&["iam-policy", "--mode", mode]);
    let configuration = "ecr-janitor: configuration: janitor.toml\n";
    assert_eq!((policy.code, policy.stderr.as_str()), (0, configuration), "{policy:?}");
    world.ecr.set_policy(None, Some(policy.json())).unwrap();
    policy.json()
}

#[test]
fn a_plan_role_sees_everything_and_may_write_nothing() {
    let world =
        World::new().with_state().config("mode = 'apply'\n[policy]\nsuperseded = 'delete'\nattached = 'tag'");
    let busy = world.busy("team/api");
    grant(&world, "plan");
    let before = busy.repo.contents();
    let report = world.plan();
    assert_eq!((report.0["complete"].clone(), report.0["totals"]["failed"].clone()), (json!(true), json!(0)));
    assert!(report.total("planned") > 7);
    let report = world.apply_with(3);
    assert_eq!(report.total("deleted") + report.total("tagged"), 0);
    assert!(report.decisions(&busy.repo).iter().any(|it| it["code"] == "AccessDeniedException"));
    assert_eq!((busy.repo.lost_since(&before), world.writes()), (set([]), vec![]));
}

#[test]
fn an_apply_role_finishes_what_its_configuration_asks_for() {
    for (file, done) in [
        ("", 4),
        ("[policy]\nsuperseded = 'delete'\nsuperseded_since = 'push'", 7),
        ("[policy]\norphaned = 'tag'", 4),
        ("[policy]\norphaned = 'keep'\nattached = 'tag'", 6),
        ("[select]\nrequire_tag = { 'ecr-janitor' = 'enabled' }", 4),
        ("[policy]\norphaned = 'keep'\n[[override]]\nrepositories = ['team/*']\norphaned = 'delete'", 4),
    ] {
        let world = World::new().with_state().config(file);
        let busy = world.busy("team/api");
        busy.repo.label("ecr-janitor", "enabled");
        grant(&world, "apply");
        let report = world.apply();
        assert_eq!(report.total("deleted") + report.total("tagged"), done, "{file} {:#}", report.0["totals"]);
        assert_eq!(report.0["complete"], true);
    }
}

#[test]
fn the_apply_role_of_one_team_cannot_touch_another_team_s_repositories() {
    let world = World::new().with_state().config(TEAM_A);
    let mine = world.repository("a/api");
    let (orphans, old, theirs) =
        (mine.orphans(60, legacy(1)), world.repository("a/old"), world.repository("b/api"));
    let (old_orphans, their_orphans) = (old.orphans(60, legacy(2)), theirs.orphans(60, legacy(3)));
    grant(&world, "apply");
    // The same role with a configuration that wants everything.
    std::fs::write(world.file("janitor.toml"), "").unwrap();
    let report = world.apply_with(3);
    assert_eq!(report.with_outcome(&mine, "deleted"), set(&orphans));
    assert_eq!(report.left_alone(&theirs), "access-denied");
    assert_eq!(report.with_outcome(&old, "failed"), set(&old_orphans), "read, but not deleted");
    assert_eq!((old.count(&old_orphans), theirs.count(&their_orphans)), (2, 2));
}

#[test]
fn a_role_bound_to_a_resource_tag_cannot_write_where_it_is_missing() {
    let world = World::new().with_state().config("[select]\nrequire_tag = { 'ecr-janitor' = 'enabled' }");
    let (with, without) = (world.repository("with"), world.repository("without"));
    with.label("ecr-janitor", "enabled");
    let (mine, theirs) = (with.orphans(60, legacy(1)), without.orphans(60, legacy(2)));
    grant(&world, "apply");
    // Not even if the configuration forgets the tag.
    std::fs::write(world.file("janitor.toml"), "").unwrap();
    let report = world.apply_with(3);
    assert_eq!(report.with_outcome(&with, "deleted"), set(&mine));
    assert_eq!(report.with_outcome(&without, "failed"), set(&theirs));
    assert_eq!(without.count(&theirs), 2);
}

#[test]
fn the_policy_is_of_the_place_that_is_named() {
    let world = World::new().with_state().config(TEAM_A);
    let place = ["--region", "eu-west-1", "--account", "123456789012", "--partition", "aws-cn"];
    let policy = world.cli(&[&["iam-policy"][..], &place].concat()).json();
    assert_eq!(
        policy["Statement"][2]["Resource"],
        json!(["arn:aws-cn:ecr:eu-west-1:123456789012:repository/a/*"])
    );
    assert!(world.ecr.calls().is_empty(), "printing a policy asks nobody");
    for (arguments, texts) in [
        (&["--account", "1234"][..], &["12 digits"][..]),
        (&["--region", "EU"], &["--region"]),
        (&["--repository", "a/api"], &["--repository", "select.repositories"]),
    ] {
        let outcome = world.cli(&[&["iam-policy"][..], arguments].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
        assert!(texts.iter().all(|text| outcome.stderr.contains(text)), "{outcome:?}");
    }
}

#[test]
fn a_role_for_sources_reads_statements_and_a_plan_role_says_what_is_missing() {
    let world = World::new().with("COLUMNS", "2000");
    let api = world.repository("team/api");
    let provenance = Provenance::new().builder_id("https://github.com/acme/api/actions/runs/1");
    api.push(3, single(1).provenance(provenance), "v1");
    let told = |world: &World| {
        let outcomes = [&["sources"][..], &["explain", "team/api:v1"]].map(|arguments| world.cli(arguments));
        outcomes.map(|outcome| {
            assert_eq!(outcome.code, 0, "{outcome:?}");
            outcome.stdout
        })
    };
    let policy = world.cli(&["iam-policy", "--mode", "plan"]).json();
    world.ecr.set_policy(None, Some(policy)).unwrap();
    for text in told(&world) {
        assert!(text.contains("allow ecr:GetDownloadUrlForLayer") && !text.contains("acme/api"), "{text}");
    }
    let policy = world.cli(&["iam-policy", "--for", "sources"]).json();
    world.ecr.set_policy(None, Some(policy)).unwrap();
    for text in told(&world) {
        assert!(text.contains("github.com/acme/api"), "{text}");
    }
    assert_eq!(world.writes(), []);
}
