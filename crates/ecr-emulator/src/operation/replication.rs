//! `PutReplicationConfiguration`. The rules are kept and shown, and carried out on demand alone.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::event;
use crate::journal::Change;
use crate::request::Request;
use crate::settings::Settings;
use crate::state::{Image, Repository, State, Status};

/// The quota on destinations, over all rules of a registry.
const DESTINATIONS: usize = 25;

pub(super) fn put_replication_configuration(
    state: &mut State,
    request: &Request<'_>,
) -> Result<Value, ApiError> {
    let configuration = request.required_object("replicationConfiguration")?;
    let rules = configuration.required_list("rules", 0, 25)?;
    check_destinations(rules, &state.settings)?;
    let rules: Vec<Value> = rules.iter().map(known_members).collect();
    state.replication.clone_from(&rules);
    let setting = "replicationConfiguration".to_owned();
    state.record("", Change::Configured { setting });
    Ok(json!({ "replicationConfiguration": { "rules": rules } }))
}

fn check_destinations(rules: &[Value], home: &Settings) -> Result<(), ApiError> {
    let all: Vec<&Value> =
        rules.iter().filter_map(|rule| rule["destinations"].as_array()).flatten().collect();
    let is_home = |destination: &&Value| {
        destination["region"] == home.region.as_str() && destination["registryId"] == home.account.as_str()
    };
    if all.iter().any(is_home) {
        let constraint = "Replication destination cannot be the same as the source registry";
        return Err(ApiError::invalid("replicationConfiguration", constraint));
    }
    let mut distinct: Vec<String> = all.iter().map(|destination| destination.to_string()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > DESTINATIONS {
        let message = format!("Replication destinations: {}, the maximum is {DESTINATIONS}", distinct.len());
        return Err(ApiError::client("ValidationException", message));
    }
    Ok(())
}

/// A rule as it is shown again: without members that the service model does not have.
fn known_members(rule: &Value) -> Value {
    let mut shown = json!({ "destinations": rule["destinations"] });
    for member in ["repositoryFilters", "deleteReplication"] {
        if !rule[member].is_null() {
            shown[member] = rule[member].clone();
        }
    }
    shown
}

/// Carries out the rules for a repository of the running call's registry. Returns how many images were new somewhere.
pub(crate) fn replicate(state: &mut State, name: &str) -> Result<usize, ApiError> {
    let source = state.repository(name)?.clone();
    let (from, destinations) = (state.settings.clone(), destinations(state, name));
    let receive = |to: &Settings| state.in_registry(to, |state| receive(state, name, &source, &from));
    Ok(destinations.iter().map(receive).sum())
}

/// Where the rules send a repository, each place once.
fn destinations(state: &State, name: &str) -> Vec<Settings> {
    let covers = |rule: &&Value| match rule["repositoryFilters"].as_array() {
        Some(filters) => {
            filters.iter().any(|it| it["filter"].as_str().is_some_and(|it| name.starts_with(it)))
        }
        None => true,
    };
    let rules = state.replication.iter().filter(covers);
    let places = rules.filter_map(|rule| rule["destinations"].as_array()).flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let places = places.map(|it| Settings { account: text(&it["registryId"]), region: text(&it["region"]) });
    let mut places: Vec<Settings> = places.collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Takes over what another registry has: layers, active images with their children first, and tags.
fn receive(state: &mut State, name: &str, source: &Repository, from: &Settings) -> usize {
    let now = state.now();
    let there = state.repositories.entry(name.to_owned()).or_insert_with(|| {
        let mut created = Repository::default();
        created.created_at = now;
        created
    });
    for (digest, blob) in &source.blobs {
        there.blobs.entry(digest.clone()).or_insert_with(|| blob.clone());
    }
    let mut waiting: Vec<&Image> = source.images().filter(|it| it.status(now) == Status::Active).collect();
    let (mut new, mut told) = (0, Vec::new());
    loop {
        let is_ready = |image: &&Image, there: &Repository| {
            image.manifest.children.iter().all(|child| there.get(child).is_some())
        };
        let (ready, rest): (Vec<&Image>, Vec<&Image>) =
            waiting.into_iter().partition(|image| is_ready(image, there));
        if ready.is_empty() {
            break;
        }
        for image in ready {
            let is_new = there.get(&image.digest).is_none();
            if is_new {
                new += 1;
                there.insert(Image::new(
                    image.digest.clone(),
                    image.text.clone(),
                    image.manifest.clone(),
                    now,
                ));
            }
            let moved = image.tags.iter().filter(|tag| there.digest_of(tag) != Some(&image.digest));
            let moved: Vec<&String> = moved.collect();
            moved.iter().for_each(|tag| drop(there.tag(&image.digest, tag)));
            told.extend(moved.into_iter().map(|tag| (image.digest.clone(), tag.clone())));
            told.extend((is_new && image.tags.is_empty()).then(|| (image.digest.clone(), String::new())));
        }
        waiting = rest;
    }
    for (digest, tag) in told {
        let event = event::of_replication(state, name, (&digest, &tag), from);
        state.send([event]);
    }
    new
}
