//! The table in `docs/postgresql.md`, written from a run.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::client::Seen;

/// The steps of the table, in their order.
const STEPS: [&str; 16] = [
    "first start",
    "SIGKILL at ten moments of the first start",
    "graceful delete at ten moments of the first start",
    "restart",
    "SIGKILL under load",
    "query out of memory at the limit",
    "disk full on the volume",
    "all connections used by clients",
    "rollout of another image",
    "rollout of an image that does not exist, and back",
    "Secret deleted",
    "password rotated",
    "claim grown",
    "destroy without consent, and apply again",
    "two applies at once",
    "a volume that ignores fsGroup",
];

/// Notes what came of a step: with `HOLM_REPORT` in the documentation's table, and always at the terminal.
#[allow(clippy::print_stderr, reason = "the figures are for the person who runs the tests")]
pub fn row(step: &str, happened: &str, seen: Option<&Seen>, figures: &str) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(STEPS.contains(&step), "a step that the table does not have: {step}");
    let downtime = seen.map_or("-".to_owned(), |seen| format!("{:.1} s", seen.downtime));
    let line = format!("| {step} | {happened} | {downtime} | {figures} |");
    eprintln!("{line}");
    if std::env::var_os("HOLM_REPORT").is_none() {
        return;
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/postgresql.md");
    let text = std::fs::read_to_string(&path).expect("the document is there");
    let begin = "| --- | --- | --: | --- |\n";
    let (head, rest) = text.split_once(begin).expect("the document has the table");
    let (table, tail) = rest.split_once("\n\n").expect("something follows the table");
    let mut lines: Vec<&str> = table.lines().filter(|old| step_of(old) != step && !step_of(old).is_empty()).collect();
    lines.push(&line);
    lines.sort_by_key(|line| STEPS.iter().position(|step| *step == step_of(line)));
    std::fs::write(&path, format!("{head}{begin}{}\n\n{tail}", lines.join("\n"))).expect("the document can be written");
}

fn step_of(line: &str) -> &str {
    line.split('|').nth(1).unwrap_or_default().trim()
}

/// The errors of a client, in a cell.
pub fn errors(seen: &Seen) -> String {
    seen.errors.iter().map(|error| format!("`{}`", error.replace('|', "/"))).collect::<Vec<_>>().join(", ")
}
