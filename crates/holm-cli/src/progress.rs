//! Progress while a run goes on: what is in flight, redrawn in place on a terminal, and plain lines elsewhere.
//!
//! The events only change a small state; drawing happens about ten times a second, off the path of the requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use holm_core::ResourceId;
use holm_executor::event::Event;
use holm_planner::plan::{Action, Change, Plan};

use crate::duration;
use crate::render::plan::role;
use crate::render::report::{doing_word, done_word, skip_words};
use crate::style::{Layout, Line, Role, columns, cut, harmless};

/// How often the lines in flight are drawn anew.
pub const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// Where nothing is drawn in place, a line says what is waited for when nothing else was said for so long. CI ends what is silent.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How many objects in flight are shown at most.
const SHOWN: usize = 8;

/// A reason that has no room beside its object stands below it, at this column and on so many lines.
const REASON_INDENT: usize = 8;
const REASON_LINES: usize = 2;

/// Below this width only the line that counts is shown.
const NARROWEST: usize = 50;

/// The progress of one run.
#[derive(Debug)]
pub struct Progress {
    home: Option<String>,
    is_live: bool,
    name_width: usize,
    /// What changes, and what is waited for although it does not.
    expected: BTreeSet<ResourceId>,
    ended: BTreeSet<ResourceId>,
    in_flight: BTreeMap<ResourceId, InFlight>,
    /// Warnings that were shown already.
    warned: BTreeSet<String>,
    actions: BTreeMap<ResourceId, Action>,
    /// What is shown for each object: its component, if it has one, and its name.
    labels: BTreeMap<ResourceId, String>,
    started: Instant,
    /// When anything was written last.
    spoke: Instant,
    /// Finished text that is not yet written.
    finished: String,
    /// How many lines in flight stand below the cursor's line.
    drawn: usize,
    has_spoken: bool,
}

#[derive(Debug)]
struct InFlight {
    action: Action,
    started: Instant,
    message: String,
    is_shown: bool,
}

impl Progress {
    /// The progress of carrying out `plan`. `warned` were shown before.
    pub fn new(plan: &Plan, is_live: bool, warned: BTreeSet<String>) -> Self {
        let home = plan.namespace.clone();
        let labels: BTreeMap<ResourceId, String> =
            plan.changes.iter().map(|change| (change.id.clone(), label(change, home.as_deref()))).collect();
        Self {
            name_width: labels.values().map(|label| columns(label)).max().unwrap_or(0).min(46),
            labels,
            home,
            is_live,
            expected: plan
                .changes
                .iter()
                .filter(|change| change.action.is_change())
                .map(|change| change.id.clone())
                .collect(),
            ended: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            warned,
            actions: plan.changes.iter().map(|change| (change.id.clone(), change.action)).collect(),
            started: Instant::now(),
            spoke: Instant::now(),
            finished: String::new(),
            drawn: 0,
            has_spoken: false,
        }
    }

    /// Takes in what happened at `now`.
    pub fn event(&mut self, event: &Event, now: Instant, layout: Layout) {
        match event {
            Event::Started { id, action } => {
                let entry = InFlight { action: *action, started: now, message: String::new(), is_shown: false };
                self.in_flight.insert(id.clone(), entry);
                if !self.is_live && *action != Action::Unchanged {
                    self.line(id, *action, Role::Faint, doing_word(*action), layout);
                }
            }
            Event::Written { .. } => {}
            Event::Waiting { id, readiness } => {
                let message = if readiness.message.is_empty() { &readiness.reason } else { &readiness.message };
                self.message(id, message, now, layout);
            }
            Event::Retrying { id, error, after } => {
                let message = format!("trying again in {}: {error}", duration::took(*after));
                self.message(id, &message, now, layout);
            }
            Event::Log { pod, container, line, .. } => {
                let label = format!("| {pod} {container} ");
                let line = Line::indented(4).role(Role::Faint, &label).hang_here().text(&harmless(line));
                line.write(layout, &mut self.finished);
            }
            Event::Ready { id, after, note } => {
                let note = note.as_ref().map(|note| format!("; {}", one_line(note))).unwrap_or_default();
                let flight = self.end(id);
                let action = self.action(id, flight.as_ref());
                match (action, flight.is_some_and(|flight| flight.is_shown)) {
                    // What is unchanged and was ready at once is not worth a line.
                    (Action::Unchanged, false) => {}
                    (Action::Unchanged, true) => {
                        self.line(
                            id,
                            action,
                            Role::Good,
                            &format!("ready after {}{note}", duration::took(*after)),
                            layout,
                        );
                    }
                    _ => {
                        let text = format!("{} after {}{note}", done_word(action), duration::took(*after));
                        self.line(id, action, role(action), &text, layout);
                    }
                }
            }
            Event::Deleted { id, after } => {
                let flight = self.end(id);
                let action = self.action(id, flight.as_ref());
                let text = format!("{} after {}", done_word(Action::Delete), duration::took(*after));
                self.line(id, action, Role::Bad, &text, layout);
                if action == Action::Replace {
                    // Its second half is still to come.
                    self.ended.remove(id);
                }
            }
            Event::Released { id } => {
                self.end(id);
                self.line(id, Action::Release, role(Action::Release), done_word(Action::Release), layout);
            }
            Event::Failed { id, action, failure } => {
                self.end(id);
                self.line(id, *action, Role::Error, &format!("failed: {}", failure.message), layout);
            }
            Event::Skipped { id, action, because } => {
                self.end(id);
                let text = format!("not done: {}", skip_words(because, self.home.as_deref()));
                self.line(id, *action, Role::Warning, &text, layout);
            }
            Event::Warning { text, .. } if !self.warned.insert(text.clone()) => {}
            Event::Warning { id, text } => {
                let text = warning(id.as_ref(), text, self.home.as_deref());
                let line = Line::default().role(Role::Warning, "warning:").text(" ").hang_here().text(&text);
                line.write(layout, &mut self.finished);
            }
            Event::Stopping => {}
            _ => {}
        }
    }

    /// Adds a line that stays.
    pub fn say(&mut self, line: &Line, layout: Layout) {
        line.write(layout, &mut self.finished);
    }

    /// What to write now: finished lines, and on a terminal the lines in flight in place of those drawn before.
    pub fn draw(&mut self, now: Instant, layout: Layout) -> String {
        let mut out = self.erase();
        self.has_spoken |= !self.finished.is_empty();
        if !self.finished.is_empty() {
            self.spoke = now;
        } else if !self.is_live && !self.in_flight.is_empty() && now >= self.spoke + HEARTBEAT {
            self.spoke = now;
            self.heartbeat(now).write(layout, &mut self.finished);
        }
        out.push_str(&std::mem::take(&mut self.finished));
        if self.is_live {
            let lines = self.lines(now, layout);
            self.drawn = lines.len();
            for line in lines {
                line.write(layout, &mut out);
            }
        }
        out
    }

    /// What to write at the end: finished lines, and nothing in flight any more.
    pub fn finish(&mut self) -> String {
        let mut out = self.erase();
        self.has_spoken |= !self.finished.is_empty();
        out.push_str(&std::mem::take(&mut self.finished));
        out
    }

    /// Whether any line was written that stays.
    pub fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            lines => format!("\r\u{1b}[{lines}A\u{1b}[J"),
        }
    }

    /// What is waited for, and why, in one line.
    fn heartbeat(&self, now: Instant) -> Line {
        let mut flights: Vec<(&ResourceId, &InFlight)> = self.in_flight.iter().collect();
        flights.sort_by_key(|(_, flight)| flight.started);
        let names = flights.iter().take(SHOWN).map(|(id, flight)| {
            let words = if flight.message.is_empty() { doing_word(flight.action) } else { &flight.message };
            format!("{} ({})", self.label(id), one_line(words))
        });
        let mut names = names.collect::<Vec<_>>().join(", ");
        if flights.len() > SHOWN {
            names.push_str(&format!(" and {} more", flights.len() - SHOWN));
        }
        let took = duration::took(now.saturating_duration_since(self.started));
        let text = format!("{} of {} done after {took}; waiting for {names}", self.ended.len(), self.expected.len());
        Line::indented(4).role(Role::Faint, "").hang_here().role(Role::Faint, &text)
    }

    fn lines(&self, now: Instant, layout: Layout) -> Vec<Line> {
        // One column is left free: some terminals break a line that fills the last one.
        let width = layout.width.unwrap_or(80).saturating_sub(1);
        // In a very narrow window a line would break, and drawing anew would leave half of it behind.
        let shown = if width < NARROWEST { 0 } else { SHOWN };
        let mut flights: Vec<(&ResourceId, &InFlight)> = self.in_flight.iter().collect();
        flights.sort_by_key(|(id, flight)| (self.component(id), flight.started));
        let mut lines: Vec<Line> = flights
            .iter()
            .take(shown)
            .flat_map(|(id, flight)| {
                let name = cut(&self.label(id), width / 2);
                let took = duration::took(now.saturating_duration_since(flight.started));
                let head = Line::default()
                    .text(&" ".repeat(3_usize.saturating_sub(flight.action.symbol().len())))
                    .role(role(flight.action), flight.action.symbol())
                    .text(" ")
                    .text(&name)
                    .column(4 + self.name_width.min(width / 2) + 2)
                    .role(Role::Faint, &format!("{took:>6}"))
                    .text("  ");
                let words = if flight.message.is_empty() { doing_word(flight.action) } else { &flight.message };
                let words = one_line(words);
                let room = width.saturating_sub(head.columns());
                if columns(&words) <= room {
                    return vec![head.role(Role::Faint, &words)];
                }
                // The reason is what somebody waits for, and at 80 columns little of it has room beside a name.
                let below = wrapped(&words, width - REASON_INDENT, REASON_LINES);
                let below = below.iter().map(|text| Line::indented(REASON_INDENT).role(Role::Faint, text));
                std::iter::once(head).chain(below).collect()
            })
            .collect();
        if flights.len() > shown && shown > 0 {
            let text = format!("    and {} more", flights.len() - shown);
            lines.push(Line::default().role(Role::Faint, &text));
        }
        let took = duration::took(now.saturating_duration_since(self.started));
        let text =
            format!("    {} of {} done, {} in flight, {took}", self.ended.len(), self.expected.len(), flights.len());
        lines.push(Line::default().role(Role::Strong, &cut(&text, width)));
        lines
    }

    fn message(&mut self, id: &ResourceId, message: &str, now: Instant, layout: Layout) {
        let action = self.actions.get(id).copied().unwrap_or(Action::Unchanged);
        let flight = self.in_flight.entry(id.clone()).or_insert_with(|| InFlight {
            action,
            started: now,
            message: String::new(),
            is_shown: false,
        });
        let is_new = flight.message != message && !message.is_empty();
        let action = flight.action;
        flight.is_shown = true;
        self.expected.insert(id.clone());
        message.clone_into(&mut flight.message);
        if is_new && !self.is_live {
            self.line(id, action, Role::Faint, message, layout);
        }
    }

    fn end(&mut self, id: &ResourceId) -> Option<InFlight> {
        if self.expected.contains(id) {
            self.ended.insert(id.clone());
        }
        self.in_flight.remove(id)
    }

    /// The component of an object, so that the lines of one stand together.
    fn component(&self, id: &ResourceId) -> Option<&str> {
        self.labels.get(id)?.split_once(": ").map(|(component, _)| component)
    }

    fn label(&self, id: &ResourceId) -> String {
        self.labels.get(id).cloned().unwrap_or_else(|| id.relative_to(self.home.as_deref()))
    }

    fn action(&self, id: &ResourceId, flight: Option<&InFlight>) -> Action {
        flight.map(|flight| flight.action).or_else(|| self.actions.get(id).copied()).unwrap_or(Action::Unchanged)
    }

    fn line(&mut self, id: &ResourceId, action: Action, color: Role, text: &str, layout: Layout) {
        Line::default()
            .text(&" ".repeat(3_usize.saturating_sub(action.symbol().len())))
            .role(role(action), action.symbol())
            .text(" ")
            .text(&self.label(id))
            .column(4 + self.name_width + 2)
            .hang_here()
            .role(color, text)
            .write(layout, &mut self.finished);
    }
}

fn label(change: &Change, home: Option<&str>) -> String {
    let name = change.id.relative_to(home);
    change.component.as_ref().map_or_else(|| name.clone(), |component| format!("{component}: {name}"))
}

/// A warning of the API server with what it is about.
pub fn warning(id: Option<&ResourceId>, text: &str, home: Option<&str>) -> String {
    match id {
        Some(id) => format!("{}: {text}", id.relative_to(home)),
        None => text.to_owned(),
    }
}

/// Breaks a text into at most `most` lines. What has no room is left out of the middle: the cause of what went wrong is often at the
/// end.
fn wrapped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(word, width)),
        }
    }
    if lines.len() > most {
        lines.truncate(most.saturating_sub(1));
        let mut end = String::new();
        for word in text.split_whitespace().rev() {
            if columns(&end) + columns(word) + 3 > width {
                break;
            }
            end = format!(" {word}{end}");
        }
        lines.push(format!("…{end}"));
    }
    lines
}

fn one_line(text: &str) -> String {
    harmless(text).replace('\n', " ")
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
