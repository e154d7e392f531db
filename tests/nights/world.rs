//! A registry with all kinds of repository, from its first day to the last night.

use ecr_emulator::Emulator;

use crate::kinds::KINDS;
use crate::repository::Repository;

/// The size of a simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Days before the first night.
    pub(crate) history: i64,
    /// Nights.
    pub(crate) nights: i64,
    /// Days from one build to the next.
    pub(crate) every: i64,
}

/// A registry and the people who use it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) repositories: Vec<Repository>,
    size: Size,
}

impl World {
    /// The registry on the day before the first night.
    pub(crate) fn before_the_first_night(size: Size) -> Self {
        let emulator = Emulator::new();
        let repository = |(kind, seed)| Repository::new(kind, &emulator, seed);
        let repositories = KINDS.iter().zip(1..).map(repository).collect();
        let mut world = Self { emulator, repositories, size };
        (-size.history..0).for_each(|day| world.day(day));
        world
    }

    /// The same world, which goes its own way from here.
    pub(crate) fn fork(&self) -> Self {
        let mut fork = self.clone();
        fork.emulator = self.emulator.fork();
        for repository in &mut fork.repositories {
            repository.emulator = fork.emulator.clone();
        }
        fork
    }

    /// What people and pipelines do on one day.
    pub(crate) fn day(&mut self, day: i64) {
        for repository in &mut self.repositories {
            repository.finish_push(day);
            if day.rem_euclid(self.size.every) == 0 {
                repository.kind.day(repository, day);
            }
        }
    }
}
