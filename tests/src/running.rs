//! A program that is still running: it can be signalled, killed, answered where it asks, and waited for.

use std::fs::File;
use std::io::{Read, Write as _};
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
    /// What it has written to standard error since it was asked for last.
    written: Receiver<Vec<u8>>,
    stderr: Vec<u8>,
    stdout: JoinHandle<Vec<u8>>,
    reader: JoinHandle<()>,
    /// Where it sits at a terminal.
    keyboard: Option<File>,
}

impl Running {
    /// Starts it with nothing to read.
    pub(crate) fn start(mut command: Command, line: String) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(&mut command, &line);
        let stderr = child.stderr.take().expect("standard error is a pipe");
        Self::of(child, line, stderr, None)
    }

    /// Starts it with standard input and standard error at a terminal: `screen` is read, `keyboard` is typed at.
    pub(crate) fn start_at(mut command: Command, line: String, screen: File, keyboard: File) -> Self {
        command.stdout(Stdio::piped());
        Self::of(spawn(&mut command, &line), line, screen, Some(keyboard))
    }

    fn of(mut child: Child, command: String, mut stderr: impl Read + Send + 'static, keyboard: Option<File>) -> Self {
        let mut out = child.stdout.take().expect("standard output is a pipe");
        let stdout = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = out.read_to_end(&mut bytes);
            bytes
        });
        let (sender, written) = channel();
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            // Reading a terminal fails once the last program has closed its end.
            while let Ok(count) = stderr.read(&mut part) {
                if count == 0 {
                    break;
                }
                let _ = sender.send(part[..count].to_vec());
            }
        });
        Self { child, command, written, stderr: Vec::new(), stdout, reader, keyboard }
    }

    /// Whether standard error holds `text` by now.
    pub fn has_said(&mut self, text: &str) -> bool {
        self.stderr.extend(self.written.try_iter().flatten());
        self.said().contains(text)
    }

    /// Waits until standard error holds `text`.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.has_said(text) {
            match self.written.recv_timeout(Duration::from_millis(200)) {
                Ok(bytes) => self.stderr.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("{} ended without saying \"{text}\":\n{}", self.command, self.said())
                }
                Err(RecvTimeoutError::Timeout) => assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "{} did not say \"{text}\" within a minute:\n{}",
                    self.command,
                    self.said()
                ),
            }
        }
    }

    /// Types `text` at the terminal that it was started at. It may have ended, and not read it.
    pub fn type_in(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("it was started at a terminal");
        let _ = keyboard.write_all(text.as_bytes());
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
        self.stderr.extend(self.written.try_iter().flatten());
        let mut finished = Finished::of(self.command, Output { status, stdout, stderr: self.stderr });
        if self.keyboard.is_some() {
            finished.stderr = finished.stderr.replace("\r\n", "\n");
        }
        finished
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    fn signal(&self, signal: Signal) {
        // A child that has not been waited for keeps its number, so this reaches no other process.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}

fn spawn(command: &mut Command, line: &str) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("{line} cannot be run: {error}"))
}
