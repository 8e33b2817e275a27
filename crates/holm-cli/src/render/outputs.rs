//! The exported values of a stack.

use std::collections::BTreeMap;

use holm_cluster::Output;
use serde_json::Value;

use crate::style::{Layout, Line, Role, columns};

/// Writes each name with its value, in columns.
pub fn write(outputs: &BTreeMap<String, Output>, layout: Layout, out: &mut String) {
    let widest = outputs.keys().map(|name| columns(name)).max().unwrap_or(0);
    for (name, output) in outputs {
        let role = if matches!(output, Output::Plain(_)) { Role::Plain } else { Role::Faint };
        let line = Line::default().role(Role::Strong, name).column(widest + 2).hang_here();
        line.role(role, &text(output)).write(layout, out);
    }
}

/// One value as it is, without quotes; a map or a list as JSON.
pub fn text(output: &Output) -> String {
    match output {
        Output::Plain(Value::String(text)) => text.clone(),
        Output::Plain(value) => value.to_string(),
        Output::Sensitive => "(sensitive)".to_owned(),
        Output::Unknown(waits_for) => format!("(known after apply: {waits_for})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_a_column_and_secrets_are_masked() {
        let outputs = BTreeMap::from([
            ("host".to_owned(), Output::Plain("postgres.holm.svc".into())),
            ("password".to_owned(), Output::Sensitive),
            ("port".to_owned(), Output::Plain(5432.into())),
            ("address".to_owned(), Output::Unknown("status.address of Service/holm/postgres".into())),
        ]);
        let mut out = String::new();
        write(&outputs, Layout::default(), &mut out);
        insta::assert_snapshot!(out, @"
        address   (known after apply: status.address of Service/holm/postgres)
        host      postgres.holm.svc
        password  (sensitive)
        port      5432
        ");
    }
}
