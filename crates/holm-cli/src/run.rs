//! One run of the program: from the command line to the exit code.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use holm_config::Schema;
use holm_core::{Config, ProblemKind, Problems, Stack, declare};
use holm_redact::Redactor;

use crate::args::{Arguments, Output, Settings, Verb, early};
use crate::config::Given;
use crate::connection;
use crate::diagnostic::{Diagnostic, Kind, VIOLATED};
use crate::panic::{self, Declaring};
use crate::terminal::Terminal;
use crate::verbs::{self, Declared, Outcome};
use crate::{config, hint, json, unused};

/// Runs the program `program` with the arguments of this process: declares the stack and does what the verb says.
///
/// `program` is the program's name, a DNS label: the inventory in the cluster is named after it, so it should not change.
/// `declare` is called once, before any cluster is looked for; it may return any error.
///
/// Exits with 0 when it is done, 1 after an error (of the command line, too), and 2 where `--detailed-exitcode` asks for it.
pub fn run(program: &str, declare: impl FnOnce(&Stack, &Config) -> declare::Result) -> ExitCode {
    ExitCode::from(run_process(program, None, Box::new(declare)))
}

/// Runs a program whose configuration has a type: `schema` is its JSON Schema, and what `declare` finds in
/// [`Config::table`] matches it as far as [`Schema`] checks.
///
/// Everything else is as in [`run`].
pub fn run_with_schema(
    program: &str,
    schema: Schema,
    declare: impl FnOnce(&Stack, &Config) -> declare::Result,
) -> ExitCode {
    ExitCode::from(run_process(program, Some(schema), Box::new(declare)))
}

type Declare<'a> = Box<dyn FnOnce(&Stack, &Config) -> declare::Result + 'a>;

fn run_process(program: &str, schema: Option<Schema>, declare: Declare<'_>) -> u8 {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (color, output) = early(&arguments);
    let mut terminal = Terminal::of_process(color);
    // The hook has told what happened by the time the panic arrives here.
    let ran = catch_unwind(AssertUnwindSafe(|| {
        run_with(program, schema.as_ref(), arguments, output, declare, &mut terminal)
    }));
    let code = ran.unwrap_or(1);
    match terminal.take_failure() {
        Some(error) => {
            let mut diagnostic = Diagnostic::new(Kind::Output, "standard output cannot be written");
            diagnostic.causes.push(error.to_string());
            fail(&diagnostic, Output::Text, &mut terminal);
            1
        }
        None => code,
    }
}

/// Everything but the process: arguments in, text out, the exit code returned.
pub(crate) fn run_with(
    program: &str,
    schema: Option<&Schema>,
    arguments: Vec<OsString>,
    output: Output,
    declare: Declare<'_>,
    terminal: &mut Terminal,
) -> u8 {
    let arguments = match Arguments::read(program, arguments) {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            let text = usage_text(&error, terminal.data_layout().color);
            terminal.data(&text);
            return 0;
        }
        Err(error) => {
            // In JSON, the first line of what clap says; its usage is for people.
            if output == Output::Json {
                let text = usage_text(&error, false);
                let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                terminal.data(&json::error(&Diagnostic::new(Kind::Usage, message)));
            }
            let text = usage_text(&error, terminal.rest_layout().color);
            terminal.say(&text);
            return 1;
        }
    };
    let done =
        arguments.settings().map_err(|message| Diagnostic::new(Kind::Usage, message)).and_then(|mut settings| {
            #[cfg(feature = "embedded")]
            if let Verb::Cluster(verb) = &arguments.verb {
                // The cluster has nothing to do with the stack, whose declaration may be wrong, or lack a value.
                hook(&Redactor::default());
                return verbs::cluster::run(verb, &settings, program, terminal);
            }
            if let Verb::Config(verb) = &arguments.verb {
                return verbs::config::run(verb, &settings, schema, terminal);
            }
            let file = config::find(settings.config_file.as_deref())?;
            let given =
                config::read(&settings, file.as_ref(), schema, std::env::vars_os(), &config::Keys::of(&settings))?;
            verbs::config::warn(&given, terminal);
            settings.take_from(&given.read);
            if let Verb::Stack(_) = &arguments.verb {
                hook(&Redactor::default());
                return verbs::stack::run(&settings, program, terminal);
            }
            let declared = declared(program, &arguments.verb, &settings, &given, declare, terminal);
            let layout = terminal.rest_layout();
            terminal.say(&unused::warnings(&settings, &given.config, schema.is_some(), layout));
            let declared = declared?;
            let graph = verbs::discovered(&arguments.verb, &settings, declared.graph)?;
            verbs::run(&arguments.verb, &settings, &Declared { graph, ..declared }, terminal)
        });
    match done {
        Ok(outcome) => exit_code(&outcome, &arguments.verb),
        Err(diagnostic) => {
            fail(&diagnostic, output, terminal);
            diagnostic.kind.exit_code()
        }
    }
}

fn exit_code(outcome: &Outcome, verb: &Verb) -> u8 {
    let is_detailed = match verb {
        Verb::Plan(verb) => verb.detailed_exitcode,
        Verb::Status(verb) => verb.detailed_exitcode,
        _ => false,
    };
    match outcome {
        Outcome::Done => 0,
        Outcome::Different => u8::from(is_detailed) * 2,
        Outcome::Failed => 1,
        Outcome::Violated => VIOLATED,
    }
}

/// What clap says, with colours or without.
pub(crate) fn usage_text(error: &clap::Error, color: bool) -> String {
    let text = error.render();
    if color { text.ansi().to_string() } else { text.to_string() }
}

fn fail(diagnostic: &Diagnostic, output: Output, terminal: &mut Terminal) {
    if output == Output::Json {
        terminal.data(&json::error(diagnostic));
    }
    let mut text = String::new();
    diagnostic.write(terminal.rest_layout(), &mut text);
    terminal.say(&text);
}

/// Declares the stack. What `status` and `destroy` do is about what was applied, so they need no valid declaration.
fn declared(
    program: &str,
    verb: &Verb,
    settings: &Settings,
    given: &Given,
    declare: Declare<'_>,
    terminal: &mut Terminal,
) -> Result<Declared, Diagnostic> {
    let mut redactor = Redactor::default();
    redactor.learn_all(given.secrets.iter().map(String::as_str));
    let declaring = hook(&redactor);
    let namespace = settings.namespace.clone().or_else(|| connection::namespace(settings));
    let is_destroy = matches!(verb, Verb::Destroy(_));
    if !is_destroy && !matches!(verb, Verb::Status(_)) {
        let graph = declaring.during(|| declare::graph(program, namespace.as_deref(), &given.config, declare));
        let graph = graph.map_err(|problems| Diagnostic::from(scrubbed(problems, &redactor)))?;
        return Ok(Declared { graph, is_partial: false });
    }
    let outline = declaring.during(|| declare::outline(program, namespace.as_deref(), &given.config, declare));
    let Some(problems) = outline.problems else { return Ok(Declared { graph: outline.graph, is_partial: false }) };
    let diagnostic = Diagnostic::from(scrubbed(problems, &redactor));
    if is_destroy && outline.may_lack_namespace && settings.namespace.is_none() {
        // Where the stack lives is not known, and nothing is deleted on a guess.
        return Err(diagnostic.with_problem_hint(hint::NAMESPACE_OF_DESTROY));
    }
    terminal.warn(&partial(&diagnostic, is_destroy));
    Ok(Declared { graph: outline.graph, is_partial: true })
}

fn partial(diagnostic: &Diagnostic, is_destroy: bool) -> String {
    let first = diagnostic.problems.first().map(|problem| problem.kind.to_string()).unwrap_or_default();
    let more = match diagnostic.problems.len() {
        0 | 1 => String::new(),
        many => format!(" and {} more", many - 1),
    };
    let what = if is_destroy { "destroy needs only what was applied" } else { "what it declares may be missing below" };
    format!("the declaration is not valid: {first}{more}; {what}")
}

fn scrubbed(Problems(mut problems): Problems, redactor: &Redactor) -> Problems {
    for problem in &mut problems {
        // The program's own words, which may repeat what it was given.
        if let ProblemKind::Declaration(text) | ProblemKind::BadInput(text) | ProblemKind::Rejected(text) =
            &mut problem.kind
        {
            *text = redactor.scrub(text);
        }
    }
    Problems(problems)
}

#[cfg(not(test))]
fn hook(redactor: &Redactor) -> Declaring {
    panic::install(redactor.clone())
}

/// Tests share one process, so its panic hook is left alone.
#[cfg(test)]
fn hook(_: &Redactor) -> Declaring {
    let _ = panic::install;
    Declaring::default()
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
