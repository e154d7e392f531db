//! The command line on a terminal of its own, and what is on its screen.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::World;

const LINES: u16 = 200;
/// Longer than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The program on a terminal.
pub(crate) struct Terminal {
    pub(crate) child: Child,
    keyboard: File,
    seen: Arc<Seen>,
    reader: JoinHandle<()>,
    columns: u16,
}

/// What came to the terminal so far.
#[derive(Default)]
struct Seen {
    bytes: Mutex<Vec<u8>>,
    more: Condvar,
}

impl World {
    /// Starts the command line on a terminal with so many columns.
    pub(crate) fn on_terminal(&self, columns: u16, arguments: &[&str]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: LINES, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let own: OwnedFd = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let stream = || Stdio::from(own.try_clone().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-janitor"));
        command.args(arguments).env_clear().envs(self.variables()).env("TERM", "xterm");
        command.current_dir(self.file(".")).stdin(stream()).stdout(stream()).stderr(stream());
        let child = command.spawn().unwrap();
        // The terminal hangs up when the program, and nobody else, has closed it.
        drop((command, own));
        let mut output = File::from(master);
        let keyboard = output.try_clone().unwrap();
        let seen = Arc::<Seen>::default();
        let to = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                to.bytes.lock().unwrap().extend(&bytes[..count]);
                to.more.notify_all();
            }
        });
        Terminal { child, keyboard, seen, reader, columns }
    }
}

impl Terminal {
    /// Waits until a text has come to the terminal, wherever.
    pub(crate) fn wait_for(&self, text: &str) {
        let has_come = |bytes: &mut Vec<u8>| !String::from_utf8_lossy(bytes).contains(text);
        let bytes = self.seen.bytes.lock().unwrap();
        let (bytes, late) = self.seen.more.wait_timeout_while(bytes, PATIENCE, has_come).unwrap();
        assert!(!late.timed_out(), "{text:?} does not come: {}", String::from_utf8_lossy(&bytes));
    }

    /// Types a line.
    pub(crate) fn answer(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Whether anything had a colour so far.
    pub(crate) fn has_colours(&self) -> bool {
        let bytes = self.seen.bytes.lock().unwrap();
        String::from_utf8_lossy(&bytes).contains("\u{1b}[38;5;")
    }

    /// Waits for the end; the exit code and what is on the screen then.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let size = |cells| NonZeroU16::new(cells).unwrap();
        let mut screen = vt100::Parser::new(size(LINES), size(self.columns), 0);
        screen.process(&self.seen.bytes.lock().unwrap());
        let shown = screen.screen().contents();
        (status, shown.lines().map(|line| format!("{}\n", line.trim_end())).collect())
    }
}
