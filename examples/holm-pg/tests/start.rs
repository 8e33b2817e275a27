//! What the container's command does with a volume, with a start script that stands in for the image's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A volume, and an image whose start script is `script`. Both are gone when the test is.
struct Container {
    folder: PathBuf,
}

impl Container {
    fn new(name: &str, script: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("holm-pg-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("volume")).expect("the temporary folder can be written to");
        let program = folder.join("docker-entrypoint.sh");
        fs::write(&program, format!("#!/bin/sh\nset -e\n{script}")).expect("the temporary folder can be written to");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        Self { folder }
    }

    fn start(&self) -> Child {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-c", include_str!("../../../crates/holm-components/src/postgres/start.sh")])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.env("PGDATA", self.path("pgdata")).env("PATH", format!("{}:{path}", self.folder.display()));
        command.spawn().expect("every machine with containers has a shell")
    }

    fn run(&self) -> ExitStatus {
        self.start().wait().expect("it was started here")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join("volume").join(name)
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The files of the volume, without the names of moments.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.folder.join("volume"), "", &mut found);
        found.sort();
        found
    }

    fn wait_for(&self, name: &str) {
        while !self.has(name) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn list(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the volume can be read").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = name.split_once(".unfinished-").map_or(name.clone(), |(name, _)| format!("{name}.unfinished"));
        match entry.path().is_dir() {
            true => list(&entry.path(), &format!("{prefix}{name}/"), found),
            false => found.push(format!("{prefix}{name}")),
        }
    }
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the shell could not be signalled");
}

const MAKES_ALL: &str =
    "mkdir \"$PGDATA\"; echo 15 >\"$PGDATA/PG_VERSION\"; rm \"${PGDATA%/*}/first-start-unfinished\"\n";

#[test]
fn a_first_start_that_ends_leaves_no_mark() {
    let container = Container::new("ends", MAKES_ALL);
    assert!(container.run().success());
    assert_eq!(container.files(), ["pgdata/PG_VERSION"]);
}

#[test]
fn what_a_broken_first_start_left_is_moved_aside_and_kept() {
    let container = Container::new(
        "broken",
        "mkdir \"$PGDATA\"; echo 15 >\"$PGDATA/PG_VERSION\"; [ -e \"${PGDATA%/*}/second\" ] || exit 3\n\
         rm \"${PGDATA%/*}/first-start-unfinished\"\n",
    );
    assert_eq!(container.run().code(), Some(3));
    assert!(container.has("first-start-unfinished"));
    fs::write(container.path("second"), "").expect("the volume can be written to");
    assert!(container.run().success());
    assert_eq!(container.files(), ["pgdata.unfinished/PG_VERSION", "pgdata/PG_VERSION", "second"]);
}

#[test]
fn a_volume_without_the_mark_is_not_touched() {
    // With a complete database, and with what an older program left unfinished: both are the start script's business.
    for file in ["PG_VERSION", "base"] {
        let container = Container::new(&format!("unmarked-{file}"), "ls -A \"$PGDATA\" >\"${PGDATA%/*}/seen\"\n");
        fs::create_dir(container.path("pgdata")).expect("the volume can be written to");
        fs::write(container.path("pgdata").join(file), "").expect("the volume can be written to");
        assert!(container.run().success());
        assert_eq!(container.files(), [format!("pgdata/{file}"), "seen".to_owned()]);
    }
}

#[test]
fn a_volume_root_with_lost_and_found_is_a_first_start() {
    let container = Container::new("lost-and-found", MAKES_ALL);
    fs::create_dir(container.path("lost+found")).expect("the volume can be written to");
    assert!(container.run().success());
    assert!(container.has("pgdata/PG_VERSION"));
}

#[test]
fn a_stop_in_the_unfinished_first_start_ends_it_at_once() {
    let container = Container::new("stop-early", "mkdir \"$PGDATA\"; touch \"$PGDATA/begun\"; sleep 20\n");
    let mut shell = container.start();
    container.wait_for("pgdata/begun");
    interrupt(&shell);
    assert_eq!(shell.wait().expect("it was started here").code(), Some(130));
    assert!(container.has("first-start-unfinished"), "the next start must know");
}

#[test]
fn a_stop_after_the_first_start_waits_for_the_server() {
    let container =
        Container::new("stop-late", &format!("{MAKES_ALL}touch \"${{PGDATA%/*}}/made\"; sleep 1; exit 7\n"));
    let mut shell = container.start();
    container.wait_for("made");
    interrupt(&shell);
    assert_eq!(shell.wait().expect("it was started here").code(), Some(7), "the server's own exit code");
}

#[test]
fn a_server_waits_until_the_one_before_it_has_ended() {
    let container = Container::new(
        "two",
        "cd \"${PGDATA%/*}\"\n[ -e begun ] || { touch begun; sleep 1; touch ended; exit 0; }\n[ -e ended ] || touch both\n",
    );
    fs::create_dir(container.path("pgdata")).expect("the volume can be written to");
    fs::write(container.path("pgdata/PG_VERSION"), "15").expect("the volume can be written to");
    let mut first = container.start();
    container.wait_for("begun");
    assert!(container.run().success());
    assert!(container.has("ended") && !container.has("both"), "two servers had the same data");
    assert!(first.wait().is_ok_and(|status| status.success()));
}

#[test]
fn a_stop_while_it_waits_for_the_one_before_it_is_heard() {
    let container = Container::new("stop-waiting", "touch \"${PGDATA%/*}/begun\"; sleep 3\n");
    fs::create_dir(container.path("pgdata")).expect("the volume can be written to");
    fs::write(container.path("pgdata/PG_VERSION"), "15").expect("the volume can be written to");
    let mut first = container.start();
    container.wait_for("begun");
    let mut second = container.start();
    std::thread::sleep(Duration::from_millis(500));
    interrupt(&second);
    assert_eq!(second.wait().expect("it was started here").code(), Some(130));
    assert!(first.wait().is_ok_and(|status| status.success()));
}

#[test]
fn the_exit_code_of_a_server_that_dies_is_the_containers() {
    let container = Container::new("dies", &format!("{MAKES_ALL}exit 5\n"));
    assert_eq!(container.run().code(), Some(5));
}

#[test]
fn a_restart_becomes_the_server_itself() {
    let container = Container::new("restart", "echo $$ >\"${PGDATA%/*}/pid\"\n");
    fs::create_dir(container.path("pgdata")).expect("the volume can be written to");
    fs::write(container.path("pgdata/PG_VERSION"), "15").expect("the volume can be written to");
    let mut shell = container.start();
    let expected = shell.id().to_string();
    assert!(shell.wait().is_ok_and(|status| status.success()));
    let pid = fs::read_to_string(container.path("pid")).expect("the server wrote it");
    assert_eq!(pid.trim(), expected, "so that signals of the kubelet reach it directly");
}
