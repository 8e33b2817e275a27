//! What README and documentation tell somebody to write is what `.ci/stranger` builds and runs.

use std::path::Path;

/// The text of a file of the repository.
fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).expect("the file is one of the repository")
}

/// The documentation of the crate, as Markdown.
fn documentation() -> String {
    let source = text("crates/holm/src/lib.rs");
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The fenced blocks of a Markdown text whose fence says `language`.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let blocks = markdown.split(&begin).skip(1);
    blocks.map(|rest| rest.split_once("```").expect("a fence that begins ends").0.to_owned()).collect()
}

#[test]
fn the_first_program_is_one_that_is_built() {
    let built = text("tests/stranger/src/main.rs");
    assert_eq!(blocks(&text("README.md"), "rust").first(), Some(&built));
    assert_eq!(blocks(&documentation(), "no_run").first(), Some(&built));
}

#[test]
fn the_derived_resource_is_one_that_is_built() {
    assert_eq!(blocks(&documentation(), "ignore"), [text("tests/stranger/src/bin/discount.rs")]);
}

#[test]
fn the_first_program_needs_one_dependency_of_the_version_that_this_is() {
    let version = env!("CARGO_PKG_VERSION_MAJOR").to_owned() + "." + env!("CARGO_PKG_VERSION_MINOR");
    for markdown in [text("README.md"), documentation()] {
        let blocks = blocks(&markdown, "toml");
        assert_eq!(
            blocks.first().map(String::as_str),
            Some(format!("[dependencies]\nholm = \"{version}\"\n").as_str())
        );
        let others = blocks.iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("holm = {"));
        for line in others {
            assert!(line.contains(&format!("version = \"{version}\"")), "{line}");
        }
    }
    let fixture = text("tests/stranger/Cargo.toml");
    let (_, dependencies) = fixture.split_once("[dependencies]\n").expect("it has dependencies");
    let lines: Vec<&str> = dependencies.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["holm = { path = \"../../crates/holm\", features = [\"derive\"] }"]);
}

#[test]
fn the_version_of_k8s_openapi_is_the_one_that_holm_is_built_with() {
    let workspace = text("Cargo.toml");
    let line = workspace.lines().find(|line| line.starts_with("k8s-openapi = ")).expect("it is a dependency");
    let version = line.split('"').nth(1).expect("it has a version");
    for markdown in [text("README.md"), documentation()] {
        assert!(markdown.contains(&format!("k8s-openapi = {{ version = \"{version}\", features")), "{markdown}");
    }
}
