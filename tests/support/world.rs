//! A registry with a server, an environment and a working folder for the program.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use ecr_attestation_janitor::planner::plan_file::checksum;
use ecr_emulator::{Change, Emulator, Entry, Server, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::runtime::Runtime;

use super::documents::checked;
use super::{Hold, Lambda, Outcome, Repo, Report};

/// Longer than any run takes, on any machine: what takes longer is killed, and its test fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// A registry with a server, an environment and a working folder for the program.
pub(crate) struct World {
    pub(crate) ecr: Emulator,
    pub(crate) runtime: Runtime,
    server: Server,
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl World {
    /// An empty registry. The program is as if registered for the pull-time update exclusion, and neither remembers
    /// earlier runs nor backs up what it deletes.
    pub(crate) fn new() -> Self {
        Self::of(Settings::default())
    }

    /// An empty registry of another account or region.
    pub(crate) fn of(settings: Settings) -> Self {
        let region = settings.region.clone();
        let ecr = Emulator::with(settings);
        ecr.set_pull_time_updates(false);
        Self::serving(ecr)
            .with("AWS_REGION", &region)
            .with("AWS_ACCESS_KEY_ID", "nobody")
            .with("AWS_SECRET_ACCESS_KEY", "nothing")
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with("JANITOR_MEMORY_LOCATION", "none")
            .with("JANITOR_BACKUP_KEEP", "0d")
    }

    /// Remembers earlier runs and backs up what it deletes in the user's state folder, as by default.
    pub(crate) fn with_state(mut self) -> Self {
        self.keep_state();
        self
    }

    /// Backs up what it deletes, and remembers nothing.
    pub(crate) fn with_backups(self) -> Self {
        self.without("JANITOR_BACKUP_KEEP").with("JANITOR_BACKUP_LOCATION", "./backups")
    }

    /// Remembers and backs up from now on.
    pub(crate) fn keep_state(&mut self) {
        let state = self.file("state").display().to_string();
        self.variables.remove("JANITOR_MEMORY_LOCATION");
        self.variables.remove("JANITOR_BACKUP_KEEP");
        self.set("XDG_STATE_HOME", &state);
    }

    /// The same registry, files and environment once more; what happens there does not happen here.
    pub(crate) fn fork(&self) -> Self {
        self.fork_beside(&self.ecr)
    }

    /// The files and the environment once more, beside a copy of another registry.
    pub(crate) fn fork_beside(&self, ecr: &Emulator) -> Self {
        let mut fork = Self::serving(ecr.fork());
        copy_folder(self.folder.path(), fork.folder.path());
        let url = fork.variables.clone();
        fork.variables = self.variables.clone().into_iter().chain(url).collect();
        if fork.variables.contains_key("XDG_STATE_HOME") {
            return fork.with_state();
        }
        fork
    }

    fn serving(ecr: Emulator) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(ecr.serve(([127, 0, 0, 1], 0).into())).unwrap();
        let folder = TempDir::new().unwrap();
        let world = Self { ecr, runtime, server, folder, variables: BTreeMap::new() };
        let url = world.server.url();
        world.with("AWS_ENDPOINT_URL", &url)
    }

    /// Sets an environment variable of the program.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Sets an environment variable of the program from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Takes an environment variable away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Deletes superseded builds as soon as the other rules allow it, whether or not a tag is left in the repository.
    pub(crate) fn deleting_superseded(self) -> Self {
        self.superseded_since_push()
            .with("JANITOR_SUPERSEDED", "delete")
            .with("JANITOR_SUPERSEDED_WITHOUT_TAGS", "delete")
    }

    /// Counts an index as superseded since its push, which may be long ago, and not since a run saw it without a tag.
    pub(crate) fn superseded_since_push(self) -> Self {
        self.with("JANITOR_SUPERSEDED_SINCE", "push")
    }

    /// Puts a `janitor.toml` into the working folder.
    pub(crate) fn config(self, toml: &str) -> Self {
        std::fs::write(self.file("janitor.toml"), toml).unwrap();
        self
    }

    /// A file in the working folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new repository.
    pub(crate) fn repository(&self, name: &str) -> Repo {
        self.ecr.create_repository(name).unwrap();
        self.find(name)
    }

    /// A repository that is there.
    pub(crate) fn find(&self, name: &str) -> Repo {
        Repo { ecr: self.ecr.clone(), name: name.to_owned() }
    }

    /// Adds a pull-through cache rule.
    pub(crate) fn pull_through(&self, prefix: &str) {
        let request = json!({"ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": "registry-1.docker.io"});
        self.ecr.call("CreatePullThroughCacheRule", request).unwrap();
    }

    /// Replicates the repositories with this prefix, deletions too.
    pub(crate) fn replicate(&self, prefix: &str) {
        let rule = json!({
            "destinations": [{"region": "eu-west-1", "registryId": "123456789012"}],
            "repositoryFilters": [{"filter": prefix, "filterType": "PREFIX_MATCH"}],
            "deleteReplication": {"enabled": true},
        });
        let request = json!({"replicationConfiguration": {"rules": [rule]}});
        self.ecr.call("PutReplicationConfiguration", request).unwrap();
    }

    /// The environment of the program, as far as it was set here.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        self.variables.iter()
    }

    /// Runs the command line, without a terminal.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Outcome {
        let output = async { tokio::time::timeout(PATIENCE, self.command(arguments).output()).await };
        let output = self.runtime.block_on(output);
        let outcome = Outcome::of(output.unwrap_or_else(|_| panic!("{arguments:?} did not end")).unwrap());
        self.check_plan(arguments);
        outcome
    }

    /// The same in a shell that starts programs with so many open files.
    pub(crate) fn cli_with_open_files(&self, files: u32, arguments: &[&str]) -> Outcome {
        let plain = self.command(&[]);
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("ulimit -Sn {files}; exec \"$0\" \"$@\""));
        command.arg(plain.as_std().get_program()).args(arguments);
        command.env_clear().envs(self.variables()).current_dir(self.folder.path()).stdin(Stdio::null());
        Outcome::of(self.runtime.block_on(async { command.output().await }).unwrap())
    }

    /// Holds the plan that a command saved against its schema.
    fn check_plan(&self, arguments: &[&str]) {
        let of_plan = arguments.first().is_some_and(|command| *command == "plan");
        let saved = arguments.iter().skip_while(|argument| **argument != "--out").nth(1);
        if let Some(text) =
            saved.filter(|_| of_plan).and_then(|name| std::fs::read_to_string(self.file(name)).ok())
        {
            checked(serde_json::from_str(&text).unwrap());
        }
    }

    /// Runs the command line beside another run: against a server of its own, because a call that is held blocks a thread
    /// of the other one.
    pub(crate) fn cli_beside(&self, arguments: &[&str]) -> Outcome {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(self.ecr.serve(([127, 0, 0, 1], 0).into())).unwrap();
        let mut command = self.command(arguments);
        command.env("AWS_ENDPOINT_URL", server.url());
        let output = runtime.block_on(async { tokio::time::timeout(PATIENCE, command.output()).await });
        runtime.block_on(server.stop());
        Outcome::of(output.unwrap_or_else(|_| panic!("{arguments:?} did not end")).unwrap())
    }

    /// Runs the command line with its standard output in a file.
    pub(crate) fn cli_to(&self, path: &str, arguments: &[&str]) -> Outcome {
        let file = File::options().write(true).open(path).unwrap();
        let mut command = self.command(arguments);
        command.stdout(file).stderr(Stdio::piped());
        let output =
            async { tokio::time::timeout(PATIENCE, command.spawn().unwrap().wait_with_output()).await };
        let output = self.runtime.block_on(output);
        Outcome::of(output.unwrap_or_else(|_| panic!("{arguments:?} did not end")).unwrap())
    }

    /// Runs the command line until a call is held, and kills it. An outcome means that it ended before.
    pub(crate) fn kill_at(&self, mut hold: Hold, arguments: &[&str]) -> Option<Outcome> {
        // Into files: nobody reads a pipe while the call is waited for.
        let into = |name: &str| Stdio::from(File::create(self.file(name)).unwrap());
        let mut command = self.command(arguments);
        command.stdout(into("stdout")).stderr(into("stderr"));
        let status = self.runtime.block_on(async {
            let mut child = command.spawn().unwrap();
            tokio::select! {
                status = child.wait() => return Some(status.unwrap()),
                () = hold.reached() => {}
                () = tokio::time::sleep(PATIENCE) => panic!("{arguments:?} did not end"),
            }
            child.kill().await.unwrap();
            None
        });
        hold.let_go(self);
        let read = |name: &str| std::fs::read(self.file(name)).unwrap();
        let output = |status| Output { status, stdout: read("stdout"), stderr: read("stderr") };
        status.map(|status| Outcome::of(output(status)))
    }

    /// The command line, without a terminal.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"));
        command.args(arguments).env_clear().envs(self.variables()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Plans everything; it must go well.
    pub(crate) fn plan(&self) -> Report {
        self.cli(&["plan", "--output", "json"]).report(0)
    }

    /// Applies the plan of this moment; it must go well.
    pub(crate) fn apply(&self) -> Report {
        self.apply_with(0)
    }

    /// Applies the plan of this moment; it must end with this code.
    pub(crate) fn apply_with(&self, code: i32) -> Report {
        self.cli(&["apply", "--yes", "--output", "json"]).report(code)
    }

    /// Saves a plan as `plan.json`, and counts from the beginning.
    pub(crate) fn save_plan(&self) {
        assert_eq!(self.cli(&["plan", "--out", "plan.json"]).code, 0);
        self.ecr.reset_calls();
    }

    /// Changes the saved plan, and puts its checksum right, as whoever edits a file could.
    pub(crate) fn edit_plan(&self, change: impl FnOnce(&mut Value)) {
        let path = self.file("plan.json");
        let mut plan: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut plan);
        plan["checksum"] = checksum(&plan).into();
        std::fs::write(path, plan.to_string()).unwrap();
    }

    /// Applies the saved plan.
    pub(crate) fn apply_saved(&self) -> Outcome {
        self.cli(&["apply", "plan.json", "--yes", "--output", "json"])
    }

    /// Starts the Lambda function.
    pub(crate) fn lambda(&self) -> Lambda<'_> {
        Lambda::start(self)
    }

    /// What calls changed since the last reset.
    pub(crate) fn writes(&self) -> Vec<Entry> {
        self.ecr.journal()
    }

    /// The digests that each BatchDeleteImage deleted, call by call.
    pub(crate) fn deletions(&self) -> Vec<Vec<String>> {
        let mut calls: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for entry in self.writes() {
            if let Change::Deleted { digest } = entry.kind {
                calls.entry(entry.n).or_default().push(digest);
            }
        }
        calls.into_values().collect()
    }

    /// The number of the call that deleted this image.
    pub(crate) fn call_that_deleted(&self, digest: &str) -> Option<usize> {
        self.deletions().iter().position(|call| call.iter().any(|deleted| deleted == digest))
    }
}

/// Copies what is in a folder, with all that is below it.
fn copy_folder(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let to = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_folder(&file.path(), &to);
        } else {
            std::fs::copy(file.path(), to).unwrap();
        }
    }
}
