//! A list of images in use that a command prints.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::command_name::{shown, without_arguments};
use super::file::{LARGEST, too_large};
use super::{Source, SourceError, Use, lines};

/// The longest wait for a command.
const PATIENCE: Duration = Duration::from_secs(300);

/// A shell command that prints one image a line.
#[derive(Debug)]
pub struct ListCommand(String);

impl ListCommand {
    /// This command of the user's shell.
    pub fn new(command: &str) -> Self {
        Self(command.to_owned())
    }

    async fn uses(&self) -> Result<Vec<Use>, SourceError> {
        let failed = |why: String| SourceError::new(format!("the command {} {why}", shown(&self.0)));
        let (status, stdout, stderr) = tokio::time::timeout(PATIENCE, run(&self.0))
            .await
            .map_err(|_| failed(format!("took more than {} seconds", PATIENCE.as_secs())))?
            .map_err(|error| failed(format!("cannot be run: {error}")))?;
        if stdout.len() as u64 > LARGEST {
            return Err(too_large(&self.name()));
        }
        if !status.success() {
            let said = String::from_utf8_lossy(&stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            let last = without_arguments(&self.0, last);
            return Err(failed(format!("failed ({status}): {last}")));
        }
        let without = |error: SourceError| SourceError::new(without_arguments(&self.0, &error.to_string()));
        lines::parse_bytes(&stdout, &self.name()).map_err(without)
    }
}

impl Source for ListCommand {
    fn name(&self) -> String {
        format!("command:{}", shown(&self.0))
    }

    fn read(&self, _: Timestamp) -> BoxFuture<'_, Result<Vec<Use>, SourceError>> {
        self.uses().boxed()
    }
}

/// Runs a command to its end, or to that of what is read of it.
async fn run(text: &str) -> std::io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let mut command = shell(text);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(read(stdout), read(stderr))?;
    Ok((child.wait().await?, stdout, stderr))
}

/// As much as a list may have, and one byte more.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LARGEST + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn shell(text: &str) -> Command {
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(shell);
    command.arg(option).arg(text);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(command: &str) -> Result<usize, String> {
        let read = ListCommand::new(command).read(Timestamp::now()).await;
        read.map(|uses| uses.len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_a_command_prints_is_a_list() {
        assert_eq!(told("echo team/api:v1; echo '# no more'").await, Ok(1));
    }

    #[tokio::test]
    async fn what_stands_in_its_arguments_is_told_nowhere() {
        let command = ListCommand::new("echo team/api:v1 # hunter2222");
        let uses = command.read(Timestamp::now()).await.unwrap();
        assert_eq!(
            (command.name().as_str(), uses[0].user.as_ref()),
            ("command:echo ...", "command:echo ..., line 1")
        );
        let failed = told("echo denied: hunter2222 >&2; exit 1").await.unwrap_err();
        assert_eq!(failed, "the command echo ... failed (exit status: 1): denied: ...");
        let no_image = told("echo 'hunter2222 !'").await.unwrap_err();
        assert!(no_image.starts_with("command:echo ..., line 1: \"... !\" is no image"), "{no_image}");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_no_list_whatever_it_printed() {
        let failed = told("echo team/api:v1; echo not allowed >&2; exit 3").await.unwrap_err();
        assert!(failed.contains("failed (exit status: 3): not allowed"), "{failed}");
        let silent = told("true").await.unwrap_err();
        assert!(silent.contains("names no image"), "{silent}");
        let endless = told("yes team/api:v1").await.unwrap_err();
        assert!(endless.contains("larger than 16 MiB"), "{endless}");
    }
}
