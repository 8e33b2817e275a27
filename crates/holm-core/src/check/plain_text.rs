//! Secret values that are stored outside of a Secret.

use crate::input::Input;
use crate::path::{FieldPath, Segment};
use crate::resource::Resource;
use crate::secret;
use crate::warning::{SecretSource, Warning, WarningKind};

/// Keys of Secrets whose values are public: certificates.
const PUBLIC: [&str; 2] = ["ca.crt", "tls.crt"];

/// Warns of each secret value of a resource that is not a Secret, unless the program states that it is intended.
pub(super) fn check(resource: &Resource, warnings: &mut Vec<Warning>) {
    if secret::is_secret(&resource.id) {
        return;
    }
    for (path, input) in &resource.inputs {
        let Some(source) = exposed(input) else { continue };
        warnings.push(Warning {
            kind: WarningKind::SecretInPlainText(source, resource.id.kind.clone()),
            resource: resource.id.clone(),
            path: path.clone(),
            site: Some(resource.site),
            hint: Some(hint(path).to_owned()),
        });
    }
}

/// Finds the first secret of an input that is not marked with `in_plain_text`.
fn exposed(input: &Input) -> Option<SecretSource> {
    match input {
        Input::Sensitive(_) => Some(SecretSource::Given),
        Input::Generated(generated) => Some(SecretSource::Generated(generated.name.clone())),
        Input::Field(reference) if reference.is_secret() && !is_public(&reference.path) => {
            Some(SecretSource::Secret(reference.id.clone()))
        }
        Input::Joined(parts) => parts.iter().find_map(exposed),
        Input::Transformed(inner, _) => exposed(inner),
        Input::Text(_) | Input::Field(_) | Input::Name(_) | Input::PlainText(_) | Input::Invalid(_) => None,
    }
}

fn is_public(path: &FieldPath) -> bool {
    matches!(path.segments(), [_, Segment::Field(key)] if PUBLIC.contains(&key.as_str()))
}

fn hint(path: &FieldPath) -> &'static str {
    match path.segments() {
        [.., Segment::Field(list), Segment::Item(_) | Segment::Index(_), Segment::Field(value)]
            if list == "env" && value == "value" =>
        {
            "keep the value in a Secret and refer to its key, or call .in_plain_text() on it if this is intended"
        }
        _ => "keep the value in a Secret, or call .in_plain_text() on it if this is intended",
    }
}
