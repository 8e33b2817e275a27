//! The table of families, held against the cases of Argo CD's own rules.
//!
//! `argo_cases` are the objects and expectations of the health tests in Argo CD 3.6.1 (Apache-2.0), shortened to what a rule may
//! read, one JSON document a line, compressed. `docs/readiness.md` has the figures, which a test keeps current.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::{State, family};

/// Where the figures are.
const REPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/readiness.md");
/// Its condition is one that no API server reports: `InitialNamesAccepted` with the status `False`.
const IMPOSSIBLE: &str =
    "apiextensions.k8s.io/CustomResourceDefinition/testdata/crd-v1-not-established-progressing.yaml";
const BEGIN: &str = "<!-- begin of the figures -->\n";
const END: &str = "<!-- end of the figures -->";

#[derive(serde::Deserialize)]
struct Case {
    case: String,
    expected: String,
    object: Value,
}

impl Case {
    fn kind(&self) -> ApiKind {
        let text = |field: &str| self.object[field].as_str().unwrap_or_default();
        kind(text("apiVersion"), text("kind"))
    }

    fn state(&self) -> State {
        // As a run sees an object that nobody has written a status of for long, and whose kind reports none.
        let surroundings = Surroundings {
            has_status_subresource: Some(true),
            unchanged_for: Some(std::time::Duration::from_secs(60)),
            ..Surroundings::default()
        };
        assess(&self.kind(), &self.object, None, &surroundings).state
    }

    /// Whether a run that waits for this object does what Argo CD's verdict asks for: goes on where it is healthy or suspended,
    /// and does not where it is not.
    fn agrees(&self) -> bool {
        let is_current = self.state() == State::Current;
        match self.expected.as_str() {
            "Healthy" | "Suspended" => is_current,
            _ => !is_current,
        }
    }

    /// Argo CD's rules of these kinds look neither at deletion nor at generations, as some of its cases show.
    fn is_comparable(&self) -> bool {
        let metadata = &self.object["metadata"];
        let generations = (metadata["generation"].as_i64(), self.object["status"]["observedGeneration"].as_i64());
        let is_older = matches!(generations, (Some(own), Some(seen)) if seen < own);
        self.expected != "Healthy" || (metadata["deletionTimestamp"].is_null() && !is_older)
    }

    fn is_known(&self) -> bool {
        family::is_known(&self.kind().group, &self.kind().kind)
    }
}

fn cases() -> Vec<Case> {
    let text =
        miniz_oxide::inflate::decompress_to_vec_zlib(include_bytes!("argo_cases")).expect("the file is compressed");
    let text = String::from_utf8(text).expect("it is JSON");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is a case")).collect()
}

#[test]
fn nothing_healthy_is_waited_for() {
    let waited: Vec<String> = cases()
        .iter()
        .filter(|case| case.is_comparable() && case.expected == "Healthy" && case.state() != State::Current)
        .map(|case| format!("{}: {:?}", case.case, case.state()))
        .collect();
    assert!(waited.is_empty(), "{} wait:\n{}", waited.len(), waited.join("\n"));
}

#[test]
fn a_failure_that_ends_a_run_is_one() {
    let wrong: Vec<String> = cases()
        .iter()
        .filter(|case| case.case != IMPOSSIBLE)
        .filter(|case| case.state() == State::Failed && !matches!(case.expected.as_str(), "Degraded" | "Unknown"))
        .map(|case| format!("{}: {} is called Failed", case.case, case.expected))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_families_of_the_table_agree_with_argo_cd() {
    let cases = cases();
    let mut families: BTreeMap<String, (usize, usize, Vec<String>)> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.is_comparable()) {
        let group = case.kind().group;
        let name = if case.is_known() { group } else { "(others)".to_owned() };
        let (all, agreed, differing) = families.entry(name).or_default();
        *all += 1;
        if case.agrees() {
            *agreed += 1;
        } else {
            differing.push(format!("{} ({} there, {} here)", case.case, case.expected, case.state()));
        }
    }
    let sum = |known: bool| {
        let of = families.iter().filter(|(name, _)| (name.as_str() != "(others)") == known);
        of.fold((0, 0), |(all, agreed), (_, family)| (all + family.0, agreed + family.1))
    };
    let (all, agreed) = sum(true);
    let mut report = String::from("| group | cases | agree |\n|---|---|---|\n");
    for (name, (all, agreed, _)) in &families {
        let _ = writeln!(report, "| {name} | {all} | {agreed} |");
    }
    let percent = |(all, agreed): (usize, usize)| agreed * 100 / all.max(1);
    let _ = writeln!(report, "| **families of the table** | {all} | {agreed} ({} %) |", percent((all, agreed)));
    let _ = writeln!(report, "\nWhere the families differ:\n");
    for (name, (_, _, differing)) in &families {
        if name != "(others)" {
            for line in differing {
                let _ = writeln!(report, "- {line}");
            }
        }
    }
    if std::env::var_os("HOLM_REPORT").is_some() {
        let old = std::fs::read_to_string(REPORT).expect("the report is there");
        let (start, rest) = old.split_once(BEGIN).expect("it has a beginning");
        let (_, end) = rest.split_once(END).expect("and an end");
        std::fs::write(REPORT, format!("{start}{BEGIN}{report}{END}{end}")).expect("it can be written");
    }
    assert!(agreed * 100 >= all * 95, "{report}");
    let written = std::fs::read_to_string(REPORT).expect("the report is there");
    assert!(written.contains(&report), "docs/readiness.md is not current: run with HOLM_REPORT=1\n{report}");
}
