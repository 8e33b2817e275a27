//! A program that is still running: it can be signalled, killed, and waited for.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::Finished;

/// A running program.
pub struct Running {
    child: Child,
    command: String,
    lines: Receiver<String>,
    stderr: String,
    stdout: JoinHandle<Vec<u8>>,
    reader: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(mut command: Command, line: String) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{line} cannot be run: {error}"));
        let mut out = child.stdout.take().expect("standard output is a pipe");
        let err = child.stderr.take().expect("standard error is a pipe");
        let stdout = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = out.read_to_end(&mut bytes);
            bytes
        });
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            let mut err = BufReader::new(err);
            let mut bytes = Vec::new();
            while err.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
                bytes.clear();
            }
        });
        Self { child, command: line, lines, stderr: String::new(), stdout, reader }
    }

    /// Waits until standard error holds `text` on any line.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.stderr.contains(text) {
            match self.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => self.stderr.push_str(&line),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{} ended without saying \"{text}\":\n{}", self.command, self.stderr)
                }
                Err(RecvTimeoutError::Timeout) => assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "{} did not say \"{text}\" within a minute:\n{}",
                    self.command,
                    self.stderr
                ),
            }
        }
    }

    /// Sends Ctrl-C.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Kills it without a chance to clean up, which fails where it has ended already.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the program can be waited for").is_none()
    }

    /// Waits until it ends.
    pub fn wait(mut self) -> Finished {
        let status = self.child.wait().expect("the program can be waited for");
        let stdout = self.stdout.join().expect("reading does not panic");
        self.reader.join().expect("reading does not panic");
        self.stderr.extend(self.lines.try_iter());
        Finished::of(self.command, Output { status, stdout, stderr: self.stderr.into_bytes() })
    }

    fn signal(&self, signal: Signal) {
        // A child that has not been waited for keeps its number, so this reaches no other process.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}
