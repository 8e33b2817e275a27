//! The plan as text: what would change and why, what stands in the way, one line that counts, and at most one hint.

use std::collections::BTreeSet;

use holm_core::{FieldPath, catalog};
use holm_planner::observe::{FieldConflict, Unchecked};
use holm_planner::plan::{Action, Blocker, BlockerKind, Change, FieldChange, Plan, Reason};

use crate::hint;
use crate::render::brief::brief;
use crate::render::{fields, reason};
use crate::style::{Layout, Line, Role, columns};

/// What to show beside what is always shown.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// Whether unchanged objects are listed.
    pub unchanged: bool,
    /// The fields of objects that are created, by their position in the plan; empty where they are not asked for.
    pub created: Vec<(usize, Vec<FieldChange>)>,
}

/// The column at which reasons begin at the latest; longer names push their own reason away.
const WIDEST_NAME: usize = 46;

/// The columns before a name: the symbol, right-aligned, and a space.
const BEFORE_NAME: usize = 4;

/// Writes the plan.
pub fn write(plan: &Plan, details: &Details, layout: Layout, out: &mut String) {
    let home = plan.namespace.as_deref();
    let mut shown: Vec<(usize, &Change)> = plan
        .changes
        .iter()
        .enumerate()
        .filter(|(_, change)| {
            change.action != Action::Unchanged || details.unchanged || !change.notes.is_empty() || has_failed(change)
        })
        .collect();
    // What belongs together stands together, and otherwise in the order of the plan.
    shown.sort_by(|(_, one), (_, other)| one.component.cmp(&other.component));
    let footnotes = Footnotes::of(&shown);
    let widest = shown.iter().map(|(_, change)| columns(&change.id.relative_to(home))).max().unwrap_or(0);
    let reason_column = BEFORE_NAME + widest.min(WIDEST_NAME) + 2;
    let mut component = None;
    for (position, change) in &shown {
        if change.component.as_deref() != component {
            component = change.component.as_deref();
            let heading = format!("component {}", component.unwrap_or_default());
            Line::indented(2).role(Role::Faint, &heading).write(layout, out);
        }
        let created =
            details.created.iter().find(|(created, _)| created == position).map(|(_, fields)| fields.as_slice());
        write_change(change, created, home, reason_column, &footnotes, layout, out);
    }
    if !shown.is_empty() {
        out.push('\n');
    }
    footnotes.write(layout, out);
    for blocker in &plan.blockers {
        write_blocker(blocker, home, layout, out);
    }
    Line::default().role(Role::Strong, &summary(plan)).write(layout, out);
    if let Some(hint) = hint(plan) {
        out.push('\n');
        Line::default().role(Role::Hint, "hint:").text(" ").hang_here().text(&hint).write(layout, out);
    }
}

/// The colour of an action.
pub fn role(action: Action) -> Role {
    match action {
        Action::Create => Role::Good,
        Action::Update => Role::Changed,
        Action::Replace => Role::Replaced,
        Action::Delete => Role::Bad,
        Action::Adopt | Action::Release | Action::Keep => Role::Special,
        Action::Unchanged => Role::Faint,
        Action::Unknown => Role::Error,
    }
}

/// The line that counts.
pub fn summary(plan: &Plan) -> String {
    let counts: Vec<String> = [
        (Action::Create, "to create"),
        (Action::Update, "to update"),
        (Action::Replace, "to replace"),
        (Action::Adopt, "to adopt"),
        (Action::Delete, "to delete"),
        (Action::Release, "to release"),
        (Action::Keep, "kept"),
        (Action::Unknown, "not known"),
        (Action::Unchanged, "unchanged"),
    ]
    .into_iter()
    .filter_map(|(action, words)| match plan.count(action) {
        0 => None,
        count => Some(format!("{count} {words}")),
    })
    .collect();
    let failed = plan.changes.iter().filter(|change| has_failed(change)).count();
    let title = match (plan.has_changes(), failed) {
        (true, _) => "Plan".to_owned(),
        (false, 0) => "No changes".to_owned(),
        (false, 1) => "No changes, and 1 Job has failed".to_owned(),
        (false, many) => format!("No changes, and {many} Jobs have failed"),
    };
    let mut text = match counts.as_slice() {
        [] => format!("{title}: there is nothing in this stack"),
        counts => format!("{title}: {}", counts.join(", ")),
    };
    match plan.blockers.len() {
        0 => {}
        1 => text.push_str("; blocked by 1 error"),
        many => text.push_str(&format!("; blocked by {many} errors")),
    }
    text
}

/// Whether it is a Job that has failed and is left as it is.
fn has_failed(change: &Change) -> bool {
    change.action == Action::Unchanged && matches!(change.reason, Reason::JobFailed(_))
}

/// The flags that would consent to everything that is kept now.
pub fn consent_flags(plan: &Plan) -> Option<String> {
    let names: Vec<String> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Keep)
        .filter(|change| match change.reason {
            Reason::NoConsent | Reason::AnotherUid => true,
            // What is kept for another needs its own consent only where it holds data or is protected itself.
            Reason::KeptFor(_) => {
                catalog::holds_data(&change.id.group_kind()) || change.entry.as_ref().is_some_and(|entry| entry.protect)
            }
            _ => false,
        })
        .map(|change| change.id.relative_to(plan.namespace.as_deref()))
        .collect();
    (!names.is_empty()).then(|| format!("--allow-delete {}", names.join(",")))
}

fn hint(plan: &Plan) -> Option<String> {
    // Blockers carry their own hints, and solving them comes first.
    if !plan.blockers.is_empty() {
        return None;
    }
    if let Some(flags) = adoption_flags(plan) {
        return Some(format!("adopting with --yes needs `{flags}`"));
    }
    consent_flags(plan).map(|flags| format!("to delete what is kept, with its data: `{flags}`"))
}

/// The flags that would consent to every adoption.
fn adoption_flags(plan: &Plan) -> Option<String> {
    let names: Vec<String> = plan
        .changes
        .iter()
        .filter(|change| change.needs_adoption)
        .map(|change| change.id.relative_to(plan.namespace.as_deref()))
        .collect();
    match names.len() {
        0 => None,
        1..=3 => Some(format!("--adopt {}", names.join(","))),
        _ => Some("--adopt all".to_owned()),
    }
}

fn write_change(
    change: &Change,
    created: Option<&[FieldChange]>,
    home: Option<&str>,
    reason_column: usize,
    footnotes: &Footnotes<'_>,
    layout: Layout,
    out: &mut String,
) {
    let role = role(change.action);
    let name = change.id.relative_to(home);
    let mut line = Line::default()
        .text(&" ".repeat(BEFORE_NAME - 1 - change.action.symbol().len()))
        .role(role, change.action.symbol())
        .text(" ")
        .role(if change.action == Action::Unchanged { Role::Faint } else { Role::Strong }, &name)
        .column(reason_column)
        .hang_here();
    if layout.width.is_some_and(|width| line.columns() + 20 > width) {
        line = line.hang(BEFORE_NAME + 4);
    }
    line = line.role(Role::Faint, &reason::words(change, home));
    if let Some(number) = change.unchecked.as_ref().and_then(|why| footnotes.number(why)) {
        line = line.role(Role::Changed, &format!(" [{number}]"));
    }
    line.write(layout, out);
    for cause in reason::causes(&change.reason) {
        Line::indented(BEFORE_NAME + 2)
            .role(Role::Replaced, "because")
            .text(" ")
            .hang_here()
            .text(&brief(&cause))
            .write(layout, out);
    }
    match created {
        Some(created) => fields::write(created, None, layout, out),
        None => fields::write(&change.fields, reason::only_writer(change), layout, out),
    }
    for conflict in taken_over(change) {
        let text = format!("{} from \"{}\"", path_of(&conflict.field), conflict.manager);
        Line::indented(BEFORE_NAME + 2)
            .role(Role::Special, "takes over")
            .text(" ")
            .hang_here()
            .text(&text)
            .write(layout, out);
    }
    for note in &change.notes {
        Line::indented(BEFORE_NAME + 2).role(Role::Hint, "note:").text(" ").hang_here().text(note).write(layout, out);
    }
}

/// The fields that are taken over, but for those of which the drift says already who wrote them.
fn taken_over(change: &Change) -> Vec<&FieldConflict> {
    let is_said = |conflict: &FieldConflict| {
        let path = path_of(&conflict.field);
        change.fields.iter().any(|field| {
            let manager = field.drift.as_ref().map(|writer| writer.manager.as_str());
            field.path.to_string() == path && manager == Some(conflict.manager.as_str())
        })
    };
    let mut conflicts: Vec<&FieldConflict> = change.overruled.iter().filter(|conflict| !is_said(conflict)).collect();
    conflicts.sort();
    conflicts
}

/// A field as the server writes it (`.spec.containers[name="a"].image`) in the words of all other paths.
fn path_of(field: &str) -> String {
    let field = field.trim_start_matches('.');
    let unquoted = field.replace("=\"", "=").replace("\",", ",").replace("\"]", "]");
    match unquoted.parse::<FieldPath>() {
        // The member of a set is quoted here, too.
        Ok(path) if !field.contains("[=") => path.to_string(),
        _ => field.to_owned(),
    }
}

fn write_blocker(blocker: &Blocker, home: Option<&str>, layout: Layout, out: &mut String) {
    let line = Line::default().role(Role::Error, "error:").text(" ").hang(2);
    if blocker.kind.objects().is_empty() {
        let message = format!(": {}", words(&blocker.kind));
        line.role(Role::Strong, &blocker.id.relative_to(home)).text(&message).write(layout, out);
    } else {
        line.text(&blocker.kind.to_string()).write(layout, out);
    }
    if let Some(site) = blocker.site {
        Line::indented(2).role(Role::Faint, "at ").text(&site.to_string()).write(layout, out);
    }
    if let Some(hint) = hint::of_blocker(blocker) {
        Line::indented(2).role(Role::Hint, "hint:").text(" ").hang_here().text(&hint).write(layout, out);
    }
    out.push('\n');
}

/// What blocks a plan, the server's words without the values that they repeat.
fn words(kind: &BlockerKind) -> String {
    let text = kind.to_string();
    match kind {
        BlockerKind::Refused { .. } | BlockerKind::ReplaceNeedsConsent(_) | BlockerKind::ReplaceNotManaged(_) => {
            brief(&text)
        }
        _ => text,
    }
}

/// Why lines are predicted rather than checked, each reason once below the plan. The server's words differ for each object,
/// so of those only the first are shown.
struct Footnotes<'a>(Vec<(&'a Unchecked, BTreeSet<String>)>);

impl<'a> Footnotes<'a> {
    fn of(shown: &[(usize, &'a Change)]) -> Self {
        let mut footnotes = Self(Vec::new());
        for why in shown.iter().filter_map(|(_, change)| change.unchecked.as_ref()) {
            match footnotes.number(why) {
                Some(number) => {
                    footnotes.0[number - 1].1.insert(why.to_string());
                }
                // A replacement says itself that the old object goes first.
                None if *why == Unchecked::Replacement => {}
                None => footnotes.0.push((why, BTreeSet::from([why.to_string()]))),
            }
        }
        footnotes
    }

    fn number(&self, why: &Unchecked) -> Option<usize> {
        let is_same = |known: &Unchecked| match (known, why) {
            (Unchecked::Forbidden(_), Unchecked::Forbidden(_)) | (Unchecked::NoAnswer(_), Unchecked::NoAnswer(_)) => {
                true
            }
            _ => known == why,
        };
        self.0.iter().position(|(known, _)| is_same(known)).map(|position| position + 1)
    }

    fn write(&self, layout: Layout, out: &mut String) {
        for (position, (why, texts)) in self.0.iter().enumerate() {
            let number = format!("[{}]", position + 1);
            let more =
                if texts.len() > 1 { format!(" (and {} more like this)", texts.len() - 1) } else { String::new() };
            let text = format!("predicted, not checked by the server: {why}{more}");
            Line::indented(2).role(Role::Changed, &number).text(" ").hang_here().text(&text).write(layout, out);
        }
        if !self.0.is_empty() {
            out.push('\n');
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
