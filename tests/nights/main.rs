//! Weeks of nights over a registry as pipelines, people and other cleaners leave it: what goes, what stays and why.
//!
//! What is dead and what is needed is known from the record of those who use the registry ([`truth`]), never from the
//! janitor.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cleaner;
mod clock;
mod kinds;
mod repository;
mod scenario;
mod truth;
mod world;

use cleaner::{Cleaner, Janitor};
use scenario::{Row, simulate};
use world::{Size, World};

const SHORT: Size = Size { history: 160, nights: 42, every: 2 };

fn main() {
    let started = std::time::Instant::now();
    let world = World::before_the_first_night(SHORT);
    eprintln!("history {:?}", started.elapsed());
    for r in &world.repositories {
        eprintln!("{} {} {:?}", r.kind.name, r.manifests.len(), r.refused);
    }
    for preset in ["orphans", "recommended"] {
        for pulls in [false, true] {
            let config = format!(
                "[select]\nexclude = [\"team-b\"]\n[policy]\npreset = \"{preset}\"\nsuperseded_since = \"push\"\n\
                 [[override]]\nrepositories = [\"rollbacks\"]\nsuperseded_since = \"untagged\"\n"
            );
            let janitor = Janitor::new(&config, pulls);
            let rows = simulate(&world, SHORT, Cleaner::Janitor(Box::new(janitor)));
            println!("{preset} pulls recorded: {pulls} {:?}", started.elapsed());
            rows.iter().for_each(print);
        }
    }
    for pulls in [false, true] {
        let config = "[select]\nexclude = [\"team-b\"]\n[policy]\npreset = \"recommended\"\n";
        let janitor = Janitor::new(config, pulls).that_remembers();
        let rows = simulate(&world, SHORT, Cleaner::Janitor(Box::new(janitor)));
        println!("recommended with memory, pulls recorded: {pulls} {:?}", started.elapsed());
        rows.iter().for_each(print);
    }
    for (name, cleaner) in [("untagged", Cleaner::Untagged), ("untagged 30", Cleaner::UntaggedFor(30))] {
        let rows = simulate(&world, SHORT, cleaner);
        println!("{name} {:?}", started.elapsed());
        rows.iter().for_each(print);
    }
}

fn print(row: &Row) {
    println!(
        "{:20} dead {:4} gone {:4} {:6.1} others {:4}/{:4} lost {:3} calls {:4.1} left {:?} refused {:?}",
        row.kind.name,
        row.attestations.dead,
        row.attestations.gone,
        row.attestations.percent().unwrap_or(f64::NAN),
        row.others.gone,
        row.others.dead,
        row.lost,
        row.calls_a_night,
        row.left,
        row.refused,
    );
}
