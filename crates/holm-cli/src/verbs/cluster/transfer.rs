//! `cluster export` and `cluster import`: the objects as a file of the user's own. They are written as they are, with uids, owners
//! and Secrets, so that what belongs together still does in the cluster that they are read into.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use holm_embedded::{Cluster, ClusterOptions};
use serde_json::{Value, json};

use super::Asked;
use super::reset::ask;
use crate::args::Output;
use crate::args::cluster::{ExportAction, ImportAction};
use crate::diagnostic::{Diagnostic, Kind};
use crate::embedded;
use crate::render::manifest::write_in_order;
use crate::session::block_on;
use crate::terminal::Terminal;
use crate::verbs::Outcome;

/// Runs `cluster export`.
pub fn export(action: &ExportAction, asked: &Asked<'_>, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    let to_output = action.file.as_os_str() == "-";
    if to_output && io::stdout().is_terminal() && !action.to_terminal {
        let message = "an export holds Secrets, so it is not written to a terminal";
        return Err(Diagnostic::new(Kind::Usage, message).hint("name a file, or give --to-terminal"));
    }
    if !asked.place.exists() {
        let message = format!("there is no embedded cluster \"{}\" to export", asked.place.name());
        return Err(Diagnostic::new(Kind::Cluster, message));
    }
    let options = ClusterOptions { in_background: false, ..ClusterOptions::default() };
    let (objects, unreadable) = block_on(async {
        let opened = Cluster::open(&asked.place, &asked.command, options).await;
        let cluster = opened.map_err(|error| embedded::of_cluster(error, asked.program))?;
        Ok((cluster.api().snapshot(), cluster.unreadable().to_vec()))
    })?;
    embedded::warn_of_unreadable(&unreadable, terminal);
    let text = match asked.output {
        Output::Json => format!(
            "{:#}\n",
            json!({"apiVersion": "v1", "kind": "List", "items": objects.iter().map(AsRef::as_ref).collect::<Vec<&Value>>()})
        ),
        Output::Text => {
            let mut text = String::from("# All objects of an embedded cluster, Secrets among them.\n");
            for object in &objects {
                text.push_str("---\n");
                write_in_order(object, &mut text).map_err(|error| Diagnostic::of(Kind::Output, &error, None))?;
            }
            text.push_str(&format!("{END}{}\n", objects.len()));
            text
        }
    };
    if to_output {
        terminal.data(&text);
        return Ok(Outcome::Done);
    }
    write_private(&action.file, &text).map_err(|error| of_file(&action.file, "written", &error))?;
    terminal.say(&format!("{} objects are in {}\n", objects.len(), action.file.display()));
    Ok(Outcome::Done)
}

/// Runs `cluster import`.
pub fn import(action: &ImportAction, asked: &Asked<'_>, terminal: &mut Terminal) -> Result<Outcome, Diagnostic> {
    let text = if action.file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(&action.file)
    };
    let text = text.map_err(|error| of_file(&action.file, "read", &error))?;
    let objects = read(&text).map_err(|problem| {
        Diagnostic::new(Kind::Usage, format!("{} is not an export of a cluster: {problem}", action.file.display()))
    })?;
    if !action.allow_incomplete {
        check_complete(&text, objects.len()).map_err(|problem| {
            let message = format!("{} is not a complete export: {problem}", action.file.display());
            let hint = "export the cluster again; --allow-incomplete imports what the file contains, which is also how to import an \
                        export of an earlier version, which has no end mark";
            Diagnostic::new(Kind::Usage, message).hint(hint)
        })?;
    }
    let failed = |error| embedded::of_cluster(error, asked.program);
    let held = asked.place.hold(&asked.command).map_err(embedded::of_place)?;
    // Written beside the cluster first: what cannot be taken over is reported before anything is forgotten.
    let import = block_on(async { held.import(objects).await.map_err(failed) })?;
    if asked.place.exists() && !action.yes {
        ask(asked, terminal)?;
    }
    let count = import.finish().map_err(failed)?;
    terminal.say(&format!("{count} objects are in embedded:{}\n", asked.place.name()));
    Ok(Outcome::Done)
}

/// What the last line of an export in YAML begins with; the number of objects follows.
const END: &str = "# End of the export. Objects: ";

/// Checks that nothing of an export is missing at its end. JSON cannot be cut off without being noticed.
fn check_complete(text: &str, objects: usize) -> Result<(), String> {
    let text = text.trim();
    if text.starts_with('{') && text.ends_with('}') {
        return Ok(());
    }
    let counted = text.lines().next_back().and_then(|line| line.strip_prefix(END)?.trim().parse::<usize>().ok());
    match counted {
        Some(counted) if counted == objects => Ok(()),
        Some(counted) => Err(format!("its end mark counts {counted} objects, and it contains {objects}")),
        None => Err("it has no end mark, so its end may be missing".to_owned()),
    }
}

/// The objects of a stream of YAML documents, or of a List. What is wrong is told without the text, which holds Secrets.
fn read(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 256,
            max_documents: 1_000_000,
            max_nodes: 100_000_000,
            max_events: 200_000_000,
            max_total_scalar_bytes: 1 << 30,
        },
        with_snippet: false,
    };
    let documents = serde_saphyr::from_multiple_with_options::<Value>(text, options);
    let documents = documents.map_err(|error| match error.location() {
        Some(place) => format!("it is no YAML at line {} column {}", place.line(), place.column()),
        None => "it is no YAML".to_owned(),
    })?;
    let mut objects = Vec::new();
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        match document {
            Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
                if let Some(Value::Array(items)) = list.remove("items") {
                    objects.extend(items);
                }
            }
            object => objects.push(object),
        }
    }
    if objects.is_empty() { Err("there is no object in it".to_owned()) } else { Ok(objects) }
}

/// Writes a file that only its owner can read, and that was not there.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn of_file(path: &Path, done: &str, error: &io::Error) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(Kind::Output, format!("{} cannot be {done}", path.display()));
    diagnostic.causes.push(error.to_string());
    if error.kind() == io::ErrorKind::AlreadyExists {
        return diagnostic.hint("name a file that does not exist yet");
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_read_and_nothing_of_them_is_in_an_error() {
        let cases = [
            ("a: 1\n---\nb: 2\n", Ok(2)),
            (r#"{"kind": "List", "items": [{"a": 1}, {"b": 2}, {"c": 3}]}"#, Ok(3)),
            ("# nothing\n", Err("there is no object in it")),
            ("password: \"hunter2\n", Err("it is no YAML at line")),
        ];
        for (text, expected) in cases {
            match (read(text), expected) {
                (Ok(objects), Ok(count)) => assert_eq!(objects.len(), count, "{text}"),
                (Err(error), Err(start)) => {
                    assert!(error.starts_with(start) && !error.contains("hunter2"), "{text}: {error}");
                }
                (read, _) => unreachable!("{text}: {read:?}"),
            }
        }
    }

    #[test]
    fn an_export_that_was_cut_off_is_noticed_wherever_that_was() {
        let whole = format!("# All objects.\n---\na: 1\n---\nb: |\n  {END}1\n---\nc: 3\n{END}3\n");
        for end in 0..whole.len() {
            let cut = &whole[..end];
            let is_complete = read(cut).is_ok_and(|objects| check_complete(cut, objects.len()).is_ok());
            // Without the last line break nothing is missing.
            assert_eq!(is_complete, end == whole.len() - 1, "{cut}");
        }
        assert_eq!(check_complete(&whole, 3), Ok(()));
        let problem = "its end mark counts 3 objects, and it contains 2".to_owned();
        assert_eq!(check_complete(&whole, 2), Err(problem));
        assert_eq!(check_complete(r#"{"kind": "List", "items": [{"a": 1}]}"#, 1), Ok(()));
    }
}
