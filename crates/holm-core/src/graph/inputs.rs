//! Values and paths against the schema of the kinds that they are for: a number becomes text where the field takes text only, and a
//! path that leads to no field is reported.

use serde_json::Value;

use crate::ReadyWhen;
use crate::check::Findings;
use crate::draft::Draft;
use crate::id::{ApiKind, ResourceId};
use crate::input::Input;
use crate::path::{FieldPath, Segment};
use crate::resource::Resource;
use crate::site::Site;
use crate::validate::FieldType;
use crate::warning::{Warning, WarningKind};
use holm_values::did_you_mean;

/// Gives each value that comes from another resource the type of the field that it goes to, and warns of paths that no field has.
pub(super) fn fit(draft: &mut Draft, findings: &mut Findings) {
    let Some(validator) = draft.validator.clone() else { return };
    let mut questions = Vec::new();
    for (position, resource) in draft.resources.iter().enumerate() {
        for (path, input) in &resource.inputs {
            if comes_from_others(input) {
                questions.push(Question::new(&resource.kind, path.clone(), Purpose::Value(position)));
            }
        }
        questions.extend(mentions(resource).into_iter().map(|(option, path)| {
            let named = Named { option, user: resource.id.clone(), at: FieldPath::root(), site: resource.site };
            Question::new(&resource.kind, path, Purpose::Mention(named))
        }));
        for (at, input) in &resource.inputs {
            let named = |_: &ResourceId| Named {
                option: "field",
                user: resource.id.clone(),
                at: at.clone(),
                site: resource.site,
            };
            questions.extend(read_fields(input, draft, named));
        }
    }
    for (input, site) in draft.outputs.values() {
        let named =
            |read: &ResourceId| Named { option: "field", user: read.clone(), at: FieldPath::root(), site: *site };
        questions.extend(read_fields(input, draft, named));
    }
    if questions.is_empty() {
        return;
    }
    let is_definition = |resource: &&Resource| resource.id.is("apiextensions.k8s.io", "CustomResourceDefinition");
    let definitions: Vec<&Value> =
        draft.resources.iter().filter(is_definition).map(|resource| &resource.object).collect();
    let fields: Vec<(&ApiKind, &FieldPath)> = questions.iter().map(|asked| (&asked.kind, &asked.path)).collect();
    let answers = validator.field_types(&definitions, &fields);
    for (asked, answer) in questions.into_iter().zip(answers) {
        match (asked.purpose, answer) {
            (Purpose::Value(position), FieldType::Text) => change(draft, position, &asked.path, Input::as_text),
            (Purpose::Value(position), FieldType::Integer) => change(draft, position, &asked.path, Input::as_integer),
            (Purpose::Value(position), FieldType::IntegerOrText) => change(draft, position, &asked.path, as_number),
            (Purpose::Mention(named), FieldType::Missing { step, known }) => {
                findings.warnings.push(named.warning(asked.kind, &asked.path, step, &known));
            }
            _ => {}
        }
    }
}

struct Question {
    kind: ApiKind,
    path: FieldPath,
    purpose: Purpose,
}

impl Question {
    fn new(kind: &ApiKind, path: FieldPath, purpose: Purpose) -> Self {
        Self { kind: kind.clone(), path, purpose }
    }
}

/// Why it matters what is at a path.
enum Purpose {
    /// A value goes there, in the resource at this position.
    Value(usize),
    /// The program names the path.
    Mention(Named),
}

/// Where the program names a path.
struct Named {
    /// The option or method.
    option: &'static str,
    user: ResourceId,
    at: FieldPath,
    site: Site,
}

impl Named {
    fn warning(self, kind: ApiKind, path: &FieldPath, step: usize, known: &[String]) -> Warning {
        let hint = match path.segments().get(step) {
            Some(Segment::Field(given)) => did_you_mean(given, known.iter().map(String::as_str)),
            _ => None,
        };
        let kind = WarningKind::UnknownPath { option: self.option, path: path.clone(), kind: kind.kind };
        let (resource, path, site) = (self.user, self.at, Some(self.site));
        Warning { kind, resource, path, site, hint }
    }
}

/// Whether the whole value is one of another resource, whose type it has.
fn comes_from_others(input: &Input) -> bool {
    match input {
        Input::Field(_) | Input::Name(_) => true,
        Input::PlainText(inner) => comes_from_others(inner),
        _ => false,
    }
}

/// The number that a text is, such as a declared port; a value that only the server knows has its type already.
fn as_number(input: Input) -> Input {
    match input.text() {
        Some(text) if text.parse::<i64>().is_ok() => input.as_integer(),
        _ => input,
    }
}

fn change(draft: &mut Draft, position: usize, path: &FieldPath, change: fn(Input) -> Input) {
    if let Some(input) = draft.resources.get_mut(position).and_then(|resource| resource.inputs.get_mut(path)) {
        *input = change(std::mem::replace(input, Input::Text(String::new())));
    }
}

/// The paths that the options of a resource name.
fn mentions(resource: &Resource) -> Vec<(&'static str, FieldPath)> {
    let options = &resource.options;
    let mut mentions = Vec::new();
    mentions.extend(options.ignore_changes.iter().map(|path| ("ignore_changes", path.clone())));
    mentions.extend(options.replace_on_changes.iter().map(|path| ("replace_on_changes", path.clone())));
    mentions.extend(options.notes.iter().map(|note| ("note_on_change_of", note.path.clone())));
    if let Some(ready) = &options.ready_when {
        paths_of(ready, &mut mentions);
    }
    mentions
}

fn paths_of(ready: &ReadyWhen, mentions: &mut Vec<(&'static str, FieldPath)>) {
    match ready {
        ReadyWhen::Field { path, .. } | ReadyWhen::Present(path) => mentions.push(("ready_when", path.clone())),
        ReadyWhen::All(all) => all.iter().for_each(|ready| paths_of(ready, mentions)),
        _ => {}
    }
}

/// The fields of other resources that an input reads.
fn read_fields(input: &Input, draft: &Draft, named: impl Fn(&ResourceId) -> Named) -> Vec<Question> {
    let mut questions = Vec::new();
    input.visit(&mut |part| {
        let Input::Field(reference) = part else { return };
        let declared = draft.resources.iter().find(|resource| resource.id == reference.id);
        let outside = || draft.externals.get(&reference.id).map(|(kind, _)| kind);
        if let Some(kind) = declared.map(|resource| &resource.kind).or_else(outside) {
            let named = named(&reference.id);
            questions.push(Question::new(kind, reference.path.clone(), Purpose::Mention(named)));
        }
    });
    questions
}
