//! What is wrong with a declaration: every problem with its line, its field and what would help, and a count at the end.

use holm_core::{Problem, ProblemKind, ResourceId};

use crate::hint;
use crate::style::{Layout, Line, Role};

/// Writes all problems, and how many there are where there are several. What several resources name in vain is one error.
pub fn write(problems: &[Problem], layout: Layout, out: &mut String) {
    for (position, group) in by_cause(problems).iter().enumerate() {
        if position > 0 {
            out.push('\n');
        }
        match group.as_slice() {
            [only] => write_problem(only, layout, out),
            group => write_group(group, layout, out),
        }
    }
    if problems.len() > 1 {
        let count = format!("the declaration has {} problems", problems.len());
        out.push('\n');
        Line::default().role(Role::Error, "error:").text(" ").role(Role::Strong, &count).write(layout, out);
    }
}

/// The problems, those together that have one cause: a resource that is not there.
fn by_cause(problems: &[Problem]) -> Vec<Vec<&Problem>> {
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    for problem in problems {
        let is_same = |group: &&mut Vec<&Problem>| {
            matches!(problem.kind, ProblemKind::Dangling { .. })
                && group.first().is_some_and(|first| first.kind == problem.kind && first.hint == problem.hint)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(problem),
            None => groups.push(vec![problem]),
        }
    }
    groups
}

/// Writes problems with one cause: what it is, who has it, and where.
fn write_group(group: &[&Problem], layout: Layout, out: &mut String) {
    let Some(first) = group.first() else { return };
    let text = match &first.kind {
        ProblemKind::Dangling { target } => {
            format!("{target} is neither in this stack nor declared external; it is named {} times", group.len())
        }
        kind => kind.to_string(),
    };
    Line::default().role(Role::Error, "error:").text(" ").hang(2).text(&text).write(layout, out);
    for problem in group {
        let mut line = Line::indented(2).role(Role::Faint, "by ").hang_here();
        if let Some(resource) = &problem.resource {
            line = line.role(Role::Strong, &name(resource));
        }
        if !problem.path.is_root() {
            line = line.text(&format!(", field {}", problem.path));
        }
        if let Some(site) = problem.site {
            line = line.role(Role::Faint, &format!(", at {site}"));
        }
        line.write(layout, out);
    }
    if let Some(hint) = hint::of_problem(first) {
        Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(&hint).write(layout, out);
    }
}

fn write_problem(problem: &Problem, layout: Layout, out: &mut String) {
    let mut line = Line::default().role(Role::Error, "error:").text(" ").hang(2);
    if let Some(resource) = &problem.resource {
        line = line.role(Role::Strong, &name(resource)).text(": ");
    }
    line.text(&problem.kind.to_string()).write(layout, out);
    if let Some(site) = problem.site {
        Line::indented(2).role(Role::Faint, "at ").text(&site.to_string()).write(layout, out);
    }
    if !problem.path.is_root() {
        Line::indented(2).role(Role::Faint, "field ").hang_here().text(&problem.path.to_string()).write(layout, out);
    }
    if let Some(hint) = hint::of_problem(problem) {
        Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(&hint).write(layout, out);
    }
}

/// The resource as it is known so far: a problem may be that it has no name.
fn name(resource: &ResourceId) -> String {
    if resource.name.is_empty() { format!("{}/(no name)", resource.kind) } else { resource.to_string() }
}

#[cfg(test)]
mod tests {
    use holm_core::{FieldPath, Site};

    use super::*;

    #[test]
    fn every_problem_has_its_line_its_field_and_its_hint() {
        let site = |line| Some(Site { file: "examples/holm-pg/main.rs", line });
        let deployment = ResourceId::new("apps", "Deployment", Some("holm"), "postgres");
        let secret = |name: &str| ResourceId::new("", "Secret", Some("holm"), name);
        let mut problems = [
            Problem::new(
                ProblemKind::Dangling { target: secret("postgres-secre") },
                Some(deployment.clone()),
                "spec.template.spec.containers[postgres].env[POSTGRES_PASSWORD].valueFrom.secretKeyRef.name"
                    .parse()
                    .expect("well formed"),
            ),
            Problem::new(ProblemKind::NoName, Some(secret("")), FieldPath::of(["metadata", "name"])),
            Problem::new(
                ProblemKind::Cycle(vec![
                    (secret("a"), "data.x".into()),
                    (secret("b"), "data.y".into()),
                    (secret("a"), String::new()),
                ]),
                None,
                FieldPath::root(),
            ),
        ];
        let details = [
            (site(41), Some("did you mean Secret/holm/postgres-secret?")),
            (site(50), None),
            (None, Some("take one of these references away, or give the value another way")),
        ];
        for (problem, (site, hint)) in problems.iter_mut().zip(details) {
            problem.site = site;
            problem.hint = hint.map(str::to_owned);
        }
        let mut out = String::new();
        write(&problems, Layout { color: false, width: Some(80) }, &mut out);
        insta::assert_snapshot!(out, @"
        error: Deployment/holm/postgres: names Secret/holm/postgres-secre, which is
          neither in this stack nor declared external
          at examples/holm-pg/main.rs:41
          field spec.template.spec.containers[postgres].env[POSTGRES_PASSWORD].valueFrom
                .secretKeyRef.name
          hint: did you mean Secret/holm/postgres-secret?

        error: Secret/(no name): the object has no metadata.name
          at examples/holm-pg/main.rs:50
          field metadata.name

        error: resources depend on each other in a circle: Secret/holm/a (data.x) ->
          Secret/holm/b (data.y) -> Secret/holm/a
          hint: take one of these references away, or give the value another way

        error: the declaration has 3 problems
        ");
    }

    #[test]
    fn what_several_resources_name_in_vain_is_one_error() {
        let problem = |name: &str, path: &str, line: u32| {
            let kind = ProblemKind::Dangling { target: ResourceId::new("", "Secret", Some("shop"), "credentials") };
            let resource = ResourceId::new("apps", "Deployment", Some("shop"), name);
            let mut problem = Problem::new(kind, Some(resource), path.parse().expect("well formed"));
            problem.site = Some(Site { file: "src/main.rs", line });
            problem.hint = Some("add it to the stack".into());
            problem
        };
        let problems =
            [problem("web", "spec.template.spec.volumes[a].secret.secretName", 12), problem("api", "spec.x", 20)];
        let mut out = String::new();
        write(&problems, Layout { color: false, width: Some(90) }, &mut out);
        insta::assert_snapshot!(out, @"
        error: Secret/shop/credentials is neither in this stack nor declared external; it is named
          2 times
          by Deployment/shop/web, field spec.template.spec.volumes[a].secret.secretName, at
             src/main.rs:12
          by Deployment/shop/api, field spec.x, at src/main.rs:20
          hint: add it to the stack

        error: the declaration has 2 problems
        ");
    }
}
