//! A program run to its end, with nothing of this machine's user around it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::repository;
use crate::running::Running;
use crate::terminal::Terminal;

/// A program and how to run it.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    home: PathBuf,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The command line, for messages.
    pub command: String,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
}

impl Program {
    /// The workspace `name` of this package. `home` becomes its home and working directory.
    pub fn workspace(name: &str, home: &Path) -> Self {
        // Cargo puts the binaries of a package next to the folder of its tests before it runs these.
        let test = std::env::current_exe().expect("a test knows its own path");
        let folder = test.parent().and_then(Path::parent).expect("tests are built into a folder of the profile");
        Self::at(&folder.join(name), home)
    }

    /// The program that asks, as another process.
    pub fn this_one(home: &Path) -> Self {
        Self::at(&std::env::current_exe().expect("a program knows its own path"), home)
    }

    /// The example `name`, built on first use with the cargo that runs the tests.
    pub fn example(name: &str, home: &Path) -> Self {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let folder = BUILT.get_or_init(|| {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut command = Command::new(cargo);
            // Without naming a package, as a user does it: then nothing is built that `cargo test` has not built before.
            command.args(["build", "--locked", "--examples", "--message-format", "json"]);
            // What cargo tells a test of its package would be taken for a change by build scripts that look at the same names.
            let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
            for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
                command.env_remove(name);
            }
            let built = Finished::of_command(command.current_dir(repository()), "");
            built.expect_code(0);
            let executable = built.stdout.lines().find_map(|line| {
                let message: serde_json::Value = serde_json::from_str(line).ok()?;
                Some(PathBuf::from(message["executable"].as_str()?))
            });
            let executable = executable.expect("cargo names the executables that it built");
            executable.parent().expect("it is in a folder").to_owned()
        });
        Self::at(&folder.join(name), home)
    }

    fn at(path: &Path, home: &Path) -> Self {
        assert!(path.is_file(), "{} is not built", path.display());
        Self { path: path.to_owned(), arguments: Vec::new(), environment: Vec::new(), home: home.to_owned() }
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// A value for the workspace.
    #[must_use]
    pub fn config(self, key: &str, value: &str) -> Self {
        self.args(["--config".to_owned(), format!("{key}={value}")])
    }

    /// A variable of its environment, which is otherwise empty but for `HOME`, `PATH` and `NO_COLOR`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Runs it to its end, without a terminal and with nothing to read.
    pub fn run(&self) -> Finished {
        Finished { command: self.line(), ..Finished::of_command(&mut self.command(), "") }
    }

    /// Starts it, without a terminal and with nothing to read.
    pub fn start(&self) -> Running {
        Running::start(self.command(), self.line())
    }

    /// Starts it with standard input and standard error on a terminal.
    pub fn start_on_terminal(&self) -> Running {
        Terminal::open().start(self.command(), self.line())
    }

    /// Runs it to its end with standard input and standard error on a terminal, at which somebody has typed `input`.
    pub fn run_on_terminal(&self, input: &str) -> Finished {
        let mut running = self.start_on_terminal();
        running.type_in(input);
        running.wait()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.home);
        command
    }

    fn line(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let arguments = self.arguments.iter().map(|argument| argument.to_string_lossy());
        std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
    }
}

impl Finished {
    pub(crate) fn of_command(command: &mut Command, input: &str) -> Self {
        let line = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{line} cannot be run: {error}"));
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let output = std::thread::scope(|scope| {
            // A program that does not read to the end closes the pipe, which is no failure.
            scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
            child.wait_with_output().expect("the program can be waited for")
        });
        Self::of(line, output)
    }

    pub(crate) fn of(command: String, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { command, stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
    }

    /// Fails the test when the exit code is another one.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "the exit code is another one than expected\n{self}");
        self
    }

    /// Fails the test when the text is not on standard output.
    #[track_caller]
    pub fn expect_data(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "standard output does not say: {text}\n{self}");
        self
    }

    /// Fails the test when the text is on neither stream.
    #[track_caller]
    pub fn expect(&self, text: &str) -> &Self {
        assert!(self.says(text), "nothing says: {text}\n{self}");
        self
    }

    /// Fails the test when the text is on either stream.
    #[track_caller]
    pub fn expect_not(&self, text: &str) -> &Self {
        assert!(!self.says(text), "something says: {text}\n{self}");
        self
    }

    /// Whether the text is on either stream.
    pub fn says(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }

    /// The line of standard output or standard error that holds all of these texts.
    pub fn line(&self, texts: &[&str]) -> Option<&str> {
        self.stdout.lines().chain(self.stderr.lines()).find(|line| texts.iter().all(|text| line.contains(text)))
    }

    /// Fails the test when no single line holds all of these texts.
    #[track_caller]
    pub fn expect_line(&self, texts: &[&str]) -> &Self {
        assert!(self.line(texts).is_some(), "no line says all of {texts:?}\n{self}");
        self
    }

    /// Both streams and the exit code, for a transcript.
    pub fn transcript(&self) -> String {
        let mut text = format!("$ {}\n", self.command);
        for (name, stream) in [("standard error", &self.stderr), ("standard output", &self.stdout)] {
            if !stream.is_empty() {
                text.push_str(&format!("--- {name}\n{}\n", stream.trim_end()));
            }
        }
        text.push_str(&format!("--- exit code {}\n", self.code.map_or("none".to_owned(), |code| code.to_string())));
        text
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error})\n{self}"))
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("a signal".to_owned(), |code| code.to_string());
        write!(f, "$ {}\n{}{}exit: {code}\n", self.command, self.stdout, self.stderr)
    }
}
