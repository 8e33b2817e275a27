//! A pseudo terminal, for what a program does only where somebody sits in front of it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::program::Finished;

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

    /// Runs a program with standard input and standard error here, and standard output in a pipe. What is typed is echoed
    /// into standard error, as terminals do.
    pub(crate) fn run(self, mut command: Command, line: String, input: &str) -> Finished {
        let end = || self.program.try_clone().expect("a file can be opened again");
        command.stdin(Stdio::from(end())).stdout(Stdio::piped()).stderr(Stdio::from(end()));
        let child = command.spawn().unwrap_or_else(|error| panic!("{line} cannot be run: {error}"));
        let mut keyboard = self.controller.try_clone().expect("a file can be opened again");
        keyboard.write_all(input.as_bytes()).expect("a terminal takes what is typed");
        let mut screen = self.controller;
        let reader = std::thread::spawn(move || {
            let mut seen = Vec::new();
            let mut part = [0; 4096];
            // Reading fails once the last program has closed its end.
            while let Ok(count) = screen.read(&mut part) {
                if count == 0 {
                    break;
                }
                seen.extend_from_slice(&part[..count]);
            }
            seen
        });
        // The command still holds its copies of the program's end, and reading ends only without any.
        drop(command);
        drop(self.program);
        let mut output = child.wait_with_output().expect("the program can be waited for");
        output.stderr = reader.join().expect("reading does not panic");
        let mut finished = Finished::of(line, output);
        finished.stderr = finished.stderr.replace("\r\n", "\n");
        finished
    }
}
