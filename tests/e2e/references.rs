//! The names of images that `explain` understands: what people find in error messages, logs and findings.

use ecr_emulator::Settings;

use crate::harness::{World, oci};

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

#[test]
fn what_people_paste_is_understood() {
    let world = World::new();
    let web = world.repository("shop/web");
    let root = web.push(60, oci(1), "latest").root;
    let arn = "arn:aws:ecr:us-east-1:123456789012:repository/shop/web";
    for image in [
        format!("shop/web:latest@{root}"),
        format!("{HOST}/shop/web@{root}"),
        format!("{HOST}/shop/web:latest"),
        format!("https://{HOST}/shop/web:latest@{root}"),
        format!("docker://{HOST}/shop/web@{root}"),
        format!("{arn}:latest"),
        format!("{arn}@{root}"),
        format!("{arn}/{root}"),
    ] {
        let it = world.cli(&["explain", &image, "--output", "json"]);
        assert_eq!((it.code, it.json()["digest"].as_str()), (0, Some(root.as_str())), "{image}: {it:?}");
    }
    let it = world.cli(&["explain", arn, "--output", "json"]).json();
    assert_eq!(it["repository"], "shop/web");
}

#[test]
fn a_tag_beside_a_digest_is_told_where_it_stands_now() {
    let world = World::new().with("COLUMNS", "300");
    let web = world.repository("shop/web");
    let old = web.push(60, oci(1), "latest").root;
    let new = web.push(30, oci(2), "latest").root;
    for (tag, digest, now) in [("latest", &old, &new), ("latest", &new, &new)] {
        let image = format!("shop/web:{tag}@{digest}");
        let it = world.cli(&["explain", &image, "--output", "json"]).json();
        assert_eq!((&it["digest"], &it["asked_tag"]["names"]), (&(**digest).into(), &(**now).into()));
        let text = world.cli(&["explain", &image]).stdout;
        assert_eq!(text.contains(&format!("The tag latest names {new} now")), digest == &old, "{text}");
    }
    let text = world.cli(&["explain", &format!("shop/web:v9@{old}")]).stdout;
    assert!(text.contains("No image has the tag v9 now"), "{text}");
}

#[test]
fn an_image_of_another_region_is_told_before_anything_is_called() {
    let world = World::new();
    world.repository("shop/web").push(60, oci(1), "latest");
    let image = HOST.replace("us-east-1", "eu-west-1") + "/shop/web:latest";
    let texts = ["account 123456789012, Region eu-west-1", "asks Region us-east-1", "--region eu-west-1"];
    world.cli(&["explain", &image]).refused(2, &texts);
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn an_image_of_another_account_is_told() {
    let world = World::new();
    world.repository("shop/web").push(60, oci(1), "latest");
    let image = HOST.replace("123456789012", "210987654321") + "/shop/web:latest";
    let texts = ["account 210987654321, Region us-east-1", "credentials in use are of account 123456789012"];
    world.cli(&["explain", &image]).refused(2, &texts);
    assert_eq!(world.ecr.calls().get("DescribeImages"), None);
}

#[test]
fn the_region_may_be_given_on_the_command_line() {
    let world = World::of(Settings { region: "eu-west-1".into(), ..Settings::default() });
    let mut world = world.with("AWS_REGION", "us-east-1");
    world.repository("shop/web").push(60, oci(1), "latest");
    let image = HOST.replace("us-east-1", "eu-west-1") + "/shop/web:latest";
    assert_eq!(world.cli(&["explain", &image]).code, 2);
    let it = world.cli(&["explain", &image, "--region", "eu-west-1"]);
    assert_eq!(it.code, 0, "{it:?}");
    assert!(it.stderr.contains("Region eu-west-1"), "{it:?}");
    world.set("AWS_REGION", "");
    assert_eq!(world.cli(&["plan", "--region", "eu-west-1"]).code, 0);
}

#[test]
fn other_registries_are_told_apart() {
    let world = World::new();
    for image in ["localhost:5000/shop/web:latest", "public.ecr.aws/docker/library/nginx:1"] {
        world.cli(&["explain", image]).refused(2, &["Amazon ECR's private registries"]);
    }
    world.cli(&["explain", "sha256:0123456789ab"]).refused(2, &["any repository may have it"]);
    assert!(world.ecr.calls().is_empty());
}

#[test]
fn names_that_are_nearly_right_are_suggested() {
    let world = World::new();
    for name in ["shop/web", "shop/api", "infra/base-images"] {
        world.repository(name);
    }
    for (name, texts) in [
        ("web", &["no repository \"web\"", "did you mean \"shop/web\"?"][..]),
        ("shop/wep", &["did you mean \"shop/web\"?"]),
        ("infra/base-image", &["did you mean \"infra/base-images\"?"]),
        ("nothing/like/that", &["account 123456789012, Region us-east-1", "check the name"]),
    ] {
        world.cli(&["explain", name]).refused(2, texts);
        world.cli(&["plan", "--repository", name]).refused(2, texts);
        world.cli(&["apply", "--yes", "--repository", name]).refused(2, texts);
    }
}
