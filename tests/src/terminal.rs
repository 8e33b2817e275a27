//! A pseudo terminal, for what a program does only where somebody sits in front of it.

use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::running::Running;

/// Both ends of a pseudo terminal of 100 columns.
pub(crate) struct Terminal {
    controller: File,
    program: File,
}

impl Terminal {
    pub(crate) fn open() -> Self {
        // Not the controlling terminal of the test itself: Ctrl-C is sent as a signal.
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are pseudo terminals");
        grantpt(&controller).expect("a new terminal can be granted");
        unlockpt(&controller).expect("a new terminal can be unlocked");
        let name = ptsname(&controller, Vec::new()).expect("a terminal has a name");
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())).to_owned();
        let program = OpenOptions::new().read(true).write(true).open(path).expect("our own terminal can be opened");
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).expect("a terminal has a size");
        Self { controller: controller.into(), program }
    }

    /// Starts a program with standard input and standard error here, and standard output in a pipe. What is typed is echoed
    /// into standard error, as terminals do.
    pub(crate) fn start(self, mut command: Command, line: String) -> Running {
        let keyboard = self.controller.try_clone().expect("a file can be opened again");
        let end = self.program.try_clone().expect("a file can be opened again");
        // Only the command has the program's end from here on: reading ends when that is closed.
        command.stdin(Stdio::from(end)).stderr(Stdio::from(self.program));
        Running::start_at(command, line, self.controller, keyboard)
    }
}
