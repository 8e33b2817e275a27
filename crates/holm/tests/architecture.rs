//! The house stays as it was drawn: which crate may know which, and what a library may ask of its users. Read from cargo
//! itself, without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The crates without I/O.
const PURE: &[&str] = &[
    "holm-config",
    "holm-components",
    "holm-core",
    "holm-executor",
    "holm-planner",
    "holm-readiness",
    "holm-redact",
    "holm-resources",
    "holm-schema",
    "holm-structured-merge",
    "holm-validation",
    "holm-values",
];

/// What a crate without I/O has no use for: a runtime, a network, a command line.
const IMPURE: &[&str] = &["clap", "hyper", "kube", "kube-client", "mio", "reqwest", "tokio"];

/// Which crates of the workspace each may know. A crate that is not here has not found its place yet.
const DIRECTION: &[(&str, &[&str])] = &[
    (
        "holm",
        &[
            "holm-cli",
            "holm-cluster",
            "holm-components",
            "holm-core",
            "holm-embedded",
            "holm-executor",
            "holm-faults",
            "holm-planner",
            "holm-readiness",
            "holm-resources",
            "holm-validation",
            "holm-values",
        ],
    ),
    (
        "holm-cli",
        &[
            "holm-cluster",
            "holm-config",
            "holm-core",
            "holm-embedded",
            "holm-executor",
            "holm-planner",
            "holm-readiness",
            "holm-redact",
            "holm-values",
        ],
    ),
    ("holm-cluster", &["holm-core", "holm-executor", "holm-planner", "holm-readiness", "holm-redact", "holm-values"]),
    ("holm-executor", &["holm-core", "holm-planner", "holm-readiness", "holm-values"]),
    ("holm-planner", &["holm-core", "holm-readiness", "holm-redact", "holm-values"]),
    ("holm-apiserver", &["holm-schema", "holm-structured-merge", "holm-validation", "holm-values"]),
    ("holm-components", &["holm-core", "holm-resources"]),
    ("holm-controllers", &["holm-apiserver", "holm-values"]),
    ("holm-config", &["holm-values"]),
    ("holm-core", &["holm-readiness", "holm-redact", "holm-values"]),
    ("holm-embedded", &["holm-apiserver", "holm-controllers", "holm-faults", "holm-node"]),
    ("holm-faults", &[]),
    ("holm-node", &["holm-values"]),
    ("holm-readiness", &["holm-redact", "holm-values"]),
    ("holm-redact", &["holm-values"]),
    ("holm-resources", &["holm-core", "holm-values"]),
    ("holm-schema", &["holm-structured-merge"]),
    ("holm-structured-merge", &["holm-values"]),
    ("holm-validation", &["holm-schema", "holm-values"]),
    ("holm-values", &[]),
];

/// Asks cargo, without a network and without touching the lock file.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("cargo runs this test, so it can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {} failed:\n{errors}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// The packages of the workspace by name.
fn members() -> BTreeMap<String, Value> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    packages.iter().map(|package| (text(&package["name"]).to_owned(), package.clone())).collect()
}

/// Those that could be published.
fn libraries() -> BTreeMap<String, Value> {
    let is_published = |package: &Value| package["publish"].as_array().is_none_or(|registries| !registries.is_empty());
    members().into_iter().filter(|(_, package)| is_published(package)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The dependencies that a package declares for users of it, not for its own tests.
fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().into_iter().flatten().filter(|dependency| text(&dependency["kind"]) != "dev")
}

#[test]
fn pure_crates_reach_no_runtime_no_network_and_no_command_line() {
    let mut violations = Vec::new();
    for name in PURE {
        let tree =
            cargo(&["tree", "--package", name, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
        let reached: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(reached.contains(name), "cargo tree says nothing of {name}:\n{tree}");
        violations
            .extend(IMPURE.iter().filter(|bad| reached.contains(*bad)).map(|bad| format!("{name} reaches {bad}")));
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn crates_know_each_other_in_one_direction() {
    let libraries = libraries();
    let allowed: BTreeMap<&str, &[&str]> = DIRECTION.iter().copied().collect();
    let mut violations = Vec::new();
    for (name, package) in &libraries {
        let Some(allowed) = allowed.get(name.as_str()) else {
            violations.push(format!("{name} has no place in the table of directions"));
            continue;
        };
        let known = dependencies(package).map(|dependency| text(&dependency["name"]));
        let ours = known.filter(|known| libraries.contains_key(*known));
        violations.extend(ours.filter(|known| !allowed.contains(known)).map(|known| format!("{name} knows {known}")));
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn only_those_who_talk_to_a_cluster_or_are_one_know_a_client() {
    let users: Vec<String> = libraries()
        .iter()
        .filter(|(_, package)| {
            dependencies(package).any(|dependency| matches!(text(&dependency["name"]), "kube" | "kube-client"))
        })
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(users, ["holm-apiserver", "holm-cluster", "holm-embedded", "holm-faults", "holm-node"]);
}

#[test]
fn libraries_leave_the_version_of_kubernetes_to_the_user() {
    let mut violations = Vec::new();
    for (name, package) in &libraries() {
        for dependency in dependencies(package).filter(|dependency| text(&dependency["name"]) == "k8s-openapi") {
            let features = dependency["features"].as_array().into_iter().flatten().map(text);
            // `v1_37`, `latest` and `earliest` choose a version, which only one crate of a program can do.
            let chosen = features.filter(|feature| feature.starts_with("v1_") || feature.ends_with("est"));
            violations.extend(chosen.map(|feature| format!("{name} enables k8s-openapi's {feature}")));
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn only_the_facade_has_a_feature_for_a_version_and_it_is_on_by_default() {
    let mut choosing = Vec::new();
    for (name, package) in &libraries() {
        for (feature, enabled) in package["features"].as_object().into_iter().flatten() {
            let enabled = enabled.as_array().into_iter().flatten().map(text);
            let versions = enabled.filter(|enabled| enabled.starts_with("k8s-openapi/v1_") || enabled.ends_with("est"));
            choosing.extend(versions.map(|version| format!("{name} with {feature} enables {version}")));
        }
    }
    assert_eq!(choosing, ["holm with v1_37 enables k8s-openapi/v1_37"]);
    let default = libraries()["holm"]["features"]["default"].clone();
    assert_eq!(default, serde_json::json!(["embedded", "v1_37", "validation", "cel"]));
}

#[test]
fn every_packed_library_holds_the_licences_and_the_readme() {
    let mut violations = Vec::new();
    for name in libraries().keys() {
        let listed = cargo(&["package", "--package", name, "--list", "--allow-dirty"]);
        let packed: BTreeSet<&str> = listed.lines().collect();
        let needed = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];
        violations.extend(needed.iter().filter(|file| !packed.contains(*file)).map(|file| format!("{name}: {file}")));
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn every_library_can_be_published() {
    let mut violations = Vec::new();
    for (name, package) in &libraries() {
        for field in ["description", "license", "repository", "readme"] {
            if text(&package[field]).is_empty() {
                violations.push(format!("{name} has no {field}"));
            }
        }
        for dependency in dependencies(package) {
            if !dependency["path"].is_null() && text(&dependency["req"]) == "*" {
                violations.push(format!("{name} names {} by its path only", text(&dependency["name"])));
            }
        }
        if !text(&package["license"]).contains("MIT OR Apache-2.0") {
            violations.push(format!("{name} is not under MIT OR Apache-2.0"));
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}

/// The crates below the command line, whose words must fit any other way to use them, too.
const BELOW_THE_COMMAND_LINE: &[&str] =
    &["holm-cluster", "holm-core", "holm-executor", "holm-planner", "holm-readiness", "holm-redact", "holm-resources"];

#[test]
fn only_the_command_line_names_its_flags() {
    let mut violations = Vec::new();
    let mut read = 0;
    for name in BELOW_THE_COMMAND_LINE {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("it is a folder") {
                let path = entry.expect("it can be read").path();
                if path.is_dir() {
                    folders.extend((!path.ends_with("tests")).then_some(path));
                } else if path.to_string_lossy().ends_with(".rs") && !path.to_string_lossy().ends_with("tests.rs") {
                    read += 1;
                    let source = std::fs::read_to_string(&path).expect("it is text");
                    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                    violations.extend(code.lines().filter(|line| names_a_flag(line)).map(str::to_owned));
                }
            }
        }
    }
    assert!(read > 50, "only {read} files were read");
    assert_eq!(violations, Vec::<String>::new());
}

/// Whether a line of code, but no comment, holds something like `--namespace` that is not another program's.
fn names_a_flag(line: &str) -> bool {
    let is_flag = |rest: &str| rest.starts_with(|first: char| first.is_ascii_lowercase());
    !line.trim_start().starts_with("//") && !line.contains("kubectl") && line.split("--").skip(1).any(is_flag)
}
