//! The command line, interrupted in the middle of a call.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::{Outcome, World};

impl World {
    /// Runs the command line with one Ctrl-C during the first call of an operation.
    pub(crate) fn cli_interrupted(&self, operation: &str, arguments: &[&str]) -> Outcome {
        let mut held = Held::at(self, operation, arguments);
        let messages = held.interrupt("-INT");
        let (code, stdout) = held.end();
        Outcome { code: code.unwrap(), stdout, stderr: messages.all() }
    }
}

/// The program, and a call that is held until it is told to go on.
pub(crate) struct Held<'a> {
    pub(crate) child: Child,
    reached: Receiver<()>,
    release: Sender<()>,
    pub(crate) world: &'a World,
}

impl<'a> Held<'a> {
    /// Starts the program and holds the first call of an operation.
    pub(crate) fn at(world: &'a World, operation: &str, arguments: &[&str]) -> Self {
        Self::at_call(world, operation, 1, arguments)
    }

    /// Starts the program and holds the n-th call of an operation, from the last time that calls were counted anew.
    pub(crate) fn at_call(world: &'a World, operation: &str, n: u64, arguments: &[&str]) -> Self {
        let (reach, reached) = channel();
        let (release, released) = channel();
        world.ecr.before(operation, n, move |_| {
            let _ = reach.send(());
            let _ = released.recv();
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"));
        command.args(arguments).env_clear().envs(world.variables()).current_dir(world.file("."));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap(), reached, release, world }
    }

    /// Waits for the call.
    pub(crate) fn wait(&self) {
        self.reached.recv().unwrap();
    }

    /// Sends a signal once the call is there, and waits until the program says that it heard it.
    pub(crate) fn interrupt(&mut self, signal: &str) -> Messages {
        self.wait();
        self.send(signal);
        let mut messages =
            Messages { pipe: BufReader::new(self.child.stderr.take().unwrap()), text: String::new() };
        while !messages.text.contains("interrupted: finishing the current batch") {
            assert_ne!(messages.pipe.read_line(&mut messages.text).unwrap(), 0, "it ended without a word");
        }
        messages
    }

    pub(crate) fn send(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Lets the call go on; the exit code and what was printed.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let _ = self.release.send(());
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        (self.child.wait().unwrap().code(), stdout)
    }
}

/// The messages of the program on stderr.
pub(crate) struct Messages {
    pipe: BufReader<ChildStderr>,
    text: String,
}

impl Messages {
    /// All of it, up to the end of the program.
    pub(crate) fn all(mut self) -> String {
        self.pipe.read_to_string(&mut self.text).unwrap();
        self.text
    }
}
