//! The rows of docs/MESSAGES.md: each kind of message is brought about, and has its words and its exit code.

use ecr_emulator::{Fault, Settings, When};

use crate::harness::{Outcome, World, legacy, single, trouble, trouble_in};
use crate::state::move_tags;

type Scene = fn() -> Outcome;

/// What brings each row about, in the order of the table.
const SCENES: &[(&str, Scene)] = &[
    ("usage", || run(world(), &["plan", "--regoin", "x"])),
    ("repository without its option", || run(world(), &["plan", "team/api"])),
    ("option without an effect", || run(world(), &["demo", "--region", "eu-west-1"])),
    ("value of an option", || run(world(), &["plan", "--max-deletions", "x"])),
    ("no consent", || run(world(), &["apply"])),
    ("unknown command of `man`", || run(world(), &["man", "plon"])),
    ("form of output that a command does not have", || run(world(), &["doctor", "--output", "html"])),
    ("unknown repository", || run(world(), &["plan", "--repository", "team/apj"])),
    ("malformed image name", || run(world(), &["explain", "team/api@sha256:xyz"])),
    ("unknown tag", || {
        let world = world();
        world.find("team/api").push(60, single(1), "main");
        run(world, &["explain", "team/api:man"])
    }),
    ("image of another Region", || {
        run(world(), &["explain", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/api"])
    }),
    ("configuration file that does not exist", || run(world(), &["plan", "--config", "nowhere.toml"])),
    ("configuration that is not TOML", || configured("[policy]\norphaned = keep")),
    ("key in the wrong place", || configured("[policy]\nmax_deletions = 1")),
    ("misspelt key", || configured("[policy]\norphand = \"keep\"")),
    ("text in the place of a list", || configured("[in_use]\nsources = \"ecs\"")),
    ("value of a key", || configured("[policy]\ngrace_period = 48")),
    ("unknown variable", || run(world().with("JANITOR_GRACE_PERIODS", "90d"), &["plan"])),
    ("file that exists already", || run(world().config(""), &["init"])),
    ("file that cannot be written", || run(world(), &["plan", "--out", "no/such/plan.json"])),
    ("file that is not a plan", || {
        let world = world();
        std::fs::write(world.file("plan.json"), "{}").unwrap();
        run(world, &["apply", "plan.json", "--yes"])
    }),
    ("plan file that does not exist", || run(world(), &["apply", "nowhere.json", "--yes"])),
    ("plan file of another registry", || {
        let world = world();
        world.save_plan();
        let other = World::of(Settings { account: "210987654321".into(), ..Settings::default() });
        other.repository("team/api");
        std::fs::copy(world.file("plan.json"), other.file("plan.json")).unwrap();
        run(other, &["apply", "plan.json", "--yes"])
    }),
    ("no place for backups", || run(world().with("JANITOR_BACKUP_KEEP", "30d"), &["apply", "--yes"])),
    ("source of images in use that is none", || configured("[in_use]\nsources = [\"lamda\"]")),
    ("no Region", || run(world().without("AWS_REGION"), &["plan"])),
    ("no such profile", || run(profiles(), &["plan", "--profile", "dve"])),
    ("not signed in", || run(profiles(), &["plan", "--profile", "dev"])),
    ("no credentials", || run(profiles(), &["plan"])),
    ("expired credentials", || everywhere("DescribeRepositories", Fault::ExpiredToken)),
    ("endpoint without a scheme", || run(world().with("AWS_ENDPOINT_URL", "localhost:4580"), &["plan"])),
    ("endpoint with another scheme", || run(world().with("AWS_ENDPOINT_URL", "htp://localhost"), &["plan"])),
    ("unreachable endpoint", || run(world().with("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), &["plan"])),
    ("missing permission for everything", || everywhere("DescribeRepositories", Fault::AccessDenied)),
    ("unknown run", || run(world().with_backups(), &["history", "nosuch"])),
    ("a repository that cannot be worked on", || everywhere("DescribeImages", Fault::AccessDenied)),
    ("an image that failed", || {
        let world = world();
        let api = world.find("team/api");
        world.ecr.fault(trouble_in(&api, "BatchDeleteImage", When::Always, Fault::AccessDenied));
        run(world, &["apply", "--yes"])
    }),
    ("output that cannot be written", || world().cli_to("/dev/full", &["plan"])),
    ("`doctor`: something failed", || {
        let world = world();
        world.ecr.fault(trouble("BatchGetImage", When::Always, Fault::AccessDenied));
        run(world, &["doctor"])
    }),
    ("a source of images in use that cannot be read", || {
        configured("[in_use]\nsources = [\"file:nowhere.txt\"]")
    }),
    ("a breaker", || {
        let world = World::new().with_state();
        let api = world.repository("team/api");
        (0..12).for_each(|code| drop(api.push(150, single(code), &format!("v{code}"))));
        assert_eq!(world.cli(&["apply", "--yes"]).code, 0);
        move_tags(&api, 12);
        run(world, &["apply", "--yes"])
    }),
    ("changes are pending (`plan --exit-code`)", || run(world(), &["plan", "--exit-code"])),
    ("interrupted", || world().cli_interrupted("BatchDeleteImage", &["apply", "--yes"])),
    ("warning", || run(world(), &["plan"])),
    ("pattern that matches nothing", || configured("[select]\nexclude = ['tema/*']")),
    ("what waits", || run(world(), &["plan", "--max-deletions", "0"])),
    ("no repositories", || run(World::new(), &["plan"])),
    ("what a saved plan leaves to the configuration", || {
        let world = world();
        world.save_plan();
        world.apply_saved()
    }),
    ("saved plan", || run(world(), &["plan", "--out", "plan.json"])),
    ("nothing to do", || {
        let world = World::new();
        world.repository("team/api").push(60, single(1), "v1");
        run(world, &["plan"])
    }),
];

/// A registry with something to do.
fn world() -> World {
    let world = World::new();
    world.repository("team/api").orphans(60, legacy(1));
    world
}

fn run(world: World, arguments: &[&str]) -> Outcome {
    world.cli(arguments)
}

fn configured(file: &str) -> Outcome {
    run(world().config(file), &["plan"])
}

fn everywhere(operation: &str, fault: Fault) -> Outcome {
    let world = world();
    world.ecr.fault(trouble(operation, When::Always, fault));
    run(world, &["plan"])
}

/// A configuration of profiles, and no keys.
fn profiles() -> World {
    let world = world().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    let dev = "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Admin\n\
        [sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\n";
    std::fs::write(world.file("aws"), dev).unwrap();
    let (config, home) = (world.file("aws").display().to_string(), world.file(".").display().to_string());
    world.with("AWS_CONFIG_FILE", &config).with("HOME", &home)
}

struct Row {
    kind: String,
    words: Vec<String>,
    code: i32,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/MESSAGES.md")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line: &str| {
        // A bar in a cell is escaped.
        let line = line.replace("\\|", "\u{1}");
        let cells: Vec<String> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
        let [kind, example, code] = cells.as_slice() else { panic!("not three cells: {line}") };
        // With two backticks around it a word may have some of its own.
        let spaced = example.replace("`` ", "\u{2}").replace(" ``", "\u{2}");
        let words = match spaced.contains('\u{2}') {
            true => {
                let mut parts = spaced.split('\u{2}');
                let own = parts.nth(1).unwrap().to_owned();
                let rest = parts.next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned);
                [own].into_iter().chain(rest).collect()
            }
            false => spaced.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
        };
        Row { kind: kind.clone(), words, code: code.parse().unwrap() }
    };
    lines.map(row).collect()
}

#[test]
fn every_kind_of_message_has_its_words_and_its_exit_code() {
    let rows = rows();
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds, SCENES.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
    for (row, (kind, scene)) in rows.iter().zip(SCENES) {
        let outcome = scene();
        assert_eq!(outcome.code, row.code, "{kind}: {outcome:?}");
        // Lines may be wrapped anywhere.
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = one_line(&format!("{} {}", outcome.stdout, outcome.stderr));
        assert!(!row.words.is_empty(), "{kind} has no words");
        for word in &row.words {
            assert!(said.contains(&one_line(word)), "{kind}: {word:?} is not in {said}");
        }
        for dump in ["Request {", "SdkBody", "dispatch failure", "RUST_BACKTRACE"] {
            assert!(!said.contains(dump), "{kind}: {said}");
        }
    }
}
