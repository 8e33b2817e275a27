//! The report of what is compared, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::read::Case;

const HEAD: &str = "# Conformance of the embedded API server

The cases of `crates/holm-apiserver/tests/conformance` are sequences of requests. A real control plane has answered them, and its
answers are kept, without what differs from run to run: uids, times, addresses, generated suffixes. The embedded server must give
the same: codes, reasons, causes, objects, owners of fields, the order of events. `cargo test -p holm-apiserver` compares.

This page is generated: `HOLM_REPORT=1 cargo test -p holm-apiserver --test conformance`.
";

/// The report of cases, of which those in `failed` did not pass on the embedded server.
pub fn render(cases: &[Case], version: &str, failed: &[String]) -> String {
    let mut areas: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        areas.entry(&case.area).or_default().push(case);
    }
    let mut text = HEAD.to_owned();
    let unsupported = cases.iter().filter(|case| case.unsupported.is_some()).count();
    let passed = cases.len() - unsupported - failed.len();
    let requests: usize = cases.iter().map(|case| case.steps.len()).sum();
    let _ = writeln!(
        text,
        "\nRecorded from Kubernetes {version}: {} cases with {requests} requests. {passed} pass on both, {} fail, {unsupported} \
         are not supported by the embedded server.\n",
        cases.len(),
        failed.len()
    );
    text.push_str("| area | cases | requests | passed on both | failed | not supported |\n|---|--:|--:|--:|--:|--:|\n");
    for (area, cases) in &areas {
        let requests: usize = cases.iter().map(|case| case.steps.len()).sum();
        let unsupported = cases.iter().filter(|case| case.unsupported.is_some()).count();
        let failures = cases.iter().filter(|case| failed.contains(&case.name)).count();
        let passed = cases.len() - unsupported - failures;
        let _ = writeln!(text, "| {area} | {} | {requests} | {passed} | {failures} | {unsupported} |", cases.len());
    }
    for (area, cases) in &areas {
        let _ = writeln!(text, "\n## {area}\n");
        for case in cases {
            let verdict = match &case.unsupported {
                Some(why) => format!(" (**not supported**: {why})"),
                None if failed.contains(&case.name) => " (**fails**)".to_owned(),
                None => String::new(),
            };
            let _ = writeln!(text, "- {}{verdict}", case.name);
        }
    }
    text
}
