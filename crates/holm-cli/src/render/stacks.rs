//! The stacks of a program that a cluster has.

use holm_cluster::{StackRecord, Stacks};

use crate::style::{Layout, Line, Role, columns};

/// How many stacks a sentence names at most.
const NAMED: usize = 5;

/// Writes each stack with its namespace and what it manages, in columns.
pub fn write(stacks: &Stacks, program: &str, layout: Layout, out: &mut String) {
    let place = match &stacks.only_in {
        Some(namespace) => format!("namespace {namespace}"),
        None => "this cluster".to_owned(),
    };
    if stacks.stacks.is_empty() {
        Line::default().text(&format!("{program} has no stacks in {place}")).write(layout, out);
        return;
    }
    let widest = |text: fn(&StackRecord) -> &str, heading: &str| {
        stacks.stacks.iter().map(|record| columns(text(record))).chain([heading.len()]).max().unwrap_or(0)
    };
    let (names, namespaces) =
        (widest(|record| &record.stack, "STACK"), widest(|record| &record.namespace, "NAMESPACE"));
    let row = |stack: &str, namespace: &str, role: Role| {
        let line = Line::default().role(role, stack).column(names + 2).text(namespace);
        line.column(names + 2 + namespaces + 2).hang_here()
    };
    row("STACK", "NAMESPACE", Role::Plain).text("RESOURCES").write(layout, out);
    for record in &stacks.stacks {
        let words = match &record.contents {
            Ok(contents) if contents.is_open => {
                format!("{} (a run is under way, or was killed)", contents.objects)
            }
            Ok(contents) => contents.objects.to_string(),
            Err(reason) => format!("unknown: {reason}"),
        };
        row(&record.stack, &record.namespace, Role::Strong).text(&words).write(layout, out);
    }
    if stacks.only_in.is_some() {
        let text = format!("only {place} was searched: this user may not list the ConfigMaps of the whole cluster");
        Line::default().role(Role::Faint, &text).write(layout, out);
    }
}

/// Returns what to say of a stack that has no inventory in `namespace`; none where it has one.
pub fn never_applied(stacks: &Stacks, stack: &str, namespace: &str) -> Option<String> {
    let is_this = |record: &StackRecord| record.stack == stack && record.namespace == namespace;
    if stacks.stacks.iter().any(is_this) {
        return None;
    }
    let place = if stacks.only_in.is_some() { "there" } else { "in this cluster" };
    // A name or a namespace with a typing error is near one of these.
    let mut known: Vec<&StackRecord> = stacks.stacks.iter().collect();
    known.sort_by_key(|record| (record.namespace != namespace, record.stack != stack));
    let others = match named(&known) {
        names if names.is_empty() => format!("the program has no stacks {place}"),
        names => format!("stacks {place}: {names}"),
    };
    Some(format!("the stack {stack} was never applied in namespace {namespace}, or has been destroyed; {others}"))
}

/// Returns what to say of a new stack that the cluster has in one other namespace, as after a change of the namespace; none otherwise.
pub fn elsewhere(stacks: &Stacks, stack: &str, namespace: &str) -> Option<String> {
    let (here, elsewhere): (Vec<&StackRecord>, Vec<&StackRecord>) =
        stacks.stacks.iter().filter(|record| record.stack == stack).partition(|record| record.namespace == namespace);
    // Who has it in several namespaces means to.
    let ([], [only]) = (here.as_slice(), elsewhere.as_slice()) else { return None };
    Some(format!(
        "this plan makes another stack in namespace {namespace} and leaves what was applied before: {}",
        named(&[only])
    ))
}

fn named(records: &[&StackRecord]) -> String {
    let names = records.iter().take(NAMED).map(|record| format!("{} (namespace {})", record.stack, record.namespace));
    let mut names = names.collect::<Vec<_>>().join(", ");
    if records.len() > NAMED {
        names.push_str(&format!(" and {} more", records.len() - NAMED));
    }
    names
}

#[cfg(test)]
mod tests {
    use holm_cluster::StackContents;

    use super::*;

    fn record(stack: &str, namespace: &str, objects: usize, is_open: bool) -> StackRecord {
        let contents = Ok(StackContents { objects, revision: 1, is_open });
        StackRecord { stack: stack.into(), namespace: namespace.into(), contents }
    }

    fn stacks() -> Stacks {
        let damaged = StackRecord { contents: Err("it is damaged".into()), ..record("old", "web", 0, false) };
        Stacks {
            stacks: vec![record("default", "shop", 12, false), record("eu", "web", 3, true), damaged],
            only_in: None,
        }
    }

    #[test]
    fn stacks_stand_in_columns_with_what_is_wrong() {
        let mut out = String::new();
        write(&stacks(), "holm-pg", Layout::default(), &mut out);
        write(&Stacks { stacks: Vec::new(), only_in: Some("web".into()) }, "holm-pg", Layout::default(), &mut out);
        insta::assert_snapshot!(out, @"
        STACK    NAMESPACE  RESOURCES
        default  shop       12
        eu       web        3 (a run is under way, or was killed)
        old      web        unknown: it is damaged
        holm-pg has no stacks in namespace web
        ");
    }

    #[test]
    fn a_stack_without_an_inventory_is_called_that_with_those_that_exist() {
        assert_eq!(never_applied(&stacks(), "eu", "web"), None);
        insta::assert_snapshot!(never_applied(&stacks(), "eu", "shop").unwrap_or_default(), @"the stack eu was never applied in namespace shop, or has been destroyed; stacks in this cluster: default (namespace shop), eu (namespace web), old (namespace web)");
        let none = Stacks { stacks: Vec::new(), only_in: Some("shop".into()) };
        insta::assert_snapshot!(never_applied(&none, "eu", "shop").unwrap_or_default(), @"the stack eu was never applied in namespace shop, or has been destroyed; the program has no stacks there");
    }

    #[test]
    fn a_stack_that_moves_to_another_namespace_is_warned_of() {
        assert_eq!(elsewhere(&stacks(), "eu", "web"), None);
        assert_eq!(elsewhere(&stacks(), "new", "web"), None);
        insta::assert_snapshot!(elsewhere(&stacks(), "eu", "shop").unwrap_or_default(), @"this plan makes another stack in namespace shop and leaves what was applied before: eu (namespace web)");
    }
}
