//! The command line on the user's own embedded cluster, as on a machine without a kubeconfig. Needs no control plane.

use std::path::PathBuf;
use std::time::Duration;

use holm_e2e::{Finished, Program};
use serde_json::Value;

/// What everything that is told of it begins with.
const SIMULATION: &str = "embedded cluster, simulated node";

/// What holds data, and goes only with consent.
const CONSENT: &str = "PersistentVolumeClaim/postgres-pvc,Secret/postgres-secret,Namespace/holm";

/// The home of a user of its own, removed at the end.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holm-embedded-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn holm_pg(&self, arguments: &[&str]) -> Program {
        Program::example("holm-pg", &self.0).args(arguments)
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        self.holm_pg(arguments).run()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn without_a_kubeconfig_a_stack_is_planned_applied_looked_at_and_destroyed() {
    let home = Home::new("life");
    home.run(&["plan", "--detailed-exitcode"])
        .expect_code(2)
        .expect_data("Plan: 6 to create")
        .expect_data("may refuse");
    home.run(&["apply", "--yes"]).expect_code(0);
    home.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    home.run(&["status", "--detailed-exitcode"]).expect_code(0);
    home.run(&["destroy", "--yes", "--allow-delete", CONSENT]).expect_code(0);
    home.run(&["status"]).expect_code(0).expect("not applied yet");
}

#[test]
fn every_output_says_first_what_kind_of_cluster_it_is() {
    let home = Home::new("loud");
    for verb in ["plan", "status", "outputs"] {
        let text = home.run(&[verb]);
        text.expect_code(0);
        // What is known without a cluster is not of one.
        let first = text.stderr.lines().next();
        assert!(first.is_none_or(|line| line.starts_with(SIMULATION)), "{text}");
        let json = home.run(&[verb, "--output", "json"]);
        let document: Value = serde_json::from_str(&json.stdout).expect("one document");
        assert_eq!(document["cluster"].is_object(), first.is_some(), "{json}");
        if first.is_some() {
            assert_eq!(document["cluster"]["simulation"], SIMULATION, "{json}");
        }
    }
}

#[test]
fn in_ci_it_is_used_only_when_asked_for() {
    let home = Home::new("ci");
    home.holm_pg(&["plan"]).env("CI", "true").run().expect_code(1).expect("--cluster embedded");
    home.holm_pg(&["plan", "--cluster", "embedded"]).env("CI", "true").run().expect_code(0).expect(SIMULATION);
    // A name that is mistyped is no wish for another cluster.
    home.holm_pg(&["plan"]).env("KUBECONFIG", "nowhere").run().expect_code(1).expect_not(SIMULATION);
}

#[test]
fn killed_at_ten_moments_of_an_apply_the_next_one_converges() {
    let home = Home::new("killed");
    for moment in 0..10 {
        let running = home.holm_pg(&["apply", "--yes"]).start();
        // From the opening of the cluster to the waiting for pods.
        std::thread::sleep(Duration::from_millis(30 + moment * 45));
        running.kill();
        running.wait();
        home.run(&["apply", "--yes"]).expect_code(0);
        home.run(&["plan", "--detailed-exitcode"]).expect_code(0);
        home.run(&["status", "--detailed-exitcode"]).expect_code(0);
        home.run(&["destroy", "--yes", "--allow-delete", CONSENT]).expect_code(0);
    }
}

#[test]
fn while_a_cluster_listens_other_runs_go_through_it_and_afterwards_its_objects_are_there() {
    let home = Home::new("start");
    home.run(&["cluster", "kubeconfig"]).expect_code(1).expect("cluster start");
    let mut started = home.holm_pg(&["cluster", "start"]).start();
    started.wait_for("Ctrl-C");
    home.run(&["apply", "--yes"]).expect_code(0).expect("https://127.0.0.1:");
    home.run(&["cluster", "status"]).expect_code(0).expect("holm-pg cluster start");
    home.run(&["cluster", "reset", "--yes"]).expect_code(1).expect("is in use by process").expect("since");
    let path = home.run(&["cluster", "kubeconfig"]);
    path.expect_code(0);
    started.interrupt();
    started.wait().expect_code(0).expect("ended");
    assert!(!PathBuf::from(path.stdout.trim()).exists(), "the kubeconfig leads nowhere now");
    home.run(&["plan", "--detailed-exitcode"]).expect_code(0).expect("in this process");
}

#[test]
fn an_export_begins_another_cluster_and_a_reset_forgets() {
    let home = Home::new("transfer");
    home.run(&["apply", "--yes"]).expect_code(0);
    home.run(&["cluster", "export", "all.yaml"]).expect_code(0);
    home.run(&["cluster", "export", "all.yaml"]).expect_code(1).expect("does not exist yet");
    home.run(&["cluster", "import", "all.yaml", "--cluster", "embedded:second"]).expect_code(0);
    home.run(&["plan", "--detailed-exitcode", "--cluster", "embedded:second"]).expect_code(0);
    // An export that was cut off, if only at a document, is not taken for a whole one.
    let text = std::fs::read_to_string(home.0.join("all.yaml")).expect("it can be read");
    let cut = text.rfind("---\n").expect("it has documents");
    std::fs::write(home.0.join("cut.yaml"), &text[..cut]).expect("it can be written");
    let import = ["cluster", "import", "cut.yaml", "--yes", "--cluster", "embedded:second"];
    home.run(&import).expect_code(1).expect("not a complete export").expect("--allow-incomplete");
    home.run(&["plan", "--detailed-exitcode", "--cluster", "embedded:second"]).expect_code(0);
    home.run(&[&import[..], &["--allow-incomplete"]].concat()).expect_code(0);
    // What is in a cluster is not replaced without a word, nor forgotten.
    home.run(&["cluster", "import", "all.yaml"]).expect_code(1).expect("--yes");
    home.run(&["cluster", "reset"]).expect_code(1).expect("--yes");
    home.run(&["cluster", "reset", "--yes"]).expect_code(0);
    home.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let exported = std::fs::metadata(home.0.join("all.yaml")).expect("it is there");
        assert_eq!(exported.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_damaged_file_is_told_with_the_way_out_and_kept() {
    let home = Home::new("damaged");
    home.run(&["plan"]).expect_code(0);
    let file = home.0.join(".local/state/holm/clusters/default.redb");
    let whole = std::fs::read(&file).expect("the cluster is there");
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("it can be written");
    home.run(&["plan"]).expect_code(1).expect("is damaged").expect("cluster reset").expect_not("panic");
    assert_eq!(std::fs::read(&file).expect("it is there").len(), whole.len() / 2);
    home.run(&["plan", "--cluster", "embedded:other"]).expect_code(0);
    home.run(&["cluster", "reset", "--yes"]).expect_code(0);
    home.run(&["plan"]).expect_code(0);
}
