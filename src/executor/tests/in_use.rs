//! What began to run between a plan and its execution.

use futures::future::{BoxFuture, FutureExt as _};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::executor::in_use::look_again;
use crate::in_use::{Named, Reference, Source, SourceError, Sources, Use};
use crate::oci::media_type::OCI_INDEX;
use crate::planner::{Plan, Planned};
use crate::report::reason::State;

/// A source that names these, or fails.
#[derive(Debug)]
struct Told(Result<Vec<Digest>, &'static str>);

impl Source for Told {
    fn name(&self) -> String {
        "lambda".to_owned()
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        let in_use = |digest: &Digest| {
            let repository = Some("r".to_owned());
            let image = Reference::Image { place: None, repository, image: Named::Digest(*digest) };
            Use { image, user: "function web".into() }
        };
        let read = match &self.0 {
            Ok(digests) => Ok(digests.iter().map(in_use).collect()),
            Err(why) => Err(SourceError::new(why)),
        };
        async move { read }.boxed()
    }
}

/// An index that lists these, by its bytes.
fn listing(registry: &Registry, children: &[&str]) -> Decision {
    let children: Vec<_> = children.iter().map(|name| serde_json::json!({"digest": digest(name)})).collect();
    let bytes = serde_json::json!({"schemaVersion": 2, "manifests": children}).to_string();
    let row = index("i").with(|it| it.image.digest = Digest::of(bytes.as_bytes()));
    registry.add(&row, &bytes);
    row
}

fn under(row: Decision, index: &Decision) -> Decision {
    row.with(|it| {
        it.image.parents = vec![index.image.digest];
        it.state = it.state.map(|_| State::Superseded);
    })
}

/// The plan after a look at what runs, so long after it was made.
async fn looked(registry: &Registry, rows: Vec<Decision>, told: Told, later: SignedDuration) -> Plan {
    let mut plan = Plan::default();
    let of_plan = crate::report::testing::decisions::plan("r", 10, rows);
    plan.repositories = vec![Planned::Ready(Box::new(Ready { plan: of_plan, ..Ready::default() }))];
    plan.usage.read_at = Some(time(0));
    let sources = Sources::new(vec![Box::new(told)], "eu-west-1");
    look_again(registry, &sources, &mut plan, time(0) + later, &Deadline::default()).await;
    plan
}

const LATER: SignedDuration = SignedDuration::from_mins(61);

/// The digests of the steps that are settled, with their codes.
fn settled(plan: &Plan) -> Vec<(Digest, String)> {
    let Planned::Ready(ready) = &plan.repositories[0] else { return Vec::new() };
    let settled = ready.settled.iter().map(|(step, outcome)| {
        let code = outcome.clone().cause().and_then(|cause| cause.code).unwrap();
        (ready.plan.step(*step).image().digest, code.to_string())
    });
    let mut settled: Vec<_> = settled.collect();
    settled.sort();
    settled
}

fn all(rows: &[&Decision], code: &str) -> Vec<(Digest, String)> {
    let mut all: Vec<_> = rows.iter().map(|row| (row.image.digest, code.to_owned())).collect();
    all.sort();
    all
}

#[tokio::test]
async fn an_image_that_began_to_run_keeps_the_index_above_it_and_all_that_it_lists() {
    for goes_too in [true, false] {
        let registry = Registry::default();
        let running = image("p");
        registry.add(&running, "");
        let row = listing(&registry, &["p", "a"]);
        let outer = listing(&registry, &["i"]);
        let row = under(row, &outer);
        let attestation_row = under(attestation("a"), &row);
        let other = attestation("b");
        let mut rows = vec![row.clone(), outer.clone(), attestation_row.clone(), other];
        let image_row = under(image("p"), &row);
        if goes_too {
            rows.push(image_row.clone());
        }
        let plan = looked(&registry, rows, Told(Ok(vec![digest("p")])), LATER).await;
        let mut held = vec![&row, &outer, &attestation_row];
        held.extend(goes_too.then_some(&image_row));
        assert_eq!(settled(&plan), all(&held, "in-use"), "{goes_too}");
        assert!(plan.warnings.is_empty());
    }
}

#[tokio::test]
async fn what_ran_when_it_was_planned_is_no_news_and_costs_no_call() {
    let registry = Registry::default();
    let row = listing(&registry, &["p"]);
    registry.add(&image("p"), "");
    let mut plan = Plan::default();
    let of_plan = crate::report::testing::decisions::plan("r", 10, vec![row]);
    let of_plan = RepositoryPlan { in_use: vec![digest("p")], ..of_plan };
    plan.repositories = vec![Planned::Ready(Box::new(Ready { plan: of_plan, ..Ready::default() }))];
    let sources = Sources::new(vec![Box::new(Told(Ok(vec![digest("p")])))], "eu-west-1");
    look_again(&registry, &sources, &mut plan, time(0), &Deadline::default()).await;
    assert_eq!((settled(&plan), registry.log().len()), (vec![], 0));
    assert_eq!(plan.usage.sources[0].images, 1);
}

#[tokio::test]
async fn a_plan_of_this_hour_is_not_looked_at_again() {
    let registry = Registry::default();
    registry.add(&attestation("a"), "");
    let told = Told(Err("not allowed"));
    let plan = looked(&registry, vec![attestation("a").of("p")], told, SignedDuration::from_mins(60)).await;
    assert_eq!((settled(&plan), plan.warnings.len()), (vec![], 0));
}

#[tokio::test]
async fn a_source_that_fails_by_then_leaves_only_orphans_of_what_is_not_here() {
    let registry = Registry::default();
    registry.add(&image("p"), "");
    let row = listing(&registry, &["a"]);
    let superseded = under(attestation("a"), &row);
    let (of_here, of_gone, of_nothing) =
        (attestation("b").of("p"), attestation("c").of("q"), attestation("d"));
    let rows = vec![row.clone(), superseded.clone(), of_here.clone(), of_gone, of_nothing];
    let plan = looked(&registry, rows, Told(Err("not allowed")), LATER).await;
    assert_eq!(settled(&plan), all(&[&row, &superseded, &of_here], "in-use-unknown"));
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.warnings[0].contains("lambda could not be read"), "{}", plan.warnings[0]);
}

#[tokio::test]
async fn an_index_that_cannot_be_read_may_list_what_began_to_run() {
    let registry = Registry::default();
    registry.add(&image("p"), "");
    let row = index("i");
    registry.add(&row, "{}");
    let child = under(attestation("a"), &row);
    let plan = looked(&registry, vec![row.clone(), child.clone()], Told(Ok(vec![digest("p")])), LATER).await;
    assert_eq!(settled(&plan), all(&[&row, &child], "in-use"));
}

#[tokio::test]
async fn what_is_in_use_elsewhere_holds_nothing_here() {
    let registry = Registry::default();
    let row = listing(&registry, &["a"]);
    let plan = looked(&registry, vec![row], Told(Ok(vec![digest("q")])), LATER).await;
    assert_eq!(settled(&plan), []);
}

#[tokio::test]
async fn an_index_that_only_holds_what_began_to_run_leads_to_the_one_above_it() {
    let registry = Registry::default();
    registry.add(&image("p"), "");
    // Without an attestation, so that no step is for it.
    let inner = listing(&registry, &["p"]);
    let inner = inner.image.digest;
    let outer = {
        let children =
            serde_json::json!([{"digest": inner, "mediaType": OCI_INDEX}, {"digest": digest("k")}]);
        let bytes = serde_json::json!({"schemaVersion": 2, "manifests": children}).to_string();
        let row = index("o").with(|it| it.image.digest = Digest::of(bytes.as_bytes()));
        registry.add(&row, &bytes);
        row
    };
    let beside = under(attestation("k"), &outer);
    let plan =
        looked(&registry, vec![outer.clone(), beside.clone()], Told(Ok(vec![digest("p")])), LATER).await;
    assert_eq!(settled(&plan), all(&[&outer, &beside], "in-use"));
}

#[tokio::test]
async fn what_began_to_run_keeps_what_it_refers_to() {
    let registry = Registry::default();
    let row = listing(&registry, &["a"]);
    let child = under(attestation("a"), &row);
    let bytes = serde_json::json!({
        "schemaVersion": 2,
        "subject": {"digest": row.image.digest, "mediaType": OCI_INDEX, "size": 2},
    });
    let bytes = bytes.to_string();
    let running = image("p").with(|it| it.image.digest = Digest::of(bytes.as_bytes()));
    registry.add(&running, &bytes);
    let told = Told(Ok(vec![running.image.digest]));
    let plan = looked(&registry, vec![row.clone(), child.clone()], told, LATER).await;
    assert_eq!(settled(&plan), all(&[&row, &child], "in-use"));
}

#[tokio::test]
async fn what_runs_in_a_whole_account_costs_few_calls() {
    let registry = Registry::default();
    let row = listing(&registry, &["a"]);
    let elsewhere: Vec<Digest> = (0..300).map(|n| digest(&format!("elsewhere {n}"))).collect();
    let plan = looked(&registry, vec![row], Told(Ok(elsewhere)), LATER).await;
    assert_eq!(settled(&plan), []);
    assert!(registry.log().len() <= 6, "{:?}", registry.log());
}

#[tokio::test]
async fn a_call_that_fails_is_told_and_what_it_was_for_stays() {
    let registry = Registry::default();
    registry.add(&image("p"), "");
    let row = listing(&registry, &["p", "a"]);
    let child = under(attestation("a"), &row);
    let loose = attestation("b");
    registry.fail("read", 1, "ServerException");
    let plan =
        looked(&registry, vec![row.clone(), child.clone(), loose], Told(Ok(vec![digest("p")])), LATER).await;
    let Planned::Ready(ready) = &plan.repositories[0] else { panic!() };
    let failed = ready.settled.values().filter(|outcome| matches!(outcome, Outcome::Failed(_))).count();
    assert_eq!((failed, ready.settled.len()), (2, 2), "{:?}", ready.settled);
}
