//! The rows of docs/TROUBLE.md, each one made to happen.

use std::time::Duration;

use ecr_attestation_janitor::cli::local_lambda::Answer;
use ecr_emulator::{Fault, When};
use serde_json::json;

use crate::harness::crash::scene::{Id, Scene, children, state};
use crate::harness::crash::verdict::{next_run_finishes, nothing_is_lost, outcome_is_true, report_is_true};
use crate::harness::crash::{FRESH, SAVED};
use crate::harness::{Hold, Moment, Outcome, Report, World, legacy, trouble};

/// What came of it: the exit code, if there is one, and all that was said.
pub(crate) struct Came {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

/// A trouble, in the words of the document, and how to make it.
pub(crate) type Row = (&'static str, fn(&Scene) -> Came);

pub(crate) const ROWS: &[Row] = &[
    ("ECR throttles up to every other call", |scene| {
        let rates = [(0.1, 1), (0.3, 2), (0.5, 3)];
        let came = rates.map(|(rate, seed)| {
            in_trouble(scene, |world| {
                world.ecr.set_seed(seed);
                world.ecr.fault(trouble("*", When::Share(rate), Fault::Throttle));
            })
        });
        assert!(came.iter().all(|came| came.code == Some(0)));
        came.into_iter().last().unwrap()
    }),
    ("ECR throttles every call", |scene| always(scene, "2", "*", Fault::Throttle)),
    ("ECR fails now and then (5xx)", |scene| now_and_then(scene, Fault::ServerError)),
    ("ECR fails every deletion (5xx)", |scene| always(scene, "2", "BatchDeleteImage", Fault::ServerError)),
    ("ECR answers for a part of a batch", |scene| always(scene, "2", "BatchDeleteImage", Fault::Partial)),
    ("ECR says nothing of some images", |scene| always(scene, "2", "BatchDeleteImage", Fault::Silent)),
    ("connections drop now and then", |scene| now_and_then(scene, Fault::Drop)),
    ("a connection hangs", |scene| once(scene, "DescribeImages", 2, Fault::Hang(Duration::from_secs(600)))),
    ("answers are slow", |scene| always(scene, "1", "*", Fault::Trickle(Duration::from_millis(10)))),
    ("half of an answer arrives", |scene| {
        // Not of a deletion: that is another row.
        let reads =
            ["DescribeRepositories", "DescribePullThroughCacheRules", "DescribeImages", "BatchGetImage"];
        in_trouble(scene, |world| {
            reads.iter().for_each(|read| world.ecr.fault(trouble(read, When::Nth(1), Fault::Cut)));
        })
    }),
    ("an answer is not JSON", |scene| once(scene, "DescribeImages", 1, Fault::Garbage)),
    ("an answer is empty", |scene| once(scene, "DescribeImages", 1, Fault::Empty)),
    ("the answer with the repositories is empty", |scene| {
        once(scene, "DescribeRepositories", 1, Fault::Empty)
    }),
    ("the answer with the pull-through cache rules is empty", |scene| {
        once(scene, "DescribePullThroughCacheRules", 1, Fault::Empty)
    }),
    ("the answer to a deletion is lost", |scene| {
        in_trouble(scene, |world| {
            world.ecr.fault(trouble("BatchDeleteImage", When::Nth(1), Fault::DropAfter));
            world.ecr.fault(trouble("BatchDeleteImage", When::Nth(4), Fault::Cut));
            world.ecr.fault(trouble(
                "BatchDeleteImage",
                When::Nth(7),
                Fault::HangAfter(Duration::from_millis(50)),
            ));
        })
    }),
    ("the answer to a deletion is lost at every try", |scene| {
        always(scene, "1", "BatchDeleteImage", Fault::DropAfter)
    }),
    ("the answer to a tag is lost in an immutable repository", |scene| {
        in_trouble(scene, |world| {
            let request = json!({"repositoryName": "team/api", "imageTagMutability": "IMMUTABLE"});
            world.ecr.call("PutImageTagMutability", request).unwrap();
            world.ecr.fault(trouble("PutImage", When::Nth(1), Fault::DropAfter));
        })
    }),
    ("pages come twice", |scene| {
        let listings = ["DescribeRepositories", "DescribePullThroughCacheRules", "DescribeImages"];
        let came = in_trouble(scene, |world| {
            small_pages(world);
            listings.iter().for_each(|list| world.ecr.fault(trouble(list, When::Nth(1), Fault::FirstPage)));
        });
        let report = serde_json::Deserializer::from_str(&came.said).into_iter::<serde_json::Value>().next();
        let report = report.unwrap().unwrap();
        assert_eq!(report["totals"]["images"], scene.before.len());
        assert_eq!(report["repositories"].as_array().unwrap().len(), 2);
        came
    }),
    ("pages go round in circles", |scene| circles(scene, "DescribeImages", &[When::Always, When::Every(3)])),
    ("the list of repositories goes round in circles", |scene| {
        circles(scene, "DescribeRepositories", &[When::Always, When::Every(2)])
    }),
    ("the list of pull-through cache rules goes round in circles", |scene| {
        circles(scene, "DescribePullThroughCacheRules", &[When::Always, When::Every(2)])
    }),
    ("a page token is refused", |scene| {
        in_trouble(scene, |world| {
            small_pages(world);
            world.ecr.fault(trouble("DescribeImages", When::Nth(2), Fault::BadToken));
        })
    }),
    ("an index gets a tag while its repository is listed", |scene| {
        let world = scene.world.fork();
        small_pages(&world);
        let superseded = |id: &Id| !scene.end.contains_key(id) && !children(&scene.before[id]).is_empty();
        let at = scene.before.keys().position(superseded).unwrap();
        let (id, index) = scene.before.iter().nth(at).unwrap();
        let ((name, _), image) = (id.clone(), index.clone());
        // A page has one image: that of the index is the last one before this.
        world.ecr.before("DescribeImages", at as u64 + 2, move |ecr| {
            ecr.put_image(&name, &image.manifest, Some(&image.media_type), Some("rollback")).unwrap();
        });
        let outcome = world.cli(FRESH);
        outcome_is_true(&world, &outcome);
        let now = state(&world.ecr);
        assert_eq!((&now[id].tags, &now[id].manifest), (&vec!["rollback".to_owned()], &index.manifest));
        for child in children(index) {
            assert!(now.contains_key(&(id.0.clone(), child)), "an index that got a tag lost a child");
        }
        came(outcome)
    }),
    ("this machine's clock is wrong", |scene| always(scene, "2", "*", Fault::SignatureExpired)),
    ("an image is from the future", |scene| {
        let world = scene.world.fork();
        let later = jiff::Timestamp::now().as_millisecond() + 3_600_000;
        world.ecr.set_clock(Some(later));
        let digests = legacy(99).push_attestations_only(&world.ecr, "team/api").unwrap();
        world.ecr.set_clock(None);
        let outcome = world.cli(FRESH);
        outcome_is_true(&world, &outcome);
        // Two more were there, of a push that is under way.
        let report = outcome.report(0);
        assert_eq!(report.of(&world.find("team/api"))["not_attestations"]["unread"], digests.len() + 2);
        came(outcome)
    }),
    ("there are no credentials", |scene| {
        in_trouble_with(scene, |world| world.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY"))
    }),
    ("the credentials have expired", |scene| always(scene, "2", "*", Fault::ExpiredToken)),
    ("the credentials expire during the run", |scene| {
        let from =
            |n| in_trouble(scene, |world| world.ecr.fault(trouble("*", When::From(n), Fault::ExpiredToken)));
        assert!([5, 9, 20].map(from).iter().all(|came| came.code == Some(3)));
        from(12)
    }),
    ("the registry cannot be reached", |scene| {
        in_trouble_with(scene, |world| {
            world.with("AWS_ENDPOINT_URL", "http://127.0.0.1:1").with("AWS_MAX_ATTEMPTS", "2")
        })
    }),
    ("`ecr:DescribeRepositories` is denied", |scene| denied(scene, "DescribeRepositories")),
    ("`ecr:DescribePullThroughCacheRules` is denied", |scene| denied(scene, "DescribePullThroughCacheRules")),
    ("`ecr:DescribeImages` is denied", |scene| denied(scene, "DescribeImages")),
    ("`ecr:BatchGetImage` is denied", |scene| denied(scene, "BatchGetImage")),
    ("`ecr:DescribeRegistry` is denied", |scene| denied(scene, "DescribeRegistry")),
    ("`ecr:ListTagsForResource` is denied", |scene| {
        in_trouble_with(scene, |world| {
            world.ecr.fault(trouble("ListTagsForResource", When::Always, Fault::AccessDenied));
            world.with("JANITOR_REQUIRE_TAG", "ecr-janitor=enabled")
        })
    }),
    ("`ecr:BatchDeleteImage` is denied", |scene| denied(scene, "BatchDeleteImage")),
    ("`ecr:PutImage` is denied", |scene| denied(scene, "PutImage")),
    ("indexes cannot be read (5xx)", |scene| {
        in_trouble_with(scene, |world| {
            world.ecr.fault(trouble("BatchGetImage", When::Nth(1), Fault::ServerError));
            world.with("AWS_MAX_ATTEMPTS", "1")
        })
    }),
    ("there is no place for backups", |scene| {
        in_trouble_with(scene, |world| world.without("JANITOR_BACKUP_KEEP"))
    }),
    ("the blobs of an image cannot be stored", |scene| {
        in_trouble_with(scene, |world| {
            world.ecr.fault(trouble("GetDownloadUrlForLayer", When::Always, Fault::AccessDenied));
            world.with_state()
        })
    }),
    ("the place of the backups cannot be written", |scene| {
        in_trouble_with(scene, |world| {
            std::fs::write(world.file("full"), "no folder").unwrap();
            world.without("JANITOR_BACKUP_KEEP").with("JANITOR_BACKUP_LOCATION", "./full")
        })
    }),
    ("the memory cannot be read or written", |scene| {
        in_trouble_with(scene, |world| {
            std::fs::write(world.file("full"), "no folder").unwrap();
            world.with("JANITOR_MEMORY_LOCATION", "./full")
        })
    }),
    ("somebody presses Ctrl-C", |scene| {
        let world = scene.world.fork();
        let outcome = world.cli_interrupted("BatchDeleteImage", FRESH);
        nothing_is_lost(scene, &world);
        report_is_true(&world, &Report(outcome.json()));
        next_run_finishes(scene, &scene.world.fork_beside(&world.ecr), FRESH);
        came(outcome)
    }),
    ("the disk is full when the report is written", |scene| {
        let world = scene.world.fork();
        let outcome = world.cli_to("/dev/full", FRESH);
        assert_eq!(state(&world.ecr), scene.end);
        came(outcome)
    }),
    ("the run is killed", |scene| {
        let world = scene.world.fork();
        assert!(world.kill_at(Hold::new(&world, 8, Moment::After), SAVED).is_none());
        nothing_is_lost(scene, &world);
        world.ecr.reset_calls();
        let outcome = world.cli(SAVED);
        outcome_is_true(&world, &outcome);
        assert_eq!(state(&world.ecr), scene.end);
        came(outcome)
    }),
    ("the function runs out of time", |scene| {
        let world = scene.world.fork();
        let mut function = world.lambda();
        function.failure(&json!({"wake": "up"}));
        world.ecr.reset_calls();
        world.ecr.fault(trouble(
            "BatchDeleteImage",
            When::Nth(1),
            Fault::HangAfter(Duration::from_secs(600)),
        ));
        let answer = function.invoke_for(Duration::from_secs(4), &json!({}));
        nothing_is_lost(scene, &world);
        match answer {
            Some(Answer::Response(report)) => Came { code: None, said: format!("{report:#}") },
            other => panic!("{other:?}"),
        }
    }),
];

fn came(outcome: Outcome) -> Came {
    Came { code: Some(outcome.code), said: outcome.stdout + &outcome.stderr }
}

/// A run in trouble: nothing is lost, the report is true, and after the trouble the next run finishes.
fn in_trouble(scene: &Scene, arrange: impl FnOnce(&World)) -> Came {
    in_trouble_with(scene, |world| {
        arrange(&world);
        world
    })
}

fn in_trouble_with(scene: &Scene, arrange: impl FnOnce(World) -> World) -> Came {
    let world = arrange(scene.world.fork());
    let outcome = world.cli(FRESH);
    nothing_is_lost(scene, &world);
    let reached = !world.ecr.calls().is_empty();
    if reached {
        outcome_is_true(&world, &outcome);
    }
    let after = scene.world.fork_beside(&world.ecr);
    next_run_finishes(scene, &after, FRESH);
    came(outcome)
}

fn always(scene: &Scene, attempts: &str, operation: &str, fault: Fault) -> Came {
    in_trouble_with(scene, |world| {
        world.ecr.fault(trouble(operation, When::Always, fault));
        world.with("AWS_MAX_ATTEMPTS", attempts)
    })
}

fn once(scene: &Scene, operation: &str, k: u64, fault: Fault) -> Came {
    in_trouble(scene, |world| world.ecr.fault(trouble(operation, When::Nth(k), fault)))
}

fn now_and_then(scene: &Scene, fault: Fault) -> Came {
    in_trouble(scene, |world| {
        world.ecr.set_seed(4);
        world.ecr.fault(trouble("*", When::Share(0.2), fault));
    })
}

fn denied(scene: &Scene, operation: &str) -> Came {
    always(scene, "2", operation, Fault::AccessDenied)
}

/// A listing that never ends must come to the same end, whichever way it goes round.
fn circles(scene: &Scene, operation: &str, whens: &[When]) -> Came {
    let round = |when: &When| {
        in_trouble(scene, |world| {
            small_pages(world);
            world.ecr.fault(trouble(operation, *when, Fault::FirstPage));
        })
    };
    let mut came: Vec<Came> = whens.iter().map(round).collect();
    let last = came.pop().unwrap();
    assert!(came.iter().all(|came| came.code == last.code));
    last
}

/// Small pages, and enough in every listing for several of them.
fn small_pages(world: &World) {
    world.ecr.set_largest_page(1);
    ["hub", "quay"].iter().for_each(|prefix| world.pull_through(prefix));
}
